/* cancel - stops jobs from running, or from running on.
 *
 * Jobs that wait or are delayed are moved to the dead set here. Jobs that workers hold are marked:
 * their worker stops and buries them as soon as it renews its lease. */
#ifndef DARG_QUEUE_CANCEL_H
#define DARG_QUEUE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "queue/keys.h"
#include "redis/conn.h"

#define CANCEL_REASON "cancelled" /* the error of a cancelled job begins with it */

enum { CANCEL_MARK_MS = 60 * 1000 }; /* how long a mark lasts unless taken back */

/* Marks these ids, at *now_ms of the server's clock / takes the marks back. May be repeated. */
MUST_CHECK enum status cancel_mark(struct conn *conn, const struct queue *queue,
                                   const char *const *ids, size_t count, int64_t *now_ms,
                                   struct err *err);
MUST_CHECK enum status cancel_unmark(struct conn *conn, const struct queue *queue,
                                     const char *const *ids, size_t count, struct err *err);

/* Moves a job from `key` (the queue, its inbox, or scheduled) to the dead set, and tells those who
 * wait for it or its result. *is_removed false: it was no longer there. May be repeated. */
MUST_CHECK enum status cancel_remove(struct conn *conn, const struct queue *queue, const char *key,
                                     const struct job *job, bool *is_removed, struct err *err);

#endif
