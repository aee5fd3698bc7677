/* running - the jobs that run now, one for each pool thread: for the keeper to look at, and to
 * stop.
 *
 * A job costs its thread two words of memory; only a job that is looked at, or reports progress,
 * takes a lock. While the keeper looks at a job, its thread cannot go on to the next, so what the
 * keeper stops is the job it has seen. */
#ifndef DARG_WORKER_FLOW_RUNNING_H
#define DARG_WORKER_FLOW_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/job.h"
#include "worker/shared/load.h"

enum { RUNNING_PROGRESS_MAX = 4096 }; /* bytes of a progress report; longer ones are dropped */

struct running;

/* Borrows the load, which says whether a thread runs something. ST_SYSTEM if descriptors run
 * out. */
MUST_CHECK enum status running_new(struct load *load, struct running **running, struct err *err);
void running_free(struct running *running); /* NULL is fine */

/* Readable while the job that thread `index` runs should end; fixed. */
int running_stop_fd(const struct running *running, size_t index);

/* Thread `index` is about to run this job, borrowed until running_end(): before load_begin(), after
 * load_end(). True: the keeper has stopped it. Only that thread calls them. */
void running_begin(struct running *running, size_t index, const struct job *job);
bool running_end(struct running *running, size_t index);

/* The job's progress report, JSON, kept on one line; one that is too long is dropped. Only that
 * thread. */
void running_set_progress(struct running *running, size_t index, struct slice progress);

/* Every job that runs, now or later, must end. Any thread. */
void running_stop_all(struct running *running);

/* The worker's end has begun. Any thread. */
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

/* Calls visit for each job that runs; if it returns true, the job is stopped. The job's thread
 * cannot go on meanwhile, so visit must be quick. One caller at a time. */
void running_each(struct running *running, bool (*visit)(void *context, const struct running_job *),
                  void *context);

#endif
