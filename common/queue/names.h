/* names - the set of queues' names: what `darg stats` shows. It only informs.
 *
 * A queue is listed by every producer that pushes with darg or libdarg, and by its workers. One
 * that has been empty and without workers for NAMES_AGE_MS is taken out by some worker's keeper. It
 * is listed again if it gets a job, even from a producer that uses plain LPUSH, which lists
 * nothing: the names of queues that have left are remembered for NAMES_MEMORY_MS, and checked. On a
 * Redis Cluster the set and a queue are in different slots, so no queue leaves by itself. Each call
 * blocks for a round trip or two and may be repeated. */
#ifndef DARG_QUEUE_NAMES_H
#define DARG_QUEUE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

#define NAMES_DAY_MS (INT64_C(24) * 60 * 60 * 1000)
#define NAMES_AGE_MS NAMES_DAY_MS
#define NAMES_MEMORY_MS (90 * NAMES_DAY_MS)
enum { NAMES_STEP = 100 };

/* Lists the queue. */
MUST_CHECK enum status names_add(struct conn *conn, const struct queue *queue, struct err *err);

struct names {
    char **list; /* sorted; owned, as is each */
    size_t count;
};
void names_fini(struct names *names);
/* All that are listed. Call names_fini() on *names in any case. */
MUST_CHECK enum status names_read(struct conn *conn, const char *namespace, struct names *names,
                                  struct err *err);

/* *is_ours: true for the first caller in every_ms, which then looks after the names. */
MUST_CHECK enum status names_take_turn(struct conn *conn, const char *namespace, int64_t every_ms,
                                       bool *is_ours, struct err *err);

/* A page of the names that are listed, or (is_idle) that are remembered as empty; unsorted. cursor:
 * "0" at first and at the end. */
enum { NAMES_CURSOR_SIZE = 24 };
MUST_CHECK enum status names_page(struct conn *conn, const char *namespace, bool is_idle,
                                  char cursor[NAMES_CURSOR_SIZE], struct names *names,
                                  struct err *err);

enum names_state { NAMES_GONE, NAMES_EMPTY, NAMES_USED };
/* Looks at up to NAMES_STEP queues: those that have been seen empty for age_ms are unlisted, those
 * that are in use listed. ST_CLUSTER: not here. */
MUST_CHECK enum status names_unlist(struct conn *conn, const char *namespace,
                                    const char *const *names, size_t count, int64_t age_ms,
                                    enum names_state *states, struct err *err);

/* Since when each has been seen empty, by the server's clock; -1: it was not. *now_ms: that
 * clock. */
MUST_CHECK enum status names_idle_since(struct conn *conn, const char *namespace,
                                        const struct names *names, int64_t *since_ms,
                                        int64_t *now_ms, struct err *err);

#endif
