/* pipeline - pushes an array of jobs with the pusher (queue/pusher.h), and says what became of
 * each. One thread at a time per pusher. */
#ifndef DARG_LIBRARY_PIPELINE_H
#define DARG_LIBRARY_PIPELINE_H

#include "base/buf.h"
#include "include/darg.h"
#include "queue/pusher.h"

struct pipeline_job {
    struct slice text; /* borrowed */
    char *owned;       /* for the caller's use: memory it must free(); rounds ignore it */
    int64_t delay_ms;  /* 0: none */
    /* Must be DARG_FULL at first: not in the queue. A round changes it to DARG_OK or
     * DARG_UNCERTAIN. */
    enum darg_code code;
};

/* Prepares a pusher for rounds, with a connection of its own. Does not connect. */
void pipeline_init(struct pusher *pusher, const struct conn_options *options,
                   const struct queue *queue);
void pipeline_fini(struct pusher *pusher);

/* Tries once to push every job whose code is DARG_FULL, in order. ST_OK: jobs that are left found
 * the queue full. Otherwise err has the first reason why jobs are left or uncertain. Blocks until
 * everything that was sent has been answered. */
MUST_CHECK enum status pipeline_round(struct pusher *pusher, struct pipeline_job *jobs,
                                      size_t count, struct err *err);

#endif
