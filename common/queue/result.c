#include "queue/result.h"

#include "queue/await.h"

enum status result_read(struct conn *conn, const struct queue *queue, const char *id,
                        struct reply **text, struct err *err)
{
    struct request request = {0};
    struct buf key = {0};
    queue_result_key(queue, id, &key);
    request_add_text(&request, "LINDEX");
    request_add(&request, buf_slice(&key));
    request_add_text(&request, "0");
    enum status status = conn_call(conn, &request, text, err);
    buf_fini(&key);
    request_fini(&request);
    return status;
}

enum status result_await(struct conn *conn, const struct queue *queue, const char *id,
                         int64_t timeout_ms, struct err *err)
{
    struct buf key = {0};
    queue_result_key(queue, id, &key);
    enum status status = await_begin(conn, buf_slice(&key), timeout_ms, err);
    buf_fini(&key);
    return status;
}
