/* purge - throws away the jobs of a queue. Blocks for a round trip and may be repeated. */
#ifndef DARG_QUEUE_PURGE_H
#define DARG_QUEUE_PURGE_H

#include <stdint.h>

#include "queue/place.h"
#include "redis/conn.h"

/* Throws away, in one step, all jobs that are in these states: PLACE_WAITING, PLACE_SCHEDULED,
 * PLACE_DEAD. Jobs that workers hold are not touched. */
struct purged {
    int64_t waiting, scheduled, dead;
};
MUST_CHECK enum status purge_queue(struct conn *conn, const struct queue *queue, int states,
                                   struct purged *purged, struct err *err);

#endif
