/* worker - one worker process: builds the threads, listens to signals, and takes everything down in
 * order.
 *
 * Called in a child of the supervisor. The order of the end: fetchers, pool (until it is empty or
 * the deadline), finisher flushes, what is left is given back and the worker deregistered, the
 * keeper last. */
#ifndef DARG_WORKER_PROCESS_WORKER_H
#define DARG_WORKER_PROCESS_WORKER_H

#include "worker/program/cgroup_place.h"
#include "worker/settings/options.h"
#include "worker/settings/tuning.h"
#include "worker/shared/obituary.h"

/* TERM or INT may come to the supervisor and its children at once, or twice to each: what comes
 * within so many ms of the first is the same word to end. */
enum { WORKER_ONE_STOP_MS = 200 };

/* What the supervisor tells its child besides the options. */
struct worker_birth {
    const char *process; /* P, given by the supervisor */
    int64_t started_ms;  /* monotonic: start of the supervisor */
    bool is_first;       /* no process of this worker has worked yet */
    int report_fd;     /* "ready\n", "reaped P\n" and, last, "ended CODE\n" go there; -1: nowhere */
    struct load *load; /* in memory shared with the supervisor */
    struct pulse *pulse;         /* likewise: a slot for each queue */
    const struct tuning *tuning; /* likewise: what HUP changes */
    const struct obituary *dead; /* processes known to be dead */
    size_t dead_count;
    const struct cgroup_place *place; /* for its programs' control groups; NULL: none */
    /* Where they are entered, shared with the supervisor; NULL: no programs. */
    struct roster *roster;
};

/* Runs until told to end. Returns the process's exit code: 0 a clean end, 1 jobs could not be given
 * back (their lease recovers them) or threads could not be started, 3 Redis refuses this user or
 * password or lacks what is needed, and has not let in any process of this worker yet. */
int worker_run(const struct worker_options *options, const struct worker_birth *birth);

#endif
