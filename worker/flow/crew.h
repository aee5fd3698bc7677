/* crew - the threads that run jobs, however they come by them (pool, popper): their start, their
 * names, and the wait for the last of them, which has a time limit. */
#ifndef DARG_WORKER_FLOW_CREW_H
#define DARG_WORKER_FLOW_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "worker/shared/wake.h"

/* What the thread of this index does until it ends. */
typedef void (*crew_run)(void *owner, size_t index);

struct crew {
    crew_run run;                /* fixed after init, as is the owner */
    void *owner;                 /* borrowed */
    size_t capacity;             /* fixed after init */
    size_t started;              /* fixed once all are started */
    _Atomic size_t running;      /* threads not ended */
    struct wake ended;           /* set when the last thread has ended */
    struct crew_member *members; /* owned */
};

/* ST_SYSTEM with a sentence; it is to be ended by crew_fini() even so. */
MUST_CHECK enum status crew_init(struct crew *crew, size_t capacity, crew_run run, void *owner,
                                 struct err *err);

/* Starts the next thread; its index is crew->started before the call. ST_SYSTEM with a sentence. */
MUST_CHECK enum status crew_start(struct crew *crew, struct err *err);

/* Waits until all that were started have ended, up to timeout_ms (negative: for ever); false: some
 * still run. */
bool crew_join(struct crew *crew, int64_t timeout_ms);

/* After a crew_join() that succeeded, or before any thread was started. */
void crew_fini(struct crew *crew);

#endif
