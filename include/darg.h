/* darg - push jobs, handle jobs, or be a worker, from C or C++.
 *
 * Three parts, each useful by itself:
 *
 *   client    a program pushes jobs            link with libdarg (pkg-config darg)
 *   handler   a plugin does jobs               link with nothing: cc -shared -fPIC p.c -o p.so
 *   worker    a program is a whole worker      link with libdarg
 *
 * Texts are UTF-8. Arguments are copied or used only during the call, unless stated otherwise. If
 * memory runs out, the process ends, as darg's own programs do. docs/libdarg.md and
 * docs/handlers.md have examples. */
#ifndef DARG_H
#define DARG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Increased when plugins built for earlier versions no longer work. */
#define DARG_ABI_VERSION 1

#define DARG_ID_SIZE 129 /* largest size of a job's id, with its NUL */

#if defined(__GNUC__)
#define DARG_API __attribute__((visibility("default")))
#define DARG_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#else
#define DARG_API
#define DARG_PRINTF(format_at, args_at)
#endif

/* ---- the client -------------------------------------------------------------------------------
 *
 * Threads: any number of threads may use a client at once. Each call has the connection to itself,
 * so calls wait for each other; a thread that must not wait should have its own client, or use
 * darg_push_later().
 *
 * pthread_cancel(): no call is a cancellation point; a request made during a call takes effect
 * after it.
 *
 * fork(): a client belongs to the process that opened it. In a child every call on it returns
 * DARG_FORKED and does nothing; the child must open its own. Calling darg_close() on it there is
 * harmless.
 *
 * Signals: none are caught or sent. With rediss:// ignore SIGPIPE, as every program that uses TLS
 * must. */

enum darg_code {
    DARG_OK = 0,
    DARG_INVALID,     /* an argument is wrong: nothing was pushed */
    DARG_UNREACHABLE, /* no connection to Redis: nothing was pushed */
    DARG_UNCERTAIN,   /* the link broke before the reply came: the job may or may not be pushed */
    DARG_FULL,        /* the queue has reached its limit: nothing was pushed */
    DARG_REFUSED,     /* Redis replied with an error: nothing was pushed */
    DARG_TIMED_OUT,   /* the time given to the call has expired */
    DARG_FAILED,      /* the job waited for is dead; its result says why */
    DARG_FORKED,      /* the client was opened by another process */
    DARG_SYSTEM,      /* the system cannot start another thread */
    DARG_GONE         /* the job waited for no longer exists: purged, dropped, or lost */
};

/* One sentence about this thread's last call that did not return DARG_OK. Never NULL; never
 * contains a password. Valid until the thread's next call. */
DARG_API const char *darg_error(void);

struct darg_client;

/* Set what you need and leave the rest 0. */
struct darg_options {
    size_t size;               /* sizeof(struct darg_options) */
    const char *url;           /* NULL: redis://127.0.0.1:6379; see docs/settings.md */
    const char *queue;         /* NULL: "default" */
    const char *prefix;        /* the namespace with which all keys begin; NULL: "darg" */
    const char *tls_ca_file;   /* NULL: the system's CAs */
    const char *tls_cert_file; /* NULL: none */
    const char *tls_key_file;
    int64_t timeout_ms;      /* to connect, and for a reply; 0: 5,000 and 10,000 */
    int64_t wait_ms;         /* longest wait while the queue is full; 0: none, -1: for ever */
    size_t max_job_bytes;    /* larger jobs are refused; 0: 1 MiB, the workers' default */
    size_t later_max_jobs;   /* darg_push_later() waits while this many are buffered; 0: 100,000 */
    int64_t later_linger_ms; /* how long a buffered job waits for others; 0: 5 */
};

/* Makes a client for one queue; options NULL: all defaults. It connects when first used, and again
 * after an outage. *client is always set and must be closed; after DARG_INVALID every call on it
 * returns DARG_INVALID. Does not block. */
DARG_API enum darg_code darg_open(const struct darg_options *options, struct darg_client **client);

/* Connects unless connected, and checks that Redis replies. DARG_OK, DARG_UNREACHABLE, DARG_REFUSED
 * (wrong password ...). */
DARG_API enum darg_code darg_ping(struct darg_client *client);

/* Ends the background thread, closes, and frees. Returns how many buffered jobs were dropped: 0
 * after a darg_flush() that returned DARG_OK. No other thread may be in a call on the client. NULL
 * is fine. */
DARG_API size_t darg_close(struct darg_client *client);

