/* wire - one live connection as bytes: requests out, replies in, each within a deadline.
 *
 * A wire owns its socket and a hiredis context over it. hiredis parses and, under TLS, reads and
 * writes; waiting is done here, with poll(), so that a deadline applies to a whole reply and not,
 * like a socket timeout, to each partial read. After any failure a wire is dead and can only be
 * closed. What a server sends is limited in bytes and elements before it is stored. Belongs to one
 * thread. Part of conn; not for other modules. */
#ifndef DARG_REDIS_WIRE_H
#define DARG_REDIS_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/deadline.h"
#include "redis/reply.h"
#include "redis/request.h"
#include "redis/tls.h"

struct wire;

/* Takes over a connected, non-blocking socket (even on failure); tls NULL: plain. Blocks for the
 * TLS handshake, up to the deadline, whose limit (borrowed) also applies to all later calls. */
MUST_CHECK enum status wire_open(int fd, const struct tls_options *tls,
                                 const struct deadline *deadline, struct wire **wire,
                                 struct err *err);

/* with_reset: the server sees a reset at once, and bytes still on their way are lost. */
void wire_close(struct wire *wire, bool with_reset);

/* Queues a request. Never blocks. */
void wire_put(struct wire *wire, const struct request *request);

/* Sends what is queued. ST_OK, or ST_LOST_REPLY with just the cause ("no answer in time"). */
MUST_CHECK enum status wire_flush(struct wire *wire, int64_t deadline_ms, struct err *err);

/* Sends what is queued and waits for the next reply, error replies included. ST_OK, ST_LOST_REPLY,
 * or ST_PROTOCOL if what comes is not RESP or exceeds the limits. */
MUST_CHECK enum status wire_get(struct wire *wire, int64_t deadline_ms, struct reply **reply,
                                struct err *err);

/* From now on a reply of more than max_bytes is ST_PROTOCOL; without this call, one of more than 1
 * MiB. *is_reading_large (borrowed; or NULL) is true from when more than 128 KiB of a reply have
 * come until it is parsed. */
void wire_limit(struct wire *wire, size_t max_bytes, _Atomic bool *is_reading_large);

/* For the next reply: the bytes of a string are not kept, and do not count towards the limit; the
 * reply is then empty. No other reply may be due. */
void wire_skip_text(struct wire *wire);

/* After ST_LOST_REPLY: true if no reply came in time, but the other side has not closed the
 * link. */
bool wire_is_late(const struct wire *wire);

/* While no reply is due: false if the server has closed the connection or sent something unasked
 * for, so that nothing new should be sent on it. */
bool wire_is_idle(const struct wire *wire);

/* Waits like conn_wait(): until a reply can be read, wake_fd (-1: none) is readable, or the
 * deadline (negative: none) has passed; sends what is queued meanwhile. */
enum wire_event { WIRE_READABLE, WIRE_WOKEN, WIRE_TIMEOUT };
enum wire_event wire_wait(struct wire *wire, int wake_fd, int64_t deadline_ms);

#endif
