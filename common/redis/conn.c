#include "redis/conn.h"

#include "base/clock.h"
#include "base/id.h"
#include "redis/conn_error.h"
#include "redis/conn_link.h"

#include <stdlib.h>
#include <string.h>

enum { COMMAND_TIMEOUT_MS = 10000 };
enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000, FAILURES_MAX = 16 };
enum { IDLE_MS = 1000 };   /* a link unused for longer is checked before it is used */
enum { WORKED_MS = 1000 }; /* a link must live this long to count as one that had worked */
enum { RUN_ID_BYTES = 64 };
/* Redis has no string above 512 MiB, and nothing that we request comes near that. */
enum { MAX_REPLY_BYTES = 1 << 30 };

struct conn {
    struct conn_link link;
    int64_t command_timeout_ms;
    size_t max_reply_bytes;
    _Atomic bool *is_reading_large;

    struct wire *wire;   /* NULL: not connected */
    uint64_t generation; /* see conn_generation() */
    unsigned failures;   /* in a row */
    bool was_closed;     /* see conn_was_closed() */

    /* The rest is about the present link. */
    size_t unanswered;             /* requests sent whose replies have not been received */
    bool has_answered;             /* with anything but an error that ends the link */
    int64_t connected_ms, used_ms; /* monotonic: when it was made; last used */
    bool is_run_id_known;
    char run_id[RUN_ID_BYTES]; /* of the link that was asked last; "" if none was */
};

struct conn *conn_open(const struct conn_options *options)
{
    struct conn *conn = mem_new(sizeof *conn);
    conn_link_init(&conn->link, options);
    conn->command_timeout_ms =
        options->command_timeout_ms > 0 ? options->command_timeout_ms : COMMAND_TIMEOUT_MS;
    conn->is_reading_large = options->is_reading_large;
    conn->max_reply_bytes =
        options->max_reply_bytes > 0 ? (size_t)options->max_reply_bytes : MAX_REPLY_BYTES;
    return conn;
}

void conn_close(struct conn *conn)
{
    if (conn == NULL)
        return;
    wire_close(conn->wire, false);
    conn_link_fini(&conn->link);
    free(conn);
}

static void drop(struct conn *conn)
{
    wire_close(conn->wire, true);
    conn->wire = NULL;
    conn->unanswered = 0;
}

static void count_failure(struct conn *conn)
{
    if (conn->failures < FAILURES_MAX)
        conn->failures++;
}

/* Drops a link that has failed. If it had worked, the backoff starts again. A link that answered a
 * call or two before it failed does not count: a server that refuses only some of our commands (a
 * read-only replica) would make us connect in a busy loop. */
static void fail(struct conn *conn)
{
    conn->was_closed = false;
    drop(conn);
    if (conn->has_answered && clock_mono_ms() - conn->connected_ms >= WORKED_MS)
        conn->failures = 0;
    else
        count_failure(conn);
}

void conn_discard(struct conn *conn)
{
    if (conn->wire == NULL)
        return;
    drop(conn);
    if (conn->has_answered)
        conn->failures = 0;
}

bool conn_was_closed(const struct conn *conn)
{
    return conn->was_closed;
}

bool conn_is_connected(const struct conn *conn)
{
    return conn->wire != NULL;
}

uint64_t conn_generation(const struct conn *conn)
{
    return conn->generation;
}

int64_t conn_backoff_ms(struct conn *conn)
{
    if (conn->failures == 0)
        return 0;
    int64_t limit_ms = BACKOFF_MIN_MS;
    for (unsigned i = 1; i < conn->failures && limit_ms < BACKOFF_MAX_MS; i++)
        limit_ms *= 2;
    if (limit_ms > BACKOFF_MAX_MS)
        limit_ms = BACKOFF_MAX_MS;
    /* Half of it is jitter, so that workers that were cut off together do not return together. */
    int64_t half_ms = limit_ms / 2;
    return half_ms + (int64_t)id_jitter((uint64_t)(limit_ms - half_ms) + 1);
}

static bool is_default_place(const struct redis_url *url)
{
    return url->transport == REDIS_TCP && !url->tls && url->port == 6379 &&
           (strcmp(url->host, "127.0.0.1") == 0 || strcmp(url->host, "localhost") == 0);
}

static bool is_over(struct conn *conn, int64_t now_ms)
{
    int64_t limit_ms = atomic_load_explicit(&conn->link.limit_ms, memory_order_relaxed);
    return limit_ms != 0 && now_ms >= limit_ms;
}

static enum status no_time_left(const struct conn *conn, struct err *err)
{
    return err_set(err, ST_UNREACHABLE, "there is no time left to ask Redis at %s",
                   conn->link.where);
}

static enum status connect_anew(struct conn *conn, struct err *err)
{
    struct err cause = {0};
    if (is_over(conn, clock_mono_ms()))
        return no_time_left(conn, err);
    enum status status = conn_link_make(&conn->link, &conn->wire, &cause);
    if (status != ST_OK) {
        count_failure(conn);
        conn->was_closed = false;
        /* While connecting, no command was sent that could have had an effect. */
        if (status == ST_LOST_REPLY)
            status = ST_UNREACHABLE;
        const char *hint = status == ST_UNREACHABLE && is_default_place(&conn->link.url)
                               ? " (no Redis there? `-r local:` starts a private one)"
                               : "";
        return err_set(err, status, "cannot connect to Redis at %s: %s%s", conn->link.where,
                       err_text(&cause), hint);
    }
    wire_limit(conn->wire, conn->max_reply_bytes, conn->is_reading_large);
    conn->generation++;
    conn->unanswered = 0;
    conn->has_answered = false;
    conn->is_run_id_known = false;
    conn->connected_ms = conn->used_ms = clock_mono_ms();
    return ST_OK;
}

