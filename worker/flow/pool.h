/* pool - the threads that run jobs. Each takes a task from the ring, runs it, and pushes it on to
 * the finisher. A thread holds no connection and never more than the one task it runs. */
#ifndef DARG_WORKER_FLOW_POOL_H
#define DARG_WORKER_FLOW_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "worker/flow/ring.h"
#include "worker/flow/room.h"
#include "worker/flow/runner.h"

struct pool;

struct pool_options {
    size_t thread_count;
    /* No job of a session that was not renewed for half of it is started. */
    int64_t lease_ms;
    const struct runner *runner; /* this and the rest: borrowed */
    struct ring *tasks;          /* in: struct task * */
    struct ring *endings;        /* out: struct task * */
    struct room *room;
    struct load *load;
};

/* Starts the threads. ST_SYSTEM if one cannot be started; those started before are ended again. */
MUST_CHECK enum status pool_start(const struct pool_options *options, struct pool **pool,
                                  struct err *err);

/* From now on no thread starts a task: what they take stays unstarted and held. */
void pool_stop(struct pool *pool);

/* Waits until all threads have ended (the tasks ring must have been closed), up to timeout_ms;
 * false: some still run. */
bool pool_join(struct pool *pool, int64_t timeout_ms);
void pool_free(struct pool *pool); /* after a pool_join() that succeeded; NULL is fine */

#endif
