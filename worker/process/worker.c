#include "worker/process/worker_state.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "redis/server.h"

/* The end takes no longer than the shutdown timeout plus END_MS, whatever Redis does. */
enum {
    /* For everything left to do when the jobs have ended, or their time is up. */
    END_MS = 5000,
    ABORT_GRACE_MS = 4000,  /* of that, for handlers to end once they are told to */
    FETCHERS_MIN_MS = 1000, /* for the reply to a claim that is under way */
    /* Of END_MS: a job popped as the time runs out would be lost otherwise. */
    POPPERS_MORE_MS = 2000,
    HURRIED_MS = 500, /* for both, after a second signal */
    /* Out of FLUSH_OF parts of the time left are for settling, the rest for leaving. */
    FLUSH_PARTS = 3,
    FLUSH_OF = 5,
    PROBE_MS = 2000,
    EXIT_REFUSED = 3,
};

/* A wrong password or a too old server at the very start is the mistake of the person who started
 * us, so end with an error. Later it is an outage like any other; and an unreachable server may
 * still come up. */
static bool is_refused(const struct worker_options *options, int report_fd)
{
    struct err err = {0};
    struct conn_options probe = options->conn;
    probe.connect_timeout_ms = PROBE_MS;
    struct conn *conn = conn_open(&probe);
    enum status status = conn_connect(conn, &err);
    if (status == ST_OK)
        status = server_check(conn, &err);
    if (status == ST_OK && report_fd >= 0)
        dprintf(report_fd, "let in\n");
    conn_close(conn);
    bool is_final = status == ST_NOAUTH || status == ST_UNSUPPORTED || status == ST_INVALID;
    if (is_final)
        log_printf(LOG_ERROR, "%s", err_text(&err));
    return is_final;
}

/* --- signals ------------------------------------------------------------------------------- */

static void order_all(struct worker *self, enum fetcher_voice voice, enum order order)
{
    for (size_t i = 0; i < self->fetcher_count; i++)
        fetcher_order(self->fetchers[i], voice, order);
}

static void report_threads(const struct worker *self)
{
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < (size_t)self->options->threads; i++) {
        struct load_activity activity = load_activity(self->load, i);
        if (!activity.is_running)
            log_fields(LOG_INFO, "thread is idle", LOG_INT("thread", (int64_t)i));
        else
            log_fields(LOG_INFO, "thread runs a job", LOG_INT("thread", (int64_t)i),
                       LOG_STR("type", activity.handler->type),
                       LOG_INT("claim", activity.run.number),
                       LOG_INT("run_ms", (now_us - activity.started_us) / 1000));
    }
}

/* Whether this is a second order to stop. The supervisor passes on signals that may have been sent
 * to us as well; so for signals from the supervisor, is_hurried says whether they are a second
 * order. */
static bool is_again(const struct worker *self, pid_t sender)
{
    if (sender == self->supervisor)
        return self->birth->tuning->is_hurried;
    return clock_mono_ms() - self->stopped_ms > WORKER_ONE_STOP_MS;
}

/* From then on no thread waits for a Redis that does not answer. */
static void limit_fetching(struct worker *self, int64_t fetchers_ms, int64_t poppers_ms)
{
    for (size_t i = 0; i < self->fetcher_count; i++)
        fetcher_limit(self->fetchers[i], fetchers_ms);
    if (self->popper)
        popper_limit(self->popper, poppers_ms);
}

