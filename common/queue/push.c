#include "queue/push.h"

#include <string.h>

#include "base/id.h"
#include "job/job.h"
#include "queue/names.h"
#include "queue/scripts.h"

static enum status unexpected(struct err *err)
{
    return err_set(err, ST_PROTOCOL, "Redis answered a push with something unexpected");
}

/* True if this user may not call scripts, or not the commands inside ours. */
static bool is_forbidden(enum status status, const struct err *cause)
{
    return status == ST_NOPERM ||
           (status == ST_SERVER && strstr(cause->text, "executing the script") != NULL);
}

/* Calls the script with no jobs, which shows whether this user may. */
static enum status probe(struct conn *conn, const struct queue *queue, bool *is_plain,
                         struct err *err)
{
    struct err cause = {0};
    struct request request = {0};
    struct reply *reply = NULL;
    push_encode(&request, queue, NULL, 0);
    enum status status = script_try(conn, &script_push, &request, &reply, &cause);
    reply_free(reply);
    request_fini(&request);
    /* A Redis that refuses the script for now (being full) has not learned it from this call
     * either, and pushes should get the reason, not NOSCRIPT. */
    struct err ignored = {0};
    if (status != ST_OK && conn_is_connected(conn))
        (void)!script_load(conn, &script_push, &ignored);
    *is_plain = is_forbidden(status, &cause);
    /* A full Redis says so again at each push. */
    if (status == ST_OK || status == ST_OOM || *is_plain)
        return ST_OK;
    return err_set(err, status, "%s", err_text(&cause));
}

enum status push_open(struct conn *conn, const struct queue *queue, bool *is_plain, struct err *err)
{
    enum status status = probe(conn, queue, is_plain, err);
    if (status != ST_OK)
        return status;
    status = names_add(conn, queue, err);
    /* The set of names only informs, so pushing goes on even if the server refuses this. */
    return conn_is_connected(conn) ? ST_OK : status;
}

void push_encode(struct request *request, const struct queue *queue, const struct slice *jobs,
                 size_t count)
{
    ensure(count <= PUSH_MAX, "%zu jobs in one push", count);
    const struct script_push_call call = {
        .queue = queue->jobs,
        .settings = queue->settings,
    };
    script_push_begin(request, &call);
    for (size_t i = 0; i < count; i++)
        request_add(request, jobs[i]);
}

void push_encode_plain(struct request *request, const struct queue *queue, const struct slice *jobs,
                       size_t count)
{
    ensure(count >= 1 && count <= PUSH_MAX, "%zu jobs in one push", count);
    request_clear(request);
    request_add_text(request, "LPUSH");
    request_add_text(request, queue->jobs);
    for (size_t i = 0; i < count; i++)
        request_add(request, jobs[i]);
}

enum status push_decode(const struct reply *reply, size_t count, size_t *accepted, int64_t *length,
                        struct err *err)
{
    if (reply_is_int(reply) && reply_int(reply, 0) >= (int64_t)count) { /* of a plain LPUSH */
        *accepted = count;
        *length = reply_int(reply, 0);
        return ST_OK;
    }
    int64_t n = reply_int(reply_at(reply, 0), -1);
    int64_t len = reply_int(reply_at(reply, 1), -1);
    if (n < 0 || (size_t)n > count || len < 0)
        return unexpected(err);
    *accepted = (size_t)n;
    *length = len;
    return ST_OK;
}

enum status push_call(struct conn *conn, const struct queue *queue, const struct slice *jobs,
                      size_t count, size_t *accepted, int64_t *length, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    push_encode(&request, queue, jobs, count);
    enum status status = script_call(conn, &script_push, &request, &reply, err);
    if (status == ST_OK)
        status = push_decode(reply, count, accepted, length, err);
    reply_free(reply);
    request_fini(&request);
    return status;
}

void push_wrap(struct buf *member, struct slice text)
{
    char token[ID_UUID_LEN + 1];
    id_uuid7(token);
    struct job job;
    job_split(text, &job);
    const struct job_head head = {.runs = job.history.runs,
                                  .crashes = job.history.crashes,
                                  .attempts = job.history.attempts,
                                  .id = slice_of(job.id),
                                  .claim = slice_of(token)};
    job_append_head(member, &head);
    buf_append_slice(member, job.original);
    buf_append_char(member, '}');
}

enum status push_delayed(struct conn *conn, const struct queue *queue, int64_t delay_ms,
                         const struct slice *members, size_t count, struct err *err)
{
    ensure(count <= PUSH_MAX, "%zu jobs in one push", count);
    struct request request = {0};
    struct reply *reply = NULL;
    const struct script_schedule_call call = {
        .scheduled = queue->scheduled,
        .delay_ms = script_int(delay_ms),
    };
    script_schedule_begin(&request, &call);
    for (size_t i = 0; i < count; i++)
        request_add(&request, members[i]);
    enum status status = script_call(conn, &script_schedule, &request, &reply, err);
    if (status == ST_OK && !reply_is_int(reply))
        status = unexpected(err);
    reply_free(reply);
    request_fini(&request);
    return status;
}
