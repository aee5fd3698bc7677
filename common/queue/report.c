#include "queue/report.h"

static void add_key(struct request *request, const struct queue *queue, const char *worker)
{
    struct buf key = {0};
    queue_running_key(queue, worker, &key);
    request_add(request, buf_slice(&key));
    buf_fini(&key);
}

enum status report_write(struct conn *conn, const struct queue *queue, const char *worker,
                         struct slice text, int64_t ttl_ms, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, text.len ? "SET" : "DEL");
    add_key(&request, queue, worker);
    if (text.len) {
        request_add(&request, text);
        request_add_text(&request, "PX");
        request_add_int(&request, ttl_ms);
    }
    enum status status = conn_call(conn, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status;
}

enum status report_read(struct conn *conn, const struct queue *queue, const char *worker,
                        struct reply **text, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "GET");
    add_key(&request, queue, worker);
    enum status status = conn_call(conn, &request, text, err);
    request_fini(&request);
    return status;
}
