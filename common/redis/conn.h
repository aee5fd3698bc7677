/* conn - one connection to Redis, belonging to exactly one thread.
 *
 * A conn is an object that outlives its connection: conn_open() makes it without touching the
 * network, conn_connect() connects (again), and every failure of the link closes the link but keeps
 * the object, so that its owner can wait for conn_backoff_ms() and connect anew. On connecting it
 * does AUTH, SELECT and CLIENT SETNAME (the last is allowed to fail), and sets TCP_NODELAY,
 * keepalive and TCP_USER_TIMEOUT. The password's file and those of TLS are read each time. hiredis
 * lives behind this header and nowhere else.
 *
 * A link that has rested for a second is looked at before it is used, and made again in silence if
 * the server, or what stands between, has closed it meanwhile: nothing was under way.
 *
 * Statuses of calls: ST_OK; ST_UNREACHABLE (could not connect, or not connected); ST_LOST_REPLY
 * (the request was sent, the link broke or its time ran out before the whole answer came: whether
 * it was carried out is unknown; the link is closed); ST_PROTOCOL (the answer was no RESP; link
 * closed); or the class of the server's error reply (LOADING, READONLY ... SERVER), where the link
 * stays usable - except READONLY and UNBLOCKED-by-failover, MASTERDOWN, NOAUTH and UNREACHABLE
 * ("max number of clients"), after which the link is closed so that the next connect finds the
 * right server. */
#ifndef DARG_REDIS_CONN_H
#define DARG_REDIS_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/reply.h"
#include "redis/request.h"
#include "redis/url.h"

struct conn_options {
    /* Copied; a REDIS_LOCAL one starts its server on connect (local.h). */
    const struct redis_url *url;
    const char *client_name;    /* for CLIENT LIST; copied; no blanks; NULL: none */
    const char *password_file;  /* whose first line is the password; NULL: the URL's */
    int64_t connect_timeout_ms; /* for all of connecting, from the name to PING; 0: 5,000 */
    int64_t command_timeout_ms; /* 0: 10,000; per call, on top of a blocking command's own time */
    int64_t max_reply_bytes;    /* 0: 1 GiB; a longer answer is ST_PROTOCOL */
    _Atomic bool *is_reading_large; /* true while an answer of over 128 KiB is read; NULL: unused */
    const char *tls_ca_file;        /* NULL: the system's CAs */
    const char *tls_cert_file;      /* client certificate, or NULL */
    const char *tls_key_file;
};

struct conn;

/* A conn that is not connected yet. Never blocks. */
struct conn *conn_open(const struct conn_options *options);

/* Closes in good order and frees. NULL is fine. */
void conn_close(struct conn *conn);

/* Connects if not connected, or if the link was closed while it rested; blocks up to the connect
 * timeout. ST_OK also when it already was connected. */
MUST_CHECK enum status conn_connect(struct conn *conn, struct err *err);

/* From now on nothing on this conn waits for longer than until this moment of the monotonic clock
 * (0: no such limit), and nothing is sent after it (ST_UNREACHABLE); a call that waits already
 * notices within a quarter of a second. The only call that another thread may make meanwhile. */
void conn_limit(struct conn *conn, int64_t until_ms);

bool conn_is_connected(const struct conn *conn);

/* Drops the link at once with SO_LINGER 0 (the server sees a reset): used when a request may still
 * be under way whose effect must not come late, or to leave a blocking command. */
void conn_discard(struct conn *conn);

/* True if the last link that was lost had worked, and was closed by the other side: not given up
 * for want of an answer, nor for what the server said. */
bool conn_was_closed(const struct conn *conn);

/* How long to wait before the next conn_connect(): grows from 50 ms to 2 s with each failure in a
 * row, with jitter (half to all of that); 0 right after a link that had worked, that is, had
 * answered calls and lived for a second. */
int64_t conn_backoff_ms(struct conn *conn);

/* How many times this conn has connected; a change tells that state bound to a link is void. */
uint64_t conn_generation(const struct conn *conn);

/* Sends one request and waits for its reply. *reply is set (to be freed) only on ST_OK. */
MUST_CHECK enum status conn_call(struct conn *conn, const struct request *request,
                                 struct reply **reply, struct err *err);

/* The first half of conn_call(): sends the request now. conn_receive() is the other half. */
MUST_CHECK enum status conn_begin(struct conn *conn, const struct request *request,
                                  struct err *err);

/* Pipelining: queues a request; the bytes go out with conn_flush() or the next conn_receive().
 * Replies come in order. conn_send() blocks only to make a link again that was closed while it
 * rested, and fails only if not connected, or if that fails. Once a link is closed, by whichever
 * status, every request still unanswered on it is as good as ST_LOST_REPLY, and conn_receive() says
 * ST_UNREACHABLE. */
MUST_CHECK enum status conn_send(struct conn *conn, const struct request *request, struct err *err);
MUST_CHECK enum status conn_flush(struct conn *conn, struct err *err);
MUST_CHECK enum status conn_receive(struct conn *conn, struct reply **reply, struct err *err);

/* Of the answer that is due: if it is a string, its bytes are thrown away as they come, and
 * conn_receive() answers an empty one. For answers of any size whose text nobody wants. */
void conn_skip_text(struct conn *conn);

/* Waits until an answer can be read, wake_fd becomes readable (-1: none), or timeout_ms have
 * passed (negative: for ever). It does not read from wake_fd, and sends what is queued. A link that
 * is closed or has failed is CONN_READABLE: conn_receive() says why. */
enum conn_wait { CONN_READABLE, CONN_WOKEN, CONN_TIMEOUT };
enum conn_wait conn_wait(struct conn *conn, int wake_fd, int64_t timeout_ms);

/* One line of INFO's answer: "" where there is none, or the call fails. Cut to `size`. */
void conn_info(struct conn *conn, const char *section, const char *name, char *out, size_t size);

/* The server's run id (INFO server), asked for once a link, "" where it may not be asked. Borrowed;
 * changes only on connecting. */
const char *conn_run_id(struct conn *conn);

/* True for statuses after which the same request may be sent again later with hope: the link was
 * lost or garbled (PROTOCOL), or the server said LOADING, BUSY, OOM, MISCONF, READONLY, MASTERDOWN,
 * NOREPLICAS, CLUSTER, UNBLOCKED, NOSCRIPT (script_call() loads it). False for what only a person
 * can mend (NOAUTH, NOPERM, WRONGTYPE, SERVER ...). */
bool status_is_transient(enum status status);

/* The class of a server's error text ("OOM command not allowed ..."). */
enum status conn_error_class(struct slice error_text);

#endif
