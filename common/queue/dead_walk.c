#include "queue/dead_walk.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "queue/dead.h"
#include "queue/stats.h"

enum { PAGE = 50, CLOCK_SLACK_MS = 10000 };

struct progress {
    struct conn *conn;
    const struct queue *queue;
    struct dead_walk *walk;
    int64_t begun_ms; /* monotonic, when it was walk->now_ms for the server */
    int64_t rank;     /* after the members that are dealt with but stay in the set */
};

static bool matches(const struct dead_walk *walk, const struct dead_walk_job *death)
{
    const struct buf *error = &death->error;
    if (walk->id != NULL && strcmp(walk->id, death->job.id) != 0)
        return false;
    if (walk->type != NULL && strcmp(walk->type, death->job.type) != 0)
        return false;
    return walk->error == NULL ||
           (error->len > 0 && memmem(error->ptr, error->len, walk->error, strlen(walk->error)));
}

static void read_death(struct dead_walk_job *death, struct slice member, int64_t died_ms)
{
    *death = (struct dead_walk_job){.member = member, .died_ms = died_ms};
    struct err ignored;
    (void)!job_read(member, INT64_MAX, &death->job, &ignored);
    if (death->job.history.error.len > 0)
        json_decode_string(death->job.history.error, &death->error);
}

static bool is_enough(const struct dead_walk *walk, int64_t more)
{
    return walk->limit > 0 && walk->found + more >= walk->limit;
}

/* False: it has died since the walk began. That must not leave out jobs that died before the
 * server's clock was set back, whose times are later. */
static bool was_dead(const struct progress *progress, const struct dead_walk_job *death)
{
    int64_t now_ms = progress->walk->now_ms;
    int64_t spent_ms = clock_mono_ms() - progress->begun_ms;
    return death->died_ms <= now_ms || death->died_ms > now_ms + spent_ms + CLOCK_SLACK_MS;
}

/* The matches of a page that are to be moved or dropped; slices of the reply. */
struct batch {
    struct slice members[PAGE];
    size_t count;
};

static enum status take_one(struct progress *progress, const struct dead_walk_job *death,
                            struct batch *batch, struct err *err)
{
    struct dead_walk *walk = progress->walk;
    if (!was_dead(progress, death) || !matches(walk, death))
        return ST_OK;
    if (is_enough(walk, (int64_t)batch->count)) {
        walk->is_cut = true;
        return ST_OK;
    }
    if (walk->action != DEAD_WALK_SHOW) {
        batch->members[batch->count++] = death->member;
        return ST_OK;
    }
    walk->found++;
    return walk->visit(walk->context, death, err);
}

static enum status act(struct progress *progress, const struct batch *batch, int64_t *changed,
                       struct err *err)
{
    *changed = 0;
    if (batch->count == 0)
        return ST_OK;
    return progress->walk->action == DEAD_WALK_RETRY
               ? dead_revive(progress->conn, progress->queue, batch->members, batch->count, changed,
                             err)
               : dead_drop(progress->conn, progress->queue, batch->members, batch->count, changed,
                           err);
}

static enum status take_page(struct progress *progress, const struct reply *page, struct err *err)
{
    struct batch batch = {.count = 0};
    int64_t seen = 0, changed = 0;
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i + 1 < reply_count(page) && seen < PAGE;
         i += 2, seen++) {
        struct dead_walk_job death;
        read_death(&death, reply_slice(reply_at(page, i)), reply_time_ms(reply_at(page, i + 1), 0));
        status = take_one(progress, &death, &batch, err);
        buf_fini(&death.error);
    }
    if (status == ST_OK)
        status = act(progress, &batch, &changed, err);
    progress->walk->found += changed;
    progress->rank += seen - changed;
    return status;
}

static enum status take_next_page(struct progress *progress, bool *is_end, struct err *err)
{
    struct reply *page = NULL;
    enum status status =
        dead_page(progress->conn, progress->queue, progress->rank, PAGE, &page, err);
    *is_end = status == ST_OK && reply_count(page) < 2;
    if (status == ST_OK && !*is_end)
        status = take_page(progress, page, err);
    reply_free(page);
    return status;
}

enum status dead_walk_run(struct conn *conn, const struct queue *queue, struct dead_walk *walk,
                          struct err *err)
{
    struct stats stats;
    walk->found = 0;
    walk->is_cut = false;
    enum status status = stats_read(conn, queue, &stats, err);
    walk->now_ms = stats.now_ms;
    struct progress progress = {
        .conn = conn, .queue = queue, .walk = walk, .begun_ms = clock_mono_ms()};
    bool is_end = false;
    while (status == ST_OK && !is_end && !is_enough(walk, 0) && !patience_is_over(&walk->patience))
        status = take_next_page(&progress, &is_end, err);
    /* Whether those not looked at match is unknown. */
    if (!is_end && is_enough(walk, 0) && stats.dead > progress.rank)
        walk->is_cut = true;
    return status;
}