/* Finds out that the server has closed an idle link before anything is sent on it, while it is
 * still certain that nothing was carried out. */
static bool was_closed_at_rest(struct conn *conn, int64_t now_ms)
{
    return conn->unanswered == 0 && now_ms - conn->used_ms > IDLE_MS && !wire_is_idle(conn->wire);
}

void conn_limit(struct conn *conn, int64_t until_ms)
{
    atomic_store_explicit(&conn->link.limit_ms, until_ms, memory_order_relaxed);
}

enum status conn_connect(struct conn *conn, struct err *err)
{
    if (conn->wire != NULL && !was_closed_at_rest(conn, clock_mono_ms()))
        return ST_OK;
    drop(conn);
    return connect_anew(conn, err);
}

static enum status not_connected(const struct conn *conn, struct err *err)
{
    return err_set(err, ST_UNREACHABLE, "not connected to Redis at %s", conn->link.where);
}

/* Handles the failure of the wire. */
static enum status lose(struct conn *conn, enum status status, const struct err *cause,
                        struct err *err)
{
    bool is_late = status == ST_PROTOCOL || wire_is_late(conn->wire);
    fail(conn);
    conn->was_closed = !is_late && conn->failures == 0;
    return err_set(err, status, "lost the connection to Redis at %s: %s", conn->link.where,
                   err_text(cause));
}

enum status conn_send(struct conn *conn, const struct request *request, struct err *err)
{
    if (conn->wire == NULL)
        return not_connected(conn, err);
    int64_t now_ms = clock_mono_ms();
    if (is_over(conn, now_ms)) {
        drop(conn);
        return no_time_left(conn, err);
    }
    if (was_closed_at_rest(conn, now_ms)) {
        drop(conn);
        enum status status = connect_anew(conn, err);
        if (status != ST_OK)
            return status;
    }
    conn->used_ms = now_ms;
    wire_put(conn->wire, request);
    conn->unanswered++;
    return ST_OK;
}

enum status conn_flush(struct conn *conn, struct err *err)
{
    if (conn->wire == NULL)
        return not_connected(conn, err);
    struct err cause = {0};
    enum status status = wire_flush(conn->wire, clock_mono_ms() + conn->command_timeout_ms, &cause);
    return status == ST_OK ? ST_OK : lose(conn, status, &cause, err);
}

enum status conn_receive(struct conn *conn, struct reply **reply, struct err *err)
{
    if (conn->wire == NULL)
        return not_connected(conn, err);
    ensure(conn->unanswered > 0, "no reply is due");
    struct err cause = {0};
    struct reply *got = NULL;
    int64_t deadline_ms = clock_mono_ms() + conn->command_timeout_ms;
    enum status status = wire_get(conn->wire, deadline_ms, &got, &cause);
    if (status != ST_OK)
        return lose(conn, status, &cause, err);
    conn->unanswered--;
    conn->used_ms = clock_mono_ms();
    struct slice text = reply_error(got);
    if (text.ptr == NULL) {
        conn->has_answered = true;
        *reply = got;
        return ST_OK;
    }
    status = conn_error_quote(text, conn->link.where, err);
    if (conn_error_ends_link(status, text))
        fail(conn);
    else
        conn->has_answered = true;
    reply_free(got);
    return status;
}

void conn_skip_text(struct conn *conn)
{
    if (conn->wire != NULL)
        wire_skip_text(conn->wire);
}

enum status conn_begin(struct conn *conn, const struct request *request, struct err *err)
{
    ensure(conn->unanswered == 0, "%zu replies are still due", conn->unanswered);
    enum status status = conn_send(conn, request, err);
    return status == ST_OK ? conn_flush(conn, err) : status;
}

enum status conn_call(struct conn *conn, const struct request *request, struct reply **reply,
                      struct err *err)
{
    enum status status = conn_begin(conn, request, err);
    return status == ST_OK ? conn_receive(conn, reply, err) : status;
}

enum conn_wait conn_wait(struct conn *conn, int wake_fd, int64_t timeout_ms)
{
    if (conn->wire == NULL)
        return CONN_READABLE;
    int64_t deadline_ms = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    enum wire_event event = wire_wait(conn->wire, wake_fd, deadline_ms);
    if (event == WIRE_READABLE)
        return CONN_READABLE;
    return event == WIRE_WOKEN ? CONN_WOKEN : CONN_TIMEOUT;
}

/* Copies the value of the line "NAME:..." in INFO's reply; "" if there is none. */
static void copy_info(struct slice info, const char *name, char *out, size_t size)
{
    struct buf line = {0};
    /* With the line end before it, so that it does not match the end of a longer name. */
    buf_printf(&line, "\n%s:", name);
    const char *at = info.len == 0 ? NULL : memmem(info.ptr, info.len, line.ptr, line.len);
    size_t len = 0;
    if (at != NULL) {
        const char *end = info.ptr + info.len;
        for (at += line.len; at < end && (unsigned char)*at > ' ' && len + 1 < size; at++)
            out[len++] = *at;
    }
    out[len] = '\0';
    buf_fini(&line);
}

void conn_info(struct conn *conn, const char *section, const char *name, char *out, size_t size)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err ignored;
    request_add_text(&request, "INFO");
    request_add_text(&request, section);
    out[0] = '\0';
    if (conn_call(conn, &request, &reply, &ignored) == ST_OK)
        copy_info(reply_slice(reply), name, out, size);
    reply_free(reply);
    request_fini(&request);
}

const char *conn_run_id(struct conn *conn)
{
    if (conn->is_run_id_known || conn->wire == NULL)
        return conn->run_id;
    conn_info(conn, "server", "run_id", conn->run_id, sizeof conn->run_id);
    conn->is_run_id_known = true;
    return conn->run_id;
}
