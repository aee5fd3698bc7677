/* darg - push jobs, handle jobs, or be a worker, from C or C++.
 *
 * Three parts, each of use by itself:
 *
 *   client    a program pushes jobs            link with libdarg (pkg-config darg)
 *   handler   a plugin does jobs               link with nothing: cc -shared -fPIC p.c -o p.so
 *   worker    a program is a whole worker      link with libdarg
 *
 * Texts are UTF-8. Whatever is passed in is copied or used only during the call, unless a line says
 * otherwise. Where memory runs out the process ends, as darg's own programs do. docs/libdarg.md and
 * docs/handlers.md have examples. */
#ifndef DARG_H
#define DARG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a plugin that was built before no longer fits. */
#define DARG_ABI_VERSION 1

#define DARG_ID_SIZE 129 /* bytes of a job's id at most, with its NUL */

#if defined(__GNUC__)
#define DARG_API __attribute__((visibility("default")))
#define DARG_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#else
#define DARG_API
#define DARG_PRINTF(format_at, args_at)
#endif

/* ---- the client -------------------------------------------------------------------------------
 *
 * Threads: a client may be used by any number of threads at once. Each call has the connection to
 * itself, so they wait for one another; a thread that must not wait has a client of its own, or
 * uses darg_push_later().
 *
 * pthread_cancel(): no call is a cancellation point; what was asked for during one takes effect
 * after it.
 *
 * fork(): a client belongs to the process that opened it. In a child every call on it answers
 * DARG_FORKED and touches nothing; the child opens its own. Its darg_close() is harmless there.
 *
 * Signals: none is caught or sent. With rediss:// ignore SIGPIPE, as any program with TLS must. */

enum darg_code {
    DARG_OK = 0,
    DARG_INVALID,     /* an argument is wrong: nothing was pushed */
    DARG_UNREACHABLE, /* no connection to Redis: nothing was pushed */
    DARG_UNCERTAIN,   /* the link broke before the answer came: it may have been pushed or not */
    DARG_FULL,        /* the queue has reached its bound: nothing was pushed */
    DARG_REFUSED,     /* Redis answered with an error: nothing was pushed */
    DARG_TIMED_OUT,   /* the time given to the call is over */
    DARG_FAILED,      /* the job that was waited for is dead; its result says why */
    DARG_FORKED,      /* the client was opened by another process */
    DARG_SYSTEM,      /* the system has no thread to give */
    DARG_GONE         /* the job that was waited for is nowhere any more: purged, or lost */
};

/* One sentence about the last call of this thread that did not answer DARG_OK. Never NULL, never a
 * password. Borrowed until the thread's next call. */
DARG_API const char *darg_error(void);

struct darg_client;

/* Fill what you need and leave the rest 0. */
struct darg_options {
    size_t size;               /* sizeof(struct darg_options) */
    const char *url;           /* NULL: redis://127.0.0.1:6379; see docs/settings.md */
    const char *queue;         /* NULL: "default" */
    const char *prefix;        /* the namespace, with which all keys begin; NULL: "darg" */
    const char *tls_ca_file;   /* NULL: the system's */
    const char *tls_cert_file; /* NULL: none */
    const char *tls_key_file;
    int64_t timeout_ms;      /* to connect, and for an answer; 0: 5,000 and 10,000 */
    int64_t wait_ms;         /* how long a push waits while the queue is full; 0: not, -1: ever */
    size_t max_job_bytes;    /* larger jobs are refused; 0: 1 MiB, which is the workers' default */
    size_t later_max_jobs;   /* darg_push_later() waits while so many are buffered; 0: 100,000 */
    int64_t later_linger_ms; /* how long a buffered job waits for others; 0: 5 */
};

/* Makes a client for one queue; options NULL: all defaults. It connects when it is first used, and
 * again after an outage. *client is set in any case and to be closed; after DARG_INVALID every call
 * on it answers that. Does not block. */
DARG_API enum darg_code darg_open(const struct darg_options *options, struct darg_client **client);

/* Connects unless it is connected, and asks Redis for a sign of life. DARG_OK, DARG_UNREACHABLE,
 * DARG_REFUSED (wrong password ...). */
DARG_API enum darg_code darg_ping(struct darg_client *client);

/* Ends the background thread, closes, frees. Answers how many buffered jobs were dropped: 0 after a
 * darg_flush() that answered DARG_OK. No other thread may be in a call on it. NULL is fine. */
