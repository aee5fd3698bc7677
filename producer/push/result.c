/* darg result: how a job that was pushed with --keep ended, now or as soon as it has. */
#include "producer/push/commands.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/outcome.h"

#include "base/clock.h"
#include "base/parse.h"
#include "queue/await.h"
#include "queue/missing.h"
#include "queue/result.h"

enum { BLOCK_MS = 2000, SLICE_MS = 200, OUTAGE_MS = 60000 };

struct result_options {
    bool is_wait;
    int64_t timeout_ms; /* of the wait; 0: none */
};

struct inquiry {
    struct context *context;
    const struct result_options *options;
    int64_t until_ms; /* monotonic */
    bool is_blocking; /* a blocking wait is under way on the connection */
    struct missing missing;
    bool was_seen, was_noted; /* the job in the queue; its absence */
    int misses;               /* looks in a row that have not found it anywhere */
};

static const char *id_of(const struct inquiry *inquiry)
{
    return inquiry->context->operands[0];
}

/* There is no result. A job that was never found may still be pushed; one that was found before,
 * but is nowhere now, is gone. */
static enum status look_for_missing(struct inquiry *inquiry, struct err *err)
{
    bool is_missing = false;
    const char *id = id_of(inquiry);
    enum status status = missing_look(&inquiry->missing, inquiry->context->conn,
                                      &inquiry->context->queue, &id, 1, &is_missing, err);
    if (status != ST_OK)
        return status;
    inquiry->misses = is_missing ? inquiry->misses + 1 : 0;
    inquiry->was_seen = inquiry->was_seen || inquiry->missing.has_met;
    if (inquiry->misses >= MISSING_LOOKS && !inquiry->was_seen && !inquiry->was_noted) {
        context_note("no job '%s' is in queue '%s': waiting until one is pushed and has ended", id,
                     inquiry->context->queue.name);
        inquiry->was_noted = true;
    }
    return ST_OK;
}

static bool is_gone(const struct inquiry *inquiry)
{
    return inquiry->was_seen && inquiry->misses >= MISSING_LOOKS;
}

/* One look; *text is nil if there is nothing. */
static enum status look(struct inquiry *inquiry, struct reply **text, struct err *err)
{
    struct conn *conn = inquiry->context->conn;
    const struct queue *queue = &inquiry->context->queue;
    enum status status = ST_OK;
    /* A full Redis refuses the blocking wait, but not a read. */
    if (!inquiry->is_blocking)
        status = result_read(conn, queue, id_of(inquiry), text, err);
    if (status != ST_OK || !inquiry->options->is_wait || (*text && !reply_is_nil(*text)))
        return status;
    reply_free(*text);
    *text = NULL;
    if (!inquiry->is_blocking && missing_is_due(&inquiry->missing)) {
        status = look_for_missing(inquiry, err);
        /* Again, as the job may have ended while it was looked for. */
        if (status == ST_OK)
            status = result_read(conn, queue, id_of(inquiry), text, err);
        if (status != ST_OK || !reply_is_nil(*text) || is_gone(inquiry))
            return status;
        reply_free(*text);
        *text = NULL;
    }
    if (!inquiry->is_blocking)
        status = result_await(conn, queue, id_of(inquiry),
                              missing_patience_ms(&inquiry->missing, BLOCK_MS), err);
    if (status != ST_OK)
        return status;
    inquiry->is_blocking = true;
    if (conn_wait(conn, -1, SLICE_MS) != CONN_READABLE)
        return ST_OK;
    inquiry->is_blocking = false;
    return await_end(conn, text, err);
}

static bool is_over(const struct inquiry *inquiry)
{
    return interrupt_is_set() || !inquiry->options->is_wait || is_gone(inquiry) ||
           (inquiry->options->timeout_ms > 0 && clock_mono_ms() >= inquiry->until_ms);
}

