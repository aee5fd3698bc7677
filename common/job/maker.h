/* maker - makes the texts of jobs: out of options and arguments, lines, or whole objects.
 *
 * What is made is valid JSON and within the limits, so that no worker will have to bury it for its
 * form. One thread. */
#ifndef DARG_JOB_MAKER_H
#define DARG_JOB_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"

struct maker {
    const char *type;      /* NULL: every job says its own (maker_whole()) */
    const char *id;        /* NULL: a new one for each */
    const char *backoff;   /* NULL: the worker's default */
    const char *reply;     /* reply list, or NULL */
    int64_t max_attempts;  /* 0: the worker's default */
    int64_t timeout_ms;    /* -1: the worker's default */
    int64_t expires_at_ms; /* server time; 0: never */
    int64_t keep_ms;       /* how long results are kept; 0: not at all */
    int64_t max_bytes;     /* of a job */
    struct buf middle;     /* what stands between id and args; made by maker_init() */
    struct buf scratch;
    char last_id[JOB_ID_MAX + 1]; /* of the job made last */
};

/* Checks the fields set by the caller and makes the rest. ST_INVALID with a sentence. */
MUST_CHECK enum status maker_init(struct maker *maker, struct err *err);
void maker_fini(struct maker *maker);

/* Each appends one job to `out`, or leaves it as it was and says what is wrong. */
MUST_CHECK enum status maker_with_args(struct maker *maker, struct slice args_json, struct buf *out,
                                       struct err *err);
MUST_CHECK enum status maker_of_line(struct maker *maker, struct slice line, struct buf *out,
                                     struct err *err);
/* `line` is a whole job. Its bytes stay as they are; an id (where there is none), the reply list
 * (where results are waited for) and keep_ms go in right after the opening brace. */
MUST_CHECK enum status maker_whole(struct maker *maker, struct slice line, struct buf *out,
                                   struct err *err);

#endif
