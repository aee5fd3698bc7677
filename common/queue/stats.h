/* stats - what is in a queue: read-only, for people and scripts. */
#ifndef DARG_QUEUE_STATS_H
#define DARG_QUEUE_STATS_H

#include <stdint.h>

#include "queue/settings.h"

/* What becomes of a claimed job. lua/_counted.lua says the same. */
#define STATS_OUTCOME_LIST(X)                                                                      \
    X(done)                                                                                        \
    X(retried)                                                                                     \
    X(buried)                                                                                      \
    X(released)                                                                                    \
    X(reaped)

/* Counters of darg:{Q}:counts: field of the hash. They only grow. */
#define STATS_COUNT_LIST(X)                                                                        \
    X(claimed)                                                                                     \
    STATS_OUTCOME_LIST(X)                                                                          \
    X(promoted)                                                                                    \
    X(revived)                                                                                     \
    X(purged)                                                                                      \
    X(cancelled)                                                                                   \
    X(trimmed)                                                                                     \
    X(discarded)                                                                                   \
    X(drains)

struct stats {
    int64_t waiting; /* in line, or on their way to a worker (PLACE_WAITING) */
    int64_t held;    /* claimed less all outcomes: jobs that workers hold */
    int64_t scheduled;
    int64_t dead;
    int64_t workers;
    int64_t next_due_ms; /* server time; QUEUE_NEVER: nothing scheduled */
    /* How long the next in line has waited at least, from what lua/tend.lua noted; -1: none is
     * waiting, or no keeper has looked. */
    int64_t oldest_age_ms;
    int64_t now_ms; /* server time */
    struct settings settings;
#define STATS_FIELD(name) int64_t name;
    struct {
        STATS_COUNT_LIST(STATS_FIELD)
    } counts;
#undef STATS_FIELD
};
MUST_CHECK enum status stats_read(struct conn *conn, const struct queue *queue, struct stats *stats,
                                  struct err *err);

#endif