/* What a job can have besides type and args. Members left 0 take the defaults given below. */
struct darg_push_options {
    size_t size;          /* sizeof(struct darg_push_options) */
    const char *id;       /* up to 128 bytes; NULL: a new UUIDv7 */
    int64_t delay_ms;     /* joins the queue after this time; the queue's limit does not apply */
    int64_t timeout_ms;   /* longest run; 0: the worker's default; -1: no limit */
    int64_t max_attempts; /* 0: the worker's default */
    const char *backoff;  /* "2s..1h"; NULL: the worker's default */
    /* Since 1970, by Redis's clock: will not run after that; 0: never expires. */
    int64_t expires_at_ms;
};

/* Pushes one job. type: 1 to 128 bytes; args: JSON text, NULL: none; options may be NULL. id:
 * receives the job's id, even if the push is uncertain; may be NULL. Blocks for one round trip to
 * Redis, and while the queue is full for up to wait_ms. DARG_OK: Redis has the job. */
DARG_API enum darg_code darg_push(struct darg_client *client, const char *type, const char *args,
                                  const struct darg_push_options *options, char id[DARG_ID_SIZE]);

struct darg_item {
    const char *type;
    const char *args;                        /* NULL: none */
    const struct darg_push_options *options; /* NULL: none; may be shared by items */
    enum darg_code code;                     /* set by the call: what became of this item */
};

/* Pushes many jobs, in this order, pipelined. Every item's code is set, so that those not in the
 * queue can be pushed again: an invalid item does not hold back the others, and if the queue is
 * full or the link breaks, each code says whether its job got in. Returns DARG_OK if all did,
 * otherwise the code of the first that did not; darg_error() then says how many there are. Blocks
 * until Redis has replied about all. */
DARG_API enum darg_code darg_push_many(struct darg_client *client, struct darg_item *items,
                                       size_t count);

/* Puts a job into the client's buffer. A thread of the client pushes what is there, in order, after
 * later_linger_ms or as soon as there is a batch, on a connection of its own. While Redis is away
 * or refuses, or the queue is full, the buffer keeps the jobs and the thread keeps trying. A job
 * whose push is uncertain is not pushed again. Blocks only while the buffer is full. DARG_OK: the
 * job is in the buffer; DARG_INVALID; DARG_SYSTEM. */
DARG_API enum darg_code darg_push_later(struct darg_client *client, const char *type,
                                        const char *args, const struct darg_push_options *options,
                                        char id[DARG_ID_SIZE]);

/* Waits until Redis has replied about every job that is in the buffer now; -1: for ever. DARG_OK:
 * all jobs since the last flush are in the queue. DARG_TIMED_OUT: some are still in the buffer, and
 * darg_error() says why. DARG_UNCERTAIN: some may or may not be in the queue, and darg_error() says
 * how many. */
DARG_API enum darg_code darg_flush(struct darg_client *client, int64_t timeout_ms);

/* The outcome of a job that was waited for. */
struct darg_result {
    char id[DARG_ID_SIZE];
    char *text; /* the result as JSON, or the reason for a failure as plain text; NULL: none came */
    size_t len;
};

/* Pushes a job and waits for its end, on a connection of its own. timeout_ms negative: for ever.
 * DARG_OK: done; DARG_FAILED: dead; DARG_TIMED_OUT: the job may still run, but its result will be
 * lost; DARG_GONE: it was purged or dropped, or Redis has lost it, so there will be no result; or
 * as for darg_push(). Call darg_result_free() in any case. */
DARG_API enum darg_code darg_call(struct darg_client *client, const char *type, const char *args,
                                  const struct darg_push_options *options, int64_t timeout_ms,
                                  struct darg_result *result);
DARG_API void darg_result_free(struct darg_result *result);

/* ---- handlers ---------------------------------------------------------------------------------
 *
 * Threads: the worker's threads call `run` at the same time, with the same state, so protect what
 * they share. The functions on a job are for the thread that is in `run`; only
 * darg_job_should_stop() and the descriptor of darg_job_stop_fd() may be used by any thread, until
 * `run` returns.
 *
 * Time: code inside the worker cannot be killed. After the job's timeout, or when the worker has to
 * end, darg_job_should_stop() is true, the stop descriptor is readable, and `cancel` is called; the
 * handler itself must then return. If it returns DARG_DONE after its timeout, the job is done. With
 * --isolate it runs in a process of its own, which is killed. */

struct darg_job;

/* What `run` returns. */
enum darg_outcome {
    DARG_DONE,   /* the result is what darg_job_done() was given, if it was called */
    DARG_RETRY,  /* failed: try again later; dead once its attempts are used up */
    DARG_BURY,   /* failed for good */
    DARG_STOPPED /* ended early because it had to stop: given back; after its timeout, retried */
};

