/* plugin_job - a job as a handler in C sees it (include/darg.h): what it is, what the handler says
 * about it, and whether it should stop. Belongs to the thread that runs it, except as darg.h says
 * for should_stop and the stop descriptor. */
#ifndef DARG_WORKER_HANDLER_PLUGIN_JOB_H
#define DARG_WORKER_HANDLER_PLUGIN_JOB_H

#include "include/darg.h"
#include "worker/handler/handler.h"

struct darg_job {
    const struct handler_call *call;
    struct handler_result *result;
    int64_t stop_ms;    /* monotonic: its timeout; INT64_MAX: none */
    struct buf args;    /* NUL-terminated; empty until asked for */
    int stop_fd;        /* epoll of timer_fd and abort_fd; -1: not asked for yet */
    int timer_fd;       /* fires at the timeout; -1: none */
    bool is_bad_result; /* a result was refused; the error in `result` says why */
};

void plugin_job_begin(struct darg_job *job, const struct handler_call *call,
                      struct handler_result *result);
void plugin_job_end(struct darg_job *job);

/* Puts the value that the handler's `run` returned into the result. */
void plugin_job_conclude(struct darg_job *job, int answer);

#endif
