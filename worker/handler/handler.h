/* handler - the code that does the work of a job, behind one function.
 *
 * A handler is called by pool threads: one job at a time per thread, but in many threads at once.
 * It returns when the job has ended or when `abort_fd` has become readable, whichever comes
 * first. */
#ifndef DARG_WORKER_HANDLER_HANDLER_H
#define DARG_WORKER_HANDLER_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "job/job.h"
#include "worker/program/home.h"
#include "worker/program/usage.h"

/* Receives what a handler says while its job runs. Both functions return quickly; the text is
 * borrowed during the call, and comes from outside: any bytes, any length. Pool thread only. */
struct handler_observer {
    void (*progress)(struct handler_observer *observer, struct slice text); /* JSON text */
    void (*log)(struct handler_observer *observer, enum log_level level, struct slice text);
};

/* What a handler is given; everything is borrowed during the call. */
struct handler_call {
    const struct job *job;
    const char *queue;   /* name of the queue */
    int64_t run;         /* fencing token: grows strictly with every run of the job */
    int64_t attempt;     /* 1 for the first */
    int64_t timeout_ms;  /* 0: none */
    int64_t deadline_ms; /* wall clock, for DARG_JOB_DEADLINE; 0: none */
    int64_t max_output;  /* bytes of result allowed; more is an error */
    size_t thread;       /* index of the pool thread; calls in one thread never overlap */
    struct handler_observer *observer; /* NULL: nobody listens */
    int abort_fd; /* when readable: end at once, with HANDLER_ABORTED. Must not be read from. */
};

enum handler_outcome {
    HANDLER_DONE,
    HANDLER_RETRY,   /* failed: try again later; dead once its attempts are used up */
    HANDLER_BURY,    /* failed for good */
    HANDLER_ABORTED, /* told to end by abort_fd: the job is given back */
    /* Not begun, because the worker lacks resources. Says nothing about the job, which can run as
     * soon as there are enough. */
    HANDLER_UNABLE,
};

/* What a handler returns. The runner clears it before each call (no output, retry_after_ms -1, no
 * usage) and owns the buffers. */
struct handler_result {
    enum handler_outcome outcome;
    struct buf output;       /* the result */
    bool output_is_json;     /* output is JSON text already; otherwise it is plain bytes */
    int64_t output_replaced; /* bytes of it that were not UTF-8 and have been replaced by U+FFFD */
    struct buf error;        /* reason, for people, unless the outcome is HANDLER_DONE */
    /* With HANDLER_RETRY: the delay it asks for; -1: use the job's backoff. */
    int64_t retry_after_ms;
    bool is_stop;  /* with HANDLER_RETRY: somebody else told its process to end */
    bool is_crash; /* with HANDLER_RETRY: its process died during the job, which counts a crash */
    struct usage usage; /* if a process ran it */
};

typedef void (*handler_fn)(void *state, const struct handler_call *call,
                           struct handler_result *result);

/* The end of a pool thread, in steps: each step is taken for all handlers before the next, so that
 * their processes end side by side and not one after another. */
enum handler_leave {
    LEAVE_ASK,  /* do not wait; say that there will be no more jobs */
    LEAVE_TERM, /* wait until `until_ms`, then ask what is still running to end */
    LEAVE_KILL, /* wait until `until_ms`, then kill it; nothing is left afterwards */
};

struct limits;

struct handler {
    const char *type; /* borrowed from the registry */
    handler_fn run;
    void *state;
    int64_t timeout_ms; /* upper limit of its runs, whatever their jobs say; 0: none */
    int64_t max_output; /* bytes of a result; 0: as the worker says */
    /* Called once, before any run: sets the limits of its programs, borrowed for the handler's
     * lifetime. ST_INVALID with a sentence. NULL: it has no programs. */
    enum status (*limit)(void *state, const struct limits *limits, struct err *err);
    /* Called in each process that runs jobs: begin before there are threads, end after the last
     * job; NULL: nothing to do then. Several handlers may share what is begun, so a second call
     * does nothing. Its programs use `home`, which is borrowed until end. */
    enum status (*begin)(void *state, const struct home *home, struct err *err);
    void (*end)(void *state);
    /* Called by a pool thread that has had nothing to do for a while: looks after what the handler
     * keeps for that thread, without waiting. NULL: it keeps nothing that needs it. */
    void (*attend)(void *state, size_t thread);
    /* Called by a pool thread that ends; until_ms is monotonic. NULL: it keeps nothing per
     * thread. */
    void (*leave)(void *state, size_t thread, enum handler_leave step, int64_t until_ms);
    void (*free_state)(void *state); /* NULL: nothing to free */
};

/* How long a run may take; 0: for ever. job_ms: what the job says (-1: nothing); worker_ms: the
 * worker's default for jobs that say nothing. */
int64_t handler_timeout_ms(const struct handler *handler, int64_t job_ms, int64_t worker_ms);

/* How many bytes its result may have; worker_max: what the worker allows in general. */
int64_t handler_max_output(const struct handler *handler, int64_t worker_bytes);

#endif
