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
};

/* Appends {"id":...,"type":...,"outcome":...,"run":N,"result":...} or with "error". */
void job_append_outcome(struct buf *out, const struct job_outcome *outcome);

#endif
