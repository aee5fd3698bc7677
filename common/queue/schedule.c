#include "queue/schedule.h"

#include "queue/place.h"
#include "queue/scripts.h"

enum status schedule_promote(struct conn *conn, const struct queue *queue, int64_t limit,
                             struct schedule_promoted *promoted, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    const struct script_promote_call call = {
        .scheduled = queue->scheduled,
        .queue = queue->jobs,
        .counts = queue->counts,
        .inbox = queue->inbox,
        .settings = queue->settings,
        .limit = script_int(limit),
    };
    script_promote_begin(&request, &call);
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
    const struct script_unbox_call call = {
        .inbox = queue->inbox,
        .queue = queue->jobs,
        .limit = script_int(limit),
    };
    script_unbox_begin(&request, &call);
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
    struct request request = {0}, line = {0};
    struct reply *reply = NULL;
    const struct place *place;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++)
        if (holds_waiting(place))
            request_add_text(&line, place_key(place, queue));
    const struct script_tend_call call = {
        .dead = queue->dead,
        .settings = queue->settings,
        .counts = queue->counts,
        .waits = queue->waits,
        .line = &line,
        .limit = script_int(limit),
    };
    script_tend_begin(&request, &call);
    enum status status = script_call(conn, &script_tend, &request, &reply, err);
    request_fini(&request);
    request_fini(&line);
    if (status != ST_OK)
        return status;
    *trimmed = reply_int(reply, -1);
    reply_free(reply);
    if (*trimmed < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"tend\" with something unexpected");
    return ST_OK;
}
