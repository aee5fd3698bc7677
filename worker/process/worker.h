/* worker - one worker process: starts the threads, acts on signals, and takes everything down in
 * order.
 *
 * Called in a child of the supervisor. The order of the end: fetchers; the pool, until it is empty
 * or the deadline has come; the finisher settles what has ended; what is left is given back and the
 * worker deregistered; the keeper last. */
#ifndef DARG_WORKER_PROCESS_WORKER_H
#define DARG_WORKER_PROCESS_WORKER_H

#include "worker/program/cgroup_place.h"
#include "worker/settings/options.h"
#include "worker/settings/tuning.h"
#include "worker/shared/obituary.h"

/* TERM or INT may reach the supervisor and its children at once, or each of them twice: signals
 * within this many ms of the first are the same order to end. */
enum { WORKER_ONE_STOP_MS = 200 };

/* What the supervisor gives its child besides the options; borrowed. */
struct worker_birth {
    const char *process; /* P, given by the supervisor */
    int64_t started_ms;  /* monotonic: start of the supervisor */
    bool is_first;       /* no process of this worker has been let in by Redis yet */
    /* Gets "let in\n", "ready\n", "reaped P\n" and, last, "ended CODE\n"; -1: nobody listens. */
    int report_fd;
    struct load *load;           /* in memory shared with the supervisor */
    struct pulse *pulse;         /* likewise; one slot per queue */
    const struct tuning *tuning; /* likewise; the settings that HUP changes */
    const struct obituary *dead; /* processes known to be dead */
    size_t dead_count;
    const struct cgroup_place *place; /* for its programs' control groups; NULL: none */
    /* Where its programs are listed, shared with the supervisor; NULL: they are not. */
    struct roster *roster;
};

/* Runs until told to end. Returns the process's exit code: 0 a clean end, 1 jobs could not be given
 * back (their lease recovers them) or threads could not be started, 3 Redis refuses this user or
 * password or lacks something that is needed, and has not let in any process of this worker yet. */
int worker_run(const struct worker_options *options, const struct worker_birth *birth);

#endif
