/* How a fetcher comes to its end: by the sentinel's drain or an empty queue; and the audit that
 * both may need. */
#include "worker/flow/fetcher_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "queue/stats.h"
#include "worker/flow/giveback.h"

enum {
    DRAIN_TICK_MS = 1000, /* while waiting for other workers */
    LOOK_ON_MS = 20,      /* between two steps of a search, plus four times what a step took: */
    LOOK_SHARE = 4,       /* many workers that search must not keep Redis busy */
    HELD_LOOK_MS = 1000,  /* only a fallback: the end of the last job wakes */
    DUE_LOOK_MS = 25,     /* for a job that is due and not promoted yet */
    LEAVE_LOOK_MS = 250,  /* at a queue to be left once it is empty */
};

void fetcher_audit(struct fetcher *self)
{
    struct err err = {0};
    int64_t given = 0;
    atomic_store(&self->session->must_audit, false);
    enum status status = giveback_unknown(self->conn, self->session, self->base, &given, &err);
    if (status != ST_OK) {
        atomic_store(&self->session->must_audit, true);
        fetcher_await_retry(self, "cannot compare what is held", &err);
        return;
    }
    fetcher_note_success(self);
    if (given > 0)
        log_fields(LOG_WARN, "gave back jobs that Redis lists as held by this worker, but are not",
                   LOG_STR("queue", self->options.queue.name), LOG_INT("jobs", given));
    self->audited_link = conn_generation(self->conn);
    self->audited_ms = clock_mono_ms();
}

void fetcher_start_draining(struct fetcher *self)
{
    if (!atomic_exchange(&self->is_draining, true))
        log_fields(LOG_INFO, "draining", LOG_STR("queue", self->options.queue.name));
}

/* Asks how the drain is going. False: no answer; it has paused already. */
static bool tick(struct fetcher *self, enum drain_outcome *outcome)
{
    struct err err = {0};
    /* A cursor is valid only on the server that gave it, and a new link may lead to another. */
    if (self->look_link != conn_generation(self->conn))
        self->look = (struct drain_look){.cursor = ""};
    self->look_link = conn_generation(self->conn);
    int64_t asked_ms = clock_mono_ms();
    if (drain_tick(self->conn, &self->session->lease, &self->known_drain, &self->look, outcome,
                   &err) != ST_OK) {
        fetcher_await_retry(self, "cannot drain", &err);
        return false;
    }
    fetcher_note_success(self);
    int64_t rest_ms = LOOK_ON_MS + LOOK_SHARE * (clock_mono_ms() - asked_ms);
    self->look_rest_ms = rest_ms < DRAIN_TICK_MS ? rest_ms : DRAIN_TICK_MS;
    return true;
}

void fetcher_note_drained(struct fetcher *self)
{
    if (!self->has_drained)
        atomic_fetch_sub(self->options.undrained, 1);
    self->has_drained = true;
    self->is_leaving = atomic_load(self->options.undrained) == 0;
    log_fields(LOG_INFO,
               self->is_leaving
                   ? "drained: leaving"
                   : "drained: served again until all queues of this worker are drained",
               LOG_STR("queue", self->options.queue.name));
    if (self->is_leaving)
        wake_set(self->options.changed);
}

static void end_drain(struct fetcher *self)
{
    fetcher_note_drained(self);
    self->is_reentering = !self->is_leaving;
}

void fetcher_quiet_step(struct fetcher *self)
{
    enum drain_outcome outcome;
    fetcher_rest(self, self->look.cursor[0] ? self->look_rest_ms : FETCHER_PAUSE_MS);
    /* Quiet does not exempt from a drain. As it does not claim, it would never meet the sentinel,
     * so it asks. */
    if (!tick(self, &outcome))
        return;
    if (outcome == DRAIN_LOST)
        (void)session_lose(self->session);
    else if (outcome == DRAIN_ENDED)
        end_drain(self);
    else if (outcome != DRAIN_WORK)
        fetcher_start_draining(self);
}

