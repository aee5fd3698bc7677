/* Calls a handler: what it says while it runs, and what has to be waited for first. */
#include "worker/flow/runner_state.h"

#include <poll.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/killpoint.h"
#include "base/log.h"
#include "queue/cancel.h"

/* Lines of log allowed per job. The log itself limits the length of each. */
enum { SAID_MAX = 1000 };

/* How long a job waits, keeping its thread, for resources that the worker lacks before it is put
 * off. */
enum { FIRST_REST_MS = 50, LONGEST_REST_MS = 1000, PATIENCE_MS = 3000 };

void run_clear_result(struct handler_result *result)
{
    buf_clear(&result->output);
    buf_clear(&result->error);
    result->outcome = HANDLER_DONE;
    result->output_is_json = false;
    result->output_replaced = 0;
    result->retry_after_ms = -1;
    result->is_crash = false;
    result->is_stop = false;
    result->usage = (struct usage){0};
}

void run_fail(struct run *run, enum handler_outcome outcome, const char *reason)
{
    run->result->outcome = outcome;
    buf_clear(&run->result->error);
    buf_append_text(&run->result->error, reason);
}

struct load_run run_name(const struct run *run)
{
    const struct session *session = run->what->session;
    return (struct load_run){
        .queue = session->slot, .generation = session->generation, .number = run->what->number};
}

bool run_is_expired(const struct run *run)
{
    return run->job->expires_at_ms > 0 &&
           session_server_ms(run->what->session) >= run->job->expires_at_ms;
}

static void cancel(struct run *run, const char *reason)
{
    run->is_cancelled = true;
    run->result->is_crash = false;
    run_fail(run, HANDLER_BURY, reason);
}

/* ---- what a handler says meanwhile ---- */

/* The observer of a run is its first member. */
static void log_said(struct run *run, enum log_level level, const char *message, struct slice text)
{
    if (!log_enabled(level))
        return;
    struct log_field fields[] = {
        LOG_STR("queue", run->what->session->lease.queue->name),
        LOG_SLICE("id", run->id),
        LOG_STR("type", run->job->type),
        LOG_SLICE("said", text),
    };
    log_line(level, message, fields, sizeof fields / sizeof *fields);
}

void run_observe_progress(struct handler_observer *observer, struct slice text)
{
    struct run *run = (struct run *)observer;
    running_set_progress(run->runner->running, run->what->thread, text);
    log_said(run, LOG_DEBUG, "progress of a job", text);
}

void run_observe_log(struct handler_observer *observer, enum log_level level, struct slice text)
{
    struct run *run = (struct run *)observer;
    if (!log_enabled(level) || run->said > SAID_MAX)
        return;
    bool is_more = run->said++ == SAID_MAX;
    log_said(run, is_more ? LOG_WARN : level, "message from a handler",
             is_more ? slice_of("(more of this job, left out)") : text);
}

/* ---- the run ---- */

/* A signal to all processes of a worker at once (systemd, a terminal) reaches its programs too, and
 * perhaps first. So a program that was ended by such a signal is not blamed before the worker has
 * had time to learn of its own end. */
static void forgive(struct run *run)
{
    enum { NEWS_MS = 500 };
    if (!running_await_end(run->runner->running, NEWS_MS))
        return;
    run->result->is_crash = false;
    run_fail(run, HANDLER_ABORTED, "it was told to end together with its worker");
}

static void call_handler(struct run *run, const struct handler *handler, int64_t now_us)
{
    const struct runner *runner = run->runner;
    const struct job *job = run->job;
    int64_t timeout_ms = handler_timeout_ms(handler, job->timeout_ms, runner->policy->timeout_ms);
    struct handler_call call = {
        .job = job,
        .queue = run->what->session->lease.queue->name,
        .run = job->history.runs + 1,
        .attempt = job->history.attempts + 1,
        .timeout_ms = timeout_ms,
        .deadline_ms = timeout_ms > 0 ? clock_wall_ms() + timeout_ms : 0,
        .max_output = handler_max_output(handler, runner->policy->max_output),
        .thread = run->what->thread,
        .observer = &run->observer,
        .abort_fd = running_stop_fd(runner->running, run->what->thread),
    };
    const struct load_run name = run_name(run);
    running_begin(runner->running, run->what->thread, job);
    load_begin(runner->load, run->what->thread, now_us, &name, handler);
    KILL_POINT("run", "before");
    handler->run(handler->state, &call, run->result);
    if (run->result->outcome == HANDLER_RETRY && run->result->is_stop)
        forgive(run);
    KILL_POINT("run", "after");
    run->has_begun = run->result->outcome != HANDLER_UNABLE;
    if (run->has_begun && shortage_is_known(runner->shortage))
        shortage_end(runner->shortage, handler->type);
    if (run->has_begun)
        load_end(runner->load, run->what->thread, clock_mono_us());
    else
        load_withdraw(runner->load, run->what->thread);
    bool was_stopped = running_end(runner->running, run->what->thread);
    if (was_stopped && run->result->outcome != HANDLER_DONE)
        cancel(run, CANCEL_REASON " while it ran");
}

