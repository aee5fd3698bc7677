/* darg drain: puts the sentinel at the end of the line, and with --wait stays until the drain is
 * complete and the workers that took part have left. */
#include "producer/operate/commands.h"
#include "producer/shared/interrupt.h"

#include "queue/drain_wait.h"
#include "queue/stats.h"

struct drain_options {
    bool is_wait, awaits_retries;
    int64_t timeout_ms; /* 0: none */
};

static enum status begin(const struct context *context, bool awaits_retries,
                         struct lease_drain *known, struct err *err)
{
    const struct queue *queue = &context->queue;
    struct drain_sentinel answer;
    struct stats stats;
    enum status status =
        drain_push_sentinel(context->conn, queue, NULL, awaits_retries, &answer, err);
    if (status == ST_OK)
        status = stats_read(context->conn, queue, &stats, err);
    if (status != ST_OK)
        return status;
    *known = answer.last_drain;
    context_note(answer.was_pushed ? "queue '%s': the drain has begun"
                                   : "queue '%s': a drain was already under way",
                 queue->name);
    if (answer.is_paused)
        context_note("warning: the queue is paused, and will not drain before `darg resume`");
    if (stats.workers == 0)
        context_note("warning: there is no worker to drain the queue");
    return ST_OK;
}

static int run(struct context *context, const void *given)
{
    const struct drain_options *options = given;
    struct drain_wait wait = {.awaits_retries = options->awaits_retries,
                              .timeout_ms = options->timeout_ms,
                              .patience = interrupt_patience()};
    struct err err = {0};
    enum status status = begin(context, options->awaits_retries, &wait.known, &err);
    if (status == ST_OK && options->is_wait) {
        status = drain_wait_run(context->conn, &context->queue, &wait, &err);
        if (status == ST_OK)
            context_note("queue '%s' is drained", context->queue.name);
    }
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

static const struct option_row rows[] = {
    {"wait", 0, OPTION_FIELD(OPT_FLAG, struct drain_options, is_wait),
     .help = "wait until the workers have finished and left"},
    {"retries", 0, OPTION_FIELD(OPT_FLAG, struct drain_options, awaits_retries),
     .help = "also wait for jobs that failed, however often they are retried"},
    {"timeout", 0, OPTION_FIELD(OPT_DURATION, struct drain_options, timeout_ms),
     .value_name = "DURATION", .help = "how long to wait (default: for ever)"},
    OPTIONS_END,
};

const struct command drain_command = {
    .name = "drain",
    .title = "have workers finish what is there and exit",
    .usage = "[options]",
    .summary =
        "Lets the queue's workers finish every job that was pushed so far, and exit: the\n"
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
