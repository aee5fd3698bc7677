/* control - what operators and workers tell a queue: pause, limits, the sentinel, the shutdown
 * keys, purge. Each call blocks for a round trip or two and may be repeated. */
#ifndef DARG_QUEUE_CONTROL_H
#define DARG_QUEUE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/lease.h"
#include "queue/place.h"

/* paused: no job is handed out; pushing goes on. */
MUST_CHECK enum status control_pause(struct conn *conn, const struct queue *queue, bool is_paused,
                                     struct err *err);

/* Settings of `darg limit`: names are max_len, rate, rate_ms, concurrency, dead_max, dead_age_ms.
 * value < 0 removes it. */
MUST_CHECK enum status control_set_limit(struct conn *conn, const struct queue *queue,
                                         const char *name, int64_t value, struct err *err);
/* -1: not set. */
MUST_CHECK enum status control_get_limit(struct conn *conn, const struct queue *queue,
                                         const char *name, int64_t *value, struct err *err);

struct control_sentinel {
    bool was_pushed;
    bool is_paused; /* a paused queue will not drain */
    int64_t now_ms;
    struct lease_drain last_drain;
    bool has_drained; /* that one ended after the one which the caller knew */
};
/* Pushes the sentinel, unless the queue's newest element is one. known: NULL; or, to repeat a push
 * whose sentinel may have vanished, the last drain that the caller knows: then it is pushed only
 * onto an empty queue, and only if no drain has ended since. awaits_retries: the drain waits for
 * the retries of what was pushed before it, too. */
MUST_CHECK enum status control_push_sentinel(struct conn *conn, const struct queue *queue,
                                             const struct lease_drain *known, bool awaits_retries,
                                             struct control_sentinel *answer, struct err *err);
/* Pushes nothing: how it stands. */
MUST_CHECK enum status control_look_at_drain(struct conn *conn, const struct queue *queue,
                                             const struct lease_drain *known,
                                             struct control_sentinel *answer, struct err *err);

/* A draining worker's tick; see lua/drain.lua. */
enum control_drain {
    DRAIN_LOST,    /* not registered any more */
    DRAIN_WORK,    /* jobs stand ahead of the sentinel, or it is gone: claim */
    DRAIN_HOLDING, /* the worker still holds jobs */
    DRAIN_WAITING, /* for the other workers, or for retries */
    DRAIN_LOOKING, /* for retries among what is scheduled: call again, with *look as it is now */
    DRAIN_ENDED,   /* the drain is complete: deregister */
};
/* How far a worker has looked for retries. Zeroed at first, and after each reconnect: another
 * server lists things in another order. */
struct control_look {
    char cursor[24], retried[24];
};
/* *known: the last drain that the worker knows; after each answer but DRAIN_LOST, what it is to
 * know from now on. */
MUST_CHECK enum status control_drain(struct conn *conn, const struct lease *lease,
                                     struct lease_drain *known, struct control_look *look,
                                     enum control_drain *outcome, struct err *err);

/* At-most-once: hands a popped sentinel back to the head of the line. */
MUST_CHECK enum status control_return_sentinel(struct conn *conn, const struct queue *queue,
                                               bool awaits_retries, struct err *err);

/* The shutdown keys. Orders, the gravest last. */
enum control_order { ORDER_NONE, ORDER_QUIET, ORDER_DRAIN, ORDER_STOP };
/* The word's order; ORDER_NONE for "" and for nonsense, which *is_known then tells apart. */
enum control_order control_parse_order(struct slice word, bool *is_known);
const char *control_order_name(enum control_order order);

/* Reads the two keys that are of no queue: of all workers, and of `process`. Each "" if unset. */
struct control_orders {
    char of_all[16];
    char of_process[16];
};
MUST_CHECK enum status control_read_orders(struct conn *conn, const char *namespace,
                                           const char *process, struct control_orders *orders,
                                           struct err *err);
/* Sets (or with ORDER_NONE clears) a shutdown key by its full name. */
MUST_CHECK enum status control_set_order(struct conn *conn, const char *key,
                                         enum control_order order, struct err *err);

/* Throws away, in one step, all jobs that are in these states: PLACE_WAITING, PLACE_SCHEDULED,
 * PLACE_DEAD. What workers hold is not touched. */
struct control_purged {
    int64_t waiting, scheduled, dead;
};
MUST_CHECK enum status control_purge(struct conn *conn, const struct queue *queue, int states,
                                     struct control_purged *purged, struct err *err);

#endif
