#include "queue/pusher.h"

#include "base/killpoint.h"
#include "queue/push.h"

enum { PAUSE_MIN_MS = 5, PAUSE_MAX_MS = 200, RELOADS_MAX = 3 };

void pusher_init(struct pusher *pusher, struct conn *conn, const struct queue *queue, size_t window)
{
    ensure(window >= 1 && window <= PUSHER_WINDOW, "a window of %zu calls", window);
    pusher->conn = conn;
    pusher->queue = queue;
    pusher->window_max = pusher->window = window;
}

void pusher_fini(struct pusher *pusher)
{
    request_fini(&pusher->request);
    for (size_t i = 0; i <= PUSHER_WINDOW; i++)
        buf_fini(&pusher->ring[i].bytes);
}

bool pusher_is_refusal(enum status status)
{
    return status == ST_OOM || status == ST_MISCONF || status == ST_NOREPLICAS ||
           status == ST_BUSY || status == ST_LOADING || status == ST_NOSCRIPT ||
           status == ST_READONLY || status == ST_MASTERDOWN || status == ST_CLUSTER;
}

/* ---- the ring ---- */

static struct pusher_batch *batch_at(struct pusher *pusher, size_t index)
{
    return &pusher->ring[(pusher->first + index) % (PUSHER_WINDOW + 1)];
}

struct pusher_batch *pusher_batch(struct pusher *pusher)
{
    return batch_at(pusher, pusher->in_flight);
}

static bool is_done(const struct pusher_batch *batch)
{
    return batch->accepted == batch->count;
}

static void clear(struct pusher_batch *batch)
{
    buf_clear(&batch->bytes);
    batch->count = batch->accepted = batch->tag = 0;
    batch->delay_ms = 0;
    batch->is_open = false;
}

static void drop_first(struct pusher *pusher)
{
    clear(batch_at(pusher, 0));
    pusher->first = (pusher->first + 1) % (PUSHER_WINDOW + 1);
    pusher->in_flight--;
}

static void note_accepted(struct pusher *pusher, struct pusher_batch *batch, size_t count)
{
    if (count > 0)
        pusher->calls->accepted(pusher->owner, batch, count);
    batch->accepted += count;
}

/* ---- the link ---- */

/* Nothing is under way, so a readable link has ended. That is found out before anything is sent,
 * while no job can be in doubt. */
static void drop_closed(struct conn *conn)
{
    if (conn_is_connected(conn) && conn_wait(conn, -1, 0) == CONN_READABLE)
        conn_discard(conn);
}

static enum status connect_if_not(struct pusher *pusher, struct err *err)
{
    const struct pusher_calls *calls = pusher->calls;
    if (conn_is_connected(pusher->conn) || calls == NULL || calls->connect == NULL)
        return conn_connect(pusher->conn, err);
    return calls->connect(pusher->owner, err);
}

enum status pusher_ready(struct pusher *pusher, struct err *err)
{
    drop_closed(pusher->conn);
    enum status status = connect_if_not(pusher, err);
    if (status == ST_OK && pusher->generation == conn_generation(pusher->conn))
        return ST_OK;
    if (status == ST_OK)
        status = push_open(pusher->conn, pusher->queue, &pusher->is_plain, err);
    if (status == ST_OK)
        pusher->generation = conn_generation(pusher->conn);
    if (status == ST_LOST_REPLY || status == ST_PROTOCOL) {
        err->status = ST_UNREACHABLE;
        status = ST_UNREACHABLE;
    }
    return status;
}

/* True if the status is a refusal, which is kept for refused(). */
static bool note_refusal(struct pusher *pusher, enum status status, const struct err *cause)
{
    if (!pusher_is_refusal(status))
        return false;
    /* The next call is made alone, and sets up the link again. */
    if (status == ST_NOSCRIPT)
        pusher->generation = 0;
    pusher->refusal = status;
    pusher->refusal_err = *cause;
    return true;
}

/* ---- a call ---- */

/* Sends the part of the batch that has not been accepted. ST_OK also if it was refused before
 * anything was sent; it is then not open. */
