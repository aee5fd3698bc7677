#include "queue/cancel.h"

#include "base/id.h"
#include "job/outcome.h"
#include "queue/scripts.h"
#include "queue/settle.h"

enum status cancel_mark(struct conn *conn, const struct queue *queue, const char *const *ids,
                        size_t count, int64_t *now_ms, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    const struct script_mark_call call = {
        .cancel = queue->cancel,
        .keep_ms = script_int(CANCEL_MARK_MS),
    };
    script_mark_begin(&request, &call);
    for (size_t i = 0; i < count; i++)
        request_add_text(&request, ids[i]);
    enum status status = script_call(conn, &script_mark, &request, &reply, err);
    *now_ms = reply_int(reply, 0);
    reply_free(reply);
    request_fini(&request);
    return status;
}

enum status cancel_unmark(struct conn *conn, const struct queue *queue, const char *const *ids,
                          size_t count, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "ZREM");
    request_add_text(&request, queue->cancel);
    for (size_t i = 0; i < count; i++)
        request_add_text(&request, ids[i]);
    enum status status = conn_call(conn, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status;
}

/* Makes the job a member of the dead set. The token makes it unique. */
static void append_member(struct buf *out, const struct job *job)
{
    char token[ID_UUID_LEN + 1];
    id_uuid7(token);
    job_append_head(out, &(struct job_head){.runs = job->history.runs,
                                            .crashes = job->history.crashes,
                                            .attempts = job->history.attempts,
                                            .id = slice_of(job->id),
                                            .claim = slice_of(token),
                                            .error = slice_of(CANCEL_REASON)});
    buf_append_slice(out, job->original);
    buf_append_char(out, '}');
}

enum status cancel_remove(struct conn *conn, const struct queue *queue, const char *key,
                          const struct job *job, bool *is_removed, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf member = {0}, told = {0};
    struct settle_follow follow = {0};
    append_member(&member, job);
    job_append_outcome(&told, &(struct job_outcome){.id = slice_of(job->id),
                                                    .type = slice_of(job->type),
                                                    .run = job->history.runs,
                                                    .text = slice_of(CANCEL_REASON)});
    const struct settle_item item = {.reply_name = job->reply,
                                     .result_id = job->keep_ms > 0 ? job->id : NULL,
                                     .keep_ms = job->keep_ms,
                                     .told = buf_slice(&told)};
    settle_follow_add(&follow, queue, &item);
    const struct script_cancel_call call = {
        .place = key,
        .dead = queue->dead,
        .settings = queue->settings,
        .counts = queue->counts,
        .further = &follow.keys,
        .element = script_bytes(job->text),
        .member = script_bytes(buf_slice(&member)),
        .follow = &follow.args,
    };
    script_cancel_begin(&request, &call);
    enum status status = script_call(conn, &script_cancel, &request, &reply, err);
    *is_removed = reply_int(reply, 0) == 1;
    reply_free(reply);
    request_fini(&request);
    settle_follow_fini(&follow);
    buf_fini(&member);
    buf_fini(&told);
    return status;
}
