/* The thread is a loop of two steps: get ready (connected, registered, audited), then do one thing:
 * drain, claim, or wait. A claim that was not answered stays open: nothing else is sent on the
 * connection before the same request has been answered. */
#include "worker/flow/fetcher_state.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/flow/giveback.h"

enum {
    LEAVE_PAUSE_MS = 50,
    OTHER_REPLY_BYTES = 16 << 20, /* what any call but a claim may be answered with */
};

/* --- orders and other threads -------------------------------------------------------------- */

/* The strongest of all voices, not the latest: an operator's stop must not be undone by a signal
 * that only asks for quiet, whichever arrives last. */
enum order fetcher_current_order(const struct fetcher *self)
{
    int order = ORDER_NONE;
    for (int i = 0; i < VOICES; i++) {
        int given = atomic_load(&self->orders[i]);
        order = given > order ? given : order;
    }
    return (enum order)order;
}

void fetcher_order(struct fetcher *self, enum fetcher_voice voice, enum order order)
{
    if (atomic_exchange(&self->orders[voice], (int)order) == (int)order)
        return;
    wake_set(&self->wake);
    room_interrupt(self->options.room);
    if (self->options.is_at_most_once) {
        atomic_fetch_add(self->options.orders, 1);
        wake_set(self->options.changed);
    }
}

void fetcher_limit(struct fetcher *self, int64_t until_ms)
{
    conn_limit(self->conn, until_ms);
}

const struct queue *fetcher_queue(const struct fetcher *self)
{
    return &self->options.queue;
}

bool fetcher_is_ready(const struct fetcher *self)
{
    return atomic_load(&self->is_ready);
}

bool fetcher_has_ended(const struct fetcher *self)
{
    return atomic_load(&self->has_ended);
}

struct session *fetcher_session(struct fetcher *self)
{
    pthread_mutex_lock(&self->lock);
    struct session *session = self->registered;
    if (session)
        session_keep(session);
    pthread_mutex_unlock(&self->lock);
    return session;
}

void fetcher_publish(struct fetcher *self, struct session *session)
{
    pthread_mutex_lock(&self->lock);
    self->registered = session;
    pthread_mutex_unlock(&self->lock);
}

bool fetcher_begin_pop(struct fetcher *self, struct session **session)
{
    /* Counted first: the fetcher looks at the count after is_draining or is_closing is set. */
    atomic_fetch_add(&self->poppers, 1);
    if (fetcher_current_order(self) != ORDER_QUIET && fetcher_current_order(self) != ORDER_STOP &&
        !atomic_load(&self->is_draining) && !atomic_load(&self->is_closing) &&
        !fetcher_has_ended(self) && (*session = fetcher_session(self)))
        return true;
    fetcher_end_pop(self, NULL);
    return false;
}

void fetcher_end_pop(struct fetcher *self, struct session *session)
{
    session_release(session);
    if (atomic_fetch_sub(&self->poppers, 1) == 1 &&
        (atomic_load(&self->is_draining) || atomic_load(&self->is_closing)))
        wake_set(&self->wake);
}

void fetcher_meet_sentinel(struct fetcher *self)
{
    atomic_store(&self->is_draining, true);
    wake_set(&self->wake);
}

void fetcher_tell_suspects(struct fetcher *self)
{
    if (atomic_exchange(&self->has_suspects, true))
        return;
    wake_set(&self->wake);
}

/* --- the thread ---------------------------------------------------------------------------- */

/* The order matters. What gives jobs back or leaves comes before what claims, so that an order is
 * obeyed within one step; and none of it while a claim is open, as the answer must be read first:
 * jobs may be recorded as ours that nobody here has seen. */
static void step(struct fetcher *self)
{
    if (!self->is_claim_open)
        fetcher_give_back_if_stuck(self);
    if (self->is_reentering)
        fetcher_reenter_step(self);
    else if (atomic_load(self->options.undrained) == 0 && !self->is_claim_open)
        fetcher_retire_step(self);
    else if (atomic_load(&self->is_draining) && !self->is_claim_open)
        fetcher_drain_step(self);
    else if (fetcher_current_order(self) == ORDER_QUIET && !self->is_claim_open)
        fetcher_quiet_step(self);
    else if (self->options.is_at_most_once)
        fetcher_idle_step(self);
    else
        fetcher_claim_step(self);
}

/* One that is not registered when the work is done has nothing to finish. */
static bool goes_on(const struct fetcher *self)
{
    bool is_done = atomic_load(self->options.undrained) == 0 && !self->is_registered;
    return !self->is_leaving && !is_done && fetcher_current_order(self) != ORDER_STOP;
}

