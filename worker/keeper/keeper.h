/* keeper - the thread that keeps the worker's leases alive and looks after its queues.
 *
 * Every 0.75 s, before anything else, it renews the leases; the same reply says what else there is
 * to do: promote due jobs, empty an inbox that nobody empties, follow shutdown keys, reap workers
 * whose lease has expired. No job can block it, and it is the last thread to stop. */
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
    const struct conn_options *conn; /* borrowed, like every pointer below */
    const char *namespace;
    const char *process;             /* P */
    struct fetcher *const *fetchers; /* one per queue */
    size_t fetcher_count;
    struct running *running;
    int64_t lease_ms;
    /* Processes known to be dead: reaped at once, and each reported on `reaped_fd` as "reaped P\n";
     * -1: not reported. */
    const struct obituary *dead;
    size_t dead_count;
    int reaped_fd;
    /* Appends what the registration says about this process, as pairs "field\0value\0". Called by
     * the keeper's thread. */
    void (*describe)(void *context, struct buf *pairs);
    void *describe_context;
};

MUST_CHECK enum status keeper_start(const struct keeper_options *options, struct keeper **keeper,
                                    struct err *err);
/* Ends and joins the thread, and frees; NULL is fine. After the deadline (monotonic) it no longer
 * waits for Redis. */
void keeper_stop(struct keeper *keeper, int64_t deadline_ms);

#endif
