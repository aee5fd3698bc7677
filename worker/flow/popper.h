/* popper - the pool of an at-most-once worker: each thread has its own connection, pops a job with
 * BRPOP and runs it. Nothing is recorded: a job that a crash interrupts is gone, and no job ever
 * runs twice. */
#ifndef DARG_WORKER_FLOW_POPPER_H
#define DARG_WORKER_FLOW_POPPER_H

#include <stddef.h>
#include <stdint.h>

#include "worker/flow/fetcher.h"
#include "worker/flow/runner.h"

struct popper;

struct popper_options {
    const struct conn_options *conn; /* borrowed, like every pointer below */
    size_t thread_count;
    struct fetcher *const *fetchers; /* in order of priority */
    size_t fetcher_count;
    const char *process; /* P */
    const struct runner *runner;
    struct load *load;
    struct ring *endings; /* out: struct task * */
};

MUST_CHECK enum status popper_start(const struct popper_options *options, struct popper **popper,
                                    struct err *err);

/* Makes the threads look at their orders now, not only after their blocking pop. Any thread; does
 * not block for long. */
void popper_wake(struct popper *popper);

/* From until_ms (monotonic) on, its threads no longer wait for Redis. A job that Redis hands out at
 * that moment is lost. */
void popper_limit(struct popper *popper, int64_t until_ms);

void popper_stop(struct popper *popper);
/* Waits until all threads have ended, up to timeout_ms; false: some still run. */
bool popper_join(struct popper *popper, int64_t timeout_ms);
void popper_free(struct popper *popper); /* NULL is fine */

#endif