/* How long to wait for a Redis that is gone. */
static int64_t outage_ms(const struct inquiry *inquiry)
{
    int64_t left_ms = inquiry->until_ms - clock_mono_ms();
    return inquiry->options->timeout_ms > 0 && left_ms < OUTAGE_MS ? left_ms : OUTAGE_MS;
}

/* True if a wait that failed in this way may be tried again. */
static bool is_bearable(struct inquiry *inquiry, enum status *status, struct err *err)
{
    struct conn *conn = inquiry->context->conn;
    if (!inquiry->options->is_wait)
        return false;
    if (conn_is_connected(conn) && !status_is_transient(*status))
        return false;
    inquiry->is_blocking = false;
    (void)interrupt_sleep(SLICE_MS); /* a full Redis refuses even to wait */
    *status = context_await(conn, outage_ms(inquiry), err);
    return *status == ST_OK;
}

/* *text is NULL if there is nothing. */
static enum status find(struct inquiry *inquiry, struct reply **text, struct err *err)
{
    for (;;) {
        struct reply *found = NULL;
        enum status status = look(inquiry, &found, err);
        if (status != ST_OK && !is_bearable(inquiry, &status, err))
            return status;
        if (found && !reply_is_nil(found)) {
            *text = found;
            return ST_OK;
        }
        reply_free(found);
        if (is_over(inquiry))
            return ST_OK;
    }
}

static void say_nothing_found(const struct inquiry *inquiry)
{
    char time[PARSE_DURATION_MAX];
    if (interrupt_is_set())
        context_note("interrupted while waiting for the result of '%s'", id_of(inquiry));
    else if (is_gone(inquiry))
        context_note("'%s' has left queue '%s', and its result is not kept: purged, dropped, "
                     "pushed without --keep, or lost with Redis's data",
                     id_of(inquiry), inquiry->context->queue.name);
    else if (inquiry->options->is_wait)
        context_note("no result of '%s' in queue '%s' after %s", id_of(inquiry),
                     inquiry->context->queue.name,
                     format_duration_ms(inquiry->options->timeout_ms, time));
    else
        context_note("no result of '%s' is kept in queue '%s': not ended yet, pushed without "
                     "--keep, or no longer kept (`darg status ID` says where a job is)",
                     id_of(inquiry), inquiry->context->queue.name);
}

static int run(struct context *context, const void *options)
{
    struct inquiry inquiry = {.context = context, .options = options};
    struct err err = {0};
    struct reply *text = NULL;
    inquiry.until_ms = clock_mono_ms() + inquiry.options->timeout_ms;
    missing_begin(&inquiry.missing);
    if (find(&inquiry, &text, &err) != ST_OK)
        return context_fail(&err);
    if (text == NULL) {
        say_nothing_found(&inquiry);
        return DARG_FAILED;
    }
    bool is_done = outcome_print(reply_slice(text), context->is_json, false);
    reply_free(text);
    return is_done ? DARG_OK : DARG_FAILED;
}

static const struct option_row rows[] = {
    {"wait", 'w', OPTION_FIELD(OPT_FLAG, struct result_options, is_wait),
     .help = "wait until the job has ended"},
    {"timeout", 0, OPTION_FIELD(OPT_DURATION, struct result_options, timeout_ms),
     .value_name = "DURATION", .help = "with --wait: how long at most; 0: for ever"},
    OPTIONS_END,
};

const struct command result_command = {
    .name = "result",
    .title = "the result of a job pushed with --keep",
    .usage = "ID [options]",
    .summary = "Prints the result of a job that was pushed with --keep. If it failed, prints why, "
               "and exits with 1.",
    .examples = "  darg push report --id report-17 --keep 1h\n"
                "  darg result report-17 --wait --timeout 30s\n",
    .rows = rows,
    .options_size = sizeof(struct result_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION | NEEDS_INTERRUPT,
    .operand = "ID",
    .operands_max = 1,
    .run = run,
};
