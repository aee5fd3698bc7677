/* A sorted array, searched by halves: it is asked once for every job, and has few rows. */
#include "worker/handler/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "worker/handler/builtin.h"
#include "worker/handler/exec.h"
#include "worker/handler/http.h"
#include "worker/handler/stream.h"

enum { ASKED_GRACE_MS = 1000, TERM_GRACE_MS = 500 };

struct row {
    char *type; /* owned, as is the state */
    struct handler handler;
};

struct registry {
    struct row *rows; /* sorted by type */
    size_t count;
};

/* Where the type stands, or would have to; *found says which. */
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

/* Makes room for a row in front of the one that stands there. */
static void insert(struct registry *registry, size_t at, const char *type)
{
    struct row *rows = mem_array(registry->count + 1, sizeof *rows);
    for (size_t i = 0; i < registry->count; i++)
        rows[i < at ? i : i + 1] = registry->rows[i];
    rows[at].type = mem_dup(type);
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
}

struct registry *registry_new(void)
{
    struct registry *registry = mem_new(sizeof *registry);
    for (const struct handler *handler = builtin_handlers; handler->type; handler++)
        put(registry, handler->type, *handler);
    return registry;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++) {
        free_state(&registry->rows[i].handler);
        free(registry->rows[i].type);
    }
    free(registry->rows);
    free(registry);
}

/* Types are listed with commas between them, in registrations and in logs. */
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
    struct exec_command *parsed;
    enum status status = exec_parse(command, &parsed, err);
    *handler = (struct handler){.run = exec_run, .state = parsed, .free_state = exec_free};
    return status;
}

enum status registry_add_option(struct registry *registry, const char *option, struct err *err)
{
    const char *equals = strchr(option, '=');
    if (!equals)
        return err_set(err, ST_INVALID, "handler \"%s\" is not of the form TYPE=COMMAND", option);
    struct slice type = {option, (size_t)(equals - option)};
    if (!is_type(type))
        return err_set(err, ST_INVALID,
                       "handler \"%s\": the type must be 1 to %d bytes without blanks, commas and "
                       "control characters",
                       option, JOB_TYPE_MAX);
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

const struct handler *registry_find(const struct registry *registry, const char *type)
{
    bool found;
    size_t at = locate(registry, type, &found);
    return found ? &registry->rows[at].handler : NULL;
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
    for (size_t i = 0; i < registry->count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        buf_append_text(out, registry->rows[i].type);
    }
}
