/* running - the jobs that run now, one for each pool thread: for the keeper to look at, and to
 * stop.
 *
 * A thread pays two words of memory for a job; only one that is looked at, or tells of its
 * progress, takes a lock. While the keeper looks at a job its thread cannot go on to the next, so
 * what it stops is the job it has seen. */
#ifndef DARG_WORKER_FLOW_RUNNING_H
#define DARG_WORKER_FLOW_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/job.h"
#include "worker/shared/load.h"

enum { RUNNING_PROGRESS_MAX = 4096 }; /* bytes of a progress that are kept */

struct running;

/* Borrows the load, which says whether a thread runs. ST_SYSTEM where descriptors are short. */
MUST_CHECK enum status running_new(struct load *load, struct running **running, struct err *err);
void running_free(struct running *running); /* NULL is fine */

/* Readable while what thread `index` runs is to end; fixed. */
int running_stop_fd(const struct running *running, size_t index);

/* Thread `index` is about to run this job, borrowed until running_end(): before load_begin(), after
 * load_end(). True: the keeper has stopped it. Only that thread calls them. */
void running_begin(struct running *running, size_t index, const struct job *job);
bool running_end(struct running *running, size_t index);

/* What the job says of how far it is, JSON, kept on one line; too long a text is left out. Only
 * that thread. */
void running_set_progress(struct running *running, size_t index, struct slice progress);

/* Whatever runs, from now on, is to end. Any thread. */
void running_stop_all(struct running *running);

/* The worker begins to end. Any thread. */
void running_announce_end(struct running *running);

/* Blocks until that has been announced, or timeout_ms have passed; true if it has been. Any thread.
 */
bool running_await_end(const struct running *running, int64_t timeout_ms);

/* A job that runs, borrowed for the time of a visit. */
struct running_job {
    const struct job *job;
    struct load_activity activity;
    struct slice progress; /* JSON; empty: none yet */
};

/* Calls visit for each job that runs; true: the job is to be stopped. The job's thread cannot go on
 * meanwhile, so visit must be quick. One caller at a time. */
void running_each(struct running *running, bool (*visit)(void *context, const struct running_job *),
                  void *context);

#endif
