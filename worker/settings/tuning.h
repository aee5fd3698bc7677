/* tuning - the settings that HUP changes while the worker runs, in memory shared by the supervisor
 * and its children.
 *
 * The supervisor writes them at the start, and again when it has re-read and checked the
 * configuration file; then it sends HUP. A child adopts them in its main thread, at its start and
 * at each HUP. They are independent of each other, so it does no harm that a child may see some new
 * and some old values until that HUP. */
#ifndef DARG_WORKER_SETTINGS_TUNING_H
#define DARG_WORKER_SETTINGS_TUNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tuning {
    size_t queue_count;                  /* fixed */
    _Atomic int64_t log_level;           /* enum log_level */
    _Atomic int64_t shutdown_timeout_ms; /* for stops that begin from now on */
    _Atomic int64_t prefetch;            /* -1: adaptive */
    /* Not a setting: the supervisor was told a second time to end. */
    _Atomic bool is_hurried;
    _Atomic int64_t health_age_ms; /* for the watchdog; supervisor only */
    _Atomic int64_t weights[];     /* of the queues, in their order; 0: none given */
};

/* All values are 0. NULL if the system gives no shared memory. */
struct tuning *tuning_new(size_t queue_count);
void tuning_free(struct tuning *tuning); /* NULL is fine */

#endif
