/* url - where Redis is, as people write it.
 *
 *   redis://[user[:password]@]host[:port][/db]   host may be an IPv6 address in brackets
 *   rediss://...                                  the same over TLS
 *   unix:///path[?db=n]                           also unix://[user:password@]/path
 *   local:[dir]                                   a private redis-server (see local.h)
 *
 * User and password may contain percent escapes. A parsed URL contains a secret; show it only as
 * redis_url_append_text() writes it. Pure; not shared between threads while it is filled. */
#ifndef DARG_REDIS_URL_H
#define DARG_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define REDIS_DEFAULT_URL "redis://127.0.0.1:6379"

enum redis_transport { REDIS_TCP, REDIS_UNIX, REDIS_LOCAL };

struct redis_url {
    enum redis_transport transport;
    bool tls;
    char *host;    /* TCP: name or address, without brackets; NULL otherwise */
    uint16_t port; /* TCP; 6379 if none is given */
    char *path;    /* UNIX: the socket; LOCAL: the directory ("": the default); else NULL */
    char *user;    /* NULL: the default user */
    /* NULL: no AUTH, even if there is a user; secret_read_url() makes sure that a user has one.
     * Wiped by redis_url_fini(). */
    char *password;
    int db; /* 0 by default */
};

/* Parses text into *url, which owns copies; call redis_url_fini() even after a failure. ST_INVALID
 * with a sentence that never quotes the password; ST_UNSUPPORTED for rediss:// in a build without
 * TLS. */
MUST_CHECK enum status redis_url_parse(const char *text, struct redis_url *url, struct err *err);
void redis_url_fini(struct redis_url *url);

/* Makes a deep copy in *to; call redis_url_fini() on it, too. */
void redis_url_copy(const struct redis_url *from, struct redis_url *to);

/* Appends the URL as it may be shown, with "***" for the password. */
void redis_url_append_text(const struct redis_url *url, struct buf *out);

#endif
