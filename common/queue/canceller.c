#include "queue/canceller.h"

#include "base/clock.h"
#include "queue/presence.h"
#include "queue/search.h"

#include <stdio.h>
#include <string.h>

enum {
    LOOK_MS = 50,
    POPPER_MS = 3000,
    MARK_AGAIN_MS = CANCEL_MARK_MS / 3,
    EMPTY_PASSES = 2, /* in a row: what went the other way during one is found by the next */
    PASSES_MAX = 100
};

struct hunt {
    struct conn *conn;
    const struct queue *queue;
    struct canceller *canceller;
    int64_t until_ms;      /* monotonic: how long to wait for what is held */
    int64_t marked_ms;     /* server time, of the first mark; 0: none yet */
    int64_t mark_again_ms; /* monotonic */
    size_t moved;          /* in this pass: others may have been missed */
};

/* ---- the marks ---- */

/* Marks again in time: a mark expires, and a job may be held, given back and held again. */
static enum status mark(struct hunt *hunt, struct err *err)
{
    const struct canceller *canceller = hunt->canceller;
    int64_t now_ms = 0;
    enum status status =
        cancel_mark(hunt->conn, hunt->queue, canceller->ids, canceller->count, &now_ms, err);
    if (status == ST_OK && hunt->marked_ms == 0)
        hunt->marked_ms = now_ms;
    hunt->mark_again_ms = clock_mono_ms() + MARK_AGAIN_MS;
    return status;
}

static enum status keep_marked(struct hunt *hunt, struct err *err)
{
    return clock_mono_ms() < hunt->mark_again_ms ? ST_OK : mark(hunt, err);
}

/* ---- the search ---- */

static enum status visit_waiting(struct hunt *hunt, const struct search_hit *hit, struct err *err)
{
    bool is_removed;
    enum status status =
        cancel_remove(hunt->conn, hunt->queue, hit->key, hit->job, &is_removed, err);
    if (status == ST_OK && is_removed)
        hunt->canceller->jobs[hit->index].state = CANCELLER_CANCELLED;
    hunt->moved++;
    return status;
}

/* True for a dead job that its worker has buried; one that was moved here without having been held
 * has a claim with no colon. */
static bool is_buried_by_worker(const struct job *job)
{
    return memchr(job->history.claim.ptr, ':', job->history.claim.len) != NULL;
}

static void visit_dead(struct hunt *hunt, const struct search_hit *hit)
{
    const struct slice error = hit->job->history.error;
    static const char reason[] = "\"" CANCEL_REASON;
    if (hit->at_ms >= hunt->marked_ms && is_buried_by_worker(hit->job) &&
        error.len >= sizeof reason - 1 && memcmp(error.ptr, reason, sizeof reason - 1) == 0)
        hunt->canceller->jobs[hit->index].state = CANCELLER_CANCELLED;
}

static enum status visit(void *context, const struct search_hit *hit, struct err *err)
{
    struct hunt *hunt = context;
    if (hit->state == PLACE_DEAD) {
        visit_dead(hunt, hit);
        return ST_OK;
    }
    if (hit->state != PLACE_HELD)
        return visit_waiting(hunt, hit, err);
    struct canceller_job *job = &hunt->canceller->jobs[hit->index];
    job->state = CANCELLER_HELD;
    job->number = hit->number;
    snprintf(job->worker, sizeof job->worker, "%s", hit->worker);
    return ST_OK;
}

static enum status search(struct hunt *hunt, int states, struct err *err)
{
    const struct search all = {.ids = hunt->canceller->ids,
                               .id_count = hunt->canceller->count,
                               .states = states,
                               .visit = visit,
                               .context = hunt};
    return search_run(hunt->conn, hunt->queue, &all, err);
}

/* ---- what is held ---- */

static size_t count_in(const struct canceller *canceller, enum canceller_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < canceller->count; i++)
        count += canceller->jobs[i].state == state;
    return count;
}

static bool is_any_held(const struct hunt *hunt)
{
    return count_in(hunt->canceller, CANCELLER_HELD) > 0;
}

static enum status look_at(struct hunt *hunt, struct canceller_job *job, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf key = {0}, number = {0};
    queue_claimed_key(hunt->queue, job->worker, &key);
    buf_append_int(&number, job->number);
    request_add_text(&request, "HEXISTS");
    request_add(&request, buf_slice(&key));
    request_add(&request, buf_slice(&number));
    enum status status = conn_call(hunt->conn, &request, &reply, err);
    if (status == ST_OK && reply_int(reply, 0) == 0)
        job->state = CANCELLER_ENDED;
    reply_free(reply);
    request_fini(&request);
    buf_fini(&key);
    buf_fini(&number);
    return status;
}

