/* deadline - until when a call may wait for Redis.
 *
 * Besides the moment that is fixed when the call begins there may be a limit that another thread
 * sets at any time, when the program is to end. To notice it nobody sleeps for longer than a slice
 * where there can be one. Part of conn. */
#ifndef DARG_REDIS_DEADLINE_H
#define DARG_REDIS_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct deadline {
    int64_t at_ms;                   /* of the monotonic clock */
    const _Atomic int64_t *limit_ms; /* likewise; 0: none. NULL: there never is one */
};

/* What is left of it now; 0: it has passed. */
int64_t deadline_left_ms(const struct deadline *deadline);

/* How long to sleep before the next look at it, in ms, for poll(). */
int deadline_slice_ms(const struct deadline *deadline);

#endif
