/* A sorted array with binary search, not a hash table: it is searched once per job, but has few
 * rows, and types are listed in order. */
#include "worker/handler/registry_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "worker/handler/builtin.h"
#include "worker/handler/exec.h"
#include "worker/handler/http.h"
#include "worker/handler/isolate.h"
#include "worker/handler/stream.h"

enum { ASKED_GRACE_MS = 1000, TERM_GRACE_MS = 500 };

/* Where the type is, or would have to be inserted; *found says which. */
static size_t locate(const struct registry *registry, const char *type, bool *found)
{
    size_t low = 0;
    size_t high = registry->count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(type, registry->rows[middle].type);
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
        *found = order == 0;
    }
    return high;
}

static void free_state(const struct handler *handler)
{
    if (handler->free_state)
        handler->free_state(handler->state);
}

static void free_limits(struct limits *limits)
{
    if (limits)
        limits_fini(limits);
    free(limits);
}

/* Inserts an empty row before the one at `at`. */
static void insert(struct registry *registry, size_t at, const char *type)
{
    struct row *rows = mem_array(registry->count + 1, sizeof *rows);
    for (size_t i = 0; i < registry->count; i++)
        rows[i < at ? i : i + 1] = registry->rows[i];
    rows[at] = (struct row){.type = mem_dup(type)};
    free(registry->rows);
    registry->rows = rows;
    registry->count++;
}

/* Copies the type and takes over the state. */
static void put(struct registry *registry, const char *type, struct handler handler)
{
    bool found;
    size_t at = locate(registry, type, &found);
    if (found)
        free_state(&registry->rows[at].handler);
    else
        insert(registry, at, type);
    struct row *row = &registry->rows[at];
    row->handler = handler;
    row->handler.type = row->type;
    row->is_builtin = false;
}

struct registry *registry_new(void)
{
    struct registry *registry = mem_new(sizeof *registry);
    for (const struct handler *handler = builtin_handlers; handler->type; handler++)
        put(registry, handler->type, *handler);
    for (size_t i = 0; i < registry->count; i++)
        registry->rows[i].is_builtin = true;
    return registry;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++) {
        free_state(&registry->rows[i].handler);
        free_limits(registry->rows[i].limits);
        free(registry->rows[i].type);
    }
    free(registry->rows);
    free(registry);
}

static const char type_rule[] =
    "must be 1 to 128 bytes without blanks, commas and control characters";
_Static_assert(JOB_TYPE_MAX == 128, "as type_rule says");

/* No commas: types are listed with commas between them, in registrations and logs. */
static bool is_type(struct slice type)
{
    if (type.len == 0 || type.len > JOB_TYPE_MAX)
        return false;
    for (size_t i = 0; i < type.len; i++) {
        unsigned char c = (unsigned char)type.ptr[i];
        if (c <= ' ' || c == ',' || c == 0x7f)
            return false;
    }
    return true;
}

static enum status make_handler(const char *command, struct handler *handler, struct err *err)
{
    if (stream_is(command))
        return stream_parse(command, handler, err);
    if (http_is(command))
        return http_parse(command, handler, err);
    struct command *parsed;
    enum status status = command_parse(command, &parsed, err);
    *handler = (struct handler){.run = exec_run,
                                .state = parsed,
                                .limit = command_limit,
                                .begin = command_begin,
                                .free_state = command_free};
    return status;
}

enum status registry_add_option(struct registry *registry, const char *option, struct err *err)
{
    const char *equals = strchr(option, '=');
    if (!equals)
        return err_set(err, ST_INVALID, "handler \"%s\" is not of the form TYPE=COMMAND", option);
    struct slice type = {option, (size_t)(equals - option)};
    if (!is_type(type))
        return err_set(err, ST_INVALID, "handler \"%s\": the type %s", option, type_rule);
    struct handler handler;
    enum status status = make_handler(equals + 1, &handler, err);
    if (status != ST_OK) {
        err_prefix(err, "handler \"%.*s\"", (int)type.len, type.ptr);
        return status;
    }
    char *name = slice_dup(type);
    put(registry, name, handler);
    free(name);
    return ST_OK;
}

/* ---- handlers in C ---- */

static enum status check_plugin_type(const struct registry *registry, const char *type,
                                     struct err *err)
{
    bool found;
    size_t at = locate(registry, type, &found);
    if (!is_type(slice_of(type)))
        return err_set(err, ST_INVALID, "the type \"%s\" %s", type, type_rule);
    if (found && !registry->rows[at].is_builtin)
        return err_set(err, ST_INVALID, "there is a handler for the type \"%s\" already", type);
    return ST_OK;
}

