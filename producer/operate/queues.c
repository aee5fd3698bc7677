/* darg queues: the names that are listed, and taking one off the list. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "queue/names.h"

#include <stdlib.h>
#include <string.h>

enum { FORGET_MAX = 1000 };

/* ---- list ---- */

static void print_json(const struct names *names, const int64_t *since_ms, int64_t now_ms)
{
    struct document_list list;
    document_list_begin(&list);
    for (size_t i = 0; i < names->count; i++) {
        struct json_writer *json = &list.json;
        json_open_object(json, NULL);
        int64_t empty_ms = now_ms > since_ms[i] ? now_ms - since_ms[i] : 0;
        json_put_text(json, "queue", slice_of(names->list[i]));
        document_count(json, "empty_ms", since_ms[i] < 0 ? -1 : empty_ms);
        json_close_object(json);
        document_list_flush(&list);
    }
    document_list_end(&list);
}

static void print_table(const struct names *names, const int64_t *since_ms, int64_t now_ms)
{
    static const char *const heads[] = {"QUEUE", ">EMPTY FOR", NULL};
    struct table table;
    table_init(&table, heads);
    for (size_t i = 0; i < names->count; i++) {
        int64_t empty_ms = now_ms > since_ms[i] ? now_ms - since_ms[i] : 0;
        table_add_text(&table, names->list[i]);
        table_add_age(&table, since_ms[i] < 0 ? -1 : empty_ms);
    }
    table_print(&table);
    table_fini(&table);
}

static int list(struct context *context, const void *options)
{
    (void)options;
    struct err err = {0};
    struct names names;
    int64_t now_ms = 0;
    enum status status = names_read(context->conn, context->namespace, &names, &err);
    int64_t *since_ms = mem_array(names.count + 1, sizeof *since_ms);
    if (status == ST_OK)
        status =
            names_idle_since(context->conn, context->namespace, &names, since_ms, &now_ms, &err);
    if (status == ST_OK && context->is_json)
        print_json(&names, since_ms, now_ms);
    else if (status == ST_OK)
        print_table(&names, since_ms, now_ms);
    if (status == ST_OK && names.count == 0)
        context_note("no queue is known yet: push a job or start a worker");
    names_fini(&names);
    free(since_ms);
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

static const struct command list_command = {
    .name = "list",
    .title = "the queues that are known (also without a word)",
    .usage = "[options]",
    .summary = "Lists the known queues and, for those without jobs and workers, how long they\n"
               "have been found so (as of the last hour). After a day of that a queue leaves the\n"
               "list by itself, and returns as soon as it has a job or a worker again.",
    .examples = "  darg queues\n  darg queues list --json\n",
    .needs = NEEDS_NAMESPACE | NEEDS_JSON | NEEDS_CONNECTION,
    .run = list,
};

/* ---- forget ---- */

static int forget_one(struct context *context, const char *name)
{
    struct err err = {0};
    enum names_state state = NAMES_USED;
    enum status status = names_unlist(context->conn, context->namespace, &name, 1, 0, &state, &err);
    if (status == ST_CLUSTER)
        (void)err_set(
            &err, status,
            "on a Redis Cluster the list and a queue are on different servers: if '%s' is "
            "empty, SREM %s:queues %s",
            name, context->namespace, name);
    if (status != ST_OK)
        return context_fail(&err);
    if (state == NAMES_GONE) {
        context_note("queue '%s' is no longer listed", name);
        return DARG_OK;
    }
    context_note("queue '%s' has jobs or workers, and stays: see `darg stats -q %s`", name, name);
    return DARG_FAILED;
}

static enum status check_names(const struct context *context, void *options, struct err *err)
{
    (void)options;
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < context->operand_count; i++) {
        struct queue queue;
        status = queue_init(&queue, context->namespace, context->operands[i], err);
        queue_fini(&queue);
    }
    return status;
}

static int forget(struct context *context, const void *options)
{
    int exit_code = DARG_OK;
    (void)options;
    for (size_t i = 0; i < context->operand_count; i++) {
        int code = forget_one(context, context->operands[i]);
        exit_code = code > exit_code ? code : exit_code;
    }
    return exit_code;
}

static const struct command forget_command = {
    .name = "forget",
    .title = "take queues off the list",
    .usage = "NAME... [options]",
    .summary = "Takes queues off the list at once. A queue with jobs or workers stays, and the "
               "exit code is 1. Limits and counters are kept; a pushed job brings a queue back.",
    .examples = "  darg queues forget import-2026-11\n",
    .needs = NEEDS_NAMESPACE | NEEDS_CONNECTION,
    .operand = "NAME",
    .operands_max = FORGET_MAX,
    .check = check_names,
    .run = forget,
};

/* ---- both ---- */

static const struct command *const members[] = {&list_command, &forget_command, NULL};

const struct command queues_command = {
    .name = "queues",
    .title = "the list of queues",
    .summary = "The list of queues that `darg stats` shows.",
    .members = members,
    .otherwise = &list_command,
};
