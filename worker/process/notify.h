/* notify - tells the service manager that started this program how it is doing: notify_systemd.c if
 * libsystemd is installed, otherwise notify_none.c (silence); the Makefile chooses.
 *
 * Only for the supervisor's one thread. Nothing blocks, and without a manager (NOTIFY_SOCKET)
 * nothing happens. */
#ifndef DARG_WORKER_PROCESS_NOTIFY_H
#define DARG_WORKER_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* True if this build can notify a manager. */
bool notify_is_supported(void);

/* lines: as in sd_notify(3), "READY=1\nSTATUS=all is well". */
void notify_state(const char *lines);

/* How often, in ms, the manager expects WATCHDOG=1 from this process; 0: not at all. */
int64_t notify_watchdog_ms(void);

#endif
