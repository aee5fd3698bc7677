#include "worker/process/notify.h"

bool notify_is_supported(void)
{
    return false;
}

void notify_state(const char *lines)
{
    (void)lines;
}

int64_t notify_watchdog_ms(void)
{
    return 0;
}
