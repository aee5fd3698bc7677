/* darg drain: the sentinel goes to the end of the line, and with --wait we stay until the drain is
 * complete and the workers that took part have left. */
#include "producer/operate/commands.h"
#include "producer/shared/interrupt.h"

#include "base/clock.h"
#include "base/parse.h"
#include "queue/drain.h"
#include "queue/presence.h"
#include "queue/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A worker without a sign of life for so long is dead, and nobody is left to reap it. */
enum { POLL_MS = 100, REPUSH_MS = 2000, SILENT_MS = 30000 };

struct drain_options {
    bool is_wait, awaits_retries;
    int64_t timeout_ms; /* 0: none */
};

struct drain {
    struct context *context;
    const struct drain_options *options;
    int64_t deadline_ms;
    struct lease_drain known; /* the drain before this one */
    struct reply *workers;    /* the last look at the registry before this one was */
};

static enum status push_sentinel(struct drain *drain, struct err *err)
{
    const struct queue *queue = &drain->context->queue;
    struct drain_sentinel answer;
    struct stats stats;
    enum status status = drain_push_sentinel(drain->context->conn, queue, NULL,
                                             drain->options->awaits_retries, &answer, err);
    if (status == ST_OK)
        status = stats_read(drain->context->conn, queue, &stats, err);
    if (status != ST_OK)
        return status;
    drain->known = answer.last_drain;
    context_note(answer.was_pushed ? "queue '%s': the drain has begun"
                                   : "queue '%s': a drain was already under way",
                 queue->name);
    if (answer.is_paused)
        context_note("warning: the queue is paused, and will not drain before `darg resume`");
    if (stats.workers == 0)
        context_note("warning: no worker is there to drain the queue");
    return ST_OK;
}

/* True while waiting goes on. A link that broke is made again; an error that stays is final. */
static bool may_go_on(struct drain *drain, enum status status, struct err *err)
{
    if (status == ST_OK)
        return true;
    if (status != ST_UNREACHABLE && !status_is_transient(status))
        return false;
    return context_await(drain->context->conn, SILENT_MS, err) == ST_OK;
}

static enum status pause_a_little(const struct drain *drain, struct err *err)
{
    char text[PARSE_DURATION_MAX];
    if (!interrupt_sleep(POLL_MS))
        return err_set(err, ST_TIMED_OUT, "interrupted: the drain goes on without us");
    if (drain->options->timeout_ms > 0 && clock_mono_ms() >= drain->deadline_ms)
        return err_set(err, ST_TIMED_OUT, "the drain is not complete after %s; it goes on",
                       format_duration_ms(drain->options->timeout_ms, text));
    return ST_OK;
}

/* How the drain stands; what is known if it has not ended is what there is, also if Redis has gone
 * back to an older state. A sentinel may vanish with an at-most-once worker: then the queue is
 * empty without one, and it is pushed again. */
static enum status look(struct drain *drain, bool pushes_again, bool *has_drained, struct err *err)
{
    struct conn *conn = drain->context->conn;
    const struct queue *queue = &drain->context->queue;
    struct drain_sentinel answer;
    struct reply *workers = NULL;
    *has_drained = false;
    enum status status = presence_workers(conn, queue, &workers, err);
    if (status == ST_OK)
        status = pushes_again ? drain_push_sentinel(conn, queue, &drain->known,
                                                    drain->options->awaits_retries, &answer, err)
                              : drain_read(conn, queue, &drain->known, &answer, err);
    *has_drained = status == ST_OK && answer.has_drained;
    if (status != ST_OK || *has_drained) {
        reply_free(workers);
        return status;
    }
    reply_free(drain->workers);
    drain->workers = workers;
    drain->known = answer.last_drain;
    return ST_OK;
}

