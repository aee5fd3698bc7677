/* collect - a producer takes the results of its jobs off a reply list, each exactly once.
 *
 * A result leaves the list only when a later call says that it has been received, so a lost answer
 * loses no result. All calls for a list come from one producer. */
#ifndef DARG_QUEUE_COLLECT_H
#define DARG_QUEUE_COLLECT_H

#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

enum { COLLECT_MAX = 256 }; /* results in one answer */

/* The results that follow the `received` ones the caller has, as many as fit into one answer: an
 * array of strings, which the caller frees; empty if there is none now. May be repeated. */
MUST_CHECK enum status collect_call(struct conn *conn, const struct queue *queue, const char *reply,
                                    int64_t received, struct reply **results, struct err *err);

/* Sends a wait of up to timeout_ms for a result, to be answered by await_end(). */
MUST_CHECK enum status collect_await(struct conn *conn, const struct queue *queue,
                                     const char *reply, int64_t timeout_ms, struct err *err);

/* Removes the list. Anything that arrives later expires by itself. */
MUST_CHECK enum status collect_end(struct conn *conn, const struct queue *queue, const char *reply,
                                   struct err *err);

#endif
