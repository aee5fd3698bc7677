/* pipeline - pushes an array of jobs by way of the pusher (queue/pusher.h), and says of each what
 * became of it. One thread at a time for a pusher. */
#ifndef DARG_LIBRARY_PIPELINE_H
#define DARG_LIBRARY_PIPELINE_H

#include "base/buf.h"
#include "include/darg.h"
#include "queue/pusher.h"

struct pipeline_job {
    struct slice text; /* borrowed */
    char *owned;       /* for the caller: what it is to free(); the round leaves it alone */
    int64_t delay_ms;  /* 0: none */
    /* DARG_FULL: not in the queue, which is how a job begins. The round changes it to DARG_OK or
     * DARG_UNCERTAIN. */
    enum darg_code code;
};

/* A pusher for rounds, with a connection of its own. Does not connect. */
void pipeline_init(struct pusher *pusher, const struct conn_options *options,
                   const struct queue *queue);
void pipeline_fini(struct pusher *pusher);

/* Tries once to push every job whose code is DARG_FULL, in their order. ST_OK: what is left has
 * found the queue full. Otherwise err has the first reason for which jobs are left, or are
 * uncertain. Blocks until all that was sent is answered. */
MUST_CHECK enum status pipeline_round(struct pusher *pusher, struct pipeline_job *jobs,
                                      size_t count, struct err *err);

#endif