static void stop(struct worker *self, const char *signal_name, pid_t sender)
{
    int64_t now_ms = clock_mono_ms();
    if (self->is_stopping && !is_again(self, sender))
        return;
    if (self->is_stopping) {
        log_printf(LOG_WARN, "%s again: ending now", signal_name);
        self->is_hurried = true;
        self->deadline_ms = self->deadline_ms < now_ms ? self->deadline_ms : now_ms;
        limit_fetching(self, now_ms + HURRIED_MS, now_ms + HURRIED_MS);
        running_stop_all(self->running);
        return;
    }
    log_printf(LOG_INFO, "%s: finishing what runs, claiming no more", signal_name);
    int64_t timeout_ms = self->birth->tuning->shutdown_timeout_ms;
    int64_t least_ms = timeout_ms > FETCHERS_MIN_MS ? timeout_ms : FETCHERS_MIN_MS;
    self->is_stopping = true;
    self->stopped_ms = now_ms;
    running_announce_end(self->running);
    self->deadline_ms = now_ms + timeout_ms;
    limit_fetching(self, now_ms + least_ms, self->deadline_ms + POPPERS_MORE_MS);
    order_all(self, VOICE_SIGNALS, ORDER_STOP);
}

/* If the log cannot be opened again, the supervisor has said so already. */
static void hang_up(struct worker *self)
{
    struct err err = {0};
    bool is_open = log_reopen(&err) == ST_OK;
    worker_tune(self);
    log_printf(LOG_INFO, "HUP: %s", is_open ? "log file reopened" : err_text(&err));
}

static void act_on_signal(struct worker *self, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    switch (number) {
    case SIGTERM:
    case SIGINT:
        stop(self, number == SIGTERM ? "TERM" : "INT", (pid_t)info->ssi_pid);
        break;
    case SIGTSTP:
        log_printf(LOG_INFO, "TSTP: quiet, claiming no more");
        if (!self->is_stopping)
            order_all(self, VOICE_SIGNALS, ORDER_QUIET);
        break;
    case SIGCONT:
        if (!self->is_stopping)
            order_all(self, VOICE_SIGNALS, ORDER_NONE);
        break;
    case SIGTTIN:
        report_threads(self);
        break;
    default:
        hang_up(self);
        break;
    }
}

