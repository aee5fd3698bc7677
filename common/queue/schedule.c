#include "queue/schedule.h"

#include "queue/place.h"
#include "queue/scripts.h"

enum status schedule_promote(struct conn *conn, const struct queue *queue, int64_t limit,
                             struct schedule_promoted *promoted, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    script_begin(&request, &script_promote, script_promote.key_count);
    request_add_text(&request, queue->scheduled);
    request_add_text(&request, queue->jobs);
    request_add_text(&request, queue->counts);
    request_add_text(&request, queue->inbox);
    request_add_text(&request, queue->settings);
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

static bool holds_waiting(const struct place *place)
{
    return place->state == PLACE_WAITING && place_holds_jobs(place);
}

enum status schedule_tend(struct conn *conn, const struct queue *queue, int64_t limit,
                          int64_t *trimmed, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    const struct place *place;
    int count = 0;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++)
        count += holds_waiting(place);
    script_begin(&request, &script_tend, script_tend.key_count + count);
    request_add_text(&request, queue->dead);
    request_add_text(&request, queue->settings);
    request_add_text(&request, queue->counts);
    request_add_text(&request, queue->waits);
    for (size_t i = 0; (place = place_at(i)) != NULL; i++)
        if (holds_waiting(place))
            request_add_text(&request, place_key(place, queue));
    request_add_int(&request, limit);
    enum status status = script_call(conn, &script_tend, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    *trimmed = reply_int(reply, -1);
    reply_free(reply);
    if (*trimmed < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"tend\" with something unexpected");
    return ST_OK;
}
