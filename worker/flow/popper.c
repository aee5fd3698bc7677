/* A thread leaves a blocking pop only with its reply: closing the connection could lose a job that
 * Redis is handing out at that moment. To wake it, a token is pushed into a list that every pop
 * looks at first: darg:{Q}:wake:P. */
#include "worker/flow/popper.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/drain.h"
#include "queue/pop.h"
#include "worker/flow/crew.h"
#include "worker/flow/outage.h"

enum { SUSPECTS_EACH = 64 }; /* pops in a row, after which the suspects are looked at */
enum { POP_SECONDS = 5, SHORT_POP_SECONDS = 1, REST_MS = 100 };

struct popper_thread {
    struct popper *popper;
    size_t index;
    struct conn *conn;
    struct session **sessions;   /* by queue; NULL: it is not part of the current pop */
    const struct queue **queues; /* scratch: the queues of the current pop */
    struct outage outage;
    unsigned fed; /* pops in a row that brought jobs: the next need not wait */
    size_t turn;  /* in a cluster: at which queue to wait next */
    struct runner_scratch scratch;
};

struct popper {
    struct popper_options options; /* fixed after start */
    char **wake_keys;              /* fixed after start: one per queue */
    _Atomic bool is_by_queue;      /* a cluster: no two queues are in the same slot */
    _Atomic bool is_stopping;
    _Atomic int64_t limit_ms; /* monotonic: calls to Redis wait until then at most; 0: no limit */
    struct crew crew;
    struct popper_thread threads[];
};

/* Finds the queues that may be popped now; sessions[i] is NULL for the others. */
static size_t begin_pop(struct popper_thread *self)
{
    const struct popper_options *options = &self->popper->options;
    size_t count = 0;
    for (size_t i = 0; i < options->fetcher_count; i++) {
        self->sessions[i] = NULL;
        if (fetcher_begin_pop(options->fetchers[i], &self->sessions[i]))
            self->queues[count++] = fetcher_queue(options->fetchers[i]);
    }
    return count;
}

/* Ends the pop of all queues but `kept` (NULL: of all). */
static void end_pop(struct popper_thread *self, const struct queue *kept)
{
    const struct popper_options *options = &self->popper->options;
    for (size_t i = 0; i < options->fetcher_count; i++) {
        if (!self->sessions[i] || fetcher_queue(options->fetchers[i]) == kept)
            continue;
        fetcher_end_pop(options->fetchers[i], self->sessions[i]);
        self->sessions[i] = NULL;
    }
}

static void complain(struct popper_thread *self, const struct err *err)
{
    outage_meet(&self->outage, self->conn, "cannot pop jobs", NULL, err);
}

static void pause_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Pauses, unless the poppers are told to stop. */
static void rest(const struct popper *popper, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    while (!atomic_load(&popper->is_stopping) && clock_mono_ms() < until_ms)
        pause_ms(ms < REST_MS ? ms : REST_MS);
}

static void run_popped(struct popper_thread *self, struct session *session, struct pop *pop)
{
    struct popper *popper = self->popper;
    struct task *task = session_add_popped(session, pop->reply, pop->job);
    pop->reply = NULL;
    atomic_store_explicit(&task->state, TASK_STARTED, memory_order_release);
    struct runner_job what = {
        .element = task->job,
        .session = session,
        .is_cancelled = &task->is_cancelled,
        .number = task->number,
        .claimed_ms = task->batch->claimed_ms,
        .started_us = clock_mono_us(),
        .thread = self->index,
    };
    task->ending = runner_run(popper->options.runner, &what, &self->scratch);
    while (!ring_push(popper->options.endings, task))
        pause_ms(1); /* Redis is slow to take endings: pop no more jobs until it has */
    ring_wake(popper->options.endings);
}

/* Puts the sentinel back at once, for other workers to meet it too. */
static void return_sentinel(struct popper_thread *self, struct fetcher *fetcher,
                            struct slice sentinel)
{
    struct err err = {0};
    self->fed = 0; /* suspects come before it: look at them next */
    fetcher_meet_sentinel(fetcher);
    if (drain_return_sentinel(self->conn, fetcher_queue(fetcher), job_awaits_retries(sentinel),
                              &err) != ST_OK)
        log_printf(LOG_ERROR, "the drain's sentinel may be lost: %s", err_text(&err));
    popper_wake(self->popper);
}

