/* conn_link - how a conn comes by a wire: password, name, address, socket, TLS and greeting, all
 * within one deadline. Part of conn.
 *
 * Nothing that can change while a program runs is taken from its start: names are looked up and the
 * files of password and certificates are read each time. */
#ifndef DARG_REDIS_CONN_LINK_H
#define DARG_REDIS_CONN_LINK_H

#include <stdatomic.h>

#include "redis/conn.h"
#include "redis/resolve.h"
#include "redis/wire.h"

struct conn_link {
    struct redis_url url; /* its password is the one that was read last */
    char *where;          /* the URL as it may be shown */
    char *client_name, *password_file;
    char *tls_ca_file, *tls_cert_file, *tls_key_file;
    int64_t timeout_ms;       /* for all of it */
    struct lookup *lookup;    /* of the name, if it is under way */
    bool is_nameless;         /* what we talk to closes links that are given a name */
    _Atomic int64_t limit_ms; /* see conn_limit() */
};

void conn_link_init(struct conn_link *link, const struct conn_options *options);
void conn_link_fini(struct conn_link *link);

/* A wire to a server that has let us in. Statuses as of conn_connect(), with the bare cause. */
MUST_CHECK enum status conn_link_make(struct conn_link *link, struct wire **wire, struct err *err);

#endif
