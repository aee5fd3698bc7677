/* drain_wait - waits until a drain is complete and the workers that took part have left. */
#ifndef DARG_QUEUE_DRAIN_WAIT_H
#define DARG_QUEUE_DRAIN_WAIT_H

#include "base/patience.h"
#include "queue/drain.h"

struct drain_wait {
    struct lease_drain known; /* the drain before, as drain_push_sentinel() answered it */
    bool awaits_retries;      /* as it was pushed */
    int64_t timeout_ms;       /* 0: none */
    struct patience patience;
};

/* Blocks for as long as it takes, even through outages of Redis. A sentinel that has vanished is
 * pushed again. ST_TIMED_OUT: the time is up, or the patience ended the wait; the drain goes on. */
MUST_CHECK enum status drain_wait_run(struct conn *conn, const struct queue *queue,
                                      const struct drain_wait *wait, struct err *err);

#endif
