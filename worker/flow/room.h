/* room - decides how many jobs a worker asks for, and which queue's turn it is.
 *
 * Room is the number of idle threads, plus what the pool will start within a few milliseconds at
 * its recent pace (hundreds of microsecond jobs, no ten-second jobs), minus what already waits in
 * the ring or is being claimed. Fetchers wait here for room; it is granted in the order of the
 * queues (strict), or in proportion to their weights if they have any. A queue whose last claim
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

/* Changes weights and prefetch from now on. Any thread. */
void room_set(struct room *room, const int64_t *weights, int64_t prefetch);

/* Waits until queue `slot` may claim, up to timeout_ms, and grants it n jobs (at most CLAIM_MAX);
 * 0: not now (timed out, or room_interrupt()). Every grant must be given back with
 * room_settle_grant(), whatever came of it. */
int64_t room_wait(struct room *room, size_t slot, int64_t timeout_ms);

/* Like room_wait(), without waiting. */
int64_t room_try(struct room *room, size_t slot);

/* The claim that a grant was for has ended with `taken` jobs pushed into the ring. */
void room_settle_grant(struct room *room, size_t slot, int64_t granted, int64_t taken);

/* `count` jobs have left this process. Any thread. */
void room_forget(struct room *room, int64_t count);

/* True if more tasks wait in the ring than the pool will start soon at its present pace: another
 * worker may have threads for them. */
bool room_is_overfull(struct room *room);

/* False if --prefetch fixes how much is held ready. */
bool room_is_adaptive(const struct room *room);

/* Ends the waiting of all fetchers, because something has changed that they must look at, such as
 * an order to stop. */
void room_interrupt(struct room *room);

/* For pool threads, after each take and before they sleep: wakes a fetcher if there may be room
 * now. */
void room_notice(struct room *room);

#endif
