#include "queue/dead.h"

#include "queue/scripts.h"

/* One call carries about this much, so that it does not hold up the server. */
enum { STEP_COUNT = 100, STEP_BYTES = 4 << 20 };

enum status dead_page(struct conn *conn, const struct queue *queue, int64_t start, int64_t count,
                      struct reply **page, struct err *err)
{
    ensure(start >= 0 && count >= 1, "page %lld + %lld", (long long)start, (long long)count);
    struct request request = {0};
    request_add_text(&request, "ZREVRANGE");
    request_add_text(&request, queue->dead);
    request_add_int(&request, start);
    request_add_int(&request, start + count - 1);
    request_add_text(&request, "WITHSCORES");
    enum status status = conn_call(conn, &request, page, err);
    request_fini(&request);
    return status;
}

/* How many of the members one call takes. */
static size_t step_of(const struct slice *members, size_t count)
{
    size_t n = 0, bytes = 0;
    while (n < count && n < STEP_COUNT && bytes < STEP_BYTES)
        bytes += members[n++].len;
    return n;
}

/* The element that replaces a member in the queue. A job that never ran goes back as it was
 * pushed. */
static void revived(struct slice member, struct buf *out)
{
    struct job job;
    job_split(member, &job);
    buf_clear(out);
    if (job.history.runs == 0) {
        buf_append_slice(out, job.original);
        return;
    }
    const struct job_head head = {.runs = job.history.runs, .id = slice_of(job.id)};
    job_append_head(out, &head);
    buf_append_slice(out, job.original);
    buf_append_char(out, '}');
}

static enum status revive_step(struct conn *conn, const struct queue *queue,
                               const struct slice *members, size_t count, int64_t *moved,
                               struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf element = {0};
    const struct script_revive_call call = {
        .dead = queue->dead,
        .queue = queue->jobs,
        .counts = queue->counts,
    };
    script_revive_begin(&request, &call);
    for (size_t i = 0; i < count; i++) {
        revived(members[i], &element);
        script_revive_add(
            &request, &(struct script_revive_item){.member = script_bytes(members[i]),
                                                   .element = script_bytes(buf_slice(&element))});
    }
    enum status status = script_call(conn, &script_revive, &request, &reply, err);
    if (status == ST_OK)
        *moved += reply_int(reply, 0);
    buf_fini(&element);
    reply_free(reply);
    request_fini(&request);
    return status;
}

enum status dead_revive(struct conn *conn, const struct queue *queue, const struct slice *members,
                        size_t count, int64_t *moved, struct err *err)
{
    *moved = 0;
    enum status status = ST_OK;
    for (size_t at = 0, n; at < count && status == ST_OK; at += n) {
        n = step_of(members + at, count - at);
        status = revive_step(conn, queue, members + at, n, moved, err);
    }
    return status;
}

static enum status drop_step(struct conn *conn, const struct queue *queue,
                             const struct slice *members, size_t count, int64_t *dropped,
                             struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "ZREM");
    request_add_text(&request, queue->dead);
    for (size_t i = 0; i < count; i++)
        request_add(&request, members[i]);
    enum status status = conn_call(conn, &request, &reply, err);
    if (status == ST_OK)
        *dropped += reply_int(reply, 0);
    reply_free(reply);
    request_fini(&request);
    return status;
}

enum status dead_drop(struct conn *conn, const struct queue *queue, const struct slice *members,
                      size_t count, int64_t *dropped, struct err *err)
{
    *dropped = 0;
    enum status status = ST_OK;
    for (size_t at = 0, n; at < count && status == ST_OK; at += n) {
        n = step_of(members + at, count - at);
        status = drop_step(conn, queue, members + at, n, dropped, err);
    }
    return status;
}