static void act_on_pop(struct popper_thread *self, struct pop *pop)
{
    const struct popper_options *options = &self->popper->options;
    for (size_t i = 0; i < options->fetcher_count; i++) {
        struct fetcher *fetcher = options->fetchers[i];
        if (fetcher_queue(fetcher) != pop->queue)
            continue;
        if (job_is_sentinel(pop->job))
            return_sentinel(self, fetcher, pop->job);
        else
            run_popped(self, self->sessions[i], pop);
    }
}

/* Short if the worker is about to leave an empty queue: that happens only when no popper is at
 * it. */
static int64_t pop_seconds(const struct popper *popper)
{
    for (size_t i = 0; i < popper->options.fetcher_count; i++)
        if (fetcher_leaves_when_empty(popper->options.fetchers[i]))
            return SHORT_POP_SECONDS;
    return POP_SECONDS;
}

static const char *wake_key_of(const struct popper *popper, const struct queue *queue)
{
    size_t i = 0;
    while (fetcher_queue(popper->options.fetchers[i]) != queue)
        i++;
    return popper->wake_keys[i];
}

/* Tries without waiting first, as long as pops bring jobs; only then it blocks. */
static enum status pop_together(struct popper_thread *self, size_t count, struct pop *pop,
                                struct err *err)
{
    enum status status = ST_OK;
    if (self->fed % SUSPECTS_EACH != 0)
        status = pop_try(self->conn, self->queues, count, false, pop, err);
    if (status == ST_OK && !pop->queue) {
        pop_fini(pop);
        status = pop_call(self->conn, self->popper->wake_keys[0], self->queues, count,
                          pop_seconds(self->popper), pop, err);
    }
    return status;
}

/* Looks at each queue in order of priority, then waits for a second at one of them, at a different
 * one each time: a cluster does not let one call wait at several slots. A queue that is refused,
 * because it is on another node, does not hold up the others: the status is the first failure,
 * unless there is a job. */
static enum status pop_by_queue(struct popper_thread *self, size_t count, struct pop *pop,
                                struct err *err)
{
    enum status first = ST_OK;
    const struct queue *waited = self->queues[self->turn++ % count];
    for (size_t i = 0; i <= count && !pop->queue; i++) {
        struct err cause = {0};
        pop_fini(pop);
        enum status status = i < count ? pop_try(self->conn, &self->queues[i], 1, true, pop, &cause)
                                       : pop_call(self->conn, wake_key_of(self->popper, waited),
                                                  &waited, 1, SHORT_POP_SECONDS, pop, &cause);
        if (status != ST_OK && first == ST_OK)
            first = err_set(err, status, "%s", err_text(&cause));
        if (!conn_is_connected(self->conn))
            break;
    }
    return pop->queue ? ST_OK : first;
}

static enum status pop_one(struct popper_thread *self, size_t count, struct pop *pop,
                           struct err *err)
{
    struct popper *popper = self->popper;
    bool is_by_queue = count > 1 && atomic_load(&popper->is_by_queue);
    enum status status =
        is_by_queue ? pop_by_queue(self, count, pop, err) : pop_together(self, count, pop, err);
    if (status == ST_CLUSTER && !is_by_queue && count > 1) {
        if (!atomic_exchange(&popper->is_by_queue, true))
            log_printf(LOG_INFO, "Redis Cluster: jobs are taken from one queue at a time");
        pop_fini(pop);
        status = pop_by_queue(self, count, pop, err);
    }
    self->fed = pop->queue ? self->fed + 1 : 0;
    return status;
}

