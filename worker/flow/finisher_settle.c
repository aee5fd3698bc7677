/* The calls that tell Redis how jobs ended: which of the gathered endings go into one, how it is
 * sent until it is answered, and what follows from each reply. */
#include "worker/flow/finisher_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/plural.h"

enum { CALL_MAX_BYTES = 1 << 20 }; /* of envelopes and replies in one call */

static void retire(struct finisher *self, struct task *task)
{
    task_retire(task);
    room_forget(self->options.room, 1);
}

static void complain(struct finisher *self, const struct err *err)
{
    outage_meet(&self->outage, self->conn, "finished jobs cannot be settled yet", NULL, err);
}

static void settled(struct finisher *self)
{
    outage_end(&self->outage, "finished jobs are settled again", NULL);
}

/* After a failed call: waits until it makes sense to try again. False: give up. */
static bool await_retry(struct finisher *self, const struct err *err)
{
    complain(self, err);
    int64_t pause_ms = !conn_is_connected(self->conn)     ? conn_backoff_ms(self->conn)
                       : status_is_transient(err->status) ? FINISHER_PAUSE_MS / 10
                                                          : FINISHER_PAUSE_MS;
    return !wake_wait(&self->give_up, pause_ms);
}

enum verdict { SETTLED, REFUSED, GIVEN_UP };

/* Sends self->request until it is answered: the same bytes, since the scripts can be repeated and
 * the end must be told however many replies are lost. Calls are not queued: with one under way at a
 * time each job's events stay in order, and what ends meanwhile makes the next call larger.
 * REFUSED: for a reason that only a person can fix; nothing was done, and other jobs must not wait
 * for it. */
static enum verdict settle(struct finisher *self, enum settle_kind kind,
                           struct settle_answer *answer)
{
    for (;;) {
        struct err err = {0};
        enum status status = conn_connect(self->conn, &err);
        bool is_connected = status == ST_OK;
        if (is_connected)
            status = settle_call(self->conn, kind, &self->request, answer, &err);
        if (status == ST_OK) {
            settled(self);
            return SETTLED;
        }
        bool is_refused =
            is_connected && conn_is_connected(self->conn) && !status_is_transient(status);
        if (is_refused && !wake_wait(&self->give_up, 0)) {
            complain(self, &err);
            return REFUSED;
        }
        if (!await_retry(self, &err))
            return GIVEN_UP;
    }
}

static void encode(struct finisher *self, enum settle_kind kind, const struct lease *lease,
                   size_t count)
{
    request_clear(&self->request);
    switch (kind) {
    case SETTLE_DONE:
        settle_encode_done(&self->request, lease, self->items, count);
        break;
    case SETTLE_RETRY:
        settle_encode_retry(&self->request, lease, self->items, count);
        break;
    case SETTLE_BURY:
        settle_encode_bury(&self->request, lease, self->items, count);
        break;
    case SETTLE_RELEASE:
    case SETTLE_KINDS:
        settle_encode_release(&self->request, lease, self->items, count);
        break;
    }
}

static struct settle_item make_item(const struct task *task)
{
    const struct ending *ending = task->ending;
    if (!ending)
        return (struct settle_item){.number = task->number};
    return (struct settle_item){
        .number = task->number,
        .reply_name = ending->reply_name,
        .result_id = ending->result_id,
        .keep_ms = ending->keep_ms,
        .told = buf_slice(&ending->told),
        .head = buf_slice(&ending->head),
        .is_whole = ending->is_whole,
        .was_started = ending->was_started,
        .delay_ms = ending->delay_ms,
        .original = ending->original,
    };
}

static void report_lost(struct session *session, size_t count)
{
    (void)session_lose(session);
    log_fields(LOG_WARN, "jobs ended after their lease was lost: they will run again",
               LOG_STR("queue", session->lease.queue->name),
               LOG_STR("worker", session->lease.worker), LOG_INT("jobs", (int64_t)count));
}

/* Keeps the chosen tasks for another try later. */
static void set_aside(struct finisher *self, size_t count)
{
    if (self->stuck_count + count > self->stuck_capacity) {
        self->stuck_capacity = 2 * (self->stuck_count + count);
        struct task **grown = mem_array(self->stuck_capacity, sizeof(struct task *));
        if (self->stuck_count > 0)
            memcpy(grown, self->stuck, self->stuck_count * sizeof(struct task *));
        free(self->stuck);
        self->stuck = grown;
    }
    memcpy(self->stuck + self->stuck_count, self->chosen, count * sizeof(struct task *));
    self->stuck_count += count;
}

