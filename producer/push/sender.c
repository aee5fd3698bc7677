#include "producer/push/sender.h"

#include "base/killpoint.h"
#include "producer/shared/interrupt.h"
#include "queue/push.h"

enum { PAUSE_MIN_MS = 5, PAUSE_MAX_MS = 200, RELOADS_MAX = 3 };

static struct push_batch *batch_at(struct sender *sender, size_t index)
{
    return &sender->ring[(sender->first + index) % (PUSH_WINDOW + 1)];
}

static void count_accepted(struct sender *sender, size_t count)
{
    sender->accepted += (int64_t)count;
    if (sender->wait != NULL && count > 0)
        wait_accepted(sender->wait);
}

/* Nothing is under way: what was accepted is all that came before the batch being filled. */
static void tell_sure(struct sender *sender)
{
    if (sender->wait != NULL && sender->in_flight == 0)
        wait_sure(sender->wait, sender->accepted);
}

static struct push_batch *filling(struct sender *sender)
{
    return batch_at(sender, sender->in_flight);
}

static bool is_done(const struct push_batch *batch)
{
    return batch->accepted == batch->count;
}

void sender_close(struct sender *sender)
{
    for (size_t i = 0; i <= PUSH_WINDOW; i++)
        buf_fini(&sender->ring[i].bytes);
}

struct buf *sender_buffer(struct sender *sender)
{
    return &filling(sender)->bytes;
}

/* Errors that say that nothing was carried out, and that this may change. */
static bool is_refusal(enum status status)
{
    return status == ST_OOM || status == ST_MISCONF || status == ST_NOREPLICAS ||
           status == ST_BUSY || status == ST_LOADING || status == ST_NOSCRIPT;
}

/* Whatever refuses this, will refuse the pushes too, which know what to do about it. */
static enum status ready(struct sender *sender, struct err *err)
{
    struct context *context = sender->context;
    enum status status = push_open(context->conn, &context->queue, &sender->is_plain, err);
    return is_refusal(status) ? ST_OK : status;
}

enum status sender_open(struct sender *sender, struct err *err)
{
    enum status status = ready(sender, err);
    /* With one call under way at a time, what was accepted is a beginning of the input, without
     * gaps. */
    sender->window = sender->no_wait_for_room ? 1 : PUSH_WINDOW;
    if (status == ST_OK && sender->is_plain)
        context_note("note: this Redis user may run no scripts: a bound of the queue is not kept");
    return status;
}

/* Lets time pass; results are collected meanwhile. */
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

static size_t slices_of(const struct push_batch *batch, struct slice *jobs)
{
    for (size_t i = batch->accepted; i < batch->count; i++) {
        size_t start = i == 0 ? 0 : batch->ends[i - 1];
        jobs[i - batch->accepted] =
            (struct slice){batch->bytes.ptr + start, batch->ends[i] - start};
    }
    return batch->count - batch->accepted;
}

/* A link that broke while nothing was under way is made again: no job can be in doubt. */
static enum status make_link(struct sender *sender, struct err *err)
{
    struct context *context = sender->context;
    if (conn_is_connected(context->conn))
        return ST_OK;
    enum status status = context_await(context->conn, context->connect_timeout_ms, err);
    return status == ST_OK ? ready(sender, err) : status;
}

/* Sends what of the batch has not been accepted. is_alone: nothing else is under way. */
static enum status send_batch(struct sender *sender, struct push_batch *batch, bool is_alone,
                              struct err *err)
{
    struct slice jobs[PUSH_BATCH_JOBS];
    struct request request = {0};
    const struct queue *queue = &sender->context->queue;
    size_t count = slices_of(batch, jobs);
    KILL_POINT("push", "before");
    enum status status = is_alone ? make_link(sender, err) : ST_OK;
    if (sender->is_plain)
        push_encode_plain(&request, queue, jobs, count);
    else
        push_encode(&request, queue, jobs, count);
    bool has_link = status == ST_OK;
    if (has_link)
        status = conn_send(sender->context->conn, &request, err);
    /* It was closed while it rested, and could not be made again at once: nothing was sent. */
    bool is_unmade = has_link && status != ST_OK && !conn_is_connected(sender->context->conn);
    if (is_unmade && is_alone && make_link(sender, err) == ST_OK)
        status = conn_send(sender->context->conn, &request, err);
    request_fini(&request);
    batch->is_answered = status != ST_OK;
    return status;
}

