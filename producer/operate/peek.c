/* darg peek: the head of the line, next job first; nothing is taken. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/parse.h"
#include "job/job.h"
#include "queue/place.h"
#include "queue/stats.h"

#include <stdio.h>

enum {
    PEEK_DEFAULT = 10,
    PEEK_MAX = 1000,
    ARGS_SHOWN = 60,
    PAGE_FIRST = 10,      /* elements; one may be a mebibyte */
    PAGE_BYTES = 1 << 20, /* of a page, about */
};

struct peek {
    struct context *context;
    int64_t count, shown; /* jobs: wanted, and so far */
    struct table table;
    struct document_list list;
};

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

static void add_json(struct peek *peek, const struct job *job, const struct err *refusal)
{
    struct json_writer *json = &peek->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "id", slice_of(job->id));
    json_put_text(json, "type", slice_of(job->type));
    document_count(json, "runs", job->history.runs);
    document_count(json, "crashes", job->history.crashes);
    if (refusal != NULL)
        json_put_text(json, "invalid", slice_of(err_text(refusal)));
    document_json(json, "job", job->original);
    json_close_object(json);
    document_list_flush(&peek->list);
}

static void add_element(struct peek *peek, struct slice text)
{
    struct job job;
    struct err refusal = {0};
    bool is_sentinel = job_is_sentinel(text);
    enum status status = job_read(text, INT64_MAX, &job, &refusal);
    if (peek->context->is_json)
        add_json(peek, &job, status == ST_OK || is_sentinel ? NULL : &refusal);
    else if (is_sentinel)
        add_sentinel(&peek->table);
    else
        add_row(&peek->table, &job);
    peek->shown++;
}

/* As many as have about PAGE_BYTES, going by those that have been read. */
static int64_t next_page(int64_t count, size_t bytes)
{
    return 1 + PAGE_BYTES / (int64_t)(bytes / (size_t)count + 1);
}

static enum status peek_list(struct peek *peek, const char *list, struct err *err)
{
    enum status status = ST_OK;
    int64_t from = 0, page_size = PAGE_FIRST, count = 1;
    while (status == ST_OK && count > 0 && peek->shown < peek->count) {
        struct reply *page = NULL;
        int64_t left = peek->count - peek->shown;
        size_t bytes = 0;
        status = stats_peek(peek->context->conn, list, from, left < page_size ? left : page_size,
                            &page, err);
        count = (int64_t)reply_count(page);
        for (size_t i = 0; status == ST_OK && i < reply_count(page); i++) {
            struct slice text = stats_peeked(page, i);
            bytes += text.len;
            add_element(peek, text);
        }
        from += count;
        page_size = count > 0 ? next_page(count, bytes) : page_size;
        reply_free(page);
    }
    return status;
}

/* A job gets nearer to a worker from place to place, so the last place's are the next ones. */
static enum status peek_all(struct peek *peek, struct err *err)
{
    enum status status = ST_OK;
    size_t i = 0;
    while (place_at(i) != NULL)
        i++;
    while (status == ST_OK && i-- > 0) {
        const struct place *place = place_at(i);
        if (place->state == PLACE_WAITING && place->kind == PLACE_LIST)
            status = peek_list(peek, place_key(place, &peek->context->queue), err);
    }
    return status;
}

static int show(struct peek *peek)
{
    struct err err = {0};
    if (peek->context->is_json)
        document_list_begin(&peek->list);
    enum status status = peek_all(peek, &err);
    if (peek->context->is_json)
        document_list_end(&peek->list);
    else if (status == ST_OK)
        table_print(&peek->table);
    if (status != ST_OK)
        return context_fail(&err);
    if (peek->shown == 0)
        context_note("no job waits in queue '%s'", peek->context->queue.name);
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
    struct peek peek = {.context = context, .count = options->count};
    table_init(&peek.table, heads);
    int code = show(&peek);
    table_fini(&peek.table);
    return code;
}

const struct command peek_command = {
    .name = "peek",
    .title = "the next jobs, without taking them",
    .usage = "[N] [options]",
    .summary = "Shows the next N jobs of the queue (10), next first, without taking them.",
    .examples = "  darg peek\n  darg peek 3 -q mail --json\n",
    .options_size = sizeof(struct peek_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .operands_max = 1,
    .check = check,
    .run = run,
};
