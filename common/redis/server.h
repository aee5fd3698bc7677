/* server - whether a server has what the scripts need: Redis 7.0 or Valkey, and TIME. */
#ifndef DARG_REDIS_SERVER_H
#define DARG_REDIS_SERVER_H

#include "base/err.h"
#include "redis/conn.h"

/* The oldest Redis whose scripts may say what they are for ("#!lua flags=..."). */
enum { SERVER_MIN_MAJOR = 7 };

/* The error says that the server does not know the command (or, as a proxy, does not pass it on),
 * and not what came of it. */
bool server_lacks_command(enum status status, const struct err *err);

/* Asks by INFO and TIME. ST_UNSUPPORTED with a sentence that says what is missing; ST_OK also where
 * it may not be asked, or the link is lost: other calls tell. Two round trips. */
MUST_CHECK enum status server_check(struct conn *conn, struct err *err);

#endif
