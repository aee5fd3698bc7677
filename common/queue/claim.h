/* claim - a worker takes a batch of jobs: the claim script, and the blocking wait that wakes an
 * idle worker. */
#ifndef DARG_QUEUE_CLAIM_H
#define DARG_QUEUE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "job/policy.h"
#include "queue/lease.h"

enum { CLAIM_MAX = 1000 };             /* jobs in one claim */
enum { CLAIM_SHORT_BYTES = 64 << 10 }; /* of a job of which only the start is answered */

struct claim_options {
    int64_t max_bytes; /* about how many bytes one claim may carry */
    /* Of larger jobs than max_job_size, and of suspects with max_crashes, only the start is
     * answered. */
    struct job_policy policy;
    bool discard_sentinel; /* --ignore-sentinel */
};

enum claim_outcome {
    CLAIM_JOBS,  /* jobs were claimed */
    CLAIM_EMPTY, /* nothing waits; next_due_ms: when something may */
    CLAIM_DRAIN, /* the sentinel is at the head of the line */
    CLAIM_WAIT,  /* paused or limited: ask again in wait_ms */
    CLAIM_STALE, /* the request was an old one: cannot be, with one open at a time */
    CLAIM_LOST,  /* no longer registered: start over under a new name */
};

/* What a claim answered. Owns the reply into which the job slices point: claim_fini(). */
struct claim {
    enum claim_outcome outcome;
    int64_t now_ms;      /* server time */
    int64_t base;        /* job i has number base + 1 + i */
    size_t count;        /* places in the answer, including missing ones */
    int64_t next_due_ms; /* CLAIM_EMPTY; QUEUE_NEVER: nothing scheduled */
    int64_t wait_ms;     /* CLAIM_WAIT */
    const struct reply *jobs;
    struct reply *reply;
};
void claim_fini(struct claim *claim);

/* Job i (i < count). Of a job that the worker will only bury, since it is too large or poison, the
 * answer may hold just its size and its first bytes. */
struct claim_job {
    struct slice text; /* borrowed; ptr NULL if a repeated claim finds the job gone */
    bool is_short;     /* text is just its beginning */
    int64_t size;      /* if is_short: bytes of the whole original */
};
struct claim_job claim_job(const struct claim *claim, size_t i);

/* Encodes a claim of up to n jobs after number `base`. The caller keeps the request until
 * claim_call() answers ST_OK, and sends it again, unchanged, after any failure. */
void claim_encode(struct request *request, const struct lease *lease, int64_t base, int64_t n,
                  const struct claim_options *options);
MUST_CHECK enum status claim_call(struct conn *conn, const struct request *request,
                                  struct claim *claim, struct err *err);

/* Sends the blocking wait (BLMOVE queue inbox, timeout_ms) without waiting for it; then conn_wait()
 * and, once readable, claim_wait_end(): *woken is true if a job has come into the inbox. Redis
 * answers with the job itself, too, but that is not kept, however large it is. */
MUST_CHECK enum status claim_wait_begin(struct conn *conn, const struct queue *queue,
                                        int64_t timeout_ms, struct err *err);
MUST_CHECK enum status claim_wait_end(struct conn *conn, bool *woken, struct err *err);

#endif
