#include "queue/collect.h"

#include "queue/await.h"
#include "queue/scripts.h"

enum { CURSOR_TTL_MS = 24 * 60 * 60 * 1000 };

/* The key of the reply list, and that of its cursor. */
static void append_keys(const struct queue *queue, const char *reply, struct buf *list,
                        struct buf *cursor)
{
    queue_reply_key(queue, reply, list);
    queue_reply_key(queue, reply, cursor);
    buf_append_text(cursor, ":cursor");
}

enum status collect_call(struct conn *conn, const struct queue *queue, const char *reply,
                         int64_t received, struct reply **results, struct err *err)
{
    struct request request = {0};
    struct buf list = {0}, cursor = {0};
    append_keys(queue, reply, &list, &cursor);
    const struct script_collect_call call = {
        .reply = buf_text(&list),
        .cursor = buf_text(&cursor),
        .received = script_int(received),
        .max = script_int(COLLECT_MAX),
        .keep_ms = script_int(CURSOR_TTL_MS),
    };
    script_collect_begin(&request, &call);
    struct reply *answer = NULL;
    enum status status = script_call(conn, &script_collect, &request, &answer, err);
    request_fini(&request);
    buf_fini(&list);
    buf_fini(&cursor);
    if (status != ST_OK)
        return status;
    if (!reply_is_array(answer)) {
        reply_free(answer);
        return err_set(err, ST_PROTOCOL, "collect: the answer is not an array");
    }
    *results = answer;
    return ST_OK;
}

enum status collect_await(struct conn *conn, const struct queue *queue, const char *reply,
                          int64_t timeout_ms, struct err *err)
{
    struct buf key = {0};
    queue_reply_key(queue, reply, &key);
    enum status status = await_begin(conn, buf_slice(&key), timeout_ms, err);
    buf_fini(&key);
    return status;
}

enum status collect_end(struct conn *conn, const struct queue *queue, const char *reply,
                        struct err *err)
{
    struct request request = {0};
    struct buf list = {0}, cursor = {0};
    append_keys(queue, reply, &list, &cursor);
    request_add_text(&request, "DEL");
    request_add(&request, buf_slice(&list));
    request_add(&request, buf_slice(&cursor));
    struct reply *answer = NULL;
    enum status status = conn_call(conn, &request, &answer, err);
    reply_free(answer);
    request_fini(&request);
    buf_fini(&list);
    buf_fini(&cursor);
    return status;
}
