/* report - what a worker says about the jobs it is running: for people; nothing depends on it. */
#ifndef DARG_QUEUE_REPORT_H
#define DARG_QUEUE_REPORT_H

#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* Replaces what W said before by `text`, one line of JSON per job (docs/protocol.md), for ttl_ms;
 * if empty, removes it. One round trip. */
MUST_CHECK enum status report_write(struct conn *conn, const struct queue *queue,
                                    const char *worker, struct slice text, int64_t ttl_ms,
                                    struct err *err);

/* *text: what W says, or nil; the caller frees it. One round trip. */
MUST_CHECK enum status report_read(struct conn *conn, const struct queue *queue, const char *worker,
                                   struct reply **text, struct err *err);

/* What such a text says about the job that W holds under this number: when it began (server time),
 * and what its handler reported last, JSON, pointing into the text. If it says nothing (the job has
 * begun just now, or not yet), neither is touched. */
void report_find(struct slice text, int64_t number, int64_t *since_ms, struct slice *progress);

#endif