static enum status send_batch(struct pusher *pusher, struct pusher_batch *batch, struct err *err)
{
    const struct slice *jobs = batch->jobs + batch->accepted;
    size_t count = batch->count - batch->accepted;
    bool is_alone = pusher->open == 0;
    KILL_POINT("push", "before");
    pusher->refusal = ST_OK;
    enum status status = is_alone ? pusher_ready(pusher, err) : ST_OK;
    if (status != ST_OK)
        return note_refusal(pusher, status, err) ? ST_OK : status;
    if (pusher->is_plain)
        push_encode_plain(&pusher->request, pusher->queue, jobs, count);
    else
        push_encode(&pusher->request, pusher->queue, jobs, count);
    status = conn_send(pusher->conn, &pusher->request, err);
    /* The link was closed while idle, and could not be made again at once: nothing was sent. */
    if (status != ST_OK && is_alone && !conn_is_connected(pusher->conn)) {
        status = pusher_ready(pusher, err);
        if (note_refusal(pusher, status, err))
            return ST_OK;
        if (status == ST_OK)
            status = conn_send(pusher->conn, &pusher->request, err);
    }
    batch->is_open = status == ST_OK;
    pusher->open += batch->is_open;
    return status;
}

/* Takes the answer to the batch, which is open. ST_OK even if it was refused or cut: see
 * is_done(). */
static enum status take_answer(struct pusher *pusher, struct pusher_batch *batch, struct err *err)
{
    struct reply *reply = NULL;
    struct err cause = {0};
    size_t accepted = 0, count = batch->count - batch->accepted;
    pusher->refusal = ST_OK;
    enum status status = conn_receive(pusher->conn, &reply, &cause);
    if (status == ST_OK)
        KILL_POINT("push", "after");
    if (status == ST_OK)
        status = push_decode(reply, count, &accepted, &pusher->length, &cause);
    /* After an answer that makes no sense, the next ones could be matched with the wrong
     * batches. */
    if (status == ST_PROTOCOL)
        conn_discard(pusher->conn);
    reply_free(reply);
    if (status != ST_NOSCRIPT)
        pusher->reloads = 0;
    batch->is_open = status == ST_LOST_REPLY || status == ST_UNREACHABLE || status == ST_PROTOCOL;
    pusher->open -= !batch->is_open;
    note_accepted(pusher, batch, accepted);
    if (status == ST_OK || note_refusal(pusher, status, &cause))
        return ST_OK;
    return err_set(err, status, "%s", err_text(&cause));
}

/* ---- what was not accepted ---- */

/* Sends the rest of the oldest batch again until all of it is accepted. Nothing else is under way.
 * is_first: it is what the refusal was about. */
static enum status push_rest(struct pusher *pusher, struct pusher_batch *batch, bool is_first,
                             struct err *err)
{
    int64_t pause_ms = PAUSE_MIN_MS;
    for (bool is_refused = is_first; !is_done(batch); is_refused = true) {
        enum status status = ST_OK;
        size_t before = batch->accepted;
        /* A forgotten script is loaded again, unless that has been in vain. */
        bool is_known = pusher->refusal == ST_NOSCRIPT && pusher->reloads++ < RELOADS_MAX;
        if (is_refused && !is_known)
            status = pusher->calls->refused(pusher->owner, pause_ms, err);
        if (status == ST_OK)
            status = send_batch(pusher, batch, err);
        if (status == ST_OK && batch->is_open)
            status = take_answer(pusher, batch, err);
        if (status != ST_OK)
            return status;
        pause_ms = batch->accepted > before ? PAUSE_MIN_MS : pause_ms * 2;
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
    }
    return ST_OK;
}

/* The oldest batch was cut or refused. Those behind it may have found room again, so their answers
 * are taken before anything is sent again. */
static enum status push_rests(struct pusher *pusher, struct err *err)
{
    enum status refusal = pusher->refusal;
    struct err cause = pusher->refusal_err;
    /* If a refusal ends the link, it is the reason why the other answers do not come. */
    bool is_end = refusal != ST_OK && !conn_is_connected(pusher->conn);
    for (size_t i = 1; i < pusher->in_flight; i++) {
        enum status status = take_answer(pusher, batch_at(pusher, i), err);
        if (status != ST_OK)
            return is_end ? err_set(err, refusal, "%s", err_text(&cause)) : status;
    }
    if (pusher->refusal == ST_OK) {
        pusher->refusal = refusal;
        pusher->refusal_err = cause;
    }
    pusher->window = 1;
    /* The reason why those behind the first were refused is gone: the one before them has just got
     * in. */
    for (bool is_first = true; pusher->in_flight > 0; is_first = false) {
        enum status status = push_rest(pusher, batch_at(pusher, 0), is_first, err);
        if (status != ST_OK)
            return status;
        drop_first(pusher);
    }
    return ST_OK;
}

