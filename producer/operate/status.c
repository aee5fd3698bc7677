/* darg status: where a job is, and how far along. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/json.h"
#include "base/parse.h"
#include "queue/locate.h"

#include <stdio.h>

struct inquiry {
    struct context *context;
    struct locate locate;
    struct json_writer json; /* with --json: an array */
};

static void print_time(const char *name, int64_t ms)
{
    char text[PARSE_DURATION_MAX];
    table_print_pair(name, slice_of(format_duration_ms(ms > 0 ? ms : 0, text)));
}

/* Where it is, and since when. */
static void print_whereabouts(const struct inquiry *inquiry, const struct locate_job *found)
{
    char number[TABLE_NUMBER_MAX];
    const struct search_hit *hit = found->hit;
    int64_t now_ms = inquiry->locate.now_ms;
    if (hit->state == PLACE_SCHEDULED)
        print_time("due in", hit->at_ms - now_ms);
    if (hit->state == PLACE_WAITING)
        table_print_pair("before it", slice_of(table_number(hit->before, number)));
    if (hit->state == PLACE_HELD)
        table_print_pair("worker", slice_of(hit->worker));
    if (found->state == LOCATE_RUNNING)
        print_time("running for", now_ms - found->since_ms);
    if (found->progress.len > 0)
        table_print_pair("progress", found->progress);
    if (hit->state == PLACE_DEAD)
        print_time("died ago", now_ms - hit->at_ms);
}

static void print_job(const struct inquiry *inquiry, const struct locate_job *found)
{
    char number[TABLE_NUMBER_MAX];
    const struct job *job = found->hit->job;
    table_print_pair("id", slice_of(job->id));
    table_print_pair("type", slice_of(job->type));
    table_print_pair("state", slice_of(locate_state_name(found->state)));
    print_whereabouts(inquiry, found);
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

static void print_found(const struct inquiry *inquiry, const struct locate_job *found)
{
    if (inquiry->locate.found > 0)
        putchar('\n');
    if (found->hit != NULL) {
        print_job(inquiry, found);
        return;
    }
    table_print_pair("id", slice_of(inquiry->locate.id));
    table_print_pair("state", slice_of("ended: see `darg result`"));
}

static void put_whereabouts(struct json_writer *json, const struct locate_job *found)
{
    const struct search_hit *hit = found->hit;
    if (hit->state == PLACE_SCHEDULED)
        document_count(json, "due_ms", hit->at_ms);
    if (hit->state == PLACE_DEAD)
        document_count(json, "died_ms", hit->at_ms);
    if (hit->state == PLACE_WAITING)
        document_count(json, "before", hit->before);
    if (hit->state == PLACE_HELD) {
        json_put_text(json, "worker", slice_of(hit->worker));
        document_count(json, "since_ms", found->since_ms);
    }
    if (found->progress.len > 0)
        document_json(json, "progress", found->progress);
}

static void put_job(struct json_writer *json, const struct locate_job *found)
{
    const struct job *job = found->hit->job;
    json_put_text(json, "id", slice_of(job->id));
    json_put_text(json, "type", slice_of(job->type));
    json_put_text(json, "state", slice_of(locate_state_name(found->state)));
    put_whereabouts(json, found);
    document_count(json, "runs", job->history.runs);
    document_count(json, "attempts", job->history.attempts);
    document_count(json, "crashes", job->history.crashes);
    if (job->history.error.len > 0)
        document_json(json, "error", job->history.error);
    if (job->history.usage.len > 0)
        document_json(json, "usage", job->history.usage);
}

static void put_found(struct inquiry *inquiry, const struct locate_job *found)
{
    struct json_writer *json = &inquiry->json;
    json_open_object(json, NULL);
    if (found->hit != NULL) {
        put_job(json, found);
    } else {
        json_put_text(json, "id", slice_of(inquiry->locate.id));
        json_put_text(json, "state", slice_of(locate_state_name(found->state)));
        document_json(json, "outcome", found->outcome);
    }
    json_close_object(json);
}

static enum status visit(void *context, const struct locate_job *found, struct err *err)
{
    (void)err;
    struct inquiry *inquiry = context;
    if (inquiry->context->is_json)
        put_found(inquiry, found);
    else
        print_found(inquiry, found);
    return ST_OK;
}

static int answer(struct inquiry *inquiry)
{
    struct err err = {0};
    json_open_array(&inquiry->json, NULL);
    if (locate_run(inquiry->context->conn, &inquiry->context->queue, &inquiry->locate, &err) !=
        ST_OK)
        return context_fail(&err);
    json_close_array(&inquiry->json);
    if (inquiry->context->is_json)
        document_print(&inquiry->json);
    if (inquiry->locate.found == 0)
        context_note("no job '%s' in queue '%s': never pushed, done (and its result not kept), or "
                     "dropped",
                     inquiry->context->operands[0], inquiry->context->queue.name);
    return inquiry->locate.found > 0 ? DARG_OK : DARG_FAILED;
}

static int run(struct context *context, const void *options)
{
    (void)options;
    struct inquiry inquiry = {.context = context,
                              .locate = {.id = context->operands[0], .visit = visit}};
    inquiry.locate.context = &inquiry;
    int code = answer(&inquiry);
    json_writer_fini(&inquiry.json);
    return code;
}

const struct command status_command = {
    .name = "status",
    .title = "where a job is, and how far along",
    .usage = "ID [options]",
    .summary =
        "Shows where the job with this id is: delayed, waiting, running (and how far it is, if "
        "its handler says so), dead. Reads the whole queue.",
    .examples = "  darg status report-17\n  darg status report-17 -q mail --json\n",
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .operand = "ID",
    .operands_max = 1,
    .run = run,
};
