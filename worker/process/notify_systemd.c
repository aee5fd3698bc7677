#include "worker/process/notify.h"

#include <systemd/sd-daemon.h>

#include "base/log.h"

bool notify_is_supported(void)
{
    return true;
}

void notify_state(const char *lines)
{
    /* The manager will notice by its own deadlines; the work goes on. */
    if (sd_notify(0, lines) < 0)
        log_printf(LOG_DEBUG, "cannot report this worker's state to the service manager");
}

int64_t notify_watchdog_ms(void)
{
    uint64_t interval_us = 0;
    if (sd_watchdog_enabled(0, &interval_us) <= 0)
        return 0;
    return interval_us < 1000 ? 1 : (int64_t)(interval_us / 1000);
}
