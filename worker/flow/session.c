/* A batch is one allocation for all tasks of a claim, and their texts stay in the claim's reply: no
 * job is copied or freed by itself. The price is that one long job keeps its whole batch in memory;
 * claims are limited in bytes, so this stays small. Batches are in a list, not in a table by
 * number: only the keeper and the end walk it, and neither is in a hurry. */
#include "worker/flow/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void ending_free(struct ending *ending)
{
    if (!ending)
        return;
    buf_fini(&ending->head);
    buf_fini(&ending->told);
    free(ending);
}

struct session *session_new(const struct queue *queue, const char *process, uint64_t generation,
                            struct wake *emptied)
{
    struct session *session = mem_new(sizeof *session);
    lease_init(&session->lease, queue, process, generation);
    session->generation = generation;
    session->emptied = emptied;
    atomic_init(&session->references, 1);
    pthread_mutex_init(&session->lock, NULL);
    return session;
}

void session_keep(struct session *session)
{
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
}

void session_release(struct session *session)
{
    if (!session || atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) != 1)
        return;
    /* Each batch has a reference, so this cannot happen unless the counting is wrong. */
    ensure(!session->batches, "session %s is freed while it holds jobs", session->lease.worker);
    pthread_mutex_destroy(&session->lock);
    lease_fini(&session->lease);
    free(session);
}

void session_set_server_time(struct session *session, int64_t server_ms)
{
    atomic_store_explicit(&session->server_ahead_ms, server_ms - clock_mono_ms(),
                          memory_order_relaxed);
}

int64_t session_server_ms(const struct session *session)
{
    return clock_mono_ms() + atomic_load_explicit(&session->server_ahead_ms, memory_order_relaxed);
}

bool session_lose(struct session *session)
{
    bool was_lost = atomic_exchange(&session->is_lost, true);
    if (!was_lost)
        wake_set(session->emptied);
    return !was_lost;
}

bool session_is_lost(const struct session *session)
{
    return atomic_load_explicit(&session->is_lost, memory_order_acquire);
}

static void unlink_batch(struct batch *batch)
{
    struct session *session = batch->session;
    pthread_mutex_lock(&session->lock);
    *batch->back = batch->next;
    if (batch->next)
        batch->next->back = batch->back;
    pthread_mutex_unlock(&session->lock);
}

static void free_batch(struct batch *batch)
{
    struct session *session = batch->session;
    unlink_batch(batch);
    claim_fini(&batch->claim);
    free(batch);
    session_release(session);
}

static void link_batch(struct session *session, struct batch *batch)
{
    pthread_mutex_lock(&session->lock);
    batch->next = session->batches;
    batch->back = &session->batches;
    if (batch->next)
        batch->next->back = &batch->next;
    session->batches = batch;
    pthread_mutex_unlock(&session->lock);
}

/* Adds a complete batch to the session; NULL, and freed, if it has no tasks. It is linked even
 * then: freeing unlinks, and one path is simpler to trust than two. */
static struct batch *enter_batch(struct session *session, struct batch *batch)
{
    session_keep(session);
    atomic_init(&batch->remaining, batch->count);
    atomic_fetch_add(&session->held, batch->count);
    link_batch(session, batch);
    if (batch->count > 0)
        return batch;
    free_batch(batch);
    return NULL;
}

struct batch *session_add_claim(struct session *session, struct claim *claim)
{
    struct batch *batch = mem_new(sizeof *batch + claim->count * sizeof batch->tasks[0]);
    batch->session = session;
    batch->claim = *claim;
    batch->claimed_ms = clock_mono_ms();
    *claim = (struct claim){0};
    for (size_t i = 0; i < batch->claim.count; i++) {
        struct claim_job job = claim_job(&batch->claim, i);
        /* A repeated claim may find a job of its first try gone: there is nothing to run under that
         * number. */
        if (!job.text.ptr)
            continue;
        struct task *task = &batch->tasks[batch->count++];
        task->batch = batch;
        task->job = job;
        task->number = batch->claim.base + 1 + (int64_t)i;
        atomic_init(&task->state, TASK_WAITING);
    }
    return enter_batch(session, batch);
}

