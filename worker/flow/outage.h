/* outage - what is logged while Redis cannot be used: the beginning, each different error, once a
 * minute that it continues, and the end.
 *
 * A link that was closed and re-established at once is no outage. Each thread has its own; nothing
 * blocks, except for writing the log. */
#ifndef DARG_WORKER_FLOW_OUTAGE_H
#define DARG_WORKER_FLOW_OUTAGE_H

#include <stddef.h>
#include <stdint.h>

#include "redis/conn.h"

enum { OUTAGE_TEXTS_MAX = 8 }; /* different lines in one minute */

/* All zero: Redis is usable. */
struct outage {
    int64_t since_ms;                /* monotonic; 0: there is none */
    int64_t minute_ms;               /* when the present minute began */
    int64_t forgiven_ms;             /* when a closed link was last not reported; 0: never */
    uint64_t said[OUTAGE_TEXTS_MAX]; /* hashes of this minute's lines */
    size_t said_count;
};

/* A call on conn has failed. what: the sentence to log; queue: its name, or NULL. conn tells
 * whether the other side closed the link. */
void outage_meet(struct outage *outage, const struct conn *conn, const char *what,
                 const char *queue, const struct err *err);

/* A call has succeeded. what: the sentence to log if that ends an outage. */
void outage_end(struct outage *outage, const char *what, const char *queue);

#endif