static void settle_chosen(struct finisher *self, struct session *session, enum settle_kind kind,
                          size_t count)
{
    struct settle_answer answer = {0};
    encode(self, kind, &session->lease, count);
    enum verdict verdict = settle(self, kind, &answer);
    if (verdict == REFUSED)
        set_aside(self, count);
    else if (verdict == GIVEN_UP)
        self->left += count;
    if (verdict != SETTLED)
        return; /* not retired: still held, and given back or reaped later */
    /* The call went through, but the jobs were no longer held: a reaper has given them to others.
     * They are retired all the same; settling them would end another worker's run. */
    if (!answer.is_registered)
        report_lost(session, count);
    for (size_t i = 0; i < count; i++)
        retire(self, self->chosen[i]);
}

/* True for a temporary refusal before anything was done. After a lost reply nobody knows. */
static bool is_harmless(enum status status)
{
    return status_is_transient(status) && status != ST_LOST_REPLY && status != ST_TIMED_OUT &&
           status != ST_PROTOCOL;
}

/* Popped jobs have a call of their own. A held job has a number in Redis that makes a repeated call
 * harmless; Redis does not know popped jobs, so what may have been told already is not told
 * again. */
static void settle_popped_chosen(struct finisher *self, struct session *session,
                                 enum settle_kind kind, size_t done, size_t count)
{
    struct err err = {0};
    enum status status;
    bool may_repeat;
    do {
        status = conn_connect(self->conn, &err);
        may_repeat = status != ST_OK;
        if (status == ST_OK) {
            status = kind == SETTLE_RETRY ? settle_put_off_popped(self->conn, session->lease.queue,
                                                                  self->items, count, &err)
                                          : settle_popped(self->conn, session->lease.queue,
                                                          (int64_t)done, self->items, count, &err);
            may_repeat = status != ST_OK && is_harmless(status);
        }
    } while (may_repeat && await_retry(self, &err));
    if (status != ST_OK)
        log_printf(LOG_WARN, "could not report how %zu %s ended: %s", done + count,
                   plural_of((int64_t)(done + count), "job", "jobs"), err_text(&err));
    else
        settled(self);
}

static size_t weight(const struct task *task)
{
    return task->ending ? task->ending->head.len + task->ending->told.len : 0;
}

static bool is_of(const struct task *task, const struct session *session, enum settle_kind kind)
{
    return task && task->batch->session == session &&
           (task->ending ? task->ending->kind : SETTLE_DONE) == kind;
}

/* Picks gathered tasks of one session and kind, from `from` on, up to one call's worth. */
static size_t choose(struct finisher *self, size_t from, size_t gathered, enum settle_kind kind)
{
    const struct session *session = self->gathered[from]->batch->session;
    size_t count = 0, bytes = 0;
    for (size_t i = from; i < gathered && bytes < CALL_MAX_BYTES; i++) {
        if (!is_of(self->gathered[i], session, kind))
            continue;
        bytes += weight(self->gathered[i]);
        self->items[count] = make_item(self->gathered[i]);
        self->chosen[count++] = self->gathered[i];
        self->gathered[i] = NULL;
    }
    return count;
}

static int by_number_descending(const void *a, const void *b)
{
    const struct settle_item *left = a, *right = b;
    return (left->number < right->number) - (left->number > right->number);
}

static void settle_popped_session(struct finisher *self, struct session *session,
                                  enum settle_kind kind, size_t count)
{
    size_t done = 0, rest = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ending *ending = self->chosen[i]->ending;
        done += !ending || ending->kind == SETTLE_DONE;
        if (ending)
            self->items[rest++] = make_item(self->chosen[i]);
    }
    settle_popped_chosen(self, session, kind, done, rest);
    for (size_t i = 0; i < count; i++)
        retire(self, self->chosen[i]);
}

void finisher_settle(struct finisher *self, size_t gathered)
{
    for (size_t i = 0; i < gathered; i++) {
        while (self->gathered[i]) {
            const struct task *task = self->gathered[i];
            struct session *session = task->batch->session;
            enum settle_kind kind = task->ending ? task->ending->kind : SETTLE_DONE;
            size_t count = choose(self, i, gathered, kind);
            session_keep(session);
            if (session->is_at_most_once) {
                settle_popped_session(self, session, kind, count);
            } else {
                /* Each is put at the head of the queue, so the lowest number has to go last. */
                if (kind == SETTLE_RELEASE)
                    qsort(self->items, count, sizeof self->items[0], by_number_descending);
                settle_chosen(self, session, kind, count);
            }
            session_release(session);
        }
    }
}
