/* server - checks that a server has what the scripts need: Redis 7.0 or Valkey, and TIME. */
#ifndef DARG_REDIS_SERVER_H
#define DARG_REDIS_SERVER_H

#include "base/err.h"
#include "redis/conn.h"

/* The oldest Redis whose scripts can declare flags ("#!lua flags=..."). */
enum { SERVER_MIN_MAJOR = 7 };

/* True if the error says that the server does not know the command (or is a proxy that does not
 * pass it on), and not that the command failed. */
bool server_lacks_command(enum status status, const struct err *err);

/* Uses INFO and TIME. ST_UNSUPPORTED with a sentence that says what is missing. ST_OK also if
 * asking is not permitted, or the link is lost: other calls will show that. Two round trips. */
MUST_CHECK enum status server_check(struct conn *conn, struct err *err);

#endif
