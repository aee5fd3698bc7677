#include "queue/await.h"

enum status await_begin(struct conn *conn, struct slice list, int64_t timeout_ms, struct err *err)
{
    struct request request = {0};
    struct buf seconds = {0};
    request_add_text(&request, "BLMOVE");
    request_add(&request, list);
    request_add(&request, list);
    request_add_text(&request, "LEFT");
    request_add_text(&request, "LEFT");
    buf_printf(&seconds, "%lld.%03lld", (long long)(timeout_ms / 1000),
               (long long)(timeout_ms % 1000));
    request_add(&request, buf_slice(&seconds));
    enum status status = conn_begin(conn, &request, err);
    buf_fini(&seconds);
    request_fini(&request);
    return status;
}

enum status await_end(struct conn *conn, struct reply **element, struct err *err)
{
    return conn_receive(conn, element, err);
}
