/* dial - a connected socket, within a time limit.
 *
 * hiredis's own connect leaves sockets open over exec (a handler would inherit them and keep a
 * discarded link alive), tries one address family only, and knows no limit for all addresses
 * together; so sockets are made here and handed to it. They are CLOEXEC and non-blocking; TCP ones
 * have TCP_NODELAY, and notice a dead peer within half a minute (keepalive, TCP_USER_TIMEOUT). */
#ifndef DARG_REDIS_DIAL_H
#define DARG_REDIS_DIAL_H

#include <netdb.h>

#include "base/err.h"
#include "redis/deadline.h"

/* Connects to the first of the addresses that lets it, trying them in turn. ST_UNREACHABLE with the
 * bare cause ("Connection refused") otherwise. */
MUST_CHECK enum status dial_tcp(const struct addrinfo *list, const struct deadline *deadline,
                                int *fd, struct err *err);

/* Connects to a socket in the file system. */
MUST_CHECK enum status dial_unix(const char *path, const struct deadline *deadline, int *fd,
                                 struct err *err);

#endif
