#include "queue/schedule.h"

#include "queue/scripts.h"

enum status schedule_promote(struct conn *conn, const struct queue *queue, int64_t limit,
                             struct schedule_promoted *promoted, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    script_begin(&request, &script_promote, 3);
    request_add_text(&request, queue->scheduled);
    request_add_text(&request, queue->jobs);
    request_add_text(&request, queue->counts);
    request_add_int(&request, limit);
    enum status status = script_call(conn, &script_promote, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    promoted->count = reply_int(reply_at(reply, 0), -1);
    promoted->next_due_ms = reply_int(reply_at(reply, 1), QUEUE_NEVER);
    promoted->now_ms = reply_int(reply_at(reply, 2), -1);
    reply_free(reply);
    if (promoted->count < 0 || promoted->now_ms < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"promote\" with something unexpected");
    return ST_OK;
}

enum status schedule_unbox(struct conn *conn, const struct queue *queue, int64_t limit,
                           int64_t *moved, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    script_begin(&request, &script_unbox, 2);
    request_add_text(&request, queue->inbox);
    request_add_text(&request, queue->jobs);
    request_add_int(&request, limit);
    enum status status = script_call(conn, &script_unbox, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    *moved = reply_int(reply, -1);
    reply_free(reply);
    if (*moved < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"unbox\" with something unexpected");
    return ST_OK;
}
