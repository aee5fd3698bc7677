/* runner - runs one job and decides how it ends: reads it, finds its handler, calls it, and turns
 * the handler's outcome into done, retry, bury or release, with the new envelope and the reply.
 * Workers of both deliveries use it. A struct runner is fixed after start and shared by all pool
 * threads. */
#ifndef DARG_WORKER_FLOW_RUNNER_H
#define DARG_WORKER_FLOW_RUNNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "job/policy.h"
#include "worker/flow/running.h"
#include "worker/flow/session.h"
#include "worker/flow/shortage.h"
#include "worker/handler/handler.h"
#include "worker/handler/registry.h"
#include "worker/shared/load.h"

struct runner {
    const struct registry *registry; /* borrowed */
    struct load *load;               /* borrowed */
    struct running *running;         /* borrowed */
    const struct job_policy *policy; /* borrowed */
    bool is_at_most_once;            /* a job that fails is buried, never retried */
    pthread_mutex_t *quarantine;     /* held while a job runs that was running when a worker died */
    struct shortage *shortage;       /* borrowed */
};

/* What is to be run, or buried: an element of a queue, and the claim that names this run
 * ("W:17"). */
struct runner_job {
    struct claim_job element;
    const struct session *session;    /* for the queue's name and the server's time */
    const _Atomic bool *is_cancelled; /* a producer has cancelled it: must not run, or run on */
    int64_t number;                   /* claim number */
    int64_t claimed_ms;               /* monotonic */
    int64_t started_us;               /* monotonic: now */
    size_t thread;                    /* index of the pool thread */
};

/* Scratch memory of one pool thread, reused for every job; zero-initialise. */
struct runner_scratch {
    struct job job;
    struct handler_result result;
    struct err err;
};
void runner_scratch_fini(struct runner_scratch *scratch);

/* Runs the job; blocks as long as its handler does. Returns how to settle it, owned by the caller;
 * NULL: simply done, and nobody waits for a reply. Writes the job's log line. */
struct ending *runner_run(const struct runner *runner, const struct runner_job *what,
                          struct runner_scratch *scratch);

#endif
