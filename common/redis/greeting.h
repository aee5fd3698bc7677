/* greeting - what is said first on a new wire: AUTH, SELECT, CLIENT SETNAME, PING. Part of conn. */
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
    int64_t deadline_ms;     /* of the monotonic clock, for all of it */
};

/* ST_OK: a live Redis lets us in. Its other complaints (LOADING, BUSY ...) are left to be met by
 * the commands that follow. The statuses of wire_get(), or the class of a refusal, otherwise.
 * *is_at_name: what failed was giving the name, as some proxies close the link at it. */
MUST_CHECK enum status greeting_exchange(struct wire *wire, const struct greeting *greeting,
                                         bool *is_at_name, struct err *err);

#endif