/* Waits for a signal or a change, up to timeout_ms (negative: for ever), and acts on signals. */
static void attend(struct worker *self, int64_t timeout_ms)
{
    struct pollfd fds[2] = {{.fd = self->signal_fd, .events = POLLIN},
                            {.fd = self->changed.fd, .events = POLLIN}};
    (void)poll(fds, 2, (int)timeout_ms);
    struct signalfd_siginfo info;
    while (read(self->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        act_on_signal(self, &info);
}

/* --- running and ending -------------------------------------------------------------------- */

static bool all_fetchers(const struct worker *self, bool (*has)(const struct fetcher *))
{
    for (size_t i = 0; i < self->fetcher_count; i++)
        if (!has(self->fetchers[i]))
            return false;
    return true;
}

static void report_ready(struct worker *self)
{
    if (self->is_ready || !all_fetchers(self, fetcher_is_ready))
        return;
    self->is_ready = true;
    if (self->birth->report_fd >= 0)
        dprintf(self->birth->report_fd, "ready\n");
}

/* Poppers blocked in Redis do not see an order, so a token wakes them, also for orders from a
 * shutdown key. */
static void tell_poppers(struct worker *self)
{
    size_t orders = atomic_load(&self->orders);
    if (self->popper && orders != self->orders_told)
        popper_wake(self->popper);
    self->orders_told = orders;
}

static void serve(struct worker *self)
{
    while (!all_fetchers(self, fetcher_has_ended)) {
        attend(self, -1);
        wake_clear(&self->changed);
        report_ready(self);
        if (atomic_load(&self->undrained) == 0 && !self->has_drained) {
            self->has_drained = true;
            order_all(self, VOICE_DRAINS, ORDER_QUIET);
        }
        tell_poppers(self);
    }
    report_ready(self); /* fetchers may have left an empty queue before it was reported */
    if (!self->is_stopping)
        self->deadline_ms = clock_mono_ms() + self->birth->tuning->shutdown_timeout_ms;
}

static bool join_runners(struct worker *self, int64_t timeout_ms)
{
    return self->pool     ? pool_join(self->pool, timeout_ms)
           : self->popper ? popper_join(self->popper, timeout_ms)
                          : true;
}

/* Waits for running jobs until the deadline or a second signal, then tells their handlers to
 * end. */
static bool end_pool(struct worker *self)
{
    if (self->pool)
        pool_stop(self->pool);
    if (self->popper)
        popper_stop(self->popper);
    ring_close(self->tasks);
    while (!self->is_hurried && clock_mono_ms() < self->deadline_ms) {
        int64_t left_ms = self->deadline_ms - clock_mono_ms();
        if (join_runners(self, left_ms < 50 ? left_ms : 50))
            return true;
        attend(self, 0);
    }
    if (join_runners(self, 0))
        return true;
    log_printf(LOG_WARN, "ending the jobs that still run: they are given back");
    running_stop_all(self->running);
    return join_runners(self, ABORT_GRACE_MS);
}

/* The time by which everything after the jobs must be over. */
static int64_t end_deadline(const struct worker *self)
{
    int64_t now_ms = clock_mono_ms();
    return (now_ms < self->deadline_ms ? now_ms : self->deadline_ms) + END_MS;
}

/* Each queue gets its share of the time left, so that one dead link does not keep the others from
 * leaving. */
static bool leave_queues(struct worker *self, int64_t deadline_ms)
{
    bool is_clean = true;
    for (size_t i = 0; i < self->fetcher_count; i++) {
        int64_t now_ms = clock_mono_ms(), left_ms = deadline_ms - now_ms;
        int64_t share_ms = left_ms > 0 ? left_ms / (int64_t)(self->fetcher_count - i) : 0;
        is_clean = fetcher_leave(self->fetchers[i], now_ms + share_ms) && is_clean;
    }
    return is_clean;
}

/* What remains to do after the jobs: endings first, since settled jobs need not be given back; the
 * keeper last, to keep the leases alive until then. False: something may be left to a reaper. */
static bool settle_and_leave(struct worker *self)
{
    int64_t deadline_ms = end_deadline(self), now_ms = clock_mono_ms();
    int64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    ring_close(self->endings);
    size_t unsettled = finisher_stop(self->finisher, now_ms + left_ms * FLUSH_PARTS / FLUSH_OF);
    bool is_clean = leave_queues(self, deadline_ms);
    keeper_stop(self->keeper, deadline_ms);
    if (unsettled > 0)
        log_fields(LOG_WARN, "jobs ended but could not be settled: they will run again",
                   LOG_INT("jobs", (int64_t)unsettled));
    return is_clean;
}

/* Announces the exit code. By itself it means nothing: foreign code in this process may call
 * exit(). */
static int end(const struct worker_birth *birth, int exit_code)
{
    if (birth->report_fd >= 0)
        dprintf(birth->report_fd, "ended %d\n", exit_code);
    return exit_code;
}

int worker_run(const struct worker_options *options, const struct worker_birth *birth)
{
    struct worker self = {.options = options,
                          .birth = birth,
                          .signal_fd = -1,
                          .supervisor = getppid(),
                          .changed = {.fd = -1}};
    struct err err = {0};
    if (birth->is_first && is_refused(options, birth->report_fd))
        return end(birth, EXIT_REFUSED);
    enum status status = worker_start(&self, &err);
    if (status != ST_OK) {
        /* Half a worker must not claim. Nothing is taken down piece by piece: everything goes with
         * the process, and what was claimed is recovered. */
        log_printf(LOG_ERROR, "%s", err_text(&err));
        _exit(end(birth, 1));
    }
    serve(&self);
    bool has_pool_ended = end_pool(&self);
    bool is_clean = settle_and_leave(&self);
    log_printf(LOG_INFO, "worker ended");
    if (!has_pool_ended)
        /* A handler that cannot be ended still uses this memory, so nothing is freed. Its job has
         * been given back already. */
        _exit(end(birth, is_clean ? 0 : 1));
    registry_end(options->registry);
    worker_free(&self);
    return end(birth, is_clean ? 0 : 1);
}
