/* conn_error - what a server's errors do to a link, and how they are reported. Part of conn; the
 * classes themselves are in conn.h. */
#ifndef DARG_REDIS_CONN_ERROR_H
#define DARG_REDIS_CONN_ERROR_H

#include "redis/conn.h"

/* True for errors that will not go away on this link, which must be closed. */
bool conn_error_ends_link(enum status status, struct slice error_text);

/* Quotes the error, or part of it, in *err and returns its class. where: the URL as it may be
 * shown. */
enum status conn_error_quote(struct slice error_text, const char *where, struct err *err);

#endif
