/* push_wait - collects and prints the results of the jobs that `darg push --wait` pushes.
 *
 * All jobs of one call share one reply list. Results are taken on a connection of their own, so
 * that pushing and collecting go on at the same time; a result is printed as soon as it is there,
 * and none is lost or printed twice when the link breaks. One thread. */
#ifndef DARG_PRODUCER_PUSH_WAIT_H
#define DARG_PRODUCER_PUSH_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "producer/context.h"

enum { PUSH_WAIT_MAX = 10000 }; /* jobs that may be waited for at a time: memory stays flat */

struct push_wait {
    const struct context *context;
    struct conn *conn;
    char reply[ID_UUID_LEN + 1]; /* name of the list */
    bool is_bulk;                /* say which job a result belongs to */
    bool is_blocking;            /* a blocking wait is under way on the connection */
    int64_t received;            /* results, in all */
    int64_t failed;              /* of them: jobs that did not end well */
    int64_t last_ms;             /* when the last one came */
};

void push_wait_init(struct push_wait *wait, const struct context *context, bool is_bulk);
void push_wait_fini(struct push_wait *wait);

/* Takes and prints what is there. If there is nothing, waits until there is, wake_fd (-1: none) is
 * readable, or timeout_ms have passed. A broken link is made again; only one that stays broken for
 * a minute is an error. */
MUST_CHECK enum status push_wait_poll(struct push_wait *wait, int wake_fd, int64_t timeout_ms,
                                      struct err *err);

#endif
