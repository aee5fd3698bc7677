/* filler - pushes no-op jobs of a chosen size onto a list as fast as Redis takes them, for
 * benchmarks. Failures abort the program. One thread only. */
#ifndef DARG_TESTS_SUPPORT_FILLER_H
#define DARG_TESTS_SUPPORT_FILLER_H

#include <stddef.h>
#include <stdint.h>

#include "redis/conn.h"

/* Bytes of a job around its payload, and the payload that makes a job of 100 bytes. */
enum { FILLER_FRAME = 51, FILLER_PAYLOAD = 100 - FILLER_FRAME };

/* {"id":"<number>","type":"noop","args":["xxx..."]} with `payload` times x. */
void filler_job(struct buf *job, int64_t number, size_t payload);

/* LPUSH with many jobs per call, several calls under way; returns when the last has been
 * answered. */
void filler_push(struct conn *conn, const char *key, int64_t count, size_t payload);

/* Sends without waiting; waits for the next reply: for pipelines. */
void filler_send(struct conn *conn, const struct request *request);
struct reply *filler_receive(struct conn *conn);

#endif
