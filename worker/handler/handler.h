/* handler - the code that does a job's work, behind one function.
 *
 * A handler is called by a pool thread, for one job at a time in that thread and for many at once
 * over all threads. It returns when the job has ended or when `abort_fd` has become readable,
 * whichever comes first. */
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

/* Who hears what a handler says while its job runs. Both return soon; the text is borrowed for the
 * time of the call, and comes from outside: any bytes, any length. Pool thread only. */
struct handler_observer {
    void (*progress)(struct handler_observer *observer, struct slice text); /* JSON text */
    void (*log)(struct handler_observer *observer, enum log_level level, struct slice text);
};

/* What a handler is given; everything is borrowed for the time of the call. */
struct handler_call {
    const struct job *job;
    const char *queue;   /* name of the queue */
    int64_t run;         /* fencing token: grows strictly with every run of the job */
    int64_t attempt;     /* 1 for the first */
    int64_t timeout_ms;  /* 0: none */
    int64_t deadline_ms; /* wall clock, for DARG_JOB_DEADLINE; 0: none */
    int64_t max_output;  /* bytes of result kept; more is an error */
    size_t thread;       /* index of the pool thread: calls of one thread follow each other */
    struct handler_observer *observer; /* NULL: nobody listens */
    int abort_fd; /* readable: end at once, outcome HANDLER_ABORTED. Never read from. */
};

enum handler_outcome {
    HANDLER_DONE,
    HANDLER_RETRY,   /* failed: again later, or dead once its attempts are used up */
    HANDLER_BURY,    /* failed for good */
    HANDLER_ABORTED, /* told to end by abort_fd: the job is given back */
    /* Not begun: the worker lacks what it takes to start it. Says nothing of the job, which can be
     * run as soon as there is more. */
    HANDLER_UNABLE,
};

/* What it answers. The runner clears it before each call (no output, retry_after_ms -1, no usage)
 * and owns the buffers. */
struct handler_result {
    enum handler_outcome outcome;
    struct buf output;       /* the result */
    bool output_is_json;     /* output is JSON text as it stands; otherwise it is plain bytes */
    int64_t output_replaced; /* bytes of it that were not UTF-8, and are U+FFFD already */
    struct buf error;        /* reason, for a person, where the outcome is no HANDLER_DONE */
    int64_t retry_after_ms;  /* with HANDLER_RETRY: the pause it asks for; -1: the job's backoff */
    bool is_stop;            /* with HANDLER_RETRY: somebody else has told its process to end */
    bool is_crash; /* with HANDLER_RETRY: its process died under the job, which counts a crash */
    struct usage usage; /* where a process has run it */
};

typedef void (*handler_fn)(void *state, const struct handler_call *call,
                           struct handler_result *result);

/* The end of a pool thread, in steps: each is taken for all handlers before the next begins. */
enum handler_leave {
    LEAVE_ASK,  /* do not wait: say that there will be no more jobs */
    LEAVE_TERM, /* wait until `until_ms`, then ask what still runs to end */
    LEAVE_KILL, /* wait until `until_ms`, then make it end; nothing is left afterwards */
};

struct limits;

struct handler {
    const char *type; /* borrowed from the registry */
    handler_fn run;
    void *state;
    int64_t timeout_ms; /* its runs take no longer, whatever their jobs say; 0: none of its own */
    int64_t max_output; /* bytes; 0: the worker's */
    /* Once, before any run: its programs are held to these, borrowed for as long as it lives.
     * ST_INVALID with a sentence. NULL: it has no programs. */
    enum status (*limit)(void *state, const struct limits *limits, struct err *err);
    /* Called in a process that runs jobs, before there are threads and after the last job; NULL:
     * has nothing to do then. Several handlers may share what is begun: again does nothing. Its
     * programs have what this home has, which is borrowed until then. */
    enum status (*begin)(void *state, const struct home *home, struct err *err);
    void (*end)(void *state);
    /* Called by a pool thread that has had nothing to do for a while: looks after what it keeps for
     * that thread, without waiting. NULL: keeps nothing that could need it. */
    void (*attend)(void *state, size_t thread);
    /* Called by a pool thread that ends, until_ms on the monotonic clock; NULL: keeps nothing for a
     * thread. */
    void (*leave)(void *state, size_t thread, enum handler_leave step, int64_t until_ms);
    void (*free_state)(void *state); /* NULL: nothing to free */
};

/* How long a run may take, 0 being for ever: job_ms is what the job says (-1: nothing), worker_ms
 * what the worker says of jobs that say nothing. */
int64_t handler_timeout_ms(const struct handler *handler, int64_t job_ms, int64_t worker_ms);

/* How many bytes its result may have, if the worker says so much of results in general. */
int64_t handler_max_output(const struct handler *handler, int64_t worker_bytes);

#endif
