/* schedule - what a keeper does for its queue: it moves jobs that are beside the line back into it
 * (promotes what is due, unboxes what was left in the inbox), and tends the rest. Each call blocks
 * for one round trip, does a bounded amount of work, and may be repeated freely. */
#ifndef DARG_QUEUE_SCHEDULE_H
#define DARG_QUEUE_SCHEDULE_H

#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

struct schedule_promoted {
    int64_t count;       /* jobs that were moved */
    int64_t next_due_ms; /* server time; QUEUE_NEVER: nothing is scheduled */
    int64_t now_ms;      /* server time */
};
/* Moves up to `limit` due jobs to the left end of the queue; while a drain waits for retries, moves
 * those to its right end. */
MUST_CHECK enum status schedule_promote(struct conn *conn, const struct queue *queue, int64_t limit,
                                        struct schedule_promoted *promoted, struct err *err);

/* Moves up to `limit` jobs from the inbox to the right end of the queue, first in line. */
MUST_CHECK enum status schedule_unbox(struct conn *conn, const struct queue *queue, int64_t limit,
                                      int64_t *moved, struct err *err);

/* Throws away up to `limit` dead jobs that exceed the queue's limits, and records for stats since
 * when jobs have waited. *trimmed: how many were thrown away. */
MUST_CHECK enum status schedule_tend(struct conn *conn, const struct queue *queue, int64_t limit,
                                     int64_t *trimmed, struct err *err);

#endif
