/* retry - how long to wait before a failed job runs again.
 *
 * A backoff is written FIRST..LIMIT ("2s..1h": doubling from 2 s, at most 1 h) or one duration
 * ("30s": always that). Up to a quarter of jitter is added, so that jobs which failed together do
 * not come back together and none runs early. Pure: the random number is a parameter. */
#ifndef DARG_JOB_RETRY_H
#define DARG_JOB_RETRY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct retry_backoff {
    int64_t first_ms;
    int64_t limit_ms; /* >= first_ms */
};

MUST_CHECK enum status retry_parse_backoff(struct slice text, struct retry_backoff *backoff,
                                           struct err *err);

/* The delay after `attempts` failed attempts (>= 1), in ms; `random` is any 64 random bits. */
int64_t retry_delay_ms(const struct retry_backoff *backoff, int64_t attempts, uint64_t random);

#endif