struct task *session_add_popped(struct session *session, struct reply *reply, struct slice text)
{
    struct batch *batch = mem_new(sizeof *batch + sizeof batch->tasks[0]);
    int64_t number = atomic_fetch_add(&session->popped, 1) + 1;
    batch->session = session;
    batch->claim = (struct claim){.base = number - 1, .count = 1, .reply = reply};
    batch->claimed_ms = clock_mono_ms();
    batch->count = 1;
    batch->tasks[0] = (struct task){.batch = batch, .job = {.text = text}, .number = number};
    return &enter_batch(session, batch)->tasks[0];
}

void task_retire(struct task *task)
{
    struct batch *batch = task->batch;
    struct session *session = batch->session;
    ending_free(task->ending);
    task->ending = NULL;
    atomic_store_explicit(&task->state, TASK_GONE, memory_order_release);
    /* The wake-up comes first: the batch may go with this task, and the session with the batch.
     * Nothing of either may be touched after the last line, and another thread may retire the rest
     * of the batch at any time. */
    bool is_awaited = atomic_load_explicit(&session->is_awaited, memory_order_relaxed);
    if (atomic_fetch_sub(&session->held, 1) == 1 || is_awaited)
        wake_set(session->emptied);
    if (atomic_fetch_sub_explicit(&batch->remaining, 1, memory_order_acq_rel) == 1)
        free_batch(batch);
}

static struct task *find_task(struct batch *batch, int64_t number)
{
    if (number <= batch->claim.base || number > batch->claim.base + (int64_t)batch->claim.count)
        return NULL;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->tasks[i].number == number)
            return &batch->tasks[i];
    return NULL;
}

bool session_holds(struct session *session, int64_t number)
{
    bool is_held = false;
    pthread_mutex_lock(&session->lock);
    for (struct batch *batch = session->batches; batch && !is_held; batch = batch->next) {
        struct task *task = find_task(batch, number);
        is_held = task && atomic_load_explicit(&task->state, memory_order_acquire) != TASK_GONE;
    }
    pthread_mutex_unlock(&session->lock);
    return is_held;
}

static bool is_among(const char *id, const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(id, ids[i]) == 0)
            return true;
    return false;
}

void session_cancel(struct session *session, const char *const *ids, size_t count)
{
    struct job job;
    struct err ignored;
    pthread_mutex_lock(&session->lock);
    for (struct batch *batch = session->batches; batch; batch = batch->next)
        for (size_t i = 0; i < batch->count; i++) {
            struct task *task = &batch->tasks[i];
            if (atomic_load_explicit(&task->state, memory_order_acquire) == TASK_GONE)
                continue;
            /* Read again: a task keeps no id, as cancelling is rare and claiming is not. Whatever
             * is wrong with a job, its reader says when it runs. */
            (void)!job_read(task->job.text, INT64_MAX, &job, &ignored);
            if (is_among(job.id, ids, count))
                atomic_store_explicit(&task->is_cancelled, true, memory_order_relaxed);
        }
    pthread_mutex_unlock(&session->lock);
}

void session_each(struct session *session, void (*visit)(int64_t, bool, void *), void *context)
{
    pthread_mutex_lock(&session->lock);
    for (struct batch *batch = session->batches; batch; batch = batch->next)
        for (size_t i = 0; i < batch->count; i++) {
            int state = atomic_load_explicit(&batch->tasks[i].state, memory_order_acquire);
            if (state != TASK_GONE)
                visit(batch->tasks[i].number, state == TASK_STARTED, context);
        }
    pthread_mutex_unlock(&session->lock);
}

void session_retire_all(struct session *session)
{
    while (session->batches) {
        struct batch *batch = session->batches;
        /* The batch is freed with its last task, so its end has to be known before, not read from
         * it. */
        size_t left = atomic_load(&batch->remaining);
        for (size_t i = 0; left > 0; i++)
            if (atomic_load(&batch->tasks[i].state) != TASK_GONE) {
                left--;
                task_retire(&batch->tasks[i]);
            }
    }
}
