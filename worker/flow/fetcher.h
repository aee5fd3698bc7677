/* fetcher - the thread that serves one queue: it registers the worker, claims jobs when the pool
 * has room, waits without polling while there are none, drains, and deregisters at the end.
 *
 * Its connection is used by no other thread. For an at-most-once worker it only registers, drains
 * and follows orders: the poppers fetch the jobs. The keeper and the main thread reach it through
 * the functions below, from any thread. */
#ifndef DARG_WORKER_FLOW_FETCHER_H
#define DARG_WORKER_FLOW_FETCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "queue/orders.h"
#include "redis/conn.h"
#include "worker/flow/ring.h"
#include "worker/flow/room.h"
#include "worker/flow/session.h"
#include "worker/shared/pulse.h"

struct fetcher;

struct fetcher_options {
    struct queue queue;  /* taken over */
    size_t slot;         /* rank of the queue; its slot in the room and the pulse */
    const char *process; /* P; borrowed, like every pointer below */
    const struct conn_options *conn;
    struct ring *tasks; /* out: struct task * */
    struct room *room;
    struct pulse *pulse;  /* beats once per turn of the loop */
    struct wake *changed; /* set when the fetcher becomes ready or ends, or when all have drained */
    _Atomic size_t *orders;    /* at most once: counts the orders given; `changed` is set with it */
    _Atomic size_t *undrained; /* queues of this process that have not drained since it started */
    struct load *load;         /* where open claims are noted */
    int64_t started_ms;        /* monotonic: when the worker, that is its supervisor, started */
    int64_t max_bytes;         /* budget of one claim */
    const struct job_policy *policy;
    /* A process died while reading a claim: claim one by one until past its jobs. */
    bool is_careful;
    bool is_at_most_once;
    bool is_burst; /* end once the queue is empty and nothing is due */
    bool ignores_sentinel;
};

MUST_CHECK enum status fetcher_start(const struct fetcher_options *options,
                                     struct fetcher **fetcher, struct err *err);

/* Orders come from three sources, and the strongest applies: signals, the shutdown keys, and the
 * process itself when all of its queues have drained. */
enum fetcher_voice { VOICE_SIGNALS, VOICE_KEYS, VOICE_DRAINS, VOICES };
void fetcher_order(struct fetcher *fetcher, enum fetcher_voice voice, enum order order);
enum order fetcher_current_order(const struct fetcher *fetcher);

const struct queue *fetcher_queue(const struct fetcher *fetcher);
bool fetcher_is_ready(const struct fetcher *fetcher); /* has registered at least once */
bool fetcher_has_ended(const struct fetcher *fetcher);

/* The session under which it is registered now; the caller gets a reference of its own. NULL:
 * none. */
struct session *fetcher_session(struct fetcher *fetcher);

/* At most once: true if the queue may be popped now; *session is then a reference to the session
 * that the job belongs to. Until fetcher_end_pop(), which must follow each true once the job has
 * ended, the fetcher does not report itself drained. */
bool fetcher_begin_pop(struct fetcher *fetcher, struct session **session);
void fetcher_end_pop(struct fetcher *fetcher, struct session *session);
/* True if it leaves once its queue is empty: poppers must then not block for long. */
bool fetcher_leaves_when_empty(const struct fetcher *fetcher);
/* Suspects are waiting: a fetcher that is waiting for jobs must claim now. */
void fetcher_tell_suspects(struct fetcher *fetcher);
/* A popper has met the sentinel and is putting it back. */
void fetcher_meet_sentinel(struct fetcher *fetcher);

/* From until_ms (monotonic) on, its thread no longer waits for Redis, so that it can follow an
 * order to stop. Any thread. */
void fetcher_limit(struct fetcher *fetcher, int64_t until_ms);

/* Call after fetcher_has_ended(): joins the thread, gives back what it still holds and deregisters.
 * False: it may still hold jobs, and Redis refused or could not be reached before the deadline
 * (monotonic); the jobs are recovered when the lease expires. */
bool fetcher_leave(struct fetcher *fetcher, int64_t deadline_ms);
void fetcher_free(struct fetcher *fetcher); /* after fetcher_leave(); NULL is fine */

#endif
