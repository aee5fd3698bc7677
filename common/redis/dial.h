/* dial - makes a connected socket, within a time limit.
 *
 * hiredis's own connect leaves sockets open across exec (a handler would inherit them and keep a
 * discarded link alive), tries only one address family, and has no time limit for all addresses
 * together. So sockets are made here and given to hiredis. They are CLOEXEC and non-blocking; TCP
 * ones have TCP_NODELAY, and notice a dead peer within half a minute (keepalive,
 * TCP_USER_TIMEOUT). */
#ifndef DARG_REDIS_DIAL_H
#define DARG_REDIS_DIAL_H

#include <netdb.h>

#include "base/err.h"
#include "redis/deadline.h"

/* Tries the addresses in turn until one accepts. Otherwise ST_UNREACHABLE with just the cause
 * ("Connection refused"). */
MUST_CHECK enum status dial_tcp(const struct addrinfo *list, const struct deadline *deadline,
                                int *fd, struct err *err);

/* Connects to a socket in the file system. */
MUST_CHECK enum status dial_unix(const char *path, const struct deadline *deadline, int *fd,
                                 struct err *err);

#endif
