/* keeper - the thread that keeps the worker alive in Redis's eyes and looks after its queues.
 *
 * Every 0.75 s, and always first, it renews the leases; the same answer tells what else is to do:
 * promote due jobs, empty an inbox that nobody empties, obey shutdown keys, reap workers whose
 * lease has run out. No job can block it, and it is the last thread to stop. */
#ifndef DARG_WORKER_KEEPER_KEEPER_H
#define DARG_WORKER_KEEPER_KEEPER_H

#include <stddef.h>
#include <stdint.h>

#include "redis/conn.h"
#include "worker/flow/fetcher.h"
#include "worker/flow/running.h"
#include "worker/shared/obituary.h"

struct keeper;

struct keeper_options {
    const struct conn_options *conn; /* borrowed, as all that follows */
    const char *namespace;
    const char *process;             /* P */
    struct fetcher *const *fetchers; /* one a queue */
    size_t fetcher_count;
    struct running *running;
    int64_t lease_ms;
    /* Processes known to be dead: reaped at once, and told to `reaped_fd` ("reaped P\n" each),
     * -1: to nobody. */
    const struct obituary *dead;
    size_t dead_count;
    int reaped_fd;
    /* What the registration says of this process: pairs of field and value, from `describe` (called
     * by the keeper's thread, which appends "field\0value\0" pairs to the buffer). */
    void (*describe)(void *context, struct buf *pairs);
    void *describe_context;
};

MUST_CHECK enum status keeper_start(const struct keeper_options *options, struct keeper **keeper,
                                    struct err *err);
/* Joins and frees; NULL is fine. After the deadline (monotonic) nothing of it waits for Redis. */
void keeper_stop(struct keeper *keeper, int64_t deadline_ms);

#endif
