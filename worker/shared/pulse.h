/* pulse - when each fetcher of a worker process last went round its loop, in memory shared with the
 * supervisor. It lets the health check tell a process that works from one that merely exists.
 *
 * Each fetcher beats in its own slot, once per turn of its loop; a turn never takes longer than the
 * longest wait for Redis. No locks. The supervisor keeps one pulse per child and passes it from a
 * child that died to its successor, so it keeps ageing until the successor's fetchers turn. */
#ifndef DARG_WORKER_SHARED_PULSE_H
#define DARG_WORKER_SHARED_PULSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pulse;

/* NULL if the system gives no shared memory. */
struct pulse *pulse_new(size_t slots);
void pulse_free(struct pulse *pulse); /* NULL is fine */

/* The slot's fetcher goes round its loop. Only that fetcher's thread. */
void pulse_beat(struct pulse *pulse, size_t slot);
/* It has ended normally, and will not turn again. */
void pulse_end(struct pulse *pulse, size_t slot);

/* Redis has been unusable since then (monotonic; 0: it is usable), for this reason. */
void pulse_outage(struct pulse *pulse, size_t slot, int64_t since_ms, enum status status);

/* Call before another process takes over the pulse: fetchers that had ended are expected to turn
 * again. */
void pulse_restart(struct pulse *pulse);

enum { PULSE_NEVER = -1 };
/* How long ago, in ms, the least recently turned fetcher turned; PULSE_NEVER: one has not begun. 0
 * once all have ended. */
int64_t pulse_age_ms(const struct pulse *pulse);

/* The longest of the fetchers' present outages, in ms, and its cause; 0: all can use Redis, and
 * *status is not set. */
int64_t pulse_outage_ms(const struct pulse *pulse, enum status *status);

#endif
