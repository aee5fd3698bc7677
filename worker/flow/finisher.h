/* finisher - the thread that tells Redis how jobs ended.
 *
 * It gathers what the pool has finished and settles it in as few calls as it can: while one call is
 * under way the next batch gathers by itself. A call whose reply was lost is sent again, byte for
 * byte, until it is answered: finished work is kept for as long as Redis is away. */
#ifndef DARG_WORKER_FLOW_FINISHER_H
#define DARG_WORKER_FLOW_FINISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "redis/conn.h"
#include "worker/flow/ring.h"
#include "worker/flow/room.h"

struct finisher;

struct finisher_options {
    const struct conn_options *conn; /* copied by conn_open() */
    /* Borrowed; only its count is read: while it is empty, endings are sent at once. */
    struct ring *tasks;
    struct ring *endings; /* borrowed; in */
    struct room *room;    /* borrowed */
};

MUST_CHECK enum status finisher_start(const struct finisher_options *options,
                                      struct finisher **finisher, struct err *err);

/* Settles what is in the ring (which the caller has closed) and ends; what could not be settled by
 * the deadline (monotonic) is left. Joins the thread and frees. Returns how many endings were left:
 * 0 if all is well. */
size_t finisher_stop(struct finisher *finisher, int64_t deadline_ms);

#endif