DARG_API size_t darg_close(struct darg_client *client);

/* What a job may have besides type and args. Leave 0 what is to be as the worker has it. */
struct darg_push_options {
    size_t size;           /* sizeof(struct darg_push_options) */
    const char *id;        /* up to 128 bytes; NULL: a new UUIDv7 */
    int64_t delay_ms;      /* joins the queue so much later; a bound of the queue does not count */
    int64_t timeout_ms;    /* of one run; 0: the worker's default; -1: none */
    int64_t max_attempts;  /* 0: the worker's default */
    const char *backoff;   /* "2s..1h"; NULL: the worker's default */
    int64_t expires_at_ms; /* since 1970, by Redis's clock: not run after that; 0: never */
};

/* Pushes one job. type: 1 to 128 bytes; args: JSON text, NULL: none; options may be NULL. id: NULL,
 * or where its id is put, also when the push is uncertain. Blocks for one exchange with Redis, and
 * as long as wait_ms says. DARG_OK: Redis has it. */
DARG_API enum darg_code darg_push(struct darg_client *client, const char *type, const char *args,
                                  const struct darg_push_options *options, char id[DARG_ID_SIZE]);

struct darg_item {
    const char *type;
    const char *args;                        /* NULL: none */
    const struct darg_push_options *options; /* NULL: none; may be shared by items */
    enum darg_code code;                     /* set: what became of this one */
};

/* Pushes many, in this order, pipelined. Every item's code is set, so that what is not in the queue
 * can be pushed again: an invalid item does not keep the others back, and where the queue is full
 * or the link breaks, each says whether it got in. Answers DARG_OK if all did, else the code of the
 * first that did not, and darg_error() how many there are. Blocks until all is answered. */
DARG_API enum darg_code darg_push_many(struct darg_client *client, struct darg_item *items,
                                       size_t count);

/* Puts a job into the client's buffer; a thread of the client pushes what is there, after
 * later_linger_ms or as soon as there is a batch of it, in order, on a connection of its own. While
 * Redis is away, says no, or the queue is full, the buffer keeps its jobs and the thread tries on.
 * A job whose push is uncertain is not pushed again. Blocks only while the buffer is full. DARG_OK:
 * it is in the buffer; DARG_INVALID; DARG_SYSTEM. */
DARG_API enum darg_code darg_push_later(struct darg_client *client, const char *type,
                                        const char *args, const struct darg_push_options *options,
                                        char id[DARG_ID_SIZE]);

/* Waits until every job that was in the buffer has been answered; -1: for ever. DARG_OK: all that
 * came since the last flush are in the queue. DARG_TIMED_OUT: some are still in the buffer, and
 * darg_error() says why. DARG_UNCERTAIN: some may be in the queue or not, darg_error() says how
 * many. */
DARG_API enum darg_code darg_flush(struct darg_client *client, int64_t timeout_ms);

/* What became of a job that was waited for. */
struct darg_result {
    char id[DARG_ID_SIZE];
    char *text; /* the result as JSON, or the reason of a failure as plain text; NULL: none came */
    size_t len;
};

/* Pushes a job and waits for its end. DARG_OK: done; DARG_FAILED: dead; DARG_TIMED_OUT: it goes on,
 * and its result is lost; DARG_GONE: it was purged, or Redis has lost it, and nobody will tell; or
 * as darg_push(). darg_result_free() in any case. It has a connection of its own meanwhile. */
DARG_API enum darg_code darg_call(struct darg_client *client, const char *type, const char *args,
                                  const struct darg_push_options *options, int64_t timeout_ms,
                                  struct darg_result *result);
DARG_API void darg_result_free(struct darg_result *result);

/* ---- handlers ---------------------------------------------------------------------------------
 *
 * Threads: `run` is called by all threads of the worker at once, with the same state: guard what
 * they share. Within it, the functions on the job are for the thread that is in `run`;
 * darg_job_should_stop() and darg_job_stop_fd()'s descriptor are for any thread until it returns.
 *
 * Time: code within the worker cannot be killed. After the job's time-out, or when the worker has
 * to end, should_stop() is true, the stop descriptor is readable, and `cancel` is called; whether
 * the handler then ends is up to it. One that answers DARG_DONE after its time-out has done the
 * job. With --isolate it is in a process of its own, which is killed. */

struct darg_job;

