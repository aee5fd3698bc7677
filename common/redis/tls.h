/* tls - rediss://, behind one function: tls_hiredis.c if hiredis_ssl is installed, otherwise
 * tls_none.c, which gives a clear error; the Makefile chooses. Server certificates and host names
 * are verified. */
#ifndef DARG_REDIS_TLS_H
#define DARG_REDIS_TLS_H

#include <stdbool.h>

#include "base/err.h"
#include "redis/deadline.h"

struct redisContext;
struct tls_options {
    const char *ca_file, *cert_file, *key_file; /* any may be NULL */
    const char *server_name;
};

bool tls_is_supported(void);

/* Starts TLS on a connected, non-blocking context. The files are read each time, so replaced ones
 * apply from the next connection on. Blocks for the handshake, up to the deadline. */
MUST_CHECK enum status tls_start(struct redisContext *context, const struct tls_options *options,
                                 const struct deadline *deadline, struct err *err);

#endif
