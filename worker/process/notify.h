/* notify - tells the service manager that started this program how it fares: notify_systemd.c where
 * libsystemd is installed, notify_none.c (silence) where it is not; the Makefile chooses.
 *
 * Only for the supervisor's one thread. Nothing blocks, and without a manager (NOTIFY_SOCKET)
 * nothing happens. */
#ifndef DARG_WORKER_PROCESS_NOTIFY_H
#define DARG_WORKER_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* True if this build can tell a manager anything. */
bool notify_is_supported(void);

/* Lines as of sd_notify(3): "READY=1\nSTATUS=all is well". */
void notify_state(const char *lines);

/* How often, in ms, the manager wants to hear WATCHDOG=1 of this very process; 0: not at all. */
int64_t notify_watchdog_ms(void);

#endif