static enum status add_plugin_type(struct registry *registry, struct plugin *plugin, size_t index,
                                   const struct registry_how *how, struct err *err)
{
    size_t count;
    const char *type = plugin_handlers(plugin, &count)[index].type;
    const struct isolate_spec spec = {.type = type,
                                      .file = plugin_file(plugin),
                                      .config = plugin_config(plugin),
                                      .max_output = how->max_output};
    struct handler handler;
    enum status status = check_plugin_type(registry, type, err);
    if (status == ST_OK && how->is_isolated)
        status = isolate_make(&spec, &handler, err);
    else if (status == ST_OK)
        handler = plugin_handler(plugin, index);
    if (status == ST_OK)
        put(registry, type, handler);
    return status;
}

enum status registry_add_plugin(struct registry *registry, struct plugin *plugin,
                                const struct registry_how *how, struct err *err)
{
    size_t count;
    (void)plugin_handlers(plugin, &count);
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++)
        status = add_plugin_type(registry, plugin, i, how, err);
    if (status != ST_OK && plugin_file(plugin))
        err_prefix(err, "plugin \"%s\"", plugin_file(plugin));
    return status;
}

enum status registry_add_plugin_option(struct registry *registry, const char *option,
                                       const struct registry_how *how, struct err *err)
{
    struct plugin *plugin;
    enum status status = plugin_open(option, &plugin, err);
    if (status == ST_OK)
        status = registry_add_plugin(registry, plugin, how, err);
    plugin_release(plugin);
    return status;
}

enum status registry_allow_dash(struct registry *registry, const char *type, struct err *err)
{
    bool found;
    size_t at = locate(registry, type, &found);
    const struct handler *handler = found ? &registry->rows[at].handler : NULL;
    if (handler && handler->run == exec_run && command_allow_dash(handler->state))
        return ST_OK;
    return err_set(err, ST_INVALID,
                   "\"%.80s\" is not a type whose command has a {} without -- before it", type);
}

void registry_warn(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->rows[i].handler.run == exec_run)
            command_warn(registry->rows[i].handler.state, registry->rows[i].type);
}

size_t registry_count_programs(const struct registry *registry)
{
    size_t count = 0;
    for (size_t i = 0; i < registry->count; i++)
        count += registry->rows[i].handler.limit != NULL;
    return count;
}

size_t registry_count_residents(const struct registry *registry)
{
    size_t count = 0;
    for (size_t i = 0; i < registry->count; i++)
        count += registry->rows[i].handler.leave != NULL;
    return count;
}

enum status registry_begin(const struct registry *registry, const struct home *home,
                           struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < registry->count && status == ST_OK; i++) {
        const struct handler *handler = &registry->rows[i].handler;
        if (handler->begin)
            status = handler->begin(handler->state, home, err);
    }
    return status;
}

void registry_end(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct handler *handler = &registry->rows[i].handler;
        if (handler->end)
            handler->end(handler->state);
    }
}

const struct handler *registry_find(const struct registry *registry, const char *type)
{
    bool found;
    size_t at = locate(registry, type, &found);
    return found ? &registry->rows[at].handler : NULL;
}

void registry_attend(const struct registry *registry, size_t thread)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct handler *handler = &registry->rows[i].handler;
        if (handler->attend)
            handler->attend(handler->state, thread);
    }
}

bool registry_wants_care(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->rows[i].handler.attend)
            return true;
    return false;
}

void registry_leave(const struct registry *registry, size_t thread)
{
    static const int64_t waits_ms[] = {
        [LEAVE_ASK] = 0, [LEAVE_TERM] = ASKED_GRACE_MS, [LEAVE_KILL] = TERM_GRACE_MS};
    for (enum handler_leave step = LEAVE_ASK; step <= LEAVE_KILL; step++) {
        int64_t until_ms = clock_mono_ms() + waits_ms[step];
        for (size_t i = 0; i < registry->count; i++) {
            const struct handler *handler = &registry->rows[i].handler;
            if (handler->leave)
                handler->leave(handler->state, thread, step, until_ms);
        }
    }
}

void registry_append_types(const struct registry *registry, struct buf *out)
{
    ensure(registry->rows, "a registry has the built-in handlers at least");
    for (size_t i = 0; i < registry->count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        buf_append_text(out, registry->rows[i].type);
    }
}
