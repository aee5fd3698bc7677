/* wait - waits for the jobs that `darg push --wait` pushes, each by its id, and prints their
 * results.
 *
 * All jobs of one call share one reply list. Results are taken on a connection of their own, so
 * that pushing and collecting go on at the same time; a result is printed as soon as it is there,
 * and none is lost or printed twice when the link breaks. A job counts once: further results (after
 * `darg dead retry`, say) are no longer awaited. One that can be found nowhere is reported as gone
 * (queue/missing.h). One thread. */
#ifndef DARG_PRODUCER_PUSH_WAIT_H
#define DARG_PRODUCER_PUSH_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "producer/push/pending.h"
#include "producer/shared/context.h"
#include "queue/missing.h"

enum { PUSH_WAIT_MAX = 10000 }; /* jobs that may be awaited at a time, which bounds memory */

struct wait {
    const struct context *context;
    struct conn *conn;
    char reply[ID_UUID_LEN + 1]; /* name of the list */
    bool is_bulk;                /* results are printed with their job's id */
    int64_t timeout_ms;          /* --wait-timeout; 0: none */

    bool is_blocking;           /* a blocking wait is under way on the connection */
    int64_t received;           /* results taken off the list, in all */
    int64_t done, failed, gone; /* jobs, by how they ended */
    int64_t pushed_ms;          /* monotonic: when Redis last accepted one */
    int64_t sure; /* the first so many jobs are known to be in the queue, or to have been */
    struct pending pending; /* jobs that have not ended */
    struct missing missing;
};

/* The caller sets timeout_ms. */
void wait_init(struct wait *wait, const struct context *context, bool is_bulk);
void wait_fini(struct wait *wait);

/* A job with this id is about to be pushed. */
void wait_expect(struct wait *wait, const char *id);

/* Redis has just accepted jobs. */
void wait_accepted(struct wait *wait);
/* The first so many expected jobs are in the queue, or have been. */
void wait_sure(struct wait *wait, int64_t count);

/* How many jobs have not ended. */
int64_t wait_left(const struct wait *wait);

/* Takes and prints what is there. If there is nothing, waits until there is, wake_fd (-1: none) is
 * readable, or timeout_ms have passed. A broken link is made again; only one that stays broken for
 * a minute is an error. */
MUST_CHECK enum status wait_poll(struct wait *wait, int wake_fd, int64_t timeout_ms,
                                 struct err *err);

/* ST_TIMED_OUT if the last job was pushed longer ago than --wait-timeout. */
MUST_CHECK enum status wait_check_time(const struct wait *wait, struct err *err);

#endif
