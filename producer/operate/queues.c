/* darg queues: the names that are listed, and taking one off the list. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/table.h"

#include "queue/names.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { FORGET_MAX = 1000 };

/* ---- list ---- */

static void print_json(const struct names *names, const int64_t *since_ms, int64_t now_ms)
{
    struct table_list list;
    table_list_begin(&list);
    for (size_t i = 0; i < names->count; i++) {
        struct cJSON *object = cJSON_CreateObject();
        int64_t empty_ms = now_ms > since_ms[i] ? now_ms - since_ms[i] : 0;
        table_json_text(object, "queue", slice_of(names->list[i]));
        table_json_int(object, "empty_ms", since_ms[i] < 0 ? -1 : empty_ms);
        table_list_add(&list, object);
    }
    table_list_end(&list);
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

static int list(struct context *context)
{
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

static int list_main(int argc, char **argv)
{
    const struct context_spec spec = {
        .program = "darg queues list",
        .usage = "[options]",
        .summary = "Lists the queues that are known, and how long those have been found empty and "
                   "without\n"
                   "workers that are (as of the last hour). After a day of that a queue leaves the "
                   "list by\n"
                   "itself, and is back as soon as it has a job or a worker again.",
        .examples = "  darg queues\n  darg queues list --json\n",
        .uses = CONTEXT_NAMESPACE | CONTEXT_JSON};
    struct context context;
    int exit_code;
    if (context_begin(&context, &spec, argc, argv, &exit_code))
        exit_code = list(&context);
    context_fini(&context);
    return exit_code;
}

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
        context_note("queue '%s' is not listed any more", name);
        return DARG_OK;
    }
    context_note("queue '%s' has jobs or workers, and stays: see `darg stats -q %s`", name, name);
    return DARG_FAILED;
}

static enum status check_names(const struct context *context, struct err *err)
{
    if (context->operand_count == 0)
        return err_set(err, ST_INVALID, "NAME is missing");
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < context->operand_count; i++) {
        struct queue queue;
        status = queue_init(&queue, context->namespace, context->operands[i], err);
        queue_fini(&queue);
    }
    return status;
}

static int forget_main(int argc, char **argv)
{
    const struct context_spec spec = {
        .program = "darg queues forget",
        .usage = "NAME... [options]",
        .summary = "Takes queues off the list at once. Exits with 1 if one has jobs or workers: it "
                   "stays. Limits and counters are kept; a job that is pushed brings it back.",
        .examples = "  darg queues forget import-2026-11\n",
        .uses = CONTEXT_NAMESPACE,
        .operands_max = FORGET_MAX};
    struct context context;
    struct err err = {0};
    int exit_code;
    if (!context_parse(&context, &spec, argc, argv, &exit_code))
        ;
    else if (check_names(&context, &err) != ST_OK)
        exit_code = context_usage(&spec, "%s", err_text(&err));
    else if (context_connect(&context, &err) != ST_OK)
        exit_code = context_fail(&err);
    else
        for (size_t i = 0; i < context.operand_count; i++) {
            int code = forget_one(&context, context.operands[i]);
            exit_code = code > exit_code ? code : exit_code;
        }
    context_fini(&context);
    return exit_code;
}

int queues_main(int argc, char **argv)
{
    static const struct command table[] = {
        {"list", "the queues that are known (also without a word)", list_main},
        {"forget", "take queues off the list", forget_main},
        {0},
    };
    bool is_help = argc >= 2 && (strncmp(argv[1], "--help", 6) == 0 || strcmp(argv[1], "-h") == 0);
    if (argc < 2 || (argv[1][0] == '-' && !is_help && strcmp(argv[1], "--version") != 0))
        return list_main(argc, argv);
    return commands_dispatch("darg queues", "The list of queues that `darg stats` shows.", table,
                             argc, argv);
}
