/* peek - the next jobs of a queue, without taking them. One thread. */
#ifndef DARG_QUEUE_PEEK_H
#define DARG_QUEUE_PEEK_H

#include "queue/keys.h"
#include "redis/conn.h"

struct peek {
    /* In: */
    int64_t count; /* at most so many */
    /* Each element, the next one first: a job, a sentinel, or nonsense. Anything but ST_OK ends
     * it. */
    enum status (*visit)(void *context, struct slice element, struct err *err);
    void *context;
    /* Out: */
    int64_t shown;
};

/* Blocks for one round trip per page of about a mebibyte. A job pushed or taken meanwhile may be
 * met twice or not at all. */
MUST_CHECK enum status peek_run(struct conn *conn, const struct queue *queue, struct peek *peek,
                                struct err *err);

#endif
