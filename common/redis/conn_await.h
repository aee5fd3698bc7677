/* conn_await - connects, and tries again with pauses while that may help. */
#ifndef DARG_REDIS_CONN_AWAIT_H
#define DARG_REDIS_CONN_AWAIT_H

#include "base/patience.h"
#include "redis/conn.h"

/* Connects within limit_ms, whatever it takes that time may mend: refused, loading ... A server
 * that lacks memory is as good as connected. ST_UNREACHABLE, too, where the patience ends it. */
MUST_CHECK enum status conn_await(struct conn *conn, int64_t limit_ms,
                                  const struct patience *patience, struct err *err);

#endif
