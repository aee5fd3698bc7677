/* pulse - when the fetchers of a worker process last turned, in memory shared with its supervisor:
 * for a health check that does not take a process for well because it exists.
 *
 * Each fetcher beats in a slot of its own, once for each turn of its loop, which never takes longer
 * than its longest wait for Redis. No locks. The supervisor keeps a pulse for each of its children
 * and hands it from one that died to the next: it ages until that one's fetchers turn. */
#ifndef DARG_WORKER_SHARED_PULSE_H
#define DARG_WORKER_SHARED_PULSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pulse;

/* NULL if the system gives no shared memory. */
struct pulse *pulse_new(size_t slots);
void pulse_free(struct pulse *pulse); /* NULL is fine */

/* The fetcher turns. Any thread, one a slot. */
void pulse_beat(struct pulse *pulse, size_t slot);
/* It has ended as it should, and need not turn again. */
void pulse_end(struct pulse *pulse, size_t slot);

/* Redis cannot be used since then (monotonic; 0: it can), for this reason. */
void pulse_outage(struct pulse *pulse, size_t slot, int64_t since_ms, enum status status);

/* Before another process takes the pulse over: fetchers that had ended are expected to turn. */
void pulse_restart(struct pulse *pulse);

enum { PULSE_NEVER = -1 };
/* How long ago, in ms, that fetcher turned which has not for longest; PULSE_NEVER: one has not
 * begun. 0 once all have ended. */
int64_t pulse_age_ms(const struct pulse *pulse);

/* For how long, in ms, that fetcher cannot use Redis which cannot for longest, and why; 0: all
 * can. */
int64_t pulse_outage_ms(const struct pulse *pulse, enum status *status);

#endif
