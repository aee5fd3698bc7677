/* room - decides how many jobs a worker asks for, and which queue's turn it is.
 *
 * Room is the idle threads plus what the pool will start within a few milliseconds at the pace it
 * has shown: hundreds of microsecond jobs, none of ten-second ones; less what already waits in the
 * ring or is being claimed. Fetchers wait here for room; it is granted in the order of the queues
 * (strict), or, where queues were given weights, in proportion to them. A queue whose last claim
 * brought jobs keeps its turn for a moment, until its fetcher is back. */
#ifndef DARG_WORKER_FLOW_ROOM_H
#define DARG_WORKER_FLOW_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/flow/ring.h"
#include "worker/shared/load.h"

struct room;

enum {
    ROOM_OUTSTANDING_MAX = 8192
}; /* jobs a process holds at most: bounds memory and the rings */

/* weights: one for each queue, in order of priority; all 0: strict. prefetch: jobs to hold beyond
 * those that run, -1: adaptive. Borrows load and ring (the tasks not started). */
struct room *room_new(struct load *load, struct ring *tasks, const int64_t *weights,
                      size_t queue_count, int64_t prefetch);
void room_free(struct room *room);

/* From now on by these. Any thread. */
void room_set(struct room *room, const int64_t *weights, int64_t prefetch);

/* Waits until queue `slot` may claim, up to timeout_ms, and grants it n jobs (at most CLAIM_MAX);
 * 0: not now (time out, or room_interrupt()). What was granted is given back by
 * room_settle_grant(), whatever was made of it. */
int64_t room_wait(struct room *room, size_t slot, int64_t timeout_ms);

/* As room_wait(), with no waiting and for one queue's turn only if it is its turn. */
int64_t room_try(struct room *room, size_t slot);

/* The claim that a grant was for has ended with `taken` jobs pushed into the ring. */
void room_settle_grant(struct room *room, size_t slot, int64_t granted, int64_t taken);

/* `count` jobs are gone from this process. Any thread. */
void room_forget(struct room *room, int64_t count);

/* True if more waits in the ring than the pool will start soon at its present pace: another worker
 * may have a thread for it. */
bool room_is_overfull(struct room *room);

/* False where --prefetch fixed how much is held ready. */
bool room_is_adaptive(const struct room *room);

/* Something changed that a waiting fetcher must look at (a stop): ends its waiting. */
void room_interrupt(struct room *room);

/* For pool threads, after each take and before sleeping: wakes a fetcher if there is room now. */
void room_notice(struct room *room);

#endif
