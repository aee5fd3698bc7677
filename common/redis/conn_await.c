#include "redis/conn_await.h"

#include "base/clock.h"

enum { PING_MS = 1000 };

/* Checks that the server is ready: one that has just started lets us in before it has loaded its
 * data. */
static enum status ping(struct conn *conn, int64_t deadline_ms, struct err *err)
{
    /* If we started it ourselves, that may have used up the time. */
    int64_t least_ms = clock_mono_ms() + PING_MS;
    conn_limit(conn, deadline_ms > least_ms ? deadline_ms : least_ms);

    struct request request = {0};
    request_add_text(&request, "PING");
    struct reply *reply = NULL;
    enum status status = conn_call(conn, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status == ST_NOPERM ? ST_OK : status;
}

static enum status await(struct conn *conn, int64_t deadline_ms, const struct patience *patience,
                         struct err *err)
{
    for (;;) {
        enum status status = conn_connect(conn, err);
        if (status == ST_OK)
            status = ping(conn, deadline_ms, err);
        /* For all attempts except the first, which has a limit of its own. */
        conn_limit(conn, deadline_ms);
        /* A password that worked before and is refused now is probably being changed. */
        bool may_change = status == ST_NOAUTH && conn_generation(conn) > 0;
        if (status != ST_UNREACHABLE && !status_is_transient(status) && !may_change)
            return status;
        int64_t pause_ms = conn_backoff_ms(conn);
        pause_ms = pause_ms < 50 ? 50 : pause_ms;
        if (status == ST_OOM || clock_mono_ms() + pause_ms >= deadline_ms)
            return status == ST_OOM ? ST_OK : status;
        if (!patience_wait(patience, pause_ms))
            return err_set(err, ST_UNREACHABLE, "interrupted while connecting to Redis");
    }
}

enum status conn_await(struct conn *conn, int64_t limit_ms, const struct patience *patience,
                       struct err *err)
{
    enum status status = await(conn, clock_mono_ms() + limit_ms, patience, err);
    conn_limit(conn, 0);
    return status;
}
