/* plugin_job - a job as a handler in C sees it (include/darg.h): what it is, what is said about it,
 * and whether it is to stop. Belongs to the thread that runs it; what darg.h says of should_stop
 * and the stop descriptor holds. */
#ifndef DARG_WORKER_HANDLER_PLUGIN_JOB_H
#define DARG_WORKER_HANDLER_PLUGIN_JOB_H

#include "include/darg.h"
#include "worker/handler/handler.h"

struct darg_job {
    const struct handler_call *call;
    struct handler_result *result;
    int64_t stop_ms;    /* monotonic: its time-out; INT64_MAX: none */
    struct buf args;    /* terminated; empty until they are asked for */
    int stop_fd;        /* epoll of the next and abort_fd; -1: not asked for */
    int timer_fd;       /* its time-out; -1: none */
    bool is_bad_result; /* a result was refused; the result's error says why */
};

void plugin_job_begin(struct darg_job *job, const struct handler_call *call,
                      struct handler_result *result);
void plugin_job_end(struct darg_job *job);

/* Puts what `run` has answered into the result. */
void plugin_job_conclude(struct darg_job *job, int answer);

#endif
