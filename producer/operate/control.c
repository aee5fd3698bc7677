/* darg pause, resume, stop, quiet: orders that hold until they are taken back. */
#include "producer/operate/commands.h"

#include "job/job.h"
#include "queue/lease.h"
#include "queue/orders.h"
#include "queue/settings.h"
#include "queue/stats.h"

#include <string.h>

static const struct option_row scope_rows[] = {
    {"all", 0, OPTION_FIELD(OPT_FLAG, struct orders_scope, is_all),
     .help = "all workers of the namespace"},
    {"worker", 0, OPTION_FIELD(OPT_STRING, struct orders_scope, worker), .value_name = "PROCESS",
     .help = "one worker's process, as `darg workers` names it"},
    OPTIONS_END,
};

static enum status check_scope(const struct context *context, void *options, struct err *err)
{
    const struct orders_scope *scope = options;
    (void)context;
    if (scope->is_all && scope->worker != NULL)
        return err_set(err, ST_INVALID, "--all and --worker cannot be combined");
    /* A process's name follows the rules of a queue's, but may be longer. */
    if (scope->worker != NULL &&
        (strlen(scope->worker) > LEASE_NAME_MAX ||
         strspn(scope->worker,
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-") !=
             strlen(scope->worker) ||
         scope->worker[0] == '\0'))
        return err_set(err, ST_INVALID, "--worker: '%.60s' is not the name of a worker",
                       scope->worker);
    return ST_OK;
}

/* "queue 'mail'", for sentences. */
static void append_whom(const struct orders_scope *scope, const struct context *context,
                        struct buf *out)
{
    if (scope->is_all)
        buf_append_text(out, "all workers");
    else if (scope->worker != NULL)
        buf_printf(out, "worker '%s'", scope->worker);
    else
        buf_printf(out, "queue '%s'", context->queue.name);
}

static int set_order(struct context *context, const struct orders_scope *scope, enum order order)
{
    struct err err = {0};
    struct buf key = {0}, whom = {0};
    orders_key(scope, &context->queue, &key);
    append_whom(scope, context, &whom);
    enum status status = orders_set(context->conn, buf_text(&key), order, &err);
    if (status == ST_OK)
        context_note("%s: '%s' holds until `darg resume%s%s`", buf_text(&whom), orders_name(order),
                     scope->is_all ? " --all" : "", scope->worker != NULL ? " --worker ..." : "");
    buf_fini(&key);
    buf_fini(&whom);
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

/* ---- stop, quiet ---- */

struct stop_options {
    struct orders_scope scope; /* first: check_scope() gets a pointer to it */
    bool is_when_empty;
};

static int stop(struct context *context, const void *given)
{
    const struct stop_options *options = given;
    return set_order(context, &options->scope, options->is_when_empty ? ORDER_DRAIN : ORDER_STOP);
}

static const struct option_row stop_rows[] = {
    {OPTION_GROUP(scope_rows, struct orders_scope, struct stop_options, scope)},
    {"when-empty", 0, OPTION_FIELD(OPT_FLAG, struct stop_options, is_when_empty),
     .help = "first work until the queue is empty"},
    OPTIONS_END,
};

const struct command stop_command = {
    .name = "stop",
    .title = "let workers finish what they are running and exit",
    .usage = "[options]",
    .summary = "Tells the queue's workers to take no more jobs, finish what they are running, and\n"
               "exit. This holds for workers started later, too, until `darg resume`.",
    .examples = "  darg stop -q mail\n  darg stop --all --when-empty\n",
    .rows = stop_rows,
    .options_size = sizeof(struct stop_options),
    .needs = NEEDS_QUEUE | NEEDS_CONNECTION,
    .check = check_scope,
    .run = stop,
};

static int quiet(struct context *context, const void *options)
{
    return set_order(context, options, ORDER_QUIET);
}

const struct command quiet_command = {
    .name = "quiet",
    .title = "have workers take no more jobs, but keep running",
    .usage = "[options]",
    .summary = "Tells the queue's workers to take no more jobs, but stay, until `darg resume`.",
    .examples = "  darg quiet -q mail\n  darg quiet --all\n",
    .rows = scope_rows,
    .options_size = sizeof(struct orders_scope),
    .needs = NEEDS_QUEUE | NEEDS_CONNECTION,
    .check = check_scope,
    .run = quiet,
};

/* ---- pause ---- */

static int pause_queue(struct context *context, const void *options)
{
    struct err err = {0};
    (void)options;
    if (settings_pause(context->conn, &context->queue, true, &err) != ST_OK)
        return context_fail(&err);
    context_note("queue '%s' is paused until `darg resume`", context->queue.name);
    return DARG_OK;
}

const struct command pause_command = {
    .name = "pause",
    .title = "hand out no jobs until resume",
    .usage = "[options]",
    .summary = "Stops handing out jobs of the queue until `darg resume`; jobs can still be pushed.",
    .examples = "  darg pause -q mail\n",
    .needs = NEEDS_QUEUE | NEEDS_CONNECTION,
    .run = pause_queue,
};

/* ---- resume ---- */

/* Only a queue can be paused. */
static enum status end_pause(struct context *context, const struct orders_scope *scope,
                             bool *was_paused, struct err *err)
{
    struct stats stats;
    *was_paused = false;
    if (scope->is_all || scope->worker != NULL)
        return ST_OK;
    enum status status = stats_read(context->conn, &context->queue, &stats, err);
    if (status != ST_OK)
        return status;
    *was_paused = stats.settings.paused != SETTING_NONE;
    return settings_pause(context->conn, &context->queue, false, err);
}

static enum status end_order(struct context *context, const struct orders_scope *scope,
                             struct buf *old_order, struct err *err)
{
    struct buf key = {0};
    orders_key(scope, &context->queue, &key);
    enum status status = orders_get(context->conn, buf_text(&key), old_order, err);
    if (status == ST_OK)
        status = orders_set(context->conn, buf_text(&key), ORDER_NONE, err);
    buf_fini(&key);
    return status;
}

static void warn_of_order_to_all(struct context *context)
{
    const struct orders_scope all = {.is_all = true};
    struct buf key = {0}, value = {0};
    struct err ignored;
    orders_key(&all, &context->queue, &key);
    if (orders_get(context->conn, buf_text(&key), &value, &ignored) == ST_OK && value.len > 0)
        context_note("note: '%.20s' still holds for all workers: `darg resume --all`",
                     buf_text(&value));
    buf_fini(&key);
    buf_fini(&value);
}

static int resume(struct context *context, const void *options)
{
    const struct orders_scope *scope = options;
    struct err err = {0};
    struct buf old_order = {0}, whom = {0};
    bool was_paused = false;
    enum status status = end_pause(context, scope, &was_paused, &err);
    if (status == ST_OK)
        status = end_order(context, scope, &old_order, &err);
    append_whom(scope, context, &whom);
    if (status != ST_OK)
        context_fail(&err);
    else if (!was_paused && old_order.len == 0)
        context_note("%s: there was nothing to undo", buf_text(&whom));
    if (status == ST_OK && was_paused)
        context_note("%s: no longer paused", buf_text(&whom));
    if (status == ST_OK && old_order.len > 0)
        context_note("%s: undid '%.20s'", buf_text(&whom), buf_text(&old_order));
    if (status == ST_OK && !scope->is_all)
        warn_of_order_to_all(context);
    buf_fini(&old_order);
    buf_fini(&whom);
    return status == ST_OK ? DARG_OK : DARG_FAILED;
}

const struct command resume_command = {
    .name = "resume",
    .title = "undo pause, stop and quiet",
    .usage = "[options]",
    .summary =
        "Undoes pause, stop and quiet for the queue; with --all or --worker, the order given with\n"
        "the same option.",
    .examples = "  darg resume -q mail\n  darg resume --all\n",
    .rows = scope_rows,
    .options_size = sizeof(struct orders_scope),
    .needs = NEEDS_QUEUE | NEEDS_CONNECTION,
    .check = check_scope,
    .run = resume,
};
