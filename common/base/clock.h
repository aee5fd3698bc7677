/* clock - time on this machine.
 *
 * Everything that measures or waits uses the monotonic clock. Wall-clock time is for people only:
 * times that are stored in Redis come from its own clock. Any thread. */
#ifndef DARG_BASE_CLOCK_H
#define DARG_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_mono_ns(void);
int64_t clock_wall_ms(void); /* since the epoch, for people only */

/* Writes wall time as RFC 3339 UTC with milliseconds, "2026-01-31T12:00:00.123Z"; returns out. */
#define CLOCK_TEXT_MAX 32
const char *clock_format(int64_t wall_ms, char out[CLOCK_TEXT_MAX]);

#endif
