/* deadline - how long a call may wait for Redis.
 *
 * Besides the time that is fixed when the call begins there may be a limit that another thread sets
 * at any moment, when the program must end. To notice it, a call that can have such a limit never
 * sleeps longer than a slice. Part of conn. */
#ifndef DARG_REDIS_DEADLINE_H
#define DARG_REDIS_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct deadline {
    int64_t at_ms;                   /* monotonic */
    const _Atomic int64_t *limit_ms; /* likewise; 0: none yet. NULL: there never is one */
};

/* Time left, in ms; 0: it has passed. */
int64_t deadline_left_ms(const struct deadline *deadline);

/* How long to sleep before checking again, in ms, for poll(). */
int deadline_slice_ms(const struct deadline *deadline);

#endif