/* Takes the answer to the batch. ST_OK also if it was refused or cut: see is_done(). */
static enum status take_answer(struct sender *sender, struct push_batch *batch, struct err *err)
{
    struct reply *reply = NULL;
    struct err cause = {0};
    size_t accepted = 0;
    sender->refusal = ST_OK;
    enum status status = conn_receive(sender->context->conn, &reply, &cause);
    if (status == ST_OK)
        KILL_POINT("push", "after");
    if (status == ST_OK)
        status =
            push_decode(reply, batch->count - batch->accepted, &accepted, &sender->length, &cause);
    /* Behind an answer that makes no sense the next ones could be matched with the wrong batches.
     */
    if (status == ST_PROTOCOL)
        conn_discard(sender->context->conn);
    reply_free(reply);
    if (status != ST_NOSCRIPT)
        sender->reloads_in_a_row = 0;
    batch->is_answered =
        status != ST_LOST_REPLY && status != ST_UNREACHABLE && status != ST_PROTOCOL;
    batch->accepted += accepted;
    count_accepted(sender, accepted);
    if (!is_refusal(status))
        return status == ST_OK ? ST_OK : err_set(err, status, "%s", err_text(&cause));
    sender->refusal = status;
    sender->refusal_err = cause;
    return ST_OK;
}

static void drop_first(struct sender *sender)
{
    struct push_batch *batch = batch_at(sender, 0);
    buf_clear(&batch->bytes);
    batch->count = batch->accepted = 0;
    sender->first = (sender->first + 1) % (PUSH_WINDOW + 1);
    sender->in_flight--;
}

/* Why not everything was accepted; said once where it is not the queue's own bound. */
static enum status judge_refusal(struct sender *sender, struct err *err)
{
    if (sender->refusal == ST_NOSCRIPT &&
        !(sender->no_wait_for_room && sender->reloads_in_a_row == RELOADS_MAX)) {
        sender->reloads_in_a_row++;
        return ready(sender, err);
    }
    if (sender->no_wait_for_room && sender->refusal == ST_OK)
        return err_set(err, ST_TOO_LARGE, "queue '%s' is full (%lld jobs)",
                       sender->context->queue.name, (long long)sender->length);
    if (sender->no_wait_for_room)
        return err_set(err, sender->refusal, "%s", err_text(&sender->refusal_err));
    if (sender->refusal != ST_OK && !sender->was_refusal_noted) {
        context_note("waiting: %s", err_text(&sender->refusal_err));
        sender->was_refusal_noted = true;
    }
    return ST_OK;
}

/* Sends the rest of the oldest batch again until all of it is accepted. Nothing else is under way.
 */
static enum status push_rest(struct sender *sender, struct push_batch *batch, struct err *err)
{
    int64_t pause_ms = PAUSE_MIN_MS;
    while (!is_done(batch)) {
        enum status status = judge_refusal(sender, err);
        /* A script that was forgotten is known again; unless that has just been in vain. */
        bool is_known = sender->refusal == ST_NOSCRIPT && sender->reloads_in_a_row < 2;
        if (status == ST_OK && !is_known)
            status = pause_for(sender, pause_ms, err);
        size_t before = batch->accepted;
        if (status == ST_OK)
            status = send_batch(sender, batch, true, err);
        if (status == ST_OK)
            status = take_answer(sender, batch, err);
        if (status != ST_OK)
            return status;
        pause_ms = batch->accepted > before ? PAUSE_MIN_MS : pause_ms * 2;
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
    }
    return ST_OK;
}

/* The bound was hit. Batches behind the one that was cut may have found room again: their answers
 * are taken before anything is sent anew. */
static enum status push_rests(struct sender *sender, struct err *err)
{
    enum status refusal = sender->refusal;
    for (size_t i = 1; i < sender->in_flight; i++) {
        enum status status = take_answer(sender, batch_at(sender, i), err);
        if (status != ST_OK)
            return status;
    }
    if (sender->refusal == ST_OK)
        sender->refusal = refusal;
    sender->window = 1;
    while (sender->in_flight > 0) {
        enum status status = push_rest(sender, batch_at(sender, 0), err);
        if (status != ST_OK)
            return status;
        drop_first(sender);
    }
    return ST_OK;
}

