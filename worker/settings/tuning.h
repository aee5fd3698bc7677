/* tuning - the settings that HUP changes while the worker runs, in memory shared by the supervisor
 * and its children.
 *
 * The supervisor writes them, once at the start and after it has read and checked the configuration
 * file again; then it sends HUP. A child takes them over in its main thread, at its start and at
 * each HUP. Each stands for itself, so a child may see some new and some old ones, until that HUP.
 */
#ifndef DARG_WORKER_SETTINGS_TUNING_H
#define DARG_WORKER_SETTINGS_TUNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tuning {
    size_t queue_count;                  /* fixed */
    _Atomic int64_t log_level;           /* enum log_level */
    _Atomic int64_t shutdown_timeout_ms; /* of a stop that begins from now on */
    _Atomic int64_t prefetch;            /* -1: adaptive */
    _Atomic bool is_hurried;             /* no setting: the supervisor was told again to end */
    _Atomic int64_t health_age_ms;       /* for the watchdog; the supervisor's alone */
    _Atomic int64_t weights[];           /* of the queues in their order; 0: none given */
};

/* All 0. NULL if the system gives no shared memory. */
struct tuning *tuning_new(size_t queue_count);
void tuning_free(struct tuning *tuning); /* NULL is fine */

#endif
