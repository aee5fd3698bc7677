/* missing - notices that awaited jobs are gone: purged, dropped, or lost with Redis's data. No
 * result of theirs will ever come.
 *
 * Redis keeps no index of ids, so finding out means reading the whole queue (queue/search.h). That
 * is done at once only if something points to a loss - the counter of purged jobs has grown,
 * another one has gone back, or nothing is left in the queue - and otherwise with growing pauses,
 * of 10 s to 10 min and at least a hundred times as long as the last search took. In between, a
 * call costs one round trip of commands that take no time.
 *
 * A job that moves while the places are read can be missed once, and its result may have come
 * meanwhile: a job is gone if two looks in a row, MISSING_AGAIN_MS apart, have not met it and no
 * result has come after them. What at-most-once workers are running is nowhere in Redis, so while
 * one of them lives, nothing is reported missing. One thread. */
#ifndef DARG_QUEUE_MISSING_H
#define DARG_QUEUE_MISSING_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

enum { MISSING_LOOKS = 2, MISSING_AGAIN_MS = 500 };

struct missing {
    int64_t check_ms;  /* monotonic: when the next call makes sense */
    int64_t search_ms; /* monotonic: when the next search is due, if nothing points to a loss */
    int64_t pause_ms;  /* until the one after that */
    int64_t purged, claimed;
    bool was_read, was_empty, is_forbidden;
    bool has_met; /* the last look searched, and found at least one */
};

/* Call it when the jobs have just been pushed, or one has just given a sign of life. */
void missing_begin(struct missing *missing);

/* True if missing_look() is due. Costs nothing. */
bool missing_is_due(const struct missing *missing);

/* How long to wait for a result until then: 1 to limit_ms. */
int64_t missing_patience_ms(const struct missing *missing, int64_t limit_ms);

/* Looks for these ids, each given once. is_missing[i]: this look searched and did not find it. If
 * the user may not read what this takes, nothing is ever missing. Blocks for one round trip, or for
 * as many as the queue has pages. */
MUST_CHECK enum status missing_look(struct missing *missing, struct conn *conn,
                                    const struct queue *queue, const char *const *ids, size_t count,
                                    bool *is_missing, struct err *err);

#endif
