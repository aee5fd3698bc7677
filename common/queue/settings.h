/* settings - what operators set of a queue: paused, and its limits. Each call blocks for a round
 * trip and may be repeated. */
#ifndef DARG_QUEUE_SETTINGS_H
#define DARG_QUEUE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* paused: no job is handed out; pushing goes on. */
MUST_CHECK enum status settings_pause(struct conn *conn, const struct queue *queue, bool is_paused,
                                      struct err *err);

/* Settings of `darg limit`: names are max_len, rate, rate_ms, concurrency, dead_max, dead_age_ms.
 * value < 0 removes it. */
MUST_CHECK enum status settings_set(struct conn *conn, const struct queue *queue, const char *name,
                                    int64_t value, struct err *err);
/* -1: not set. */
MUST_CHECK enum status settings_get(struct conn *conn, const struct queue *queue, const char *name,
                                    int64_t *value, struct err *err);

#endif
