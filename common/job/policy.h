/* policy - a worker's limits for a job: how large it may be, how often and how long it may run.
 *
 * One struct, passed from the options to the claim and the runner, so that a new setting needs only
 * an option's row, a field here, and its use. Fixed after start. */
#ifndef DARG_JOB_POLICY_H
#define DARG_JOB_POLICY_H

#include <stdint.h>

#include "job/retry.h"

struct job_policy {
    /* Defaults, for jobs that do not say so themselves. */
    int64_t max_attempts;
    int64_t timeout_ms; /* 0: none */
    struct retry_backoff backoff;
    /* For all: */
    int64_t max_crashes;  /* workers that a job may kill before it is buried unrun */
    int64_t max_job_size; /* bytes; larger jobs are buried unread */
    int64_t max_output;   /* bytes of a result, unless the handler has its own limit */
};

#endif
