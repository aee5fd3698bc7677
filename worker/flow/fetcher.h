/* fetcher - the thread that serves one queue: it registers the worker, claims jobs when the pool
 * has room, waits without polling while there are none, drains, and at the end leaves.
 *
 * It alone uses its connection. For an at-most-once worker it only registers, drains and obeys: the
 * poppers fetch. The keeper and the main thread reach it through the functions below, from any
 * thread. */
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
    size_t slot;         /* of the room and the pulse: rank of the queue */
    const char *process; /* P; borrowed, as all that follows */
    const struct conn_options *conn;
    struct ring *tasks; /* out: struct task * */
    struct room *room;
    struct pulse *pulse;  /* beaten at each turn of the loop */
    struct wake *changed; /* set when the fetcher becomes ready or has ended, or all have drained */
    _Atomic size_t *orders;    /* at most once: counts those given; `changed` is set */
    _Atomic size_t *undrained; /* queues of the process that have not drained since it started */
    struct load *load;         /* in which open claims are noted */
    int64_t started_ms;        /* monotonic: start of the worker, its supervisor included */
    int64_t max_bytes;         /* in one claim */
    const struct job_policy *policy;
    bool is_careful; /* a process died on a claim: claims jobs one by one until it is past those */
    bool is_at_most_once;
    bool is_burst; /* ends once the queue is empty and nothing is due */
    bool ignores_sentinel;
};

MUST_CHECK enum status fetcher_start(const struct fetcher_options *options,
                                     struct fetcher **fetcher, struct err *err);

/* Three voices give orders, and the gravest counts: signals, shutdown keys, and the process, all of
 * whose queues have drained. */
enum fetcher_voice { VOICE_SIGNALS, VOICE_KEYS, VOICE_DRAINS, VOICES };
void fetcher_order(struct fetcher *fetcher, enum fetcher_voice voice, enum order order);
enum order fetcher_current_order(const struct fetcher *fetcher);

const struct queue *fetcher_queue(const struct fetcher *fetcher);
bool fetcher_is_ready(const struct fetcher *fetcher); /* has registered at least once */
bool fetcher_has_ended(const struct fetcher *fetcher);

/* The session under which it is registered now, with a reference of the caller's; NULL: none. */
struct session *fetcher_session(struct fetcher *fetcher);

/* At most once: may be popped from now (with a reference to the session to count the jobs under),
 * and while a popper is at it the fetcher does not call itself drained. fetcher_end_pop() for each
 * true answer, once the job has ended. */
bool fetcher_begin_pop(struct fetcher *fetcher, struct session **session);
void fetcher_end_pop(struct fetcher *fetcher, struct session *session);
/* True if it leaves once its queue is empty: then poppers do not block for long. */
bool fetcher_leaves_when_empty(const struct fetcher *fetcher);
/* Suspects wait: a fetcher that waits for jobs is to look. */
void fetcher_tell_suspects(struct fetcher *fetcher);
/* A popper has met the sentinel, and given it back. */
void fetcher_meet_sentinel(struct fetcher *fetcher);

/* From this moment of the monotonic clock on its thread waits for Redis no more, so that an order
 * to stop is obeyed. Any thread. */
void fetcher_limit(struct fetcher *fetcher, int64_t until_ms);

/* Has the thread ended (fetcher_has_ended()): joins it, and gives back and deregisters what it is
 * still registered for. False: it may hold jobs, and Redis refused or could not be reached before
 * the deadline (monotonic); they are recovered when the lease runs out. */
bool fetcher_leave(struct fetcher *fetcher, int64_t deadline_ms);
void fetcher_free(struct fetcher *fetcher); /* after fetcher_leave(); NULL is fine */

#endif
