#include "worker/flow/finisher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/settle.h"
#include "worker/flow/outage.h"
#include "worker/flow/session.h"
#include "worker/shared/wake.h"

enum {
    GATHER_ENOUGH = SETTLE_MAX / 2, /* endings: a call this large is sent at once */
    GATHER_MAX_US = 2000, /* how long an ending may wait for company while the pool is busy */
    GATHER_POLL_US = 200,
    COUNT_MAX_US = 20000, /* the same for jobs that are only to be counted */
    COUNT_POLL_US = 2000,
    MAX_REPLY_BYTES = 1 << 20, /* nothing that it asks for is near that */
    CALL_MAX_BYTES = 1 << 20,  /* of envelopes and replies in one call */
    PAUSE_MS = 1000,           /* after an error that only a person can mend */
};

struct finisher {
    struct finisher_options options; /* fixed after start */
    struct conn *conn;               /* finisher only */
    struct request request;          /* finisher only */
    struct wake give_up, ended;
    pthread_t thread;
    struct task **stuck; /* finisher only: refused by Redis for a reason a person must mend */
    size_t stuck_count, stuck_capacity;
    int64_t stuck_retry_ms; /* monotonic: when they are tried again */
    size_t left;            /* finisher only, until joined */
    struct outage outage;   /* finisher only */
    struct task *gathered[SETTLE_MAX];
    struct task *chosen[SETTLE_MAX];
    struct settle_item items[SETTLE_MAX];
};

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

/* After a failed call: waits as long as it takes for another try to make sense. False: give up. */
static bool await_retry(struct finisher *self, const struct err *err)
{
    complain(self, err);
    int64_t pause_ms = !conn_is_connected(self->conn)     ? conn_backoff_ms(self->conn)
                       : status_is_transient(err->status) ? PAUSE_MS / 10
                                                          : PAUSE_MS;
    return !wake_wait(&self->give_up, pause_ms);
}

enum verdict { SETTLED, REFUSED, GIVEN_UP };

/* Sends self->request until it is answered. REFUSED: by an error that only a person can mend:
 * nothing was done, and other jobs must not wait for it. */
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
    if (!answer.is_registered)
        report_lost(session, count);
    for (size_t i = 0; i < count; i++)
        retire(self, self->chosen[i]);
}

/* True for a refusal before anything was done that passes. After a lost answer nobody knows. */
static bool is_harmless(enum status status)
{
    return status_is_transient(status) && status != ST_LOST_REPLY && status != ST_TIMED_OUT &&
           status != ST_PROTOCOL;
}

/* Popped jobs: Redis does not know them, so what may have been told already is not told again. */
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
        log_printf(LOG_WARN, "the end of %zu jobs could not be reported: %s", done + count,
                   err_text(&err));
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

/* Picks tasks of one session and kind out of what was gathered, from `from` on, up to one call's
 * worth. */
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

static void settle_gathered(struct finisher *self, size_t gathered)
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
                if (kind == SETTLE_RELEASE)
                    qsort(self->items, count, sizeof self->items[0], by_number_descending);
                settle_chosen(self, session, kind, count);
            }
            session_release(session);
        }
    }
}

/* A popped job that is plainly done: Redis keeps nothing of it and nobody waits for it. */
static bool is_only_counted(const struct task *task)
{
    return !task->ending && task->batch->session->is_at_most_once;
}

/* Waits for an ending, then, as long as the pool has work at hand, a little for more - and longer
 * where jobs are only to be counted. */
static size_t gather(struct finisher *self, int64_t timeout_ms)
{
    struct ring *endings = self->options.endings;
    struct task *task = ring_take(endings, timeout_ms);
    if (!task)
        return 0;
    size_t count = 0;
    int64_t since_us = clock_mono_us();
    bool is_patient = true;
    for (;;) {
        for (; task && count < SETTLE_MAX;
             task = count < SETTLE_MAX ? ring_try_take(endings) : NULL) {
            is_patient = is_patient && is_only_counted(task);
            self->gathered[count++] = task;
        }
        bool is_busy = is_patient || ring_count(self->options.tasks) > 0;
        if (count >= GATHER_ENOUGH || !is_busy || ring_is_closed(endings) ||
            clock_mono_us() - since_us > (is_patient ? COUNT_MAX_US : GATHER_MAX_US))
            return count;
        struct timespec pause = {.tv_nsec = (is_patient ? COUNT_POLL_US : GATHER_POLL_US) * 1000L};
        nanosleep(&pause, NULL);
        task = ring_try_take(endings);
    }
}

/* Tries once more what was set aside, a batch at a time; what is refused again is set aside again.
 */
static void retry_stuck(struct finisher *self)
{
    size_t left = self->stuck_count;
    while (left > 0) {
        size_t count = left < SETTLE_MAX ? left : SETTLE_MAX;
        memcpy(self->gathered, self->stuck, count * sizeof(struct task *));
        self->stuck_count -= count;
        memmove(self->stuck, self->stuck + count, self->stuck_count * sizeof(struct task *));
        left -= count;
        settle_gathered(self, count);
    }
    self->stuck_retry_ms = clock_mono_ms() + PAUSE_MS;
}

static void *finisher_main(void *argument)
{
    struct finisher *self = argument;
    pthread_setname_np(pthread_self(), "finisher");
    for (;;) {
        int64_t until_ms = self->stuck_retry_ms - clock_mono_ms();
        size_t count = gather(self, self->stuck_count == 0 ? -1 : until_ms > 0 ? until_ms : 0);
        bool is_last = count == 0 && ring_is_closed(self->options.endings);
        settle_gathered(self, count);
        if (self->stuck_count > 0 && (is_last || clock_mono_ms() >= self->stuck_retry_ms))
            retry_stuck(self);
        if (is_last)
            break;
    }
    self->left += self->stuck_count;
    wake_set(&self->ended);
    return NULL;
}

enum status finisher_start(const struct finisher_options *options, struct finisher **out,
                           struct err *err)
{
    struct finisher *self = mem_new(sizeof *self);
    self->options = *options;
    self->ended.fd = self->give_up.fd = -1;
    enum status status = wake_init(&self->give_up, err);
    if (status == ST_OK)
        status = wake_init(&self->ended, err);
    if (status != ST_OK) {
        wake_fini(&self->give_up);
        free(self);
        return status;
    }
    struct conn_options conn = *options->conn;
    conn.max_reply_bytes = MAX_REPLY_BYTES;
    self->conn = conn_open(&conn);
    int failed = pthread_create(&self->thread, NULL, finisher_main, self);
    if (failed) {
        conn_close(self->conn);
        wake_fini(&self->give_up);
        wake_fini(&self->ended);
        free(self);
        return err_system(err, failed, "cannot start the finisher's thread");
    }
    *out = self;
    return ST_OK;
}

size_t finisher_stop(struct finisher *self, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_mono_ms();
    conn_limit(self->conn, deadline_ms);
    /* No join with a deadline: that would be by the wall clock, which may be set meanwhile. */
    if (!wake_wait(&self->ended, left_ms > 0 ? left_ms : 0))
        wake_set(&self->give_up);
    pthread_join(self->thread, NULL);
    size_t left = self->left;
    free(self->stuck);
    conn_close(self->conn);
    request_fini(&self->request);
    wake_fini(&self->give_up);
    wake_fini(&self->ended);
    free(self);
    return left;
}
