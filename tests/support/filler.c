#include "support/filler.h"

#include <string.h>

enum { BATCH = 100, BATCH_BYTES = 1 << 18, WINDOW = 16 };

void filler_job(struct buf *job, int64_t number, size_t payload)
{
    buf_clear(job);
    buf_printf(job, "{\"id\":\"%016llx\",\"type\":\"noop\",\"args\":[\"",
               (unsigned long long)number);
    buf_reserve(job, payload + 3);
    memset(job->ptr + job->len, 'x', payload);
    job->len += payload;
    buf_append_text(job, "\"]}");
    ensure(job->len == FILLER_FRAME + payload, "a job of %zu bytes", job->len);
}

void filler_send(struct conn *conn, const struct request *request)
{
    struct err err = {0};
    ensure(conn_send(conn, request, &err) == ST_OK, "%s", err_text(&err));
}

struct reply *filler_receive(struct conn *conn)
{
    struct err err = {0};
    struct reply *reply = NULL;
    ensure(conn_receive(conn, &reply, &err) == ST_OK, "%s", err_text(&err));
    return reply;
}

void filler_push(struct conn *conn, const char *key, int64_t count, size_t payload)
{
    struct request request = {0};
    struct buf job = {0};
    int64_t fits = BATCH_BYTES / (int64_t)(FILLER_FRAME + payload);
    int64_t batch = fits > BATCH ? BATCH : fits > 1 ? fits : 1;
    int64_t under_way = 0;
    for (int64_t i = 0; i < count;) {
        request_clear(&request);
        request_add_text(&request, "LPUSH");
        request_add_text(&request, key);
        for (int64_t end = i + batch; i < end && i < count; i++) {
            filler_job(&job, i, payload);
            request_add(&request, buf_slice(&job));
        }
        filler_send(conn, &request);
        if (++under_way > WINDOW) {
            reply_free(filler_receive(conn));
            under_way--;
        }
    }
    for (; under_way > 0; under_way--)
        reply_free(filler_receive(conn));
    request_fini(&request);
    buf_fini(&job);
}
