/* Why a thread needs no lock to end a job: it clears its line in the load, then reads whether it is
 * being visited; the keeper marks the visit, then reads whether the line says that something runs.
 * All four are sequentially consistent, so either the thread sees the visit and waits for its end,
 * or the keeper sees the thread idle - or at its next job, whose end will see the visit. */
#include "worker/flow/running.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/flatten.h"
#include "worker/shared/wake.h"

struct seat {
    _Alignas(64) _Atomic bool is_visited; /* its thread must take the lock at the job's end */
    /* Written by its thread; read by the keeper during a visit. */
    const struct job *job;
    struct wake stop;
    pthread_mutex_t lock;
    bool is_stopped;     /* under lock: the keeper has stopped the job that runs */
    struct buf progress; /* under lock */
};

struct running {
    struct load *load;
    _Atomic bool is_all_stopped;
    struct wake ending; /* set once the worker's end has begun */
    size_t count;
    struct seat seats[];
};

enum status running_new(struct load *load, struct running **out, struct err *err)
{
    size_t count = load_thread_count(load);
    size_t size = sizeof(struct running) + count * sizeof(struct seat);
    struct running *running = aligned_alloc(_Alignof(struct running), size);
    ensure(running, "no memory for %zu threads", count);
    *running = (struct running){.load = load, .ending = {.fd = -1}};
    enum status status = wake_init(&running->ending, err);
    for (size_t i = 0; status == ST_OK && i < count; i++) {
        struct seat *seat = &running->seats[i];
        *seat = (struct seat){.stop = {.fd = -1}};
        pthread_mutex_init(&seat->lock, NULL);
        running->count++;
        status = wake_init(&seat->stop, err);
    }
    if (status != ST_OK) {
        running_free(running);
        return status;
    }
    *out = running;
    return ST_OK;
}

void running_free(struct running *running)
{
    if (!running)
        return;
    for (size_t i = 0; i < running->count; i++) {
        wake_fini(&running->seats[i].stop);
        pthread_mutex_destroy(&running->seats[i].lock);
        buf_fini(&running->seats[i].progress);
    }
    wake_fini(&running->ending);
    free(running);
}

int running_stop_fd(const struct running *running, size_t index)
{
    return running->seats[index].stop.fd;
}

void running_begin(struct running *running, size_t index, const struct job *job)
{
    running->seats[index].job = job;
}

bool running_end(struct running *running, size_t index)
{
    struct seat *seat = &running->seats[index];
    if (!atomic_load(&seat->is_visited))
        return false;
    pthread_mutex_lock(&seat->lock);
    bool was_stopped = seat->is_stopped;
    atomic_store(&seat->is_visited, false);
    seat->is_stopped = false;
    buf_clear(&seat->progress);
    wake_clear(&seat->stop);
    if (atomic_load(&running->is_all_stopped))
        wake_set(&seat->stop);
    pthread_mutex_unlock(&seat->lock);
    return was_stopped;
}

void running_set_progress(struct running *running, size_t index, struct slice progress)
{
    struct seat *seat = &running->seats[index];
    if (progress.len > RUNNING_PROGRESS_MAX)
        return;
    pthread_mutex_lock(&seat->lock);
    buf_clear(&seat->progress);
    flatten_json(&seat->progress, progress);
    /* So that the end of the job takes the lock, and clears it. */
    atomic_store(&seat->is_visited, true);
    pthread_mutex_unlock(&seat->lock);
}

void running_stop_all(struct running *running)
{
    atomic_store(&running->is_all_stopped, true);
    for (size_t i = 0; i < running->count; i++)
        wake_set(&running->seats[i].stop);
}

void running_announce_end(struct running *running)
{
    wake_set(&running->ending);
}

bool running_await_end(const struct running *running, int64_t timeout_ms)
{
    return wake_wait(&running->ending, timeout_ms);
}

static void visit_seat(struct running *running, size_t index,
                       bool (*visit)(void *context, const struct running_job *), void *context)
{
    struct seat *seat = &running->seats[index];
    pthread_mutex_lock(&seat->lock);
    atomic_store(&seat->is_visited, true);
    struct running_job now = {.activity = load_activity(running->load, index)};
    if (now.activity.is_running) {
        now.job = seat->job;
        now.progress = buf_slice(&seat->progress);
        if (visit(context, &now)) {
            seat->is_stopped = true;
            wake_set(&seat->stop);
        }
    }
    pthread_mutex_unlock(&seat->lock);
}

void running_each(struct running *running, bool (*visit)(void *context, const struct running_job *),
                  void *context)
{
    for (size_t i = 0; i < running->count; i++)
        if (load_activity(running->load, i).is_running)
            visit_seat(running, i, visit, context);
}