static void *fetcher_main(void *argument)
{
    struct fetcher *self = argument;
    pthread_setname_np(pthread_self(), "fetcher");
    while (goes_on(self)) {
        pulse_beat(self->options.pulse, self->options.slot);
        if (fetcher_get_ready(self))
            step(self);
    }
    /* One whose queue is drained or empty leaves the registry at once, whatever its process goes on
     * doing. */
    if (self->is_leaving && self->is_registered && atomic_load(&self->session->held) == 0) {
        struct err err = {0};
        fetcher_publish(self, NULL);
        if (giveback_all(self->conn, self->session, &err) == ST_OK)
            self->may_be_registered = false;
    }
    pulse_end(self->options.pulse, self->options.slot);
    if (!self->has_drained) /* nor will it: the others do not wait for that */
        atomic_fetch_sub(self->options.undrained, 1);
    atomic_store(&self->has_ended, true);
    wake_set(self->options.changed);
    return NULL;
}

enum status fetcher_start(const struct fetcher_options *options, struct fetcher **out,
                          struct err *err)
{
    struct fetcher *self = mem_new(sizeof *self);
    self->options = *options;
    self->max_bytes = options->max_bytes;
    /* What the dead one held comes back to the head of the line: no more than this. */
    self->careful_left = options->is_careful ? ROOM_OUTSTANDING_MAX + CLAIM_MAX : 0;
    enum status status = wake_init(&self->wake, err);
    if (status != ST_OK) {
        free(self);
        return status;
    }
    pthread_mutex_init(&self->lock, NULL);
    /* A claim goes on to the end of the job with which its budget is used up. */
    struct conn_options conn = *options->conn;
    conn.is_reading_large = load_reading_flag(options->load, options->slot);
    conn.max_reply_bytes = options->max_bytes + options->policy->max_job_size + OTHER_REPLY_BYTES;
    self->conn = conn_open(&conn);
    int failed = pthread_create(&self->thread, NULL, fetcher_main, self);
    if (failed) {
        conn_close(self->conn);
        pthread_mutex_destroy(&self->lock);
        wake_fini(&self->wake);
        free(self);
        return err_system(err, failed, "cannot start a fetcher's thread");
    }
    *out = self;
    return ST_OK;
}

/* One try to give everything back and leave the registry. */
static enum status leave_now(struct fetcher *self, struct err *err)
{
    enum status status = conn_connect(self->conn, err);
    return status == ST_OK ? giveback_all(self->conn, self->session, err) : status;
}

/* Whether what is recorded for it in Redis may hold jobs. */
static bool may_hold(const struct fetcher *self)
{
    return self->is_claim_open || atomic_load(&self->session->held) > 0 ||
           atomic_load(&self->session->must_audit);
}

/* Tries until the deadline, or until Redis refuses what only a person can mend. */
static enum status keep_leaving(struct fetcher *self, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        enum status status = leave_now(self, err);
        if (status == ST_OK || !status_is_transient(status))
            return status;
        int64_t pause_ms = conn_backoff_ms(self->conn);
        pause_ms = pause_ms > LEAVE_PAUSE_MS ? pause_ms : LEAVE_PAUSE_MS;
        if (clock_mono_ms() + pause_ms >= deadline_ms)
            return status;
        wake_clear(&self->wake);
        (void)wake_wait(&self->wake, pause_ms);
    }
}

bool fetcher_leave(struct fetcher *self, int64_t deadline_ms)
{
    pthread_join(self->thread, NULL);
    fetcher_publish(self, NULL);
    if (!self->may_be_registered)
        return true;
    /* Judged before the tries: a lost answer in them leaves the state as unknown as it was. */
    bool is_harmless = !may_hold(self);
    /* A claim that is still open ends here: what it took is given back with the rest. */
    if (self->is_claim_open)
        conn_discard(self->conn);
    self->is_claim_open = false;
    conn_limit(self->conn, deadline_ms);
    struct err err = {0};
    if (keep_leaving(self, deadline_ms, &err) == ST_OK)
        return true;
    log_fields(is_harmless ? LOG_WARN : LOG_ERROR,
               is_harmless
                   ? "could not deregister: the entry is removed when its lease expires"
                   : "could not give back held jobs: they are recovered when the lease expires",
               LOG_STR("queue", self->options.queue.name), LOG_STR("error", err_text(&err)));
    return is_harmless;
}

void fetcher_free(struct fetcher *self)
{
    if (!self)
        return;
    if (self->session)
        session_retire_all(self->session);
    session_release(self->session);
    request_fini(&self->claim);
    conn_close(self->conn);
    pthread_mutex_destroy(&self->lock);
    wake_fini(&self->wake);
    queue_fini(&self->options.queue);
    free(self);
}
