/* report - what a worker tells of the jobs that it runs: for people, nothing depends on it. */
#ifndef DARG_QUEUE_REPORT_H
#define DARG_QUEUE_REPORT_H

#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* Puts `text`, a line of JSON for each job (docs/protocol.md), in the place of what W told before,
 * for ttl_ms; empty: takes that back. One round trip. */
MUST_CHECK enum status report_write(struct conn *conn, const struct queue *queue,
                                    const char *worker, struct slice text, int64_t ttl_ms,
                                    struct err *err);

/* *text: what W tells, or nil. To be freed. One round trip. */
MUST_CHECK enum status report_read(struct conn *conn, const struct queue *queue, const char *worker,
                                   struct reply **text, struct err *err);

/* What such a text says of the job that W holds by this number: when it began (server time), and
 * what its handler has told last, JSON, within the text. Neither is touched where it says nothing:
 * the job has begun just now, or not yet. */
void report_find(struct slice text, int64_t number, int64_t *since_ms, struct slice *progress);

#endif
