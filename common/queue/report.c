#include "queue/report.h"

#include <string.h>

#include "base/json.h"

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

/* True if the line is about that job. */
static bool read_entry(struct slice entry, int64_t number, int64_t *since_ms,
                       struct slice *progress)
{
    enum { NUMBER, SINCE, PROGRESS, FIELDS };
    struct json_field fields[FIELDS] = {[NUMBER] = {.name = "number"},
                                        [SINCE] = {.name = "since_ms"},
                                        [PROGRESS] = {.name = "progress"}};
    int64_t of = -1;
    if (json_read_object(entry, JSON_MAX_DEPTH + 2, fields, FIELDS, NULL) != ST_OK ||
        json_read_int(fields[NUMBER].value, 0, INT64_MAX, &of, NULL) != ST_OK || of != number ||
        json_read_int(fields[SINCE].value, 0, INT64_MAX, since_ms, NULL) != ST_OK)
        return false;
    *progress = fields[PROGRESS].value.text;
    return true;
}

void report_find(struct slice text, int64_t number, int64_t *since_ms, struct slice *progress)
{
    bool is_found = false;
    while (text.len > 0 && !is_found) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        is_found = read_entry((struct slice){text.ptr, len}, number, since_ms, progress);
        len += end != NULL;
        text = (struct slice){text.ptr + len, text.len - len};
    }
}
