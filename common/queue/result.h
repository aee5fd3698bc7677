/* result - how a job ended, kept to be asked for by its id (a job's `keep_ms`). */
#ifndef DARG_QUEUE_RESULT_H
#define DARG_QUEUE_RESULT_H

#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* *text: what is kept, JSON (docs/protocol.md), or nil if nothing is (not yet, no longer, or
 * never); the caller frees it. One round trip. */
MUST_CHECK enum status result_read(struct conn *conn, const struct queue *queue, const char *id,
                                   struct reply **text, struct err *err);

/* Sends a wait for it, to be answered by await_end(). */
MUST_CHECK enum status result_await(struct conn *conn, const struct queue *queue, const char *id,
                                    int64_t timeout_ms, struct err *err);

#endif
