/* dead - the dead set, for operators: look through it, send jobs back, drop them. */
#ifndef DARG_QUEUE_DEAD_H
#define DARG_QUEUE_DEAD_H

#include <stdint.h>

#include "job/job.h"
#include "queue/keys.h"
#include "redis/conn.h"

/* A page of the dead set, most recently dead first: members and scores from rank `start` on. The
 * reply, which the caller frees, is an array of member, score, member, score ... */
MUST_CHECK enum status dead_page(struct conn *conn, const struct queue *queue, int64_t start,
                                 int64_t count, struct reply **page, struct err *err);

/* Sends members back to the queue; their crashes and attempts start from zero, their runs go on
 * counting. *moved: how many were still there. */
MUST_CHECK enum status dead_revive(struct conn *conn, const struct queue *queue,
                                   const struct slice *members, size_t count, int64_t *moved,
                                   struct err *err);

/* Removes members for good. */
MUST_CHECK enum status dead_drop(struct conn *conn, const struct queue *queue,
                                 const struct slice *members, size_t count, int64_t *dropped,
                                 struct err *err);

#endif
