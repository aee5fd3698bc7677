/* outcome - how a job ended, as text for whoever asked (docs/protocol.md). Pure; any thread. */
#ifndef DARG_JOB_OUTCOME_H
#define DARG_JOB_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct job_outcome {
    struct slice id, type; /* plain text */
    bool is_done;          /* otherwise buried */
    int64_t run;
    struct slice usage; /* what the run has used, JSON; empty: not known */
    struct slice text;  /* the result or the error */
    bool is_json;       /* the text is JSON as it stands; otherwise plain bytes */
    int64_t replaced;   /* bytes of it that were not UTF-8, and are U+FFFD by now */
};

/* Appends {"id":...,"type":...,"outcome":...,"run":N,"result":...} or with "error". Where bytes of
 * the text are not UTF-8, U+FFFD stands for each, and "replaced_bytes" says how many there are, as
 * does the answer. */
int64_t job_append_outcome(struct buf *out, const struct job_outcome *outcome);

#endif
