/* resolve - the addresses of a name, within a deadline.
 *
 * The system's resolver has no time limit that a caller could set, and with dead name servers takes
 * half a minute. So a thread asks it, and whoever wants the answer waits for as long as there is
 * time. A thread that was not waited for goes on by itself, and the next try takes up its answer
 * instead of asking again, so that there is never more than one for each conn. (getaddrinfo_a() of
 * glibc would do, but its threads do not outlive a fork in the parent's place: a child would wait
 * for ever.) Part of conn. */
#ifndef DARG_REDIS_RESOLVE_H
#define DARG_REDIS_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/deadline.h"

struct lookup; /* one that is under way, or has just ended */

/* The addresses of host, to be freed by freeaddrinfo(). Numeric ones need no thread. *lookup is
 * NULL at first, and afterwards kept by the caller for the next call with the same host and port,
 * or resolve_forget(). ST_UNREACHABLE with the bare cause. */
MUST_CHECK enum status resolve(struct lookup **lookup, const char *host, uint16_t port,
                               const struct deadline *deadline, struct addrinfo **list,
                               struct err *err);

/* Lets go of a look-up: what it finds is thrown away. Never blocks. */
void resolve_forget(struct lookup **lookup);

#endif