static enum status finish_first(struct sender *sender, struct err *err)
{
    enum status status = take_answer(sender, batch_at(sender, 0), err);
    if (status != ST_OK)
        return status;
    if (!is_done(batch_at(sender, 0)))
        return push_rests(sender, err);
    drop_first(sender);
    if (sender->window < PUSH_WINDOW && !sender->no_wait_for_room)
        sender->window++;
    return ST_OK;
}

/* Until no more than PUSH_WAIT_MAX jobs are waited for, the next batch included. */
static enum status await_results(struct sender *sender, struct err *err)
{
    if (sender->wait == NULL)
        return ST_OK;
    enum status status = wait_poll(sender->wait, -1, 0, err);
    while (status == ST_OK && sender->in_flight > 0 && wait_left(sender->wait) > PUSH_WAIT_MAX)
        status = finish_first(sender, err);
    tell_sure(sender);
    while (status == ST_OK && wait_left(sender->wait) > PUSH_WAIT_MAX) {
        status = wait_check_time(sender->wait, err);
        if (status == ST_OK)
            status = pause_for(sender, PAUSE_MAX_MS, err);
    }
    return status;
}

/* Delayed jobs: repeating the call is harmless, so a lost answer is no matter. */
static enum status submit_delayed(struct sender *sender, struct err *err)
{
    struct context *context = sender->context;
    struct push_batch *batch = filling(sender);
    struct slice jobs[PUSH_BATCH_JOBS] = {{0}};
    struct push_batch *members = batch_at(sender, 1);
    size_t count = slices_of(batch, jobs);
    for (size_t i = 0; i < count; i++) {
        push_wrap(&members->bytes, jobs[i]);
        members->ends[i] = members->bytes.len;
    }
    members->count = count;
    (void)slices_of(members, jobs);
    enum status status = ST_OK;
    do {
        status = make_link(sender, err);
        if (status == ST_OK)
            status =
                push_delayed(context->conn, &context->queue, sender->delay_ms, jobs, count, err);
        sender->refusal = status;
        if (is_refusal(status)) {
            sender->refusal_err = *err;
            if (judge_refusal(sender, err) != ST_OK ||
                pause_for(sender, PAUSE_MAX_MS, err) != ST_OK)
                break;
        }
    } while (status == ST_LOST_REPLY || is_refusal(status));
    if (status == ST_OK)
        count_accepted(sender, count);
    buf_clear(&members->bytes);
    members->count = 0;
    buf_clear(&batch->bytes);
    batch->count = 0;
    return status;
}

static enum status submit(struct sender *sender, struct err *err)
{
    if (filling(sender)->count == 0)
        return ST_OK;
    enum status status = await_results(sender, err);
    if (status == ST_OK && sender->delay_ms > 0)
        return submit_delayed(sender, err);
    if (status == ST_OK)
        status = send_batch(sender, filling(sender), sender->in_flight == 0, err);
    if (status != ST_OK)
        return status;
    sender->in_flight++;
    while (status == ST_OK && sender->in_flight >= sender->window)
        status = finish_first(sender, err);
    return status;
}

enum status sender_commit(struct sender *sender, struct err *err)
{
    struct push_batch *batch = filling(sender);
    batch->ends[batch->count++] = batch->bytes.len;
    if (batch->count < PUSH_BATCH_JOBS && batch->bytes.len < PUSH_BATCH_BYTES)
        return ST_OK;
    return submit(sender, err);
}

enum status sender_flush(struct sender *sender, struct err *err)
{
    enum status status = submit(sender, err);
    while (status == ST_OK && sender->in_flight > 0)
        status = finish_first(sender, err);
    if (status == ST_OK)
        tell_sure(sender);
    return status;
}

int64_t sender_settle(struct sender *sender)
{
    struct err ignored;
    int64_t uncertain = 0;
    bool is_alive = true;
    for (size_t i = 0; i < sender->in_flight; i++) {
        struct push_batch *batch = batch_at(sender, i);
        if (!batch->is_answered && is_alive)
            is_alive = take_answer(sender, batch, &ignored) == ST_OK ||
                       conn_is_connected(sender->context->conn);
        if (!batch->is_answered)
            uncertain += (int64_t)(batch->count - batch->accepted);
    }
    return uncertain;
}
