/* What the keeper does for the jobs of a queue once it has renewed: due jobs, jobs left in the
 * inbox, dead jobs. It also watches the server's clock, which decides when jobs are due. */
#include "worker/keeper/keeper_state.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/schedule.h"

enum {
    RETRY_MS = 750,       /* after a failure */
    PROMOTE_LIMIT = 1000, /* jobs in one call */
    UNBOX_LIMIT = 1000,
    TEND_MS = 1000,
    TRIM_LIMIT = 500, /* dead jobs dropped in one call */
    TRIM_STEPS = 10,  /* such calls in one tick: renewing must not wait */
    STEP_MS = 5000,   /* a larger difference means that the clock was set */
};

void keeper_empty_inbox(struct keeper *self, struct ward *ward, const struct queue *queue)
{
    bool has_inbox = ward->state->inbox_count > 0;
    if (has_inbox && ward->had_inbox) {
        struct err err = {0};
        int64_t moved = 0;
        if (schedule_unbox(self->conn, queue, UNBOX_LIMIT, &moved, &err) != ST_OK)
            keeper_note_failure(self, "cannot empty the inbox", &err);
    }
    ward->had_inbox = has_inbox;
}

/* About once a second for all workers of the queue together: each takes its turn at a random time,
 * so no worker has to be chosen for it. */
void keeper_tend(struct keeper *self, struct ward *ward, const struct queue *queue)
{
    if (clock_mono_ms() < ward->tend_ms)
        return;
    int64_t span_ms = TEND_MS * (ward->state->worker_count > 1 ? ward->state->worker_count : 1);
    ward->tend_ms = clock_mono_ms() + span_ms / 2 + (int64_t)id_jitter((uint64_t)span_ms);
    struct err err = {0};
    int64_t trimmed = TRIM_LIMIT;
    for (int i = 0; i < TRIM_STEPS && trimmed >= TRIM_LIMIT; i++)
        if (schedule_tend(self->conn, queue, TRIM_LIMIT, &trimmed, &err) != ST_OK) {
            keeper_note_failure(self, "cannot trim the dead jobs", &err);
            return;
        }
    if (trimmed >= TRIM_LIMIT)
        ward->tend_ms = 0;
}

void keeper_note_due(struct ward *ward, int64_t next_due_ms, int64_t server_ms)
{
    ward->due_ms =
        next_due_ms == QUEUE_NEVER ? QUEUE_NEVER : clock_mono_ms() + (next_due_ms - server_ms);
}

void keeper_promote(struct keeper *self, struct ward *ward, const struct session *session)
{
    if (ward->due_ms > clock_mono_ms())
        return;
    struct err err = {0};
    struct schedule_promoted promoted;
    if (schedule_promote(self->conn, session->lease.queue, PROMOTE_LIMIT, &promoted, &err) !=
        ST_OK) {
        keeper_note_failure(self, "cannot promote due jobs", &err);
        ward->due_ms = clock_mono_ms() + RETRY_MS;
        return;
    }
    keeper_note_due(ward, promoted.next_due_ms, promoted.now_ms);
}

/* The server read its clock between sending and now, so its clock is known within that interval. If
 * this process was frozen meanwhile, the interval is longer, and that is not taken for a step. */
void keeper_watch_clock(struct keeper *self, int64_t server_ms, int64_t sent_ms)
{
    int64_t most_ms = server_ms - sent_ms, least_ms = server_ms - clock_mono_ms();
    if (self->has_clock && most_ms < self->clock_least_ms - STEP_MS)
        log_fields(LOG_WARN,
                   "the server's clock went back: delayed jobs and retries wait that much longer",
                   LOG_INT("back_ms", self->clock_least_ms - most_ms));
    self->has_clock = true;
    self->clock_least_ms = least_ms;
}
