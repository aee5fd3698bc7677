/* maker - makes the texts of jobs from options and arguments, lines, or whole objects.
 *
 * The result is valid JSON and within the limits, so no worker will have to bury it for its form.
 * One thread. */
#ifndef DARG_JOB_MAKER_H
#define DARG_JOB_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"

struct maker {
    const char *type;      /* NULL: every job has its own (maker_whole()) */
    const char *id;        /* NULL: a new one for each job */
    const char *backoff;   /* NULL: the worker's default */
    const char *reply;     /* reply list, or NULL */
    int64_t max_attempts;  /* 0: the worker's default */
    int64_t timeout_ms;    /* -1: the worker's default */
    int64_t expires_at_ms; /* server time; 0: never */
    int64_t keep_ms;       /* how long results are kept; 0: not at all */
    int64_t max_bytes;     /* of a job */
    struct buf middle;     /* the text between id and args; made by maker_init() */
    struct buf scratch;
    char last_id[JOB_ID_MAX + 1]; /* of the last job made */
};

/* Checks the fields that the caller has set, and sets the rest. ST_INVALID with a sentence. */
MUST_CHECK enum status maker_init(struct maker *maker, struct err *err);
void maker_fini(struct maker *maker);

/* Each appends one job to `out`, or leaves it unchanged and says what is wrong. */
MUST_CHECK enum status maker_with_args(struct maker *maker, struct slice args_json, struct buf *out,
                                       struct err *err);
MUST_CHECK enum status maker_of_line(struct maker *maker, struct slice line, struct buf *out,
                                     struct err *err);
/* `line` is a whole job. Its bytes are not changed; an id (if it has none), the reply list (if
 * results are waited for) and keep_ms are inserted after the opening brace. */
MUST_CHECK enum status maker_whole(struct maker *maker, struct slice line, struct buf *out,
                                   struct err *err);

#endif
