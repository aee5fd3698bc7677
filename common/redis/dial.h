/* dial - a connected socket, within a time limit.
 *
 * hiredis's own connect leaves sockets open over exec (a handler would inherit them and keep a
 * discarded link alive), tries one address family only, and knows no limit for all addresses
 * together; so sockets are made here and handed to it. They are CLOEXEC and non-blocking; TCP ones
 * have TCP_NODELAY, and notice a dead peer within half a minute (keepalive, TCP_USER_TIMEOUT). */
#ifndef DARG_REDIS_DIAL_H
#define DARG_REDIS_DIAL_H

#include <stdint.h>

#include "base/err.h"

/* Connects to host (a name or an address) by trying its addresses in turn until deadline_ms of the
 * monotonic clock. Looking the name up is not part of that limit: the system's resolver has its
 * own. ST_UNREACHABLE with the bare cause ("Connection refused") otherwise. */
MUST_CHECK enum status dial_tcp(const char *host, uint16_t port, int64_t deadline_ms, int *fd,
                                struct err *err);

/* Connects to a socket in the file system. */
MUST_CHECK enum status dial_unix(const char *path, int64_t deadline_ms, int *fd, struct err *err);

#endif
