/* outage - what the log hears while Redis cannot be used: that it begins, every other error that it
 * brings, that it lasts (each minute), and its end.
 *
 * A link that was closed and is made again at once is no outage. Each thread has one of its own for
 * what it does; none blocks but for the log. */
#ifndef DARG_WORKER_FLOW_OUTAGE_H
#define DARG_WORKER_FLOW_OUTAGE_H

#include <stddef.h>
#include <stdint.h>

#include "redis/conn.h"

enum { OUTAGE_TEXTS_MAX = 8 }; /* different lines in one minute */

/* All zero: Redis is well. */
struct outage {
    int64_t since_ms;                /* monotonic; 0: there is none */
    int64_t minute_ms;               /* when the present minute began */
    int64_t forgiven_ms;             /* when a closed link was last passed over; 0: never */
    uint64_t said[OUTAGE_TEXTS_MAX]; /* hashes of this minute's lines */
    size_t said_count;
};

/* A call has failed. what: the sentence; queue: its name, or NULL; conn: on which, to tell a link
 * that the other side has closed. */
void outage_meet(struct outage *outage, const struct conn *conn, const char *what,
                 const char *queue, const struct err *err);

/* A call has gone well. what: the sentence for the end of an outage. */
void outage_end(struct outage *outage, const char *what, const char *queue);

#endif