static void pop_step(struct popper_thread *self)
{
    struct err err = {0};
    if (conn_connect(self->conn, &err) != ST_OK) {
        complain(self, &err);
        rest(self->popper, conn_backoff_ms(self->conn));
        return;
    }
    size_t count = begin_pop(self);
    if (count == 0) {
        pause_ms(REST_MS);
        return;
    }
    struct pop pop = {0};
    enum status status = pop_one(self, count, &pop, &err);
    if (status != ST_OK)
        complain(self, &err);
    else
        outage_end(&self->outage, "popping jobs again", NULL);
    end_pop(self, pop.queue);
    if (pop.queue)
        act_on_pop(self, &pop);
    end_pop(self, NULL);
    pop_fini(&pop);
    if (status != ST_OK)
        pause_ms(REST_MS);
}

static void run_pops(void *owner, size_t index)
{
    struct popper *popper = owner;
    struct popper_thread *self = &popper->threads[index];
    while (!atomic_load(&popper->is_stopping)) {
        pop_step(self);
        if (self->fed == 0) /* it has waited for a while and got nothing */
            registry_attend(popper->options.runner->registry, self->index);
    }
    registry_leave(popper->options.runner->registry, self->index);
    runner_scratch_fini(&self->scratch);
}

static enum status start_thread(struct popper *popper, size_t index, struct err *err)
{
    const struct popper_options *options = &popper->options;
    struct popper_thread *thread = &popper->threads[index];
    *thread = (struct popper_thread){
        .popper = popper,
        .index = index,
        .conn = conn_open(options->conn),
        .sessions = mem_array(options->fetcher_count, sizeof(struct session *)),
        .queues = mem_array(options->fetcher_count, sizeof(struct queue *)),
    };
    return crew_start(&popper->crew, err);
}

enum status popper_start(const struct popper_options *options, struct popper **out, struct err *err)
{
    struct popper *popper =
        mem_new(sizeof *popper + options->thread_count * sizeof popper->threads[0]);
    popper->options = *options;
    popper->wake_keys = mem_array(options->fetcher_count, sizeof *popper->wake_keys);
    for (size_t i = 0; i < options->fetcher_count; i++) {
        struct buf key = {0};
        queue_wake_key(fetcher_queue(options->fetchers[i]), options->process, &key);
        popper->wake_keys[i] = buf_take(&key);
    }
    enum status status = crew_init(&popper->crew, options->thread_count, run_pops, popper, err);
    for (size_t i = 0; status == ST_OK && i < options->thread_count; i++)
        status = start_thread(popper, i, err);
    *out = popper;
    return status;
}

void popper_wake(struct popper *popper)
{
    struct err err = {0};
    /* A connection of its own: the threads' belong to them, and are blocked in their pops. */
    struct conn *conn = conn_open(popper->options.conn);
    conn_limit(conn, atomic_load(&popper->limit_ms));
    enum status status = conn_connect(conn, &err);
    if (status == ST_OK)
        /* A token for each thread, since each pop takes one. */
        status = pop_wake(conn, popper->wake_keys[0], popper->options.thread_count, &err);
    for (size_t i = 1; i < popper->options.fetcher_count && atomic_load(&popper->is_by_queue); i++)
        if (status == ST_OK)
            status = pop_wake(conn, popper->wake_keys[i], popper->options.thread_count, &err);
    if (status != ST_OK)
        log_printf(LOG_DEBUG,
                   "cannot wake the threads that pop jobs; they will notice by themselves: %s",
                   err_text(&err));
    conn_close(conn);
}

void popper_limit(struct popper *popper, int64_t until_ms)
{
    atomic_store(&popper->limit_ms, until_ms);
    for (size_t i = 0; i < popper->crew.started; i++)
        conn_limit(popper->threads[i].conn, until_ms);
}

void popper_stop(struct popper *popper)
{
    atomic_store(&popper->is_stopping, true);
    popper_wake(popper);
}

bool popper_join(struct popper *popper, int64_t timeout_ms)
{
    return crew_join(&popper->crew, timeout_ms);
}

void popper_free(struct popper *popper)
{
    if (!popper)
        return;
    for (size_t i = 0; i < popper->options.thread_count; i++) {
        conn_close(popper->threads[i].conn);
        free(popper->threads[i].sessions);
        free(popper->threads[i].queues);
    }
    crew_fini(&popper->crew);
    for (size_t i = 0; i < popper->options.fetcher_count; i++)
        free(popper->wake_keys[i]);
    free(popper->wake_keys);
    free(popper);
}
