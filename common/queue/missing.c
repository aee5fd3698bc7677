#include "queue/missing.h"

#include <string.h>

#include "base/clock.h"
#include "queue/presence.h"
#include "queue/search.h"
#include "queue/stats.h"

enum {
    CHECK_MS = 1000,
    SEARCH_MIN_MS = 10 * 1000,
    SEARCH_MAX_MS = 10 * 60 * 1000,
    COST_FACTOR = 100,
    ALIVE_MS = 35 * 1000, /* a worker that has been silent for longer runs nothing now */
};

void missing_begin(struct missing *missing)
{
    int64_t now_ms = clock_mono_ms();
    missing->check_ms = now_ms + CHECK_MS;
    missing->pause_ms = SEARCH_MIN_MS;
    missing->search_ms = now_ms + missing->pause_ms;
}

bool missing_is_due(const struct missing *missing)
{
    return !missing->is_forbidden && clock_mono_ms() >= missing->check_ms;
}

int64_t missing_patience_ms(const struct missing *missing, int64_t limit_ms)
{
    int64_t left_ms = missing->check_ms - clock_mono_ms();
    if (missing->is_forbidden || left_ms > limit_ms)
        return limit_ms;
    return left_ms > 1 ? left_ms : 1;
}

/* True if something has happened by which jobs may have been lost. */
static bool is_suspicious(struct missing *missing, const struct stats *stats)
{
    bool is_empty = stats->waiting == 0 && stats->scheduled == 0 && stats->held <= 0;
    bool is = missing->was_read ? stats->counts.purged != missing->purged ||
                                      stats->counts.claimed < missing->claimed ||
                                      (is_empty && !missing->was_empty)
                                : is_empty;
    missing->was_read = true;
    missing->was_empty = is_empty;
    missing->purged = stats->counts.purged;
    missing->claimed = stats->counts.claimed;
    return is;
}

/* ---- at most once ---- */

/* A worker about which nothing is known may be one, too. */
static enum status is_popper(struct conn *conn, const struct queue *queue, struct slice worker,
                             bool *is, struct err *err)
{
    struct reply *info = NULL;
    enum status status = presence_worker(conn, queue, worker, &info, err);
    struct slice delivery = presence_told(info, "delivery");
    *is = delivery.ptr == NULL || slice_is(delivery, "at-most-once");
    reply_free(info);
    return status;
}

static enum status has_poppers(struct conn *conn, const struct queue *queue, int64_t now_ms,
                               bool *has, struct err *err)
{
    struct reply *workers = NULL;
    enum status status = presence_workers(conn, queue, &workers, err);
    *has = false;
    for (size_t i = 0; status == ST_OK && !*has && i + 1 < reply_count(workers); i += 2)
        if (now_ms - reply_time_ms(reply_at(workers, i + 1), 0) < ALIVE_MS)
            status = is_popper(conn, queue, reply_slice(reply_at(workers, i)), has, err);
    reply_free(workers);
    return status;
}

/* ---- looking ---- */

struct look {
    struct missing *missing;
    bool *is_missing;
};

static enum status meet(void *context, const struct search_hit *hit, struct err *err)
{
    struct look *look = context;
    (void)err;
    look->is_missing[hit->index] = false;
    look->missing->has_met = true;
    return ST_OK;
}

static bool is_any(const bool *is_missing, size_t count)
{
    return count > 0 && memchr(is_missing, true, count * sizeof *is_missing) != NULL;
}

static enum status search(struct missing *missing, struct conn *conn, const struct queue *queue,
                          const struct search *search, bool *is_missing, struct err *err)
{
    int64_t start_ms = clock_mono_ms();
    for (size_t i = 0; i < search->id_count; i++)
        is_missing[i] = true;
    enum status status = search_run(conn, queue, search, err);
    int64_t now_ms = clock_mono_ms();
    int64_t pause_ms = (now_ms - start_ms) * COST_FACTOR;
    pause_ms = pause_ms > missing->pause_ms ? pause_ms : missing->pause_ms;
    missing->search_ms = now_ms + pause_ms;
    missing->pause_ms =
        missing->pause_ms * 2 < SEARCH_MAX_MS ? missing->pause_ms * 2 : SEARCH_MAX_MS;
    return status;
}

/* Some were not found: may they be where nobody can look? If not, the next look comes soon. */
static enum status doubt(struct missing *missing, struct conn *conn, const struct queue *queue,
                         const struct stats *stats, bool *has, struct err *err)
{
    enum status status = has_poppers(conn, queue, stats->now_ms, has, err);
    if (status == ST_OK && !*has) {
        missing->check_ms = clock_mono_ms() + MISSING_AGAIN_MS;
        missing->search_ms = missing->check_ms;
    }
    return status;
}

enum status missing_look(struct missing *missing, struct conn *conn, const struct queue *queue,
                         const char *const *ids, size_t count, bool *is_missing, struct err *err)
{
    struct look look = {missing, is_missing};
    const struct search all = {.ids = ids,
                               .id_count = count,
                               .states = PLACE_ALL & ~PLACE_DEAD,
                               .visit = meet,
                               .context = &look};
    struct stats stats;
    bool is_unknown = true;
    memset(is_missing, 0, count * sizeof *is_missing);
    missing->check_ms = clock_mono_ms() + CHECK_MS;
    missing->has_met = false;
    enum status status = stats_read(conn, queue, &stats, err);
    bool is_wanted = status == ST_OK &&
                     (is_suspicious(missing, &stats) || clock_mono_ms() >= missing->search_ms);
    if (is_wanted)
        status = search(missing, conn, queue, &all, is_missing, err);
    if (status == ST_OK && is_any(is_missing, count))
        status = doubt(missing, conn, queue, &stats, &is_unknown, err);
    if (status != ST_OK || is_unknown)
        memset(is_missing, 0, count * sizeof *is_missing);
    missing->is_forbidden = status == ST_NOPERM;
    return status == ST_NOPERM ? ST_OK : status;
}
