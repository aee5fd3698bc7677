/* darg status: where a job is, and how far. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/json.h"
#include "base/parse.h"
#include "queue/report.h"
#include "queue/result.h"
#include "queue/search.h"
#include "queue/stats.h"

#include <stdio.h>
#include <string.h>

enum { PASSES = 2 }; /* a job that goes back to the line may be missed once */

struct inquiry {
    struct context *context;
    int64_t now_ms; /* server time */
    size_t found;
    struct json_writer json; /* with --json: an array */
};

/* What a worker tells of a job that it runs. */
struct progress {
    struct reply *report; /* owned; the slice lies in it */
    int64_t since_ms;     /* -1: it tells nothing, as the job has begun just now, or not yet */
    struct slice text;    /* JSON; empty: none */
};

static void read_entry(struct slice entry, int64_t number, struct progress *progress)
{
    enum { NUMBER, SINCE, PROGRESS, FIELDS };
    struct json_field fields[FIELDS] = {[NUMBER] = {.name = "number"},
                                        [SINCE] = {.name = "since_ms"},
                                        [PROGRESS] = {.name = "progress"}};
    int64_t of = -1;
    if (json_read_object(entry, JSON_MAX_DEPTH + 2, fields, FIELDS, NULL) != ST_OK ||
        json_read_int(fields[NUMBER].value, 0, INT64_MAX, &of, NULL) != ST_OK || of != number ||
        json_read_int(fields[SINCE].value, 0, INT64_MAX, &progress->since_ms, NULL) != ST_OK)
        return;
    progress->text = fields[PROGRESS].value.text;
}

/* The report holds an entry for each job, a line each. */
static void find_entry(struct slice report, int64_t number, struct progress *progress)
{
    while (report.len > 0 && progress->since_ms < 0) {
        const char *end = memchr(report.ptr, '\n', report.len);
        size_t len = end ? (size_t)(end - report.ptr) : report.len;
        read_entry((struct slice){report.ptr, len}, number, progress);
        len += end != NULL;
        report = (struct slice){report.ptr + len, report.len - len};
    }
}

static enum status read_progress(struct inquiry *inquiry, const struct search_hit *hit,
                                 struct progress *progress, struct err *err)
{
    *progress = (struct progress){.since_ms = -1};
    if (hit->state != PLACE_HELD)
        return ST_OK;
    enum status status = report_read(inquiry->context->conn, &inquiry->context->queue, hit->worker,
                                     &progress->report, err);
    if (status == ST_OK)
        find_entry(reply_slice(progress->report), hit->number, progress);
    return status;
}

static const char *state_of(const struct search_hit *hit, const struct progress *progress)
{
    switch (hit->state) {
    case PLACE_SCHEDULED:
        return hit->job->history.attempts > 0 ? "to be retried" : "delayed";
    case PLACE_WAITING:
        return "waiting";
    case PLACE_HELD:
        return progress->since_ms >= 0 ? "running" : "claimed";
    default:
        return "dead";
    }
}

static void print_time(const char *name, int64_t ms)
{
    char text[PARSE_DURATION_MAX];
    table_print_pair(name, slice_of(format_duration_ms(ms > 0 ? ms : 0, text)));
}

static void print_hit(const struct inquiry *inquiry, const struct search_hit *hit,
                      const struct progress *progress)
{
    char number[TABLE_NUMBER_MAX];
    const struct job *job = hit->job;
    if (inquiry->found > 0)
        putchar('\n');
    table_print_pair("id", slice_of(job->id));
    table_print_pair("type", slice_of(job->type));
    table_print_pair("state", slice_of(state_of(hit, progress)));
    if (hit->state == PLACE_SCHEDULED)
        print_time("due in", hit->at_ms - inquiry->now_ms);
    if (hit->state == PLACE_WAITING)
        table_print_pair("before it", slice_of(table_number(hit->before, number)));
    if (hit->state == PLACE_HELD)
        table_print_pair("worker", slice_of(hit->worker));
    if (hit->state == PLACE_HELD && progress->since_ms >= 0)
        print_time("running for", inquiry->now_ms - progress->since_ms);
    if (progress->text.len > 0)
        table_print_pair("progress", progress->text);
    if (hit->state == PLACE_DEAD)
        print_time("died ago", inquiry->now_ms - hit->at_ms);
    table_print_pair("runs", slice_of(table_number(job->history.runs, number)));
    if (job->history.error.len > 0) {
        struct buf error = {0};
        json_decode_string(job->history.error, &error);
        table_print_pair("error", buf_slice(&error));
        buf_fini(&error);
    }
    if (job->history.usage.len > 0)
        table_print_pair("it used", job->history.usage);
}

