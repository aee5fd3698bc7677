#include "redis/deadline.h"

#include <limits.h>
#include <stddef.h>

#include "base/clock.h"

enum { SLICE_MS = 200 };

int64_t deadline_left_ms(const struct deadline *deadline)
{
    int64_t at_ms = deadline->at_ms, limit_ms = 0;
    if (deadline->limit_ms != NULL)
        limit_ms = atomic_load_explicit(deadline->limit_ms, memory_order_relaxed);
    if (limit_ms != 0 && limit_ms < at_ms)
        at_ms = limit_ms;
    int64_t left_ms = at_ms - clock_mono_ms();
    return left_ms > 0 ? left_ms : 0;
}

int deadline_slice_ms(const struct deadline *deadline)
{
    int64_t left_ms = deadline_left_ms(deadline);
    int most_ms = deadline->limit_ms != NULL ? SLICE_MS : INT_MAX;
    return left_ms < most_ms ? (int)left_ms : most_ms;
}
