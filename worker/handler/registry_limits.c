/* The options about the programs of one type, or of all types: combined, checked, and given to the
 * handlers. */
#include "worker/handler/registry_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/program/environment.h"

static const char all_types[] = "*";

/* The list in the option if it is for this type; NULL: it is for another. */
static const char *said_for(const char *option, const char *type)
{
    size_t len = strlen(type);
    return strncmp(option, type, len) == 0 && option[len] == '=' ? option + len + 1 : NULL;
}

/* The same for an option in which a list without a type is for all types. */
static const char *passed_to(const char *option, const char *type)
{
    bool is_for_all = strcmp(type, all_types) == 0 && !strchr(option, '=');
    return is_for_all ? option : said_for(option, type);
}

/* Combines the options for this type. */
static enum status gather(struct limits *limits, const char *type,
                          const struct registry_options *given, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < given->count; i++) {
        const char *list = said_for(given->items[i], type);
        if (list)
            status = limits_read(limits, list, err);
    }
    return status;
}

static enum status gather_passed(struct limits *limits, const char *type,
                                 const struct registry_options *passed, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < passed->count; i++) {
        const char *list = passed_to(passed->items[i], type);
        if (list)
            status = limits_pass(limits, list, err);
    }
    return status;
}

/* Of the limits for all types, a handler without a process takes only what it can obey. With limits
 * for its own type the rest would be an error. */
static void keep_timeout(struct limits *limits)
{
    int64_t timeout_ms = limits->numbers[LIMIT_TIMEOUT];
    limits_fini(limits);
    limits->numbers[LIMIT_TIMEOUT] = timeout_ms;
}

/* First the limits for all types, then the type's own, which override them. */
static enum status read_row(const struct row *row, const struct registry_options *given,
                            const struct registry_options *passed, struct err *err)
{
    struct limits *limits = row->limits;
    enum status status = gather(limits, all_types, given, err);
    if (status == ST_OK)
        status = gather_passed(limits, all_types, passed, err);
    if (!row->handler.limit)
        keep_timeout(limits);
    if (status == ST_OK)
        status = gather(limits, row->type, given, err);
    if (status == ST_OK && !row->handler.limit && limits_need_process(limits))
        status =
            err_set(err, ST_INVALID, "it is built in and has no process: only timeout applies");
    return status == ST_OK ? gather_passed(limits, row->type, passed, err) : status;
}

static enum status limit_row(struct row *row, const struct registry_options *given,
                             const struct registry_options *passed, bool has_groups,
                             struct err *err)
{
    struct handler *handler = &row->handler;
    struct limits *limits = mem_new(sizeof *limits);
    limits_init(limits);
    row->limits = limits;
    enum status status = read_row(row, given, passed, err);
    if (status == ST_OK)
        status = limits_settle(limits, has_groups, err);
    if (status != ST_OK)
        return status;
    if (limits_have(limits, LIMIT_TIMEOUT))
        handler->timeout_ms = limits->numbers[LIMIT_TIMEOUT];
    if (limits_have(limits, LIMIT_OUTPUT))
        handler->max_output = limits->numbers[LIMIT_OUTPUT];
    return handler->limit ? handler->limit(handler->state, limits, err) : ST_OK;
}

static enum status refuse_type(const struct registry *registry, const char *type, struct err *err)
{
    struct buf types = {0};
    registry_append_types(registry, &types);
    enum status status = err_set(err, ST_INVALID, "there is no handler for '%.80s': there are %s",
                                 type, buf_text(&types));
    buf_fini(&types);
    return status;
}

/* Checked by itself first, so that a mistake is reported once for the option and not for every type
 * that it concerns. */
static enum status check_limit(const struct registry *registry, const char *option, struct err *err)
{
    const char *equals = strchr(option, '=');
    if (!equals)
        return err_set(err, ST_INVALID, "\"%.80s\" is not of the form TYPE=LIST", option);
    char *type = slice_dup((struct slice){option, (size_t)(equals - option)});
    struct limits limits;
    limits_init(&limits);
    enum status status = ST_OK;
    if (strcmp(type, all_types) != 0 && !registry_find(registry, type))
        status = refuse_type(registry, type, err);
    else if ((status = limits_read(&limits, equals + 1, err)) != ST_OK)
        err_prefix(err, "\"%.80s\"", type);
    limits_fini(&limits);
    free(type);
    return status;
}

static enum status check_passed(const struct registry *registry, const char *option,
                                struct err *err)
{
    const char *equals = strchr(option, '=');
    char *type = slice_dup((struct slice){option, equals ? (size_t)(equals - option) : 0});
    struct limits limits;
    limits_init(&limits);
    enum status status = limits_pass(&limits, equals ? equals + 1 : option, err);
    const struct handler *handler = registry_find(registry, type);
    bool is_of_one = equals && strcmp(type, all_types) != 0;
    if (is_of_one && !handler)
        status = refuse_type(registry, type, err);
    else if (is_of_one && !handler->limit)
        status = err_set(err, ST_INVALID, "\"%.80s\" is built in and has no environment", type);
    limits_fini(&limits);
    free(type);
    return status;
}

enum status registry_check_passed(const struct registry *registry,
                                  const struct registry_options *passed, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < passed->count; i++)
        status = check_passed(registry, passed->items[i], err);
    return status;
}

enum status registry_set_limits(struct registry *registry, const struct registry_options *given,
                                const struct registry_options *passed, bool has_groups,
                                struct err *err)
{
    enum status status = ST_OK;
    bool is_any = given->count > 0 || passed->count > 0;
    for (size_t i = 0; status == ST_OK && i < given->count; i++)
        status = check_limit(registry, given->items[i], err);
    for (size_t i = 0; status == ST_OK && is_any && i < registry->count; i++) {
        status = limit_row(&registry->rows[i], given, passed, has_groups, err);
        if (status != ST_OK)
            err_prefix(err, "\"%.80s\"", registry->rows[i].type);
    }
    return status;
}

/* ---- what is withheld ---- */

enum { NAMES_MAX = 40, NAME_BYTES_MAX = 64 };

static bool is_withheld(const struct registry *registry, const char *variable)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct row *row = &registry->rows[i];
        if (row->handler.limit && environment_withholds(variable, row->limits))
            return true;
    }
    return false;
}

void registry_tell_withheld(const struct registry *registry)
{
    struct buf names = {0};
    size_t count = 0;
    for (char **at = environ; at && *at; at++) {
        size_t len = strcspn(*at, "=");
        if (!is_withheld(registry, *at) || ++count > NAMES_MAX)
            continue;
        buf_append_text(&names, count > 1 ? " " : "");
        buf_append(&names, *at, len < NAME_BYTES_MAX ? len : NAME_BYTES_MAX);
    }
    if (count > NAMES_MAX)
        buf_printf(&names, " and %zu more", count - NAMES_MAX);
    if (count > 0)
        log_fields(LOG_INFO,
                   "some programs do not get these variables of the worker's environment (see "
                   "--pass-env, or --limit '*=env=all')",
                   LOG_SLICE("names", buf_slice(&names)));
    buf_fini(&names);
}
