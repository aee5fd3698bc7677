/* verdict - decides whether every job that was pushed has run or is in exactly one place, and
 * whether the queue's counters agree.
 *
 * For a run of workers and producers that is over, or at rest: the keys are read one after another,
 * not in one step. One thread only. */
#ifndef DARG_TESTS_SUPPORT_VERDICT_H
#define DARG_TESTS_SUPPORT_VERDICT_H

#include <stdio.h>

#include "redis/conn.h"
#include "support/ledger.h"

struct verdict {
    size_t pushed, uncertain; /* acknowledged; not acknowledged */
    size_t arrived;           /* of the uncertain: jobs that have run, or are in Redis */
    size_t ended, dead;       /* jobs */
    size_t waiting, scheduled, held;

    /* Runs beyond a job's first, by how the run before had ended. */
    size_t retried;  /* it had failed */
    size_t cut;      /* it had not ended: its worker was killed, or expelled */
    size_t repeated; /* it had ended: its worker died, or was expelled, before Redis knew */

    /* What must not happen: all of these should be 0. */
    size_t lost; /* acknowledged jobs that have not ended, and are nowhere */
    /* In an inbox, held or being reaped, with no worker alive to attend to them. */
    size_t stuck;
    size_t doubled;      /* in two places */
    size_t unexpected;   /* jobs that nobody has pushed */
    size_t same_run;     /* runs whose number, the fencing token, was not new */
    int64_t unaccounted; /* claimed - done - retried - buried - released - reaped - held */
    int64_t untold;      /* jobs that have ended and left, minus those counted as done */

    struct buf examples; /* lines: the first few jobs that are wrong, and how */
};

struct verdict_options {
    const char *namespace;
    const char *const *queues; /* all queues that were pushed to; ends with NULL */
    int64_t lease_ms;          /* a worker that has not renewed for this long plus 2 s is dead */
};

/* Reads Redis and reaches a verdict. On ST_OK, free it with verdict_fini(). */
MUST_CHECK enum status verdict_reach(struct conn *conn, const struct verdict_options *options,
                                     struct ledger *ledger, struct verdict *verdict,
                                     struct err *err);
void verdict_fini(struct verdict *verdict);

bool verdict_is_good(const struct verdict *verdict);

void verdict_print(const struct verdict *verdict, FILE *out);
void verdict_print_json(const struct verdict *verdict, FILE *out); /* an object; no newline */

#endif
