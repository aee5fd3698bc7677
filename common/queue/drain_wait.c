#include "queue/drain_wait.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/parse.h"
#include "queue/presence.h"
#include "queue/stats.h"
#include "redis/conn_await.h"

/* A worker without a sign of life for this long is dead, and nobody is left to reap it. */
enum { POLL_MS = 100, REPUSH_MS = 2000, SILENT_MS = 30000 };

struct progress {
    struct conn *conn;
    const struct queue *queue;
    const struct drain_wait *wait;
    int64_t deadline_ms;      /* monotonic; if there is a timeout */
    struct lease_drain known; /* the drain before this one */
    struct reply *workers;    /* the last look at the registry before this one was */
};

/* True while waiting goes on. A broken link is made again; a lasting error is final. */
static bool may_go_on(struct progress *progress, enum status status, struct err *err)
{
    if (status == ST_OK)
        return true;
    if (status != ST_UNREACHABLE && !status_is_transient(status))
        return false;
    return conn_await(progress->conn, SILENT_MS, &progress->wait->patience, err) == ST_OK;
}

static enum status pause_a_little(const struct progress *progress, struct err *err)
{
    char text[PARSE_DURATION_MAX];
    if (!patience_wait(&progress->wait->patience, POLL_MS))
        return err_set(err, ST_TIMED_OUT, "interrupted: the drain goes on");
    if (progress->wait->timeout_ms > 0 && clock_mono_ms() >= progress->deadline_ms)
        return err_set(err, ST_TIMED_OUT, "the drain is not complete after %s; it goes on",
                       format_duration_ms(progress->wait->timeout_ms, text));
    return ST_OK;
}

/* Reads how the drain stands. If it has not ended, the last drain that Redis names is the known one
 * from now on, even if Redis has gone back to an older state. A sentinel may vanish with an
 * at-most-once worker: then the queue is empty without one, and it is pushed again. */
static enum status look(struct progress *progress, bool pushes_again, bool *has_drained,
                        struct err *err)
{
    struct conn *conn = progress->conn;
    const struct queue *queue = progress->queue;
    struct drain_sentinel answer;
    struct reply *workers = NULL;
    *has_drained = false;
    enum status status = presence_workers(conn, queue, &workers, err);
    if (status == ST_OK)
        status = pushes_again ? drain_push_sentinel(conn, queue, &progress->known,
                                                    progress->wait->awaits_retries, &answer, err)
                              : drain_read(conn, queue, &progress->known, &answer, err);
    *has_drained = status == ST_OK && answer.has_drained;
    if (status != ST_OK || *has_drained) {
        reply_free(workers);
        return status;
    }
    reply_free(progress->workers);
    progress->workers = workers;
    progress->known = answer.last_drain;
    return ST_OK;
}

static enum status await_drained(struct progress *progress, struct err *err)
{
    int64_t repush_ms = clock_mono_ms() + REPUSH_MS;
    for (;;) {
        bool is_time = clock_mono_ms() >= repush_ms, has_drained;
        enum status status = look(progress, is_time, &has_drained, err);
        if (has_drained)
            return ST_OK;
        if (is_time)
            repush_ms = clock_mono_ms() + REPUSH_MS;
        if (!may_go_on(progress, status, err))
            return status;
        status = pause_a_little(progress, err);
        if (status != ST_OK)
            return status;
    }
}

static bool holds(const struct reply *workers, struct slice name)
{
    for (size_t i = 0; i < reply_count(workers); i += 2)
        if (slice_equal(reply_slice(reply_at(workers, i)), name))
            return true;
    return false;
}

/* Those of `first` that are still registered and alive. */
static enum status count_left(struct progress *progress, const struct reply *first, size_t *left,
                              struct err *err)
{
    struct conn *conn = progress->conn;
    const struct queue *queue = progress->queue;
    struct reply *now = NULL;
    struct stats stats;
    enum status status = presence_workers(conn, queue, &now, err);
    if (status == ST_OK)
        status = stats_read(conn, queue, &stats, err);
    *left = 0;
    for (size_t i = 0; status == ST_OK && i + 1 < reply_count(now); i += 2) {
        int64_t renewed_ms = reply_time_ms(reply_at(now, i + 1), 0);
        /* A time ahead of the clock was written before the clock was set back; a live worker
         * replaces it. */
        if (llabs(stats.now_ms - renewed_ms) < SILENT_MS &&
            holds(first, reply_slice(reply_at(now, i))))
            (*left)++;
    }
    reply_free(now);
    return status;
}

/* Workers that registered later belong to what comes after the drain. */
static enum status await_exits(struct progress *progress, struct err *err)
{
    enum status status = ST_OK;
    while (status == ST_OK) {
        size_t left = 1;
        status = count_left(progress, progress->workers, &left, err);
        if (status == ST_OK && left == 0)
            break;
        if (may_go_on(progress, status, err))
            status = pause_a_little(progress, err);
    }
    return status;
}

enum status drain_wait_run(struct conn *conn, const struct queue *queue,
                           const struct drain_wait *wait, struct err *err)
{
    struct progress progress = {.conn = conn,
                                .queue = queue,
                                .wait = wait,
                                .deadline_ms = clock_mono_ms() + wait->timeout_ms,
                                .known = wait->known};
    enum status status = await_drained(&progress, err);
    if (status == ST_OK)
        status = await_exits(&progress, err);
    reply_free(progress.workers);
    return status;
}
