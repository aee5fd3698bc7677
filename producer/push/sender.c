#include "producer/push/sender.h"

#include "base/plural.h"
#include "producer/shared/interrupt.h"

enum { RESULTS_PAUSE_MS = 200 };

/* ---- what the pusher asks for ---- */

static enum status reconnect(void *owner, struct err *err)
{
    const struct sender *sender = owner;
    const struct context *context = sender->context;
    enum status status = context_await(context->conn, context->connect_timeout_ms, err);
    if (status == ST_OK)
        return ST_OK;
    err->status = ST_UNREACHABLE; /* whatever the reason: the time to wait is over */
    return ST_UNREACHABLE;
}

static void accepted(void *owner, const struct pusher_batch *batch, size_t count)
{
    struct sender *sender = owner;
    (void)batch;
    sender->accepted += (int64_t)count;
    if (sender->wait != NULL)
        wait_accepted(sender->wait);
}

static void lost(void *owner, const struct pusher_batch *batch)
{
    struct sender *sender = owner;
    sender->uncertain += (int64_t)(batch->count - batch->accepted);
}

/* Waits, and collects results meanwhile. */
static enum status pause_for(struct sender *sender, int64_t pause_ms, struct err *err)
{
    enum status status = ST_OK;
    if (sender->wait != NULL)
        status = wait_poll(sender->wait, -1, pause_ms, err);
    else
        (void)interrupt_sleep(pause_ms);
    if (status == ST_OK && interrupt_is_set())
        return err_set(err, ST_TIMED_OUT, "interrupted");
    return status;
}

/* Says once why not everything was accepted, unless it is because of the queue's own bound. */
static enum status refused(void *owner, int64_t pause_ms, struct err *err)
{
    struct sender *sender = owner;
    const struct pusher *pusher = &sender->pusher;
    if (sender->no_wait_for_room && pusher->refusal == ST_OK)
        return err_set(err, ST_TOO_LARGE, "queue '%s' is full (%lld %s)", pusher->queue->name,
                       (long long)pusher->length, plural_of(pusher->length, "job", "jobs"));
    /* A slot that has moved to another server does not come back: darg does not follow MOVED. */
    if (sender->no_wait_for_room || pusher->refusal == ST_CLUSTER)
        return err_set(err, pusher->refusal, "%s", err_text(&pusher->refusal_err));
    if (pusher->refusal != ST_OK && !sender->was_refusal_noted) {
        context_note("waiting: %s", err_text(&pusher->refusal_err));
        sender->was_refusal_noted = true;
    }
    return pause_for(sender, pause_ms, err);
}

static const struct pusher_calls calls = {reconnect, accepted, lost, refused};

/* ---- opening and closing ---- */

/* A server that refuses writes for now says so again at each push, and there the refusal is
 * handled. A server that is a replica, or another node of a cluster, is most likely the wrong
 * one. */
static bool may_be_waited_for(const struct sender *sender, enum status status)
{
    return pusher_is_refusal(status) && status != ST_CLUSTER &&
           conn_is_connected(sender->context->conn);
}

enum status sender_open(struct sender *sender, struct err *err)
{
    struct context *context = sender->context;
    struct pusher *pusher = &sender->pusher;
    /* With one call under way at a time, the accepted jobs are the first of the input, without
     * gaps. */
    pusher_init(pusher, context->conn, &context->queue,
                sender->no_wait_for_room ? 1 : PUSHER_WINDOW);
    pusher->calls = &calls;
    pusher->owner = sender;
    enum status status = pusher_ready(pusher, err);
    if (may_be_waited_for(sender, status))
        status = ST_OK;
    if (status == ST_OK && pusher->is_plain)
        context_note("note: this Redis user may not run scripts: the queue's limit on its length "
                     "is not kept");
    return status;
}

void sender_close(struct sender *sender)
{
    pusher_fini(&sender->pusher);
}

/* ---- jobs ---- */

struct buf *sender_buffer(struct sender *sender)
{
    return &pusher_batch(&sender->pusher)->bytes;
}

/* If nothing is under way, all jobs before the batch being filled have been accepted. */
static void tell_sure(struct sender *sender)
{
    if (sender->wait != NULL && sender->pusher.in_flight == 0)
        wait_sure(sender->wait, sender->accepted);
}

/* Waits until at most PUSH_WAIT_MAX jobs are awaited, including the next batch. */
static enum status await_results(struct sender *sender, struct err *err)
{
    if (sender->wait == NULL)
        return ST_OK;
    enum status status = wait_poll(sender->wait, -1, 0, err);
    while (status == ST_OK && sender->pusher.in_flight > 0 &&
           wait_left(sender->wait) > PUSH_WAIT_MAX)
        status = pusher_take(&sender->pusher, err);
    tell_sure(sender);
    while (status == ST_OK && wait_left(sender->wait) > PUSH_WAIT_MAX) {
        status = wait_check_time(sender->wait, err);
        if (status == ST_OK)
            status = pause_for(sender, RESULTS_PAUSE_MS, err);
    }
    return status;
}

/* From now on the bytes stay where they are. */
static enum status submit(struct sender *sender, struct err *err)
{
    struct pusher_batch *batch = pusher_batch(&sender->pusher);
    if (batch->count == 0)
        return ST_OK;
    enum status status = await_results(sender, err);
    if (status != ST_OK)
        return status;
    const char *at = batch->bytes.ptr;
    for (size_t i = 0; i < batch->count; i++) {
        batch->jobs[i].ptr = at;
        at += batch->jobs[i].len;
    }
    batch->delay_ms = sender->delay_ms;
    return pusher_submit(&sender->pusher, err);
}

/* The batch's tag is the end of its last job. */
enum status sender_commit(struct sender *sender, struct err *err)
{
    struct pusher_batch *batch = pusher_batch(&sender->pusher);
    batch->jobs[batch->count++].len = batch->bytes.len - batch->tag;
    batch->tag = batch->bytes.len;
    if (batch->count < PUSHER_BATCH_JOBS && batch->bytes.len < PUSHER_BATCH_BYTES)
        return ST_OK;
    return submit(sender, err);
}

enum status sender_flush(struct sender *sender, struct err *err)
{
    enum status status = submit(sender, err);
    if (status == ST_OK)
        status = pusher_flush(&sender->pusher, err);
    if (status == ST_OK)
        tell_sure(sender);
    return status;
}

int64_t sender_settle(struct sender *sender)
{
    if (sender->pusher.calls != NULL)
        pusher_settle(&sender->pusher);
    return sender->uncertain;
}
