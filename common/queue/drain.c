#include "queue/drain.h"

#include "queue/scripts.h"

static enum status call_sentinel(struct conn *conn, const struct queue *queue, const char *mode,
                                 const struct lease_drain *known, bool awaits_retries,
                                 struct drain_sentinel *answer, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    const struct script_sentinel_call call = {
        .queue = queue->jobs,
        .settings = queue->settings,
        .inbox = queue->inbox,
        .mode = script_text(mode),
        .known = script_text(known ? known->name : ""),
        .awaits_retries = script_flag(awaits_retries),
    };
    script_sentinel_begin(&request, &call);
    enum status status = script_call(conn, &script_sentinel, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    answer->was_pushed = reply_int(reply_at(reply, 0), 0) == 1;
    answer->now_ms = reply_int(reply_at(reply, 1), -1);
    lease_know_drain(&answer->last_drain, reply_slice(reply_at(reply, 2)));
    answer->is_paused = reply_int(reply_at(reply, 3), 0) == 1;
    answer->has_drained = reply_int(reply_at(reply, 4), 0) == 1;
    reply_free(reply);
    if (answer->now_ms < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"sentinel\" with something unexpected");
    return ST_OK;
}

enum status drain_push_sentinel(struct conn *conn, const struct queue *queue,
                                const struct lease_drain *known, bool awaits_retries,
                                struct drain_sentinel *answer, struct err *err)
{
    return call_sentinel(conn, queue, known ? "again" : "push", known, awaits_retries, answer, err);
}

enum status drain_read(struct conn *conn, const struct queue *queue,
                       const struct lease_drain *known, struct drain_sentinel *answer,
                       struct err *err)
{
    return call_sentinel(conn, queue, "look", known, false, answer, err);
}

enum status drain_return_sentinel(struct conn *conn, const struct queue *queue, bool awaits_retries,
                                  struct err *err)
{
    struct drain_sentinel answer;
    return call_sentinel(conn, queue, "return", NULL, awaits_retries, &answer, err);
}

static void encode_drain(struct request *request, const struct lease *lease,
                         const struct lease_drain *known, const struct drain_look *look)
{
    const struct queue *queue = lease->queue;
    const struct script_drain_call call = {
        .queue = queue->jobs,
        .inbox = queue->inbox,
        .claimed = lease->claimed,
        .workers = queue->workers,
        .drained = queue->drained,
        .reaped = queue->reaped,
        .settings = queue->settings,
        .counts = queue->counts,
        .suspects = queue->suspects,
        .scheduled = queue->scheduled,
        .worker = script_text(lease->worker),
        .known = script_text(known->name),
        .cursor = script_text(look->cursor[0] ? look->cursor : "0"),
        .retried = script_text(look->retried),
    };
    script_drain_begin(request, &call);
}

enum status drain_tick(struct conn *conn, const struct lease *lease, struct lease_drain *known,
                       struct drain_look *look, enum drain_outcome *outcome, struct err *err)
{
    static const char *const words[] = {
        [DRAIN_LOST] = "lost",       [DRAIN_WORK] = "work",       [DRAIN_HOLDING] = "holding",
        [DRAIN_WAITING] = "waiting", [DRAIN_LOOKING] = "looking", [DRAIN_ENDED] = "drained",
    };
    struct request request = {0};
    struct reply *reply = NULL;
    encode_drain(&request, lease, known, look);
    enum status status = script_call(conn, &script_drain, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    size_t word = 0, count = sizeof words / sizeof words[0];
    while (word < count && !slice_is(reply_slice(reply_at(reply, 0)), words[word]))
        word++;
    *look = (struct drain_look){.cursor = ""};
    if (word == DRAIN_LOOKING) {
        slice_copy(reply_slice(reply_at(reply, 2)), look->cursor, sizeof look->cursor);
        slice_copy(reply_slice(reply_at(reply, 3)), look->retried, sizeof look->retried);
    }
    if (word < count && word != DRAIN_LOST)
        lease_know_drain(known, reply_slice(reply_at(reply, 1)));
    reply_free(reply);
    if (word == count)
        return err_set(err, ST_PROTOCOL, "Redis answered \"drain\" with something unexpected");
    *outcome = (enum drain_outcome)word;
    return ST_OK;
}