static bool was_cancelled(const struct run *run)
{
    return atomic_load_explicit(run->what->is_cancelled, memory_order_relaxed);
}

/* Jobs that were running when a worker died run one at a time: the one that kills must not drag the
 * others, innocent as far as anybody knows, from crash to crash. The lock is tried, not waited for,
 * since a waiting job must see a cancellation and the worker's end. False: it was cancelled or told
 * to end first. */
static bool enter_quarantine(struct run *run)
{
    enum { LOOK_MS = 20 };
    const struct runner *runner = run->runner;
    while (pthread_mutex_trylock(runner->quarantine) != 0) {
        struct pollfd abort = {.fd = running_stop_fd(runner->running, run->what->thread),
                               .events = POLLIN};
        if (was_cancelled(run))
            cancel(run, CANCEL_REASON);
        else if (poll(&abort, 1, LOOK_MS) > 0)
            run_fail(run, HANDLER_ABORTED, "the worker ends");
        else
            continue;
        return false;
    }
    return true;
}

/* Waits before the next attempt. False: told to end meanwhile. */
static bool rest(const struct run *run, int rest_ms)
{
    struct pollfd abort = {.fd = running_stop_fd(run->runner->running, run->what->thread),
                           .events = POLLIN};
    return poll(&abort, 1, rest_ms) <= 0;
}

/* Calls the handler until it can begin, as long as the thread may wait. */
static void call_until_able(struct run *run, const struct handler *handler)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    int rest_ms = FIRST_REST_MS;
    while (run->result->outcome == HANDLER_UNABLE && clock_mono_ms() < until_ms) {
        run->is_told_to_end = !rest(run, rest_ms);
        rest_ms = rest_ms * 2 < LONGEST_REST_MS ? rest_ms * 2 : LONGEST_REST_MS;
        if (was_cancelled(run)) {
            cancel(run, CANCEL_REASON);
        } else if (run_is_expired(run)) {
            run_fail(run, HANDLER_BURY, RUN_EXPIRED_REASON);
        } else if (run->is_told_to_end) {
            return;
        } else {
            run_clear_result(run->result);
            call_handler(run, handler, clock_mono_us());
        }
    }
}

/* A shortage is not the fault of the job, nor of jobs of other types. So it waits for a while, but
 * not with every thread, and is then put off without counting an attempt. */
static void call_again(struct run *run, const struct handler *handler)
{
    struct shortage *shortage = run->runner->shortage;
    shortage_note(shortage, handler->type, run->what->session->lease.queue->name,
                  buf_text(&run->result->error));
    if (shortage_enter(shortage, handler->type)) {
        call_until_able(run, handler);
        bool is_unable = run->result->outcome == HANDLER_UNABLE;
        shortage_leave(shortage, handler->type, is_unable && !run->is_told_to_end);
    }
    if (run->result->outcome == HANDLER_UNABLE)
        run->put_off_ms = shortage_delay_ms(shortage, handler->type);
}

void run_call(struct run *run, const struct handler *handler)
{
    bool is_suspect = run->job->history.crashes > 0;
    if (is_suspect && !enter_quarantine(run))
        return;
    /* Reading a job takes next to no time, so the time it began will do for the handler's start:
     * asking the clock again would cost more. */
    if (was_cancelled(run))
        cancel(run, CANCEL_REASON);
    else
        call_handler(run, handler, is_suspect ? clock_mono_us() : run->what->started_us);
    if (run->result->outcome == HANDLER_UNABLE)
        call_again(run, handler);
    if (is_suspect)
        pthread_mutex_unlock(run->runner->quarantine);
}
