/* patience - how long work on a queue waits between two looks, and who may end it early.
 *
 * Whatever takes longer than a few round trips is given one by its caller, who may watch a flag, a
 * descriptor, or nothing at all meanwhile. Borrowed for the time of the call. */
#ifndef DARG_BASE_PATIENCE_H
#define DARG_BASE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
    /* Waits for so long, and returns at once with 0. False: to be ended, early too. */
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
