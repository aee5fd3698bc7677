#include "worker/flow/pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/flow/crew.h"

enum {
    LEASE_POLL_MS = 50, /* how often a waiting thread checks whether the lease is fresh again */
    CARE_MS = 5000,     /* how often an idle thread attends to what handlers keep for it */
};

struct pool_thread {
    struct pool *pool;
    size_t index;
    struct runner_scratch scratch; /* this thread only */
};

struct pool {
    struct pool_options options; /* fixed after start */
    _Atomic bool is_stopping;
    struct crew crew;
    struct pool_thread threads[];
};

static bool is_fresh(const struct pool *pool, const struct session *session, int64_t now_us)
{
    int64_t renewed_ms = atomic_load_explicit(&session->renewed_ms, memory_order_relaxed);
    return now_us / 1000 - renewed_ms < pool->options.lease_ms / 2;
}

/* True if the task may be started now, at *now_us. Waits while the lease is in doubt: another
 * worker might be about to take the task over. False: the lease is lost, or the pool stops. */
static bool await_start(const struct pool *pool, const struct session *session, int64_t *now_us)
{
    while (!atomic_load(&pool->is_stopping) && !session_is_lost(session)) {
        *now_us = clock_mono_us();
        if (is_fresh(pool, session, *now_us))
            return true;
        /* Polling will do: this happens only if renewals are late. */
        struct timespec pause = {.tv_nsec = LEASE_POLL_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return false;
}

static void retire(struct pool *pool, struct task *task)
{
    task_retire(task);
    room_forget(pool->options.room, 1);
}

static void run_task(struct pool_thread *self, struct task *task)
{
    struct pool *pool = self->pool;
    struct session *session = task->batch->session;
    int64_t now_us;
    if (!await_start(pool, session, &now_us)) {
        /* If the lease is lost, the task is somebody else's now. If the pool stops, the task stays
         * held and is given back at the end: not here, since a pool thread has no connection. */
        if (session_is_lost(session))
            retire(pool, task);
        return;
    }
    atomic_store_explicit(&task->state, TASK_STARTED, memory_order_release);
    struct runner_job what = {
        .element = task->job,
        .session = session,
        .is_cancelled = &task->is_cancelled,
        .number = task->number,
        .claimed_ms = task->batch->claimed_ms,
        .started_us = now_us,
        .thread = self->index,
    };
    task->ending = runner_run(pool->options.runner, &what, &self->scratch);
    bool is_pushed = ring_push(pool->options.endings, task);
    ensure(is_pushed, "the finisher's ring is full at %zu", ring_count(pool->options.endings));
    ring_wake(pool->options.endings);
}

/* False: there will be no more tasks. */
static bool await_task(const struct pool_thread *self)
{
    const struct registry *registry = self->pool->options.runner->registry;
    int64_t timeout_ms = registry_wants_care(registry) ? CARE_MS : -1;
    enum ring_wait wait;
    while ((wait = ring_wait(self->pool->options.tasks, timeout_ms)) == RING_TIMEOUT)
        registry_attend(registry, self->index);
    return wait == RING_ITEMS;
}

static void run_tasks(void *owner, size_t index)
{
    struct pool *pool = owner;
    struct pool_thread *self = &pool->threads[index];
    struct load *load = pool->options.load;
    do {
        /* Marked busy before it takes: a task counted neither in the ring nor by a busy thread
         * would let one job too many be claimed, and wait here behind one that may be long. */
        load_set_busy(load, self->index, true);
        struct task *task = ring_try_take(pool->options.tasks);
        if (task) {
            room_notice(pool->options.room);
            run_task(self, task);
        }
        load_set_busy(load, self->index, false);
        if (ring_count(pool->options.tasks) == 0)
            room_notice(pool->options.room);
    } while (await_task(self));
    registry_leave(pool->options.runner->registry, self->index);
    runner_scratch_fini(&self->scratch);
}

enum status pool_start(const struct pool_options *options, struct pool **out, struct err *err)
{
    struct pool *pool = mem_new(sizeof *pool + options->thread_count * sizeof pool->threads[0]);
    pool->options = *options;
    enum status status = crew_init(&pool->crew, options->thread_count, run_tasks, pool, err);
    for (size_t i = 0; status == ST_OK && i < options->thread_count; i++) {
        pool->threads[i] = (struct pool_thread){.pool = pool, .index = i};
        status = crew_start(&pool->crew, err);
    }
    if (status != ST_OK) {
        ring_close(options->tasks);
        if (pool->crew.started > 0)
            (void)crew_join(&pool->crew, -1);
        pool_free(pool);
        return status;
    }
    *out = pool;
    return ST_OK;
}

void pool_stop(struct pool *pool)
{
    atomic_store(&pool->is_stopping, true);
}

bool pool_join(struct pool *pool, int64_t timeout_ms)
{
    return crew_join(&pool->crew, timeout_ms);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    crew_fini(&pool->crew);
    free(pool);
}