enum status pusher_take(struct pusher *pusher, struct err *err)
{
    struct pusher_batch *batch = batch_at(pusher, 0);
    enum status status = batch->is_open ? take_answer(pusher, batch, err) : ST_OK;
    if (status != ST_OK)
        return status;
    if (!is_done(batch))
        return push_rests(pusher, err);
    drop_first(pusher);
    if (pusher->window < pusher->window_max)
        pusher->window++;
    return ST_OK;
}

static enum status take_all(struct pusher *pusher, struct err *err)
{
    enum status status = ST_OK;
    while (status == ST_OK && pusher->in_flight > 0)
        status = pusher_take(pusher, err);
    return status;
}

/* ---- delayed jobs ---- */

/* Repeating the call is harmless, so a lost answer leaves no doubt as long as Redis comes back. */
static enum status call_delayed(struct pusher *pusher, struct pusher_batch *batch,
                                const struct slice *members, struct err *err)
{
    for (int tries = 1;; tries++) {
        enum status status = pusher_ready(pusher, err);
        bool is_ready = status == ST_OK;
        if (is_ready)
            status = push_delayed(pusher->conn, pusher->queue, batch->delay_ms, members,
                                  batch->count, err);
        if (status == ST_OK)
            return ST_OK;
        batch->is_open |= is_ready && (status == ST_LOST_REPLY || status == ST_PROTOCOL);
        if (note_refusal(pusher, status, err)) {
            status = pusher->calls->refused(pusher->owner, PAUSE_MAX_MS, err);
            if (status != ST_OK)
                return status;
            continue;
        }
        bool may_help = is_ready && (status == ST_LOST_REPLY || status == ST_UNREACHABLE);
        if (!may_help || tries == pusher->delayed_tries)
            return status;
    }
}

static enum status submit_delayed(struct pusher *pusher, struct err *err)
{
    struct slice members[PUSHER_BATCH_JOBS] = {{0}};
    struct buf bytes = {0};
    enum status status = take_all(pusher, err);
    if (status != ST_OK)
        return status;
    struct pusher_batch *batch = pusher_batch(pusher);
    for (size_t i = 0; i < batch->count; i++) {
        size_t start = bytes.len;
        push_wrap(&bytes, batch->jobs[i]);
        members[i] = (struct slice){NULL, bytes.len - start};
    }
    size_t at = 0;
    for (size_t i = 0; i < batch->count; i++) {
        members[i].ptr = bytes.ptr + at;
        at += members[i].len;
    }
    pusher->in_flight++;
    status = call_delayed(pusher, batch, members, err);
    buf_fini(&bytes);
    if (status != ST_OK)
        return status;
    note_accepted(pusher, batch, batch->count);
    drop_first(pusher);
    return ST_OK;
}

/* ---- for callers ---- */

enum status pusher_submit(struct pusher *pusher, struct err *err)
{
    struct pusher_batch *batch = pusher_batch(pusher);
    if (batch->count == 0)
        return ST_OK;
    if (batch->delay_ms > 0)
        return submit_delayed(pusher, err);
    enum status status = send_batch(pusher, batch, err);
    if (status != ST_OK)
        return status;
    pusher->in_flight++;
    if (!batch->is_open)
        return push_rests(pusher, err);
    while (status == ST_OK && pusher->in_flight >= pusher->window)
        status = pusher_take(pusher, err);
    return status;
}

enum status pusher_flush(struct pusher *pusher, struct err *err)
{
    enum status status = pusher_submit(pusher, err);
    return status == ST_OK ? take_all(pusher, err) : status;
}

void pusher_settle(struct pusher *pusher)
{
    struct err ignored;
    for (size_t i = 0; i < pusher->in_flight; i++) {
        struct pusher_batch *batch = batch_at(pusher, i);
        if (batch->is_open && batch->delay_ms == 0 && conn_is_connected(pusher->conn))
            (void)!take_answer(pusher, batch, &ignored);
        if (batch->is_open)
            pusher->calls->lost(pusher->owner, batch);
        clear(batch);
    }
    clear(pusher_batch(pusher));
    request_fini(&pusher->request);
    pusher->first = pusher->in_flight = pusher->open = 0;
    pusher->refusal = ST_OK;
}
