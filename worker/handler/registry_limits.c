/* What is said of the programs of a type, or of all: added up, checked, and handed to the handlers.
 */
#include "worker/handler/registry_state.h"

#include <stdlib.h>
#include <string.h>

static const char all_types[] = "*";

/* The LIST of an option if it is for this type, else NULL. */
static const char *list_for(const char *option, const char *type)
{
    size_t len = strlen(type);
    return strncmp(option, type, len) == 0 && option[len] == '=' ? option + len + 1 : NULL;
}

/* Adds up what is said of this type. */
static enum status gather(struct limits *limits, const char *type, const char *const *options,
                          size_t count, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < count; i++) {
        const char *list = list_for(options[i], type);
        if (list)
            status = limits_read(limits, list, err);
    }
    return status;
}

/* What is said of all types concerns a handler without a process as far as it can. */
static void keep_timeout(struct limits *limits)
{
    int64_t timeout_ms = limits->numbers[LIMIT_TIMEOUT];
    limits_fini(limits);
    limits->numbers[LIMIT_TIMEOUT] = timeout_ms;
}

static enum status limit_row(struct row *row, const char *const *options, size_t count,
                             bool has_groups, struct err *err)
{
    struct handler *handler = &row->handler;
    struct limits *limits = mem_new(sizeof *limits);
    limits_init(limits);
    row->limits = limits;
    enum status status = gather(limits, all_types, options, count, err);
    if (!handler->limit)
        keep_timeout(limits);
    if (status == ST_OK)
        status = gather(limits, row->type, options, count, err);
    if (status == ST_OK && !handler->limit && limits_need_process(limits))
        status =
            err_set(err, ST_INVALID, "it is built in and has no process: there is only timeout");
    if (status == ST_OK)
        status = limits_settle(limits, has_groups, err);
    if (status != ST_OK)
        return status;
    if (limits_have(limits, LIMIT_TIMEOUT))
        handler->timeout_ms = limits->numbers[LIMIT_TIMEOUT];
    if (limits_have(limits, LIMIT_OUTPUT))
        handler->max_output = limits->numbers[LIMIT_OUTPUT];
    if (handler->limit)
        handler->limit(handler->state, limits);
    return ST_OK;
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

/* By itself, so that a mistake is told of the option and not of each type that it is for. */
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

enum status registry_set_limits(struct registry *registry, const char *const *options, size_t count,
                                bool has_groups, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < count; i++)
        status = check_limit(registry, options[i], err);
    for (size_t i = 0; status == ST_OK && count > 0 && i < registry->count; i++) {
        status = limit_row(&registry->rows[i], options, count, has_groups, err);
        if (status != ST_OK)
            err_prefix(err, "\"%.80s\"", registry->rows[i].type);
    }
    return status;
}
