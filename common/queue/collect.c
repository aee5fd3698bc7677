#include "queue/collect.h"

#include "queue/await.h"
#include "queue/scripts.h"

enum { CURSOR_TTL_MS = 24 * 60 * 60 * 1000 };

static void add_list(struct request *request, const struct queue *queue, const char *reply)
{
    struct buf key = {0};
    queue_reply_key(queue, reply, &key);
    request_add(request, buf_slice(&key));
    buf_fini(&key);
}

static void add_cursor(struct request *request, const struct queue *queue, const char *reply)
{
    struct buf key = {0};
    queue_reply_key(queue, reply, &key);
    buf_append_text(&key, ":cursor");
    request_add(request, buf_slice(&key));
    buf_fini(&key);
}

enum status collect_call(struct conn *conn, const struct queue *queue, const char *reply,
                         int64_t received, struct reply **results, struct err *err)
{
    struct request request = {0};
    script_begin(&request, &script_collect, script_collect.key_count);
    add_list(&request, queue, reply);
    add_cursor(&request, queue, reply);
    request_add_int(&request, received);
    request_add_int(&request, COLLECT_MAX);
    request_add_int(&request, CURSOR_TTL_MS);
    struct reply *answer = NULL;
    enum status status = script_call(conn, &script_collect, &request, &answer, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    if (!reply_is_array(answer)) {
        reply_free(answer);
        return err_set(err, ST_PROTOCOL, "collect: the answer is no array");
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
    request_add_text(&request, "DEL");
    add_list(&request, queue, reply);
    add_cursor(&request, queue, reply);
    struct reply *answer = NULL;
    enum status status = conn_call(conn, &request, &answer, err);
    reply_free(answer);
    request_fini(&request);
    return status;
}
