/* darg peek: the head of the line, next job first; nothing is taken. */
#include "producer/commands.h"
#include "producer/context.h"
#include "producer/table.h"

#include "base/parse.h"
#include "job/job.h"
#include "queue/stats.h"

#include <cjson/cJSON.h>
#include <stdio.h>

enum { PEEK_DEFAULT = 10, PEEK_MAX = 1000, ARGS_SHOWN = 60 };

static void add_row(struct table *table, const struct job *job)
{
    char size[PARSE_BYTES_MAX];
    bool is_cut = job->args.len > ARGS_SHOWN;
    struct buf args = {0};
    buf_append(&args, job->args.ptr, is_cut ? ARGS_SHOWN : job->args.len);
    /* Not in the middle of a character. */
    while (is_cut && args.len > 0 && ((unsigned char)job->args.ptr[args.len] & 0xc0) == 0x80)
        args.len--;
    if (is_cut)
        buf_append_text(&args, "...");
    table_add_text(table, job->id[0] != '\0' ? job->id : "-");
    table_add_text(table, job->type[0] != '\0' ? job->type : "?");
    table_add_int(table, job->history.runs);
    table_add_text(table, format_bytes((int64_t)job->original.len, size));
    table_add(table, buf_slice(&args));
    buf_fini(&args);
}

static void add_sentinel(struct table *table)
{
    static const char *const cells[] = {"-", "(sentinel of a drain)", "-", "-", ""};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        table_add_text(table, cells[i]);
}

static struct cJSON *json_of(const struct job *job, const struct err *refusal)
{
    struct cJSON *object = cJSON_CreateObject();
    table_json_text(object, "id", slice_of(job->id));
    table_json_text(object, "type", slice_of(job->type));
    table_json_int(object, "runs", job->history.runs);
    table_json_int(object, "crashes", job->history.crashes);
    if (refusal != NULL)
        table_json_text(object, "invalid", slice_of(err_text(refusal)));
    table_json_raw(object, "job", job->original);
    return object;
}

static void add_element(struct slice text, struct table *table, struct cJSON *list)
{
    struct job job;
    struct err refusal = {0};
    bool is_sentinel = job_is_sentinel(text);
    enum status status = job_read(text, INT64_MAX, &job, &refusal);
    if (list != NULL)
        cJSON_AddItemToArray(list, json_of(&job, status == ST_OK || is_sentinel ? NULL : &refusal));
    else if (is_sentinel)
        add_sentinel(table);
    else
        add_row(table, &job);
}

static int run(struct context *context, int64_t count)
{
    static const char *const heads[] = {"ID", "TYPE", ">RUNS", ">SIZE", "ARGS", NULL};
    struct table table;
    struct err err = {0};
    struct reply *jobs = NULL;
    if (stats_peek(context->conn, &context->queue, count, &jobs, &err) != ST_OK)
        return context_fail(&err);
    table_init(&table, heads);
    struct cJSON *list = context->is_json ? cJSON_CreateArray() : NULL;
    for (size_t i = 0; i < reply_count(jobs); i++)
        add_element(stats_peeked(jobs, i), &table, list);
    if (list != NULL)
        table_json_print(list);
    else
        table_print(&table);
    if (reply_count(jobs) == 0)
        context_note("no job waits in queue '%s'", context->queue.name);
    table_fini(&table);
    reply_free(jobs);
    return DARG_OK;
}

int peek_main(int argc, char **argv)
{
    const struct context_spec spec = {
        .program = "darg peek",
        .usage = "[N] [options]",
        .summary = "Shows the next N jobs of the queue (10), next first, without taking them.",
        .examples = "  darg peek\n  darg peek 3 -q mail --json\n",
        .uses = CONTEXT_QUEUE | CONTEXT_JSON,
        .operands_max = 1};
    struct context context;
    struct err err = {0};
    int64_t count = PEEK_DEFAULT;
    int exit_code;
    if (!context_parse(&context, &spec, argc, argv, &exit_code))
        ;
    else if (context.operand_count == 1 &&
             parse_int(slice_of(context.operands[0]), 1, PEEK_MAX, &count, &err) != ST_OK)
        exit_code = context_usage(&spec, "N: %s", err_text(&err));
    else if (context_connect(&context, &err) != ST_OK)
        exit_code = context_fail(&err);
    else
        exit_code = run(&context, count);
    context_fini(&context);
    return exit_code;
}