/* About the job. Texts are valid until `run` returns. */
DARG_API const char *darg_job_id(const struct darg_job *job);
DARG_API const char *darg_job_type(const struct darg_job *job);
DARG_API const char *darg_job_queue(const struct darg_job *job);
/* The args as valid JSON, NUL-terminated; "null" if there are none. len: receives their length; may
 * be NULL. */
DARG_API const char *darg_job_args(struct darg_job *job, size_t *len);
/* The fencing token: grows strictly with every run of this job. */
DARG_API int64_t darg_job_run(const struct darg_job *job);
DARG_API int64_t darg_job_attempt(const struct darg_job *job); /* 1 for the first */
/* When it will time out, in ms since 1970; 0: never. */
DARG_API int64_t darg_job_deadline_ms(const struct darg_job *job);

/* Set the result: JSON text, or any text, which becomes a JSON string. Each returns what `run`
 * should return: DARG_DONE, or DARG_BURY if the text is not JSON or larger than --max-output. */
DARG_API int darg_job_done(struct darg_job *job, const char *json, size_t len);
DARG_API int darg_job_done_text(struct darg_job *job, const char *text, size_t len);

/* Sets the reason for a failure; returns DARG_RETRY, so that `run` can end with `return
 * darg_job_fail(...)`. To fail for good, call it and return DARG_BURY. */
DARG_API int darg_job_fail(struct darg_job *job, const char *format, ...) DARG_PRINTF(2, 3);

/* With DARG_RETRY: the delay before the next run, instead of the job's backoff. */
DARG_API void darg_job_retry_after(struct darg_job *job, int64_t pause_ms);

/* Reports how far the job is: JSON, best a number from 0 to 100 or a string. False: it is not JSON,
 * and was dropped. */
DARG_API bool darg_job_progress(struct darg_job *job, const char *json);

enum darg_level { DARG_DEBUG, DARG_INFO, DARG_WARN, DARG_ERROR };

/* Writes a line to the worker's log, which names the job; at most 1,000 lines per job. */
DARG_API void darg_job_log(struct darg_job *job, enum darg_level level, const char *text);

/* True once the job should stop. Takes a system call: suitable for a loop that does some work in
 * each turn. */
DARG_API bool darg_job_should_stop(const struct darg_job *job);

/* A descriptor for poll() that becomes readable at that moment; -1: the system has none left.
 * Neither read nor close it. */
DARG_API int darg_job_stop_fd(struct darg_job *job);

struct darg_handler {
    const char *type; /* of its jobs: 1 to 128 bytes, no blanks, no commas */
    /* Does the job and returns an enum darg_outcome. */
    int (*run)(void *state, struct darg_job *job);
    /* NULL, or called once, by another thread, when a running job should stop. `run` may be about
     * to return at that moment; the job is valid until both have returned. */
    void (*cancel)(void *state, struct darg_job *job);
};

/* Must exist as long as the process, like everything that it points to. */
struct darg_plugin_info {
    unsigned abi; /* DARG_ABI_VERSION */
    const char *name;
    const struct darg_handler *handlers;
    size_t count;
    /* NULL, or called once in each process that runs its jobs, before the first job, while there is
     * only one thread. config: what follows the '=' in --plugin FILE=CONFIG, otherwise NULL. Return
     * 0 for success and set *state, which is passed to the handlers. Otherwise put a NUL-terminated
     * reason into `error`; the process then ends. */
    int (*init)(void **state, const char *config, char *error, size_t error_size);
    /* NULL, or called when all its jobs have ended; not if the process is killed. */
    void (*fini)(void *state);
};

/* The function that a plugin defines. Also called in processes that do not run jobs, so it should
 * do no work. */
DARG_API const struct darg_plugin_info *darg_plugin(void);

/* ---- the worker -------------------------------------------------------------------------------
 *
 * Does everything that darg-worker does, with the program's own handlers: options from argv, the
 * environment and a file; processes; signals. Call it early, before there are threads: it forks,
 * and runs the handlers in its children. `state` is passed to every handler. With --isolate the
 * program is executed again for the handlers: it then does again whatever comes before this call,
 * and the call does not return. Handlers and state must exist until it returns. Returns the exit
 * code for main(). */
DARG_API int darg_worker_run(int argc, char **argv, const struct darg_handler *handlers,
                             size_t count, void *state);

#ifdef __cplusplus
}
#endif

#endif
