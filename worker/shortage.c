#include "worker/shortage.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/log.h"

enum { SILENCE_MS = 60 * 1000 };

void shortage_note(struct shortage *shortage, const char *reason)
{
    int64_t now_ms = clock_mono_ms();
    int64_t said_ms = atomic_load(&shortage->said_ms);
    atomic_fetch_add(&shortage->waits, 1);
    bool is_due = said_ms == 0 || now_ms - said_ms >= SILENCE_MS;
    if (is_due && atomic_compare_exchange_strong(&shortage->said_ms, &said_ms, now_ms))
        log_fields(LOG_WARN, "jobs wait: the worker lacks what it takes to start them",
                   LOG_INT("waits", atomic_exchange(&shortage->waits, 0)),
                   LOG_STR("error", reason));
}
