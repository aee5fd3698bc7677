#include "worker/flow/giveback.h"

#include <stdlib.h>

#include "base/log.h"

static int by_number_descending(const void *a, const void *b)
{
    const struct settle_item *left = a, *right = b;
    return (left->number < right->number) - (left->number > right->number);
}

/* Releases items of one session, highest number first: each goes to the head of the queue, so the
 * lowest ends up first. */
static enum status release(struct conn *conn, const struct session *session,
                           struct settle_item *items, size_t count, int64_t *given, struct err *err)
{
    struct request request = {0};
    struct settle_answer answer = {0};
    qsort(items, count, sizeof items[0], by_number_descending);
    settle_encode_release(&request, &session->lease, items, count);
    enum status status = settle_call(conn, SETTLE_RELEASE, &request, &answer, err);
    if (status == ST_OK)
        *given += answer.settled;
    request_fini(&request);
    return status;
}

/* Releases and retires the tasks that belong to the first one's session, and sets them to NULL.
 * Retired even if the call fails: whether Redis has them back is then unknown, so running them here
 * could run them twice. The audit sorts it out. */
static enum status release_session(struct conn *conn, struct room *room, struct task **tasks,
                                   size_t count, int64_t *given, struct err *err)
{
    struct session *session = tasks[0]->batch->session;
    struct settle_item *items = mem_array(count, sizeof *items);
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++)
        if (tasks[i] && tasks[i]->batch->session == session)
            items[chosen++] = (struct settle_item){.number = tasks[i]->number};
    session_keep(session);
    enum status status = release(conn, session, items, chosen, given, err);
    for (size_t i = 0; i < count; i++)
        if (tasks[i] && tasks[i]->batch->session == session) {
            task_retire(tasks[i]);
            tasks[i] = NULL;
        }
    room_forget(room, (int64_t)chosen);
    if (status != ST_OK)
        atomic_store(&session->must_audit, true);
    session_release(session);
    free(items);
    return status;
}

enum status giveback_waiting(struct conn *conn, struct ring *tasks, struct room *room,
                             int64_t *given, struct err *err)
{
    struct task **taken = mem_array(SETTLE_MAX, sizeof *taken);
    size_t count = 0;
    enum status worst = ST_OK;
    while (count < SETTLE_MAX && (taken[count] = ring_try_take(tasks)))
        count++;
    for (size_t i = 0; i < count; i++) {
        if (!taken[i])
            continue;
        enum status status = release_session(conn, room, taken + i, count - i, given, err);
        worst = worst == ST_OK ? status : worst;
    }
    free(taken);
    return worst;
}

enum status giveback_unknown(struct conn *conn, struct session *session, int64_t base,
                             int64_t *given, struct err *err)
{
    int64_t *numbers = NULL;
    size_t count = 0, unknown = 0;
    enum status status = lease_held(conn, &session->lease, &numbers, &count, err);
    if (status != ST_OK)
        return status;
    struct settle_item *items = mem_array(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        if (!session_holds(session, numbers[i]))
            /* Numbers up to `base` were given to this process, so the job may have run: counting
             * one more run keeps its fencing token growing. Higher ones nobody has seen. */
            items[unknown++] =
                (struct settle_item){.number = numbers[i], .was_started = numbers[i] <= base};
    qsort(items, unknown, sizeof items[0], by_number_descending);
    for (size_t at = 0; status == ST_OK && at < unknown; at += SETTLE_MAX) {
        size_t chunk = unknown - at < SETTLE_MAX ? unknown - at : SETTLE_MAX;
        status = release(conn, session, items + at, chunk, given, err);
    }
    free(items);
    free(numbers);
    return status;
}

struct started {
    int64_t *numbers;
    size_t count, capacity;
};

static void note_started(int64_t number, bool was_started, void *context)
{
    struct started *list = context;
    /* Losing count of one would only understate its runs; the capacity is above what a process may
     * hold. */
    if (was_started && list->count < list->capacity)
        list->numbers[list->count++] = number;
}

enum status giveback_all(struct conn *conn, struct session *session, struct err *err)
{
    struct started started = {.capacity = ROOM_OUTSTANDING_MAX + SETTLE_MAX};
    started.numbers = mem_array(started.capacity, sizeof *started.numbers);
    session_each(session, note_started, &started);
    bool is_registered = false;
    int64_t released = 0;
    enum status status = lease_deregister(conn, &session->lease, started.numbers, started.count,
                                          &is_registered, &released, err);
    free(started.numbers);
    if (status == ST_OK)
        log_fields(LOG_INFO, "worker deregistered", LOG_STR("queue", session->lease.queue->name),
                   LOG_STR("worker", session->lease.worker), LOG_INT("given_back", released));
    return status;
}
