/* stats_watch - the figures of several queues, read again and again, and how fast their counters
 * grow meanwhile. One thread. */
#ifndef DARG_QUEUE_STATS_WATCH_H
#define DARG_QUEUE_STATS_WATCH_H

#include "queue/names.h"
#include "queue/stats.h"

struct stats_watch {
    struct names names;   /* owned */
    struct stats *now;    /* of each name; NULL if they could not be read; owned */
    struct stats *before; /* the reading before that; owned */
    bool has_before;      /* there was one, of the same queues */
};

/* A zeroed one is fine. */
void stats_watch_fini(struct stats_watch *watch);

/* Reads the figures of these queues; the names become the watch's in any case. A queue that cannot
 * be read ends it. */
MUST_CHECK enum status stats_watch_read(struct stats_watch *watch, struct conn *conn,
                                        const char *namespace, struct names *names,
                                        struct err *err);

/* How fast a counter (its offset in struct stats) of queue i grew between the last two readings, a
 * second; -1: unknown. */
int64_t stats_watch_rate(const struct stats_watch *watch, size_t i, size_t counter);

#endif
