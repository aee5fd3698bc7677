/* wire - the bytes of one live connection: requests out, replies in, each within a deadline.
 *
 * A wire owns its socket and a hiredis context over it. hiredis parses and, under TLS, reads and
 * writes; waiting is done here, with poll(), so that a deadline holds for a whole answer and not
 * for each read of a part of it, as a socket timeout would. After any failure a wire is dead and is
 * only to be closed. What a server sends is bounded in bytes and elements before it is stored.
 * Belongs to one thread. Part of conn; not for other modules. */
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

/* Takes over a connected, non-blocking socket (also on failure); tls NULL: plain. Blocks for the
 * TLS handshake, up to the deadline, whose limit (borrowed) holds for all that follows, too. */
MUST_CHECK enum status wire_open(int fd, const struct tls_options *tls,
                                 const struct deadline *deadline, struct wire **wire,
                                 struct err *err);

/* with_reset: the server sees a reset at once, and bytes still on their way never reach it. */
void wire_close(struct wire *wire, bool with_reset);

/* Queues a request. Never blocks. */
void wire_put(struct wire *wire, const struct request *request);

/* Sends what is queued. ST_OK, or ST_LOST_REPLY with the bare cause ("no answer in time"). */
MUST_CHECK enum status wire_flush(struct wire *wire, int64_t deadline_ms, struct err *err);

/* Sends what is queued and waits for the next reply, error replies included. ST_OK, ST_LOST_REPLY,
 * or ST_PROTOCOL if what comes is no RESP or exceeds every sensible bound. */
MUST_CHECK enum status wire_get(struct wire *wire, int64_t deadline_ms, struct reply **reply,
                                struct err *err);

/* From now on an answer of more than max_bytes is ST_PROTOCOL; before: more than 1 MiB.
 * *is_reading_large (or NULL; borrowed) is true from when more than 128 KiB of an answer have come
 * until it is parsed. */
void wire_limit(struct wire *wire, size_t max_bytes, _Atomic bool *is_reading_large);

/* Of the next answer: a string's bytes are not kept, and do not count; it is answered empty. No
 * other answer may be due. */
void wire_skip_text(struct wire *wire);

/* After ST_LOST_REPLY: there was no answer in time, but the other side has not closed it. */
bool wire_is_late(const struct wire *wire);

/* While no answer is due: false if the server has closed the connection or sent something unasked,
 * so that nothing new should be sent on it. */
bool wire_is_idle(const struct wire *wire);

/* Waits like conn_wait(): until an answer can be read, wake_fd (-1: none) is readable, or the
 * deadline (negative: none) has passed; sends what is queued meanwhile. */
enum wire_event { WIRE_READABLE, WIRE_WOKEN, WIRE_TIMEOUT };
enum wire_event wire_wait(struct wire *wire, int wake_fd, int64_t deadline_ms);

#endif
