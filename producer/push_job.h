/* push_job - makes the texts of jobs: out of options and arguments, lines, or whole objects.
 *
 * What is made is valid JSON and within the limits, so that no worker will have to bury it for its
 * form. One thread. */
#ifndef DARG_PRODUCER_PUSH_JOB_H
#define DARG_PRODUCER_PUSH_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"

struct push_job {
    const char *type;      /* NULL: every job says its own (push_job_whole()) */
    const char *id;        /* NULL: a new one for each */
    const char *backoff;   /* NULL: the worker's default */
    const char *reply;     /* reply list, or NULL */
    int64_t max_attempts;  /* 0: the worker's default */
    int64_t timeout_ms;    /* -1: the worker's default */
    int64_t expires_at_ms; /* server time; 0: never */
    int64_t keep_ms;       /* how long results are kept; 0: not at all */
    int64_t max_bytes;     /* of a job */
    struct buf middle;     /* what stands between id and args; made by push_job_init() */
    struct buf scratch;
    char last_id[JOB_ID_MAX + 1]; /* of the job made last */
};

/* Checks the fields set by the caller and makes the rest. ST_INVALID with a sentence. */
MUST_CHECK enum status push_job_init(struct push_job *maker, struct err *err);
void push_job_fini(struct push_job *maker);

/* Each appends one job to `out`, or leaves it as it was and says what is wrong. */
MUST_CHECK enum status push_job_with_args(struct push_job *maker, struct slice args_json,
                                          struct buf *out, struct err *err);
MUST_CHECK enum status push_job_of_line(struct push_job *maker, struct slice line, struct buf *out,
                                        struct err *err);
/* `line` is a whole job. Its bytes stay as they are; an id (where there is none), the reply list
 * (where results are waited for) and keep_ms go in right after the opening brace. */
MUST_CHECK enum status push_job_whole(struct push_job *maker, struct slice line, struct buf *out,
                                      struct err *err);

#endif
