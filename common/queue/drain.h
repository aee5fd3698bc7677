/* drain - working until all jobs pushed so far are done: the sentinel in the queue, and what a
 * worker that drains it calls again and again. Each call blocks for a round trip and may be
 * repeated. */
#ifndef DARG_QUEUE_DRAIN_H
#define DARG_QUEUE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/lease.h"

struct drain_sentinel {
    bool was_pushed;
    bool is_paused; /* a paused queue will not drain */
    int64_t now_ms;
    struct lease_drain last_drain;
    bool has_drained; /* that one ended after the one the caller knew */
};
/* Pushes the sentinel, unless the queue's newest element is one. known: NULL; or, to repeat a push
 * whose sentinel may have vanished, the last drain that the caller knows: then it is pushed only
 * onto an empty queue, and only if no drain has ended since. awaits_retries: the drain also waits
 * for retries of jobs pushed before it. */
MUST_CHECK enum status drain_push_sentinel(struct conn *conn, const struct queue *queue,
                                           const struct lease_drain *known, bool awaits_retries,
                                           struct drain_sentinel *answer, struct err *err);
/* How the drain stands. Pushes nothing. */
MUST_CHECK enum status drain_read(struct conn *conn, const struct queue *queue,
                                  const struct lease_drain *known, struct drain_sentinel *answer,
                                  struct err *err);

/* What a draining worker is told; see lua/drain.lua. */
enum drain_outcome {
    DRAIN_LOST,    /* not registered any more */
    DRAIN_WORK,    /* jobs stand ahead of the sentinel, or it is gone: claim */
    DRAIN_HOLDING, /* the worker still holds jobs */
    DRAIN_WAITING, /* for the other workers, or for retries */
    DRAIN_LOOKING, /* for retries among what is scheduled: call again, with *look as it is now */
    DRAIN_ENDED,   /* the drain is complete: deregister */
};
/* How far a worker has looked for retries. Zeroed at first, and after each reconnect, because
 * another server scans in another order. */
struct drain_look {
    char cursor[24], retried[24];
};
/* *known: the last drain that the worker knows; each answer but DRAIN_LOST sets it to the one the
 * worker should know from now on. */
MUST_CHECK enum status drain_tick(struct conn *conn, const struct lease *lease,
                                  struct lease_drain *known, struct drain_look *look,
                                  enum drain_outcome *outcome, struct err *err);

/* At-most-once: hands a popped sentinel back to the head of the line. */
MUST_CHECK enum status drain_return_sentinel(struct conn *conn, const struct queue *queue,
                                             bool awaits_retries, struct err *err);

#endif