static void add_json(struct inquiry *inquiry, const struct search_hit *hit,
                     const struct progress *progress)
{
    static const char *const times[] = {[PLACE_SCHEDULED] = "due_ms", [PLACE_DEAD] = "died_ms"};
    const struct job *job = hit->job;
    struct json_writer *json = &inquiry->json;
    json_open_object(json, NULL);
    json_put_text(json, "id", slice_of(job->id));
    json_put_text(json, "type", slice_of(job->type));
    json_put_text(json, "state", slice_of(state_of(hit, progress)));
    if (hit->state == PLACE_SCHEDULED || hit->state == PLACE_DEAD)
        document_count(json, times[hit->state], hit->at_ms);
    if (hit->state == PLACE_WAITING)
        document_count(json, "before", hit->before);
    if (hit->state == PLACE_HELD) {
        json_put_text(json, "worker", slice_of(hit->worker));
        document_count(json, "since_ms", progress->since_ms);
    }
    if (progress->text.len > 0)
        document_json(json, "progress", progress->text);
    document_count(json, "runs", job->history.runs);
    document_count(json, "attempts", job->history.attempts);
    document_count(json, "crashes", job->history.crashes);
    if (job->history.error.len > 0)
        document_json(json, "error", job->history.error);
    if (job->history.usage.len > 0)
        document_json(json, "usage", job->history.usage);
    json_close_object(json);
}

static enum status visit(void *context, const struct search_hit *hit, struct err *err)
{
    struct inquiry *inquiry = context;
    struct progress progress;
    enum status status = read_progress(inquiry, hit, &progress, err);
    if (status == ST_OK && inquiry->context->is_json)
        add_json(inquiry, hit, &progress);
    else if (status == ST_OK)
        print_hit(inquiry, hit, &progress);
    inquiry->found++;
    reply_free(progress.report);
    return status;
}

/* A job that has ended well is known only by its result. */
static enum status find_result(struct inquiry *inquiry, struct err *err)
{
    struct reply *text = NULL;
    const char *id = inquiry->context->operands[0];
    enum status status =
        result_read(inquiry->context->conn, &inquiry->context->queue, id, &text, err);
    if (status == ST_OK && !reply_is_nil(text)) {
        inquiry->found++;
        if (!inquiry->context->is_json) {
            table_print_pair("id", slice_of(id));
            table_print_pair("state", slice_of("ended: `darg result` tells how"));
        } else {
            struct json_writer *json = &inquiry->json;
            json_open_object(json, NULL);
            json_put_text(json, "id", slice_of(id));
            json_put_text(json, "state", slice_of("ended"));
            document_json(json, "outcome", reply_slice(text));
            json_close_object(json);
        }
    }
    reply_free(text);
    return status;
}

static enum status find(struct inquiry *inquiry, struct err *err)
{
    const struct search all = {.ids = inquiry->context->operands,
                               .id_count = 1,
                               .states = PLACE_ALL,
                               .visit = visit,
                               .context = inquiry};
    struct stats stats;
    enum status status = stats_read(inquiry->context->conn, &inquiry->context->queue, &stats, err);
    inquiry->now_ms = stats.now_ms;
    for (int pass = 0; status == ST_OK && pass < PASSES && inquiry->found == 0; pass++)
        status = search_run(inquiry->context->conn, &inquiry->context->queue, &all, err);
    return status == ST_OK && inquiry->found == 0 ? find_result(inquiry, err) : status;
}

static int answer(struct inquiry *inquiry)
{
    struct err err = {0};
    json_open_array(&inquiry->json, NULL);
    if (find(inquiry, &err) != ST_OK)
        return context_fail(&err);
    json_close_array(&inquiry->json);
    if (inquiry->context->is_json)
        document_print(&inquiry->json);
    if (inquiry->found == 0)
        context_note("no job '%s' in queue '%s': never pushed, done (and its result not kept), or "
                     "dropped",
                     inquiry->context->operands[0], inquiry->context->queue.name);
    return inquiry->found > 0 ? DARG_OK : DARG_FAILED;
}

static int run(struct context *context, const void *options)
{
    (void)options;
    struct inquiry inquiry = {.context = context};
    int code = answer(&inquiry);
    json_writer_fini(&inquiry.json);
    return code;
}

const struct command status_command = {
    .name = "status",
    .title = "where a job is, and how far",
    .usage = "ID [options]",
    .summary =
        "Tells where the job of this id is: delayed, waiting, running (and how far it is, if "
        "its handler says so), dead. Reads the whole queue.",
    .examples = "  darg status report-17\n  darg status report-17 -q mail --json\n",
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .operand = "ID",
    .operands_max = 1,
    .run = run,
};
