/* runner_state - what the two halves of the runner share: a run in progress. Included by runner*.c
 * only. */
#ifndef DARG_WORKER_FLOW_RUNNER_STATE_H
#define DARG_WORKER_FLOW_RUNNER_STATE_H

#include "worker/flow/runner.h"

/* One run; on the pool thread's stack, no other thread touches it. */
struct run {
    struct handler_observer observer; /* first: its functions cast it back to the run */
    const struct runner *runner;
    const struct runner_job *what;
    struct job *job;
    struct handler_result *result;
    struct slice id;                 /* of the job, or the claim's name where it has none */
    char claim[LEASE_NAME_MAX + 32]; /* W:number */
    int64_t started_ms;
    bool is_cancelled;   /* by a producer */
    bool has_begun;      /* its handler could be started */
    bool is_told_to_end; /* while it waited for the resources to start */
    int64_t put_off_ms;  /* with HANDLER_UNABLE: delay before it is queued again */
    size_t said;         /* lines logged by its handler */
};

/* Clears the result before a handler is called. */
void run_clear_result(struct handler_result *result);

/* Replaces what the handler has said by an outcome and its reason. */
void run_fail(struct run *run, enum handler_outcome outcome, const char *reason);

/* The name by which the supervisor can blame it. */
struct load_run run_name(const struct run *run);

#define RUN_EXPIRED_REASON "it expired before it could be run"
bool run_is_expired(const struct run *run);

/* Calls the handler and fills in run->result: at once, or, for a job that was running when a worker
 * died, when no other such job runs. If the worker lacks the resources to start the handler, the
 * job may wait for a while first; HANDLER_UNABLE if that was in vain. */
void run_call(struct run *run, const struct handler *handler);

/* The functions of run->observer: what a handler says while it runs. */
void run_observe_progress(struct handler_observer *observer, struct slice text);
void run_observe_log(struct handler_observer *observer, enum log_level level, struct slice text);

#endif