/* True if jobs of the queue are still under way here; it has rested already. */
static bool rests_while_held(struct fetcher *self)
{
    if (atomic_load(&self->session->held) == 0 && atomic_load(&self->poppers) == 0)
        return false;
    bool is_stocked = ring_count(self->options.tasks) > 0;
    fetcher_rest(self, is_stocked ? FETCHER_STUCK_LOOK_MS : HELD_LOOK_MS);
    return true;
}

void fetcher_drain_step(struct fetcher *self)
{
    if (rests_while_held(self))
        return;
    enum drain_outcome outcome;
    if (!tick(self, &outcome))
        return;
    switch (outcome) {
    case DRAIN_LOST:
        (void)session_lose(self->session);
        break;
    case DRAIN_WORK:
        atomic_store(&self->is_draining, false);
        break;
    case DRAIN_HOLDING: /* but nothing is: Redis lists jobs as ours that are not here */
        fetcher_audit(self);
        fetcher_rest(self, DRAIN_TICK_MS);
        break;
    case DRAIN_WAITING:
        fetcher_rest(self, DRAIN_TICK_MS);
        break;
    case DRAIN_LOOKING:
        fetcher_rest(self, self->look_rest_ms);
        break;
    case DRAIN_ENDED:
        end_drain(self);
        break;
    }
}

void fetcher_reenter_step(struct fetcher *self)
{
    struct err err = {0};
    if (rests_while_held(self))
        return;
    fetcher_withdraw(self);
    if (giveback_all(self->conn, self->session, &err) != ST_OK) {
        fetcher_await_retry(self, "cannot deregister", &err);
        return;
    }
    fetcher_note_success(self);
    fetcher_drop_session(self);
}

/* All queues of the process have drained: jobs pushed since are left to others, but those held are
 * finished. */
void fetcher_retire_step(struct fetcher *self)
{
    self->is_leaving = !rests_while_held(self);
}

/* For a worker that was told to leave once its queue is empty, and has found it empty. */
void fetcher_leave_if_empty(struct fetcher *self, int64_t next_due_ms, int64_t now_ms)
{
    bool is_due = next_due_ms <= now_ms;
    bool is_stocked = ring_count(self->options.tasks) > 0;
    if (atomic_load(&self->session->held) > 0 || is_due) {
        fetcher_rest(self, is_due       ? DUE_LOOK_MS
                           : is_stocked ? FETCHER_STUCK_LOOK_MS
                                        : HELD_LOOK_MS);
        return;
    }
    log_fields(LOG_INFO, "the queue is empty: leaving", LOG_STR("queue", self->options.queue.name));
    self->is_leaving = true;
}

bool fetcher_leaves_when_empty(const struct fetcher *self)
{
    return self->options.is_burst || fetcher_current_order(self) == ORDER_DRAIN;
}

/* At most once: leaves an empty queue. A job that a popper is taking at this moment is visible
 * nowhere, so one look cannot tell. First the poppers are kept from popping (is_closing), then,
 * when none is left, the queue is looked at again. */
static void leave_popped_queue(struct fetcher *self)
{
    struct err err = {0};
    struct stats stats;
    if (stats_read(self->conn, &self->options.queue, &stats, &err) != ST_OK) {
        fetcher_await_retry(self, "cannot look at the queue", &err);
        return;
    }
    fetcher_note_success(self);
    bool is_empty = stats.waiting == 0;
    if (is_empty && atomic_load(&self->is_closing) && atomic_load(&self->poppers) == 0)
        fetcher_leave_if_empty(self, stats.next_due_ms, stats.now_ms);
    atomic_store(&self->is_closing, is_empty);
}

void fetcher_idle_step(struct fetcher *self)
{
    bool is_leaver = fetcher_leaves_when_empty(self);
    if (is_leaver)
        leave_popped_queue(self);
    else
        fetcher_note_success(self); /* being connected is all it needs */
    if (!self->is_leaving)
        fetcher_rest(self, is_leaver ? LEAVE_LOOK_MS : FETCHER_PAUSE_MS);
}