/* Waits until no worker holds any of them, or the time is up. */
static enum status await_held(struct hunt *hunt, struct err *err)
{
    struct canceller *canceller = hunt->canceller;
    enum status status = ST_OK;
    while (status == ST_OK && is_any_held(hunt) && clock_mono_ms() < hunt->until_ms &&
           patience_wait(&canceller->patience, LOOK_MS)) {
        status = keep_marked(hunt, err);
        for (size_t i = 0; status == ST_OK && i < canceller->count; i++)
            if (canceller->jobs[i].state == CANCELLER_HELD)
                status = look_at(hunt, &canceller->jobs[i], err);
    }
    return status;
}

/* Searches until passes find nothing to act on: a job that is given back or retried moves against
 * the direction of the search, and removing an element hides the one behind it. It ends in any
 * case, because others may go on pushing such jobs. */
static enum status search_and_await(struct hunt *hunt, struct err *err)
{
    enum status status = ST_OK;
    bool is_over = false;
    int empty = 0;
    for (int i = 0; status == ST_OK && !is_over && i < PASSES_MAX; i++) {
        if (patience_is_over(&hunt->canceller->patience))
            break;
        hunt->moved = 0;
        status = keep_marked(hunt, err);
        if (status == ST_OK)
            status = search(hunt, PLACE_SCHEDULED | PLACE_WAITING | PLACE_HELD, err);
        empty = hunt->moved == 0 && !is_any_held(hunt) ? empty + 1 : 0;
        if (status == ST_OK)
            status = await_held(hunt, err);
        is_over = empty == EMPTY_PASSES || is_any_held(hunt);
    }
    return status;
}

/* ---- at most once ---- */

static enum status is_popper(struct hunt *hunt, struct slice worker, bool *is, struct err *err)
{
    struct reply *info = NULL;
    enum status status = presence_worker(hunt->conn, hunt->queue, worker, &info, err);
    *is = slice_is(presence_told(info, "delivery"), "at-most-once");
    reply_free(info);
    return status;
}

/* Redis does not know what such a worker is running, so all that can be done is to give it time to
 * see the marks. */
static enum status await_poppers(struct hunt *hunt, struct err *err)
{
    struct reply *workers = NULL;
    bool has_popper = false;
    if (count_in(hunt->canceller, CANCELLER_UNKNOWN) == 0)
        return ST_OK;
    enum status status = presence_workers(hunt->conn, hunt->queue, &workers, err);
    for (size_t i = 0; status == ST_OK && !has_popper && i < reply_count(workers); i += 2)
        status = is_popper(hunt, reply_slice(reply_at(workers, i)), &has_popper, err);
    reply_free(workers);
    if (has_popper)
        (void)patience_wait(&hunt->canceller->patience, POPPER_MS);
    return status;
}

/* ---- the whole ---- */

enum status canceller_run(struct conn *conn, const struct queue *queue, struct canceller *canceller,
                          struct err *err)
{
    ensure(canceller->count <= CANCELLER_IDS_MAX, "%zu ids", canceller->count);
    memset(canceller->jobs, 0, sizeof canceller->jobs);
    struct hunt hunt = {.conn = conn,
                        .queue = queue,
                        .canceller = canceller,
                        .until_ms = clock_mono_ms() + canceller->timeout_ms};
    struct err ignored;
    enum status status = mark(&hunt, err);
    if (status == ST_OK)
        status = search_and_await(&hunt, err);
    if (status == ST_OK)
        status = await_poppers(&hunt, err);
    if (status == ST_OK)
        status = search(&hunt, PLACE_DEAD, err);
    if (!is_any_held(&hunt))
        (void)!cancel_unmark(conn, queue, canceller->ids, canceller->count, &ignored);
    return status;
}

const char *canceller_state_name(enum canceller_state state)
{
    static const char *const names[] = {[CANCELLER_UNKNOWN] = "unknown",
                                        [CANCELLER_HELD] = "held",
                                        [CANCELLER_ENDED] = "ended",
                                        [CANCELLER_CANCELLED] = "cancelled"};
    return names[state];
}
