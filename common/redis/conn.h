/* conn - one connection to Redis, belonging to exactly one thread.
 *
 * A conn is an object that outlives its connection: conn_open() makes it without touching the
 * network, conn_connect() connects (again), and every failure of the link closes the link but keeps
 * the object, so that its owner can wait for conn_backoff_ms() and connect again. On connecting it
 * does AUTH, SELECT and CLIENT SETNAME (which may fail), and sets TCP_NODELAY, keepalive and
 * TCP_USER_TIMEOUT. The password file and the files for TLS are read each time. hiredis is used
 * behind this header and nowhere else.
 *
 * A link that has been idle for a second is checked before it is used, and silently re-established
 * if the server, or something in between, has closed it: nothing was under way.
 *
 * Statuses of calls: ST_OK; ST_UNREACHABLE (could not connect, or not connected); ST_LOST_REPLY
 * (the request was sent, but the link broke or the time ran out before the whole reply came;
 * whether it was carried out is unknown; the link is closed); ST_PROTOCOL (the reply was not RESP;
 * the link is closed); or the class of the server's error reply (LOADING, READONLY ... SERVER),
 * after which the link remains usable - except for READONLY and UNBLOCKED-by-failover, MASTERDOWN,
 * NOAUTH and UNREACHABLE ("max number of clients"), after which the link is closed so that the next
 * connect finds the right server. */
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
    const char *client_name;        /* shown in CLIENT LIST; copied; no blanks; NULL: none */
    const char *password_file;      /* its first line is the password; NULL: take the URL's */
    int64_t connect_timeout_ms;     /* for connecting, from look-up to PING; 0: 5,000 */
    int64_t command_timeout_ms;     /* per call, plus a blocking command's own time; 0: 10,000 */
    int64_t max_reply_bytes;        /* a longer reply is ST_PROTOCOL; 0: 1 GiB */
    _Atomic bool *is_reading_large; /* true while a reply of over 128 KiB is read; NULL: unused */
    const char *tls_ca_file;        /* NULL: the system's CAs */
    const char *tls_cert_file;      /* client certificate, or NULL */
    const char *tls_key_file;
};

struct conn;

/* Makes a conn that is not connected yet. Never blocks. */
struct conn *conn_open(const struct conn_options *options);

/* Closes the link in good order and frees. NULL is fine. */
void conn_close(struct conn *conn);

/* Connects if not connected, or if the link was closed while idle; blocks up to the connect
 * timeout. ST_OK also if it was connected already. */
MUST_CHECK enum status conn_connect(struct conn *conn, struct err *err);

/* From now on no call on this conn waits beyond until_ms (monotonic; 0: no limit), and nothing is
 * sent after that time (ST_UNREACHABLE); a call that is waiting already notices within a quarter of
 * a second. The only function that another thread may call. */
void conn_limit(struct conn *conn, int64_t until_ms);

bool conn_is_connected(const struct conn *conn);

/* Drops the link at once with SO_LINGER 0 (the server sees a reset): for a request that may still
 * be under way and must not take effect late, or to leave a blocking command. */
void conn_discard(struct conn *conn);

/* True if the last link that was lost had worked, and the other side closed it: it was not given up
 * because no reply came, or because of an error that the server sent. */
bool conn_was_closed(const struct conn *conn);

/* How long to wait before the next conn_connect(): grows from 50 ms to 2 s with each failure in a
 * row, with jitter (between half and all of that); 0 right after a link that had worked, that is,
 * had answered calls and lived for a second. */
int64_t conn_backoff_ms(struct conn *conn);

/* How many times this conn has connected. If it changes, state that was bound to the link is
 * void. */
uint64_t conn_generation(const struct conn *conn);

/* Sends one request and waits for its reply. *reply is set only on ST_OK; the caller frees it. */
MUST_CHECK enum status conn_call(struct conn *conn, const struct request *request,
                                 struct reply **reply, struct err *err);

/* The first half of conn_call(): sends the request now. conn_receive() is the other half. */
MUST_CHECK enum status conn_begin(struct conn *conn, const struct request *request,
                                  struct err *err);

/* Pipelining: queues a request; the bytes go out with conn_flush() or the next conn_receive().
 * Replies come in order. conn_send() blocks only to re-establish a link that was closed while idle,
 * and fails only if not connected, or if that fails. Once a link is closed, whatever the status,
 * treat every request still unanswered on it as ST_LOST_REPLY; conn_receive() then returns
 * ST_UNREACHABLE. */
MUST_CHECK enum status conn_send(struct conn *conn, const struct request *request, struct err *err);
MUST_CHECK enum status conn_flush(struct conn *conn, struct err *err);
MUST_CHECK enum status conn_receive(struct conn *conn, struct reply **reply, struct err *err);

/* For the next reply: if it is a string, its bytes are discarded as they come, and conn_receive()
 * returns an empty string. For replies of any size whose text nobody needs. */
void conn_skip_text(struct conn *conn);

/* Waits until a reply can be read, wake_fd becomes readable (-1: none), or timeout_ms have passed
 * (negative: for ever). Does not read from wake_fd; sends what is queued. A link that is closed or
 * has failed counts as CONN_READABLE: conn_receive() says why. */
enum conn_wait { CONN_READABLE, CONN_WOKEN, CONN_TIMEOUT };
enum conn_wait conn_wait(struct conn *conn, int wake_fd, int64_t timeout_ms);

/* Copies one value from INFO's reply, cut to `size`; "" if there is none, or the call fails. */
void conn_info(struct conn *conn, const char *section, const char *name, char *out, size_t size);

/* The server's run id (INFO server), read once per link; "" if that is not permitted. Borrowed;
 * changes only on connecting. */
const char *conn_run_id(struct conn *conn);

/* True for statuses after which the same request may succeed later: the link was lost or garbled
 * (PROTOCOL), or the server said LOADING, BUSY, OOM, MISCONF, READONLY, MASTERDOWN, NOREPLICAS,
 * CLUSTER, UNBLOCKED, NOSCRIPT (script_call() loads it). False for what only a person can fix
 * (NOAUTH, NOPERM, WRONGTYPE, SERVER ...). */
bool status_is_transient(enum status status);

/* The status that an error text of the server means ("OOM command not allowed ..."). */
enum status conn_error_class(struct slice error_text);

#endif
