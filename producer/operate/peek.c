/* darg peek: the head of the line, next job first; nothing is taken. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/parse.h"
#include "job/job.h"
#include "queue/peek.h"

#include <stdio.h>

enum {
    PEEK_DEFAULT = 10,
    PEEK_MAX = 1000,
    ARGS_SHOWN = 60,
};

struct listing {
    const struct context *context;
    struct table table;
    struct document_list list;
};

static void add_row(struct table *table, const struct job *job)
{
    char size[PARSE_BYTES_MAX];
    bool is_cut = job->args.len > ARGS_SHOWN;
    struct buf args = {0};
    buf_append(&args, job->args.ptr, is_cut ? ARGS_SHOWN : job->args.len);
    /* Does not cut in the middle of a character. */
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

static void add_json(struct listing *listing, const struct job *job, const struct err *refusal)
{
    struct json_writer *json = &listing->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "id", slice_of(job->id));
    json_put_text(json, "type", slice_of(job->type));
    document_count(json, "runs", job->history.runs);
    document_count(json, "crashes", job->history.crashes);
    if (refusal != NULL)
        json_put_text(json, "invalid", slice_of(err_text(refusal)));
    document_json(json, "job", job->original);
    json_close_object(json);
    document_list_flush(&listing->list);
}

static enum status add_element(void *context, struct slice text, struct err *err)
{
    (void)err;
    struct listing *listing = context;
    struct job job;
    struct err refusal = {0};
    bool is_sentinel = job_is_sentinel(text);
    enum status status = job_read(text, INT64_MAX, &job, &refusal);
    if (listing->context->is_json)
        add_json(listing, &job, status == ST_OK || is_sentinel ? NULL : &refusal);
    else if (is_sentinel)
        add_sentinel(&listing->table);
    else
        add_row(&listing->table, &job);
    return ST_OK;
}

static int show(struct listing *listing, int64_t count)
{
    const struct context *context = listing->context;
    struct err err = {0};
    struct peek peek = {.count = count, .visit = add_element, .context = listing};
    if (context->is_json)
        document_list_begin(&listing->list);
    enum status status = peek_run(context->conn, &context->queue, &peek, &err);
    if (context->is_json)
        document_list_end(&listing->list);
    else if (status == ST_OK)
        table_print(&listing->table);
    if (status != ST_OK)
        return context_fail(&err);
    if (peek.shown == 0)
        context_note("no job is waiting in queue '%s'", context->queue.name);
    return DARG_OK;
}

struct peek_options {
    int64_t count;
};

static enum status check(const struct context *context, void *given, struct err *err)
{
    struct peek_options *options = given;
    options->count = PEEK_DEFAULT;
    if (context->operand_count == 0)
        return ST_OK;
    enum status status =
        parse_int(slice_of(context->operands[0]), 1, PEEK_MAX, &options->count, err);
    if (status != ST_OK)
        err_prefix(err, "N");
    return status;
}

static int run(struct context *context, const void *given)
{
    static const char *const heads[] = {"ID", "TYPE", ">RUNS", ">SIZE", "~ARGS", NULL};
    const struct peek_options *options = given;
    struct listing listing = {.context = context};
    table_init(&listing.table, heads);
    int code = show(&listing, options->count);
    table_fini(&listing.table);
    return code;
}

const struct command peek_command = {
    .name = "peek",
    .title = "the next jobs, without taking them",
    .usage = "[N] [options]",
    .summary =
        "Shows the next N jobs of the queue (default: 10), next one first, without taking them.",
    .examples = "  darg peek\n  darg peek 3 -q mail --json\n",
    .options_size = sizeof(struct peek_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .operands_max = 1,
    .check = check,
    .run = run,
};
