/* resolve - finds the addresses of a name, within a deadline.
 *
 * A caller cannot set a time limit for the system's resolver, which takes half a minute if name
 * servers are dead. So a thread asks it, and the caller waits for the answer as long as it has
 * time. A thread that was not waited for goes on by itself, and the next attempt takes its answer
 * instead of asking again, so that there is never more than one per conn. (glibc's getaddrinfo_a()
 * would do, but its threads do not exist after a fork: a child would wait for ever.) Part of
 * conn. */
#ifndef DARG_REDIS_RESOLVE_H
#define DARG_REDIS_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/deadline.h"

struct lookup; /* under way, or just ended */

/* Finds the addresses of host; free them with freeaddrinfo(). Numeric addresses need no thread.
 * *lookup is NULL at first; the caller keeps it for the next call with the same host and port, or
 * for resolve_forget(). ST_UNREACHABLE with just the cause. */
MUST_CHECK enum status resolve(struct lookup **lookup, const char *host, uint16_t port,
                               const struct deadline *deadline, struct addrinfo **list,
                               struct err *err);

/* Abandons a look-up: what it finds is discarded. Never blocks. */
void resolve_forget(struct lookup **lookup);

#endif
