/* patience - lets a caller decide how work on a queue waits between two looks, and end it early.
 *
 * Every operation that takes more than a few round trips gets one from its caller, which may watch
 * a flag, a descriptor, or nothing at all meanwhile. Borrowed during the call. */
#ifndef DARG_BASE_PATIENCE_H
#define DARG_BASE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
    /* Waits that long; with 0 returns at once. May return early. False: the work should end. */
    bool (*wait)(void *context, int64_t duration_ms);
    void *context;
};

static inline bool patience_wait(const struct patience *patience, int64_t duration_ms)
{
    return patience->wait(patience->context, duration_ms);
}

static inline bool patience_is_over(const struct patience *patience)
{
    return !patience_wait(patience, 0);
}

#endif
