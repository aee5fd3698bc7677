#include "support/wait.h"

#include "base/clock.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

enum { POLL_MS = 5 };

int64_t wait_patience_ms(int64_t ms)
{
    const char *text = getenv("TEST_TIMEOUT_MULT");
    int64_t times = text == NULL ? 1 : strtoll(text, NULL, 10);
    return times > 1 ? ms * times : ms;
}

bool wait_until(wait_predicate predicate, void *context, int64_t deadline_ms)
{
    int64_t end_ms = clock_mono_ms() + wait_patience_ms(deadline_ms);
    for (;;) {
        bool is_late = clock_mono_ms() >= end_ms;
        if (predicate(context))
            return true;
        if (is_late)
            return false;
        (void)poll(NULL, 0, POLL_MS);
    }
}
