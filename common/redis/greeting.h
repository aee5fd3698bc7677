/* greeting - the first commands on a new wire: AUTH, SELECT, CLIENT SETNAME, PING. Part of conn. */
#ifndef DARG_REDIS_GREETING_H
#define DARG_REDIS_GREETING_H

#include <stdint.h>

#include "base/err.h"
#include "redis/url.h"
#include "redis/wire.h"

struct greeting {
    const struct redis_url *url;
    const char *where;       /* the URL as it may be shown */
    const char *client_name; /* or NULL */
    int64_t deadline_ms;     /* monotonic; for all of it */
};

/* ST_OK: a live Redis lets us in. Its other complaints (LOADING, BUSY ...) are left to later
 * commands. Otherwise a status of wire_get(), or the class of a refusal. *is_at_name: it failed at
 * CLIENT SETNAME, at which some proxies close the link. */
MUST_CHECK enum status greeting_exchange(struct wire *wire, const struct greeting *greeting,
                                         bool *is_at_name, struct err *err);

#endif
