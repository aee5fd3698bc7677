/* conn_link - how a conn gets a wire: password, look-up, address, socket, TLS and greeting, all
 * within one deadline. Part of conn.
 *
 * Whatever can change while a program runs is determined each time: names are looked up, and the
 * files with password and certificates are read. */
#ifndef DARG_REDIS_CONN_LINK_H
#define DARG_REDIS_CONN_LINK_H

#include <stdatomic.h>

#include "redis/conn.h"
#include "redis/resolve.h"
#include "redis/wire.h"

struct conn_link {
    struct redis_url url; /* its password is the one read last */
    char *where;          /* the URL as it may be shown */
    char *client_name, *password_file;
    char *tls_ca_file, *tls_cert_file, *tls_key_file;
    int64_t timeout_ms;       /* for all steps together */
    struct lookup *lookup;    /* of the name, if one is under way */
    bool is_nameless;         /* the other side closes links that use CLIENT SETNAME */
    _Atomic int64_t limit_ms; /* see conn_limit() */
};

void conn_link_init(struct conn_link *link, const struct conn_options *options);
void conn_link_fini(struct conn_link *link);

/* Makes a wire to a server that has let us in. Statuses as for conn_connect(), with just the
 * cause. */
MUST_CHECK enum status conn_link_make(struct conn_link *link, struct wire **wire, struct err *err);

#endif
