/* worker_state - what the two halves of the worker share: its state. Included by worker*.c only. */
#ifndef DARG_WORKER_PROCESS_WORKER_STATE_H
#define DARG_WORKER_PROCESS_WORKER_STATE_H

#include "worker/flow/fetcher.h"
#include "worker/flow/finisher.h"
#include "worker/flow/pool.h"
#include "worker/flow/popper.h"
#include "worker/flow/running.h"
#include "worker/keeper/keeper.h"
#include "worker/process/worker.h"
#include "worker/program/cgroup.h"

struct worker {
    const struct worker_options *options;
    const struct worker_birth *birth;
    struct load *load;
    struct cgroups *groups; /* its programs' control groups; NULL: none */
    struct ring *tasks, *endings;
    struct room *room;
    struct runner runner;
    pthread_mutex_t quarantine; /* see runner.h */
    struct shortage shortage;   /* likewise */
    struct running *running;
    struct wake changed; /* set when a fetcher has become ready or has ended */
    int signal_fd;       /* main thread */
    pid_t supervisor;    /* fixed; it may have died since */
    struct fetcher **fetchers;
    size_t fetcher_count;
    _Atomic size_t undrained; /* see fetcher.h */
    _Atomic size_t orders;    /* likewise: orders given to them */
    size_t orders_told;       /* main thread: how many of these the poppers know of */
    struct pool *pool;        /* at least once */
    struct popper *popper;    /* at most once */
    struct finisher *finisher;
    struct keeper *keeper;
    bool is_ready;      /* has been reported to the supervisor */
    bool has_drained;   /* all queues have drained, and the fetchers were told */
    bool is_stopping;   /* TERM or INT has come */
    int64_t stopped_ms; /* monotonic: when it came; undefined before */
    bool is_hurried;    /* a second one has come */
    /* Monotonic: end of the shutdown timeout; undefined before a stop or the fetchers' end. */
    int64_t deadline_ms;
};

/* Builds everything and starts the threads, consumers before producers. After a failure the process
 * must end. */
MUST_CHECK enum status worker_start(struct worker *self, struct err *err);

/* Adopts the settings that HUP may have changed. */
void worker_tune(struct worker *self);

/* Frees everything, once all threads have ended. */
void worker_free(struct worker *self);

#endif