static enum status await_drained(struct drain *drain, struct err *err)
{
    int64_t repush_ms = clock_mono_ms() + REPUSH_MS;
    for (;;) {
        bool is_time = clock_mono_ms() >= repush_ms, has_drained;
        enum status status = look(drain, is_time, &has_drained, err);
        if (has_drained)
            return ST_OK;
        if (is_time)
            repush_ms = clock_mono_ms() + REPUSH_MS;
        if (!may_go_on(drain, status, err))
            return status;
        status = pause_a_little(drain, err);
        if (status != ST_OK)
            return status;
    }
}

static bool holds(const struct reply *workers, struct slice name)
{
    for (size_t i = 0; i < reply_count(workers); i += 2)
        if (slice_equal(reply_slice(reply_at(workers, i)), name))
            return true;
    return false;
}

/* Those of `first` that are still registered and alive. */
static enum status count_left(struct drain *drain, const struct reply *first, size_t *left,
                              struct err *err)
{
    struct conn *conn = drain->context->conn;
    const struct queue *queue = &drain->context->queue;
    struct reply *now = NULL;
    struct stats stats;
    enum status status = presence_workers(conn, queue, &now, err);
    if (status == ST_OK)
        status = stats_read(conn, queue, &stats, err);
    *left = 0;
    for (size_t i = 0; status == ST_OK && i + 1 < reply_count(now); i += 2) {
        int64_t renewed_ms = reply_time_ms(reply_at(now, i + 1), 0);
        /* A time ahead of the clock is of before it was set back: one that lives writes another. */
        if (llabs(stats.now_ms - renewed_ms) < SILENT_MS &&
            holds(first, reply_slice(reply_at(now, i))))
            (*left)++;
    }
    reply_free(now);
    return status;
}

/* Workers that have registered since belong to whatever comes after the drain. */
static enum status await_exits(struct drain *drain, struct err *err)
{
    enum status status = ST_OK;
    while (status == ST_OK) {
        size_t left = 1;
        status = count_left(drain, drain->workers, &left, err);
        if (status == ST_OK && left == 0)
            break;
        if (may_go_on(drain, status, err))
            status = pause_a_little(drain, err);
    }
    return status;
}

static int carry_out(struct drain *drain)
{
    struct err err = {0};
    enum status status = push_sentinel(drain, &err);
    if (status == ST_OK && drain->options->is_wait) {
        drain->deadline_ms = clock_mono_ms() + drain->options->timeout_ms;
        status = await_drained(drain, &err);
        if (status == ST_OK)
            status = await_exits(drain, &err);
        if (status == ST_OK)
            context_note("queue '%s' is drained", drain->context->queue.name);
    }
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

static int run(struct context *context, const void *options)
{
    struct drain drain = {.context = context, .options = options};
    int code = carry_out(&drain);
    reply_free(drain.workers);
    return code;
}

static const struct option_row rows[] = {
    {"wait", 0, OPT_FLAG, offsetof(struct drain_options, is_wait),
     .help = "until the workers have finished and left"},
    {"retries", 0, OPT_FLAG, offsetof(struct drain_options, awaits_retries),
     .help = "jobs that failed are waited for, too, however often they are retried"},
    {"timeout", 0, OPT_DURATION, offsetof(struct drain_options, timeout_ms),
     .value_name = "DURATION", .help = "how long to wait (default: for ever)"},
    OPTIONS_END,
};

const struct command drain_command = {
    .name = "drain",
    .title = "let the workers finish what is there and exit",
    .usage = "[options]",
    .summary =
        "Lets the workers of the queue finish every job that was pushed so far, and exit: the\n"
        "distributed form of closing a channel. A job that failed and is retried later counts\n"
        "as finished, unless --retries is given. A worker of several queues takes this one up\n"
        "again, and exits once each has drained.",
    .examples = "  darg drain -q import\n  darg drain -q import --wait --timeout 10m\n"
                "  darg drain -q import --retries --wait\n",
    .rows = rows,
    .options_size = sizeof(struct drain_options),
    .needs = NEEDS_QUEUE | NEEDS_CONNECTION | NEEDS_INTERRUPT,
    .run = run,
};
