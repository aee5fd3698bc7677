/* conn_await - connects, and tries again, with pauses, while that may help. */
#ifndef DARG_REDIS_CONN_AWAIT_H
#define DARG_REDIS_CONN_AWAIT_H

#include "base/patience.h"
#include "redis/conn.h"

/* Tries to connect for up to limit_ms, through everything that time may cure: refused, loading ...
 * A server that is out of memory counts as connected. Also ST_UNREACHABLE if the patience ends
 * it. */
MUST_CHECK enum status conn_await(struct conn *conn, int64_t limit_ms,
                                  const struct patience *patience, struct err *err);

#endif