/* What `run` answers. */
enum darg_outcome {
    DARG_DONE,   /* the result is what darg_job_done() was given, else nothing */
    DARG_RETRY,  /* failed: again later, or dead once its attempts are used up */
    DARG_BURY,   /* failed for good */
    DARG_STOPPED /* ended early since it was to stop: given back, or after its time-out, retried */
};

/* About the job. Texts are borrowed until `run` returns. */
DARG_API const char *darg_job_id(const struct darg_job *job);
DARG_API const char *darg_job_type(const struct darg_job *job);
DARG_API const char *darg_job_queue(const struct darg_job *job);
/* The args as JSON, checked, terminated; "null" if it has none. len: NULL, or where their length is
 * put. */
DARG_API const char *darg_job_args(struct darg_job *job, size_t *len);
/* The fencing token: grows strictly with every run of this job. */
DARG_API int64_t darg_job_run(const struct darg_job *job);
DARG_API int64_t darg_job_attempt(const struct darg_job *job); /* 1 for the first */
/* When it will be timed out, in ms since 1970; 0: never. */
DARG_API int64_t darg_job_deadline_ms(const struct darg_job *job);

/* Sets the result: JSON text, or any text, which becomes a JSON string. Each answers what `run` is
 * to return: DARG_DONE, or DARG_BURY where the text is no JSON or larger than --max-output. */
DARG_API int darg_job_done(struct darg_job *job, const char *json, size_t len);
DARG_API int darg_job_done_text(struct darg_job *job, const char *text, size_t len);

/* Sets the reason of a failure; answers DARG_RETRY, so that `return darg_job_fail(...)` reads well.
 * For good: call it and return DARG_BURY. */
DARG_API int darg_job_fail(struct darg_job *job, const char *format, ...) DARG_PRINTF(2, 3);

/* With DARG_RETRY: the pause, instead of the job's backoff. */
DARG_API void darg_job_retry_after(struct darg_job *job, int64_t pause_ms);

/* Says how far it is: JSON, best 0 to 100 or a string. False: it is no JSON, and was dropped. */
DARG_API bool darg_job_progress(struct darg_job *job, const char *json);

enum darg_level { DARG_DEBUG, DARG_INFO, DARG_WARN, DARG_ERROR };

/* A line for the worker's log, which adds the job; of one job, 1,000 are kept. */
DARG_API void darg_job_log(struct darg_job *job, enum darg_level level, const char *text);

/* True once the job is to stop. A system call: fit for a loop that does some work in each turn. */
DARG_API bool darg_job_should_stop(const struct darg_job *job);

/* A descriptor that becomes readable then, for poll(); -1: the system gives none. Neither read nor
 * close it. */
DARG_API int darg_job_stop_fd(struct darg_job *job);

struct darg_handler {
    const char *type; /* of the jobs it does: 1 to 128 bytes, no blanks, no commas */
    /* Does the job and answers an enum darg_outcome. */
    int (*run)(void *state, struct darg_job *job);
    /* NULL, or called once, by another thread, when a running job is to stop; `run` may be about to
     * return at that moment, and the job lives until both have. */
    void (*cancel)(void *state, struct darg_job *job);
};

/* Lives as long as the process, as does all it points at. */
struct darg_plugin_info {
    unsigned abi; /* DARG_ABI_VERSION */
    const char *name;
    const struct darg_handler *handlers;
    size_t count;
    /* NULL, or called once in each process that runs its jobs, before the first, while there is one
     * thread. config: what stands behind the '=' of --plugin FILE=CONFIG, else NULL. 0: good, and
     * *state is what the handlers are given. Else `error` (terminated) says why, and the process
     * ends. */
    int (*init)(void **state, const char *config, char *error, size_t error_size);
    /* NULL, or called when all its jobs have ended. Not if the process is killed. */
    void (*fini)(void *state);
};

/* What a plugin defines. Called in a process that does not run jobs, too: no work in it. */
DARG_API const struct darg_plugin_info *darg_plugin(void);

/* ---- the worker -------------------------------------------------------------------------------
 *
 * Everything that darg-worker is, with handlers of the program's own: options from argv, the
 * environment and a file; processes, signals, the lot. Call it early, before there are threads: it
 * forks, and runs the handlers in its children. `state` goes to every handler. With --isolate the
 * program is executed again for them, and does what comes before this call once more; it does not
 * return then. Handlers and state must live until it returns. Answers the exit code for main(). */
DARG_API int darg_worker_run(int argc, char **argv, const struct darg_handler *handlers,
                             size_t count, void *state);

#ifdef __cplusplus
}
#endif

#endif
