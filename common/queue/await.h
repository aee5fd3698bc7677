/* await - blocks on the server until a list holds something, and leaves the list as it is.
 *
 * It moves the first element to where it already is: BLMOVE is the only blocking command that can
 * leave a list unchanged. Several may wait for the same list. */
#ifndef DARG_QUEUE_AWAIT_H
#define DARG_QUEUE_AWAIT_H

#include <stdint.h>

#include "base/buf.h"
#include "redis/conn.h"

/* Sends the wait, of up to timeout_ms, without waiting for it: conn_wait(), then await_end(). */
MUST_CHECK enum status await_begin(struct conn *conn, struct slice list, int64_t timeout_ms,
                                   struct err *err);

/* *element: the first element, or nil if there was none in all that time. The caller frees it. */
MUST_CHECK enum status await_end(struct conn *conn, struct reply **element, struct err *err);

#endif
