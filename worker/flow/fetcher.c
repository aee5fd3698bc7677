/* The thread is a loop of two steps: get ready (connected, registered, audited), then do one thing:
 * drain, claim, or wait. A claim that got no reply stays open: nothing else is sent on the
 * connection until the same request has been answered. */
#include "worker/flow/fetcher_state.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/flow/giveback.h"

enum {
    LEAVE_PAUSE_MS = 50,
    OTHER_REPLY_BYTES = 16 << 20, /* largest reply to any call other than a claim */
};

/* --- orders and other threads -------------------------------------------------------------- */

/* The strongest order given, not the latest: a signal that only asks for quiet must not undo an
 * operator's stop, whichever arrives last. */
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
    /* Counted before the flags are read: the fetcher sets is_draining or is_closing first and reads
     * the count afterwards, so one of the two sees the other. */
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

/* The order matters. Giving jobs back and leaving come before claiming, so that an order is obeyed
 * within one step. Neither happens while a claim is open, because its reply must be read first:
 * Redis may have recorded jobs as ours that nobody here has seen. */
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

/* A fetcher that is not registered when all the work is done has nothing to finish. */
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
    /* A fetcher whose queue is drained or empty deregisters at once, and not with the rest of its
     * process, which may go on with other queues for hours: until then `darg workers` would list
     * it, and a drain would wait for it. */
    if (self->is_leaving && self->is_registered && atomic_load(&self->session->held) == 0) {
        struct err err = {0};
        fetcher_publish(self, NULL);
        if (giveback_all(self->conn, self->session, &err) == ST_OK)
            self->may_be_registered = false;
    }
    pulse_end(self->options.pulse, self->options.slot);
    if (!self->has_drained) /* and never will: the others must not wait for it */
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
    /* What the dead process held comes back to the head of the queue: at most this many jobs. */
    self->careful_left = options->is_careful ? ROOM_OUTSTANDING_MAX + CLAIM_MAX : 0;
    enum status status = wake_init(&self->wake, err);
    if (status != ST_OK) {
        free(self);
        return status;
    }
    pthread_mutex_init(&self->lock, NULL);
    /* A claim includes the whole of the job that exhausts its byte budget. */
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

/* Whether Redis may have jobs recorded as held by it. */
static bool may_hold(const struct fetcher *self)
{
    return self->is_claim_open || atomic_load(&self->session->held) > 0 ||
           atomic_load(&self->session->must_audit);
}

/* Tries until the deadline, or until Redis refuses for a reason that only a person can fix. */
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
    /* Judged before the attempts: a reply that is lost in one of them tells nothing new. */
    bool is_harmless = !may_hold(self);
    /* A claim that is still open is abandoned here: whatever it took is given back with the rest,
     * since deregistering releases all that Redis lists, not only what this process knows. */
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
