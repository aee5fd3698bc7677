#include "queue/locate.h"

#include "queue/report.h"
#include "queue/result.h"
#include "queue/stats.h"

enum { PASSES = 2 }; /* a job that goes back to the line may be missed once */

struct inquiry {
    struct conn *conn;
    const struct queue *queue;
    struct locate *locate;
};

static enum locate_state state_of(const struct search_hit *hit, int64_t since_ms)
{
    switch (hit->state) {
    case PLACE_SCHEDULED:
        return hit->job->history.attempts > 0 ? LOCATE_RETRIED : LOCATE_DELAYED;
    case PLACE_WAITING:
        return LOCATE_WAITING;
    case PLACE_HELD:
        return since_ms >= 0 ? LOCATE_RUNNING : LOCATE_CLAIMED;
    default:
        return LOCATE_DEAD;
    }
}

static enum status visit(void *context, const struct search_hit *hit, struct err *err)
{
    struct inquiry *inquiry = context;
    struct locate *locate = inquiry->locate;
    struct locate_job job = {.hit = hit, .since_ms = -1};
    struct reply *report = NULL;
    enum status status = ST_OK;
    if (hit->state == PLACE_HELD)
        status = report_read(inquiry->conn, inquiry->queue, hit->worker, &report, err);
    if (status == ST_OK)
        report_find(reply_slice(report), hit->number, &job.since_ms, &job.progress);
    job.state = state_of(hit, job.since_ms);
    if (status == ST_OK)
        status = locate->visit(locate->context, &job, err);
    locate->found++;
    reply_free(report);
    return status;
}

/* A job that has ended well is known only by its result. The result is read last, although that is
 * cheaper than a search: it may be from an earlier end of a job that waits or runs again. */
static enum status find_result(struct inquiry *inquiry, struct err *err)
{
    struct locate *locate = inquiry->locate;
    struct reply *text = NULL;
    enum status status = result_read(inquiry->conn, inquiry->queue, locate->id, &text, err);
    if (status == ST_OK && !reply_is_nil(text)) {
        const struct locate_job job = {
            .state = LOCATE_ENDED, .since_ms = -1, .outcome = reply_slice(text)};
        status = locate->visit(locate->context, &job, err);
        locate->found++;
    }
    reply_free(text);
    return status;
}

enum status locate_run(struct conn *conn, const struct queue *queue, struct locate *locate,
                       struct err *err)
{
    struct inquiry inquiry = {.conn = conn, .queue = queue, .locate = locate};
    const struct search all = {.ids = &locate->id,
                               .id_count = 1,
                               .states = PLACE_ALL,
                               .visit = visit,
                               .context = &inquiry};
    struct stats stats;
    enum status status = stats_read(conn, queue, &stats, err);
    locate->now_ms = stats.now_ms;
    locate->found = 0;
    for (int pass = 0; status == ST_OK && pass < PASSES && locate->found == 0; pass++)
        status = search_run(conn, queue, &all, err);
    return status == ST_OK && locate->found == 0 ? find_result(&inquiry, err) : status;
}

const char *locate_state_name(enum locate_state state)
{
    static const char *const names[] = {
        [LOCATE_DELAYED] = "delayed", [LOCATE_RETRIED] = "to be retried",
        [LOCATE_WAITING] = "waiting", [LOCATE_CLAIMED] = "claimed",
        [LOCATE_RUNNING] = "running", [LOCATE_DEAD] = "dead",
        [LOCATE_ENDED] = "ended"};
    return names[state];
}
