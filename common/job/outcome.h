/* outcome - how a job ended, as text for the producer that asked (docs/protocol.md). Pure; any
 * thread. */
#ifndef DARG_JOB_OUTCOME_H
#define DARG_JOB_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct job_outcome {
    struct slice id, type; /* plain text */
    bool is_done;          /* otherwise buried */
    int64_t run;
    struct slice usage; /* what the run used, JSON; empty: not known */
    struct slice text;  /* the result or the error */
    bool is_json;       /* `text` is JSON already; otherwise plain bytes */
    int64_t replaced;   /* bytes of it that were not UTF-8 and have been replaced by U+FFFD */
};

/* Appends {"id":...,"type":...,"outcome":...,"run":N,"result":...} or with "error". Each byte of
 * the text that is not UTF-8 becomes U+FFFD; "replaced_bytes" says how many did, as does the return
 * value. */
int64_t job_append_outcome(struct buf *out, const struct job_outcome *outcome);

#endif
