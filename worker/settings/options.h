/* options - all settings of a worker, from one table: command line, environment, file, --help. */
#ifndef DARG_WORKER_SETTINGS_OPTIONS_H
#define DARG_WORKER_SETTINGS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log_options.h"
#include "base/options.h"
#include "job/policy.h"
#include "redis/conn.h"
#include "redis/options.h"
#include "redis/url.h"
#include "worker/handler/registry.h"
#include "worker/program/cgroup_place.h"

/* Options as text, before they are checked and put in their final form. */
struct worker_texts {
    struct redis_options redis;
    const char *delivery, *prefetch, *backoff, *cgroup;
    struct options_list queues, handlers, plugins, limits, passed, dashes;
};

struct worker_queue {
    char *name;
    int64_t weight; /* 0: none given */
};

/* Fixed after options_read(). */
struct worker_options {
    struct worker_texts given; /* options*.c only */
    struct redis_url redis;
    struct conn_options conn; /* points at redis */
    const char *namespace;
    struct worker_queue *queues;
    size_t queue_count;
    struct registry *registry;
    struct plugin *own; /* the program's own handlers in C; borrowed; NULL: none */
    bool is_isolated;   /* run handlers in C in separate processes */
    enum cgroup_mode cgroup_mode;
    int64_t threads, processes;
    bool is_at_most_once;
    int64_t prefetch; /* -1: adaptive */
    int64_t lease_ms, shutdown_timeout_ms;
    struct job_policy policy;
    bool is_burst, ignores_sentinel;
    int64_t ready_fd;     /* -1: none */
    const char *try_type; /* run one job of this type without Redis; NULL: no */
    const char *try_args; /* its args as JSON; NULL: none */
    bool is_health_check; /* only ask the worker that runs here; the next two concern that, too */
    const char *health_name;
    int64_t health_age_ms;
    struct log_options log;
    struct options_record record; /* what was given, and where; owns the texts */
    int argc;                     /* the command line as given, to be read again */
    char **argv;                  /* likewise */
};

/* Reads the command line, the environment and the file; `own`: see above. *done: --help or
 * --version was answered. ST_INVALID with a sentence. Call worker_options_fini() in any case. A
 * password on the command line is wiped from argv. */
MUST_CHECK enum status worker_options_read(int argc, char **argv, struct plugin *own,
                                           struct worker_options *options, bool *done,
                                           struct err *err);

/* Reads everything again, because the file that `before` came from may have changed; errors as
 * above. Without a file: ST_OK, and *fresh is empty. Call worker_options_fini(fresh) in any
 * case. */
MUST_CHECK enum status worker_options_read_again(const struct worker_options *before,
                                                 struct worker_options *fresh, struct err *err);
void worker_options_fini(struct worker_options *options);

#endif
