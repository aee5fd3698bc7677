#include "producer/push_wait.h"

#include "base/clock.h"
#include "producer/interrupt.h"
#include "producer/outcome.h"
#include "queue/await.h"
#include "queue/collect.h"

#include <stdio.h>

enum { BLOCK_MS = 2000, OUTAGE_MS = 60000, REFUSED_MS = 200 };

void push_wait_init(struct push_wait *wait, const struct context *context, bool is_bulk)
{
    *wait = (struct push_wait){.context = context, .is_bulk = is_bulk};
    id_uuid7(wait->reply);
    wait->conn = context_open(context, "darg-wait");
    wait->last_ms = clock_mono_ms();
}

void push_wait_fini(struct push_wait *wait)
{
    struct err ignored;
    if (wait->conn == NULL)
        return;
    if (wait->is_blocking)
        conn_discard(wait->conn);
    if (wait->received > 0 && conn_connect(wait->conn, &ignored) == ST_OK)
        (void)!collect_end(wait->conn, &wait->context->queue, wait->reply, &ignored);
    conn_close(wait->conn);
    *wait = (struct push_wait){0};
}

static void take_result(struct push_wait *wait, struct slice text)
{
    wait->received++;
    wait->last_ms = clock_mono_ms();
    wait->failed += !outcome_print(text, wait->context->is_json, wait->is_bulk);
}

/* Takes results until there are no more; *count of them. Nothing is blocking on the connection. */
static enum status take_all(struct push_wait *wait, size_t *count, struct err *err)
{
    size_t page_count = 1;
    *count = 0;
    while (page_count > 0) {
        struct reply *page = NULL;
        enum status status = collect_call(wait->conn, &wait->context->queue, wait->reply,
                                          wait->received, &page, err);
        if (status != ST_OK)
            return status;
        page_count = reply_count(page);
        for (size_t i = 0; i < page_count; i++)
            take_result(wait, reply_slice(reply_at(page, i)));
        reply_free(page);
        *count += page_count;
    }
    fflush(stdout);
    return ST_OK;
}

/* One look: *is_over if something came, or the time is up. */
static enum status look(struct push_wait *wait, int wake_fd, int64_t timeout_ms, bool *is_over,
                        struct err *err)
{
    size_t count = 0;
    enum status status;
    if (!wait->is_blocking) {
        status = take_all(wait, &count, err);
        *is_over = count > 0;
        if (status != ST_OK || count > 0)
            return status;
        status = collect_await(wait->conn, &wait->context->queue, wait->reply, BLOCK_MS, err);
        if (status != ST_OK)
            return status;
        wait->is_blocking = true;
    }
    *is_over = true;
    if (conn_wait(wait->conn, wake_fd, timeout_ms) != CONN_READABLE)
        return ST_OK;
    wait->is_blocking = false;
    *is_over = false;
    struct reply *first = NULL;
    status = await_end(wait->conn, &first, err);
    reply_free(first);
    return status;
}

enum status push_wait_poll(struct push_wait *wait, int wake_fd, int64_t timeout_ms, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    for (;;) {
        bool is_over = false;
        enum status status = ST_OK;
        if (!conn_is_connected(wait->conn)) {
            wait->is_blocking = false;
            status = context_await(wait->conn, OUTAGE_MS, err);
            if (status != ST_OK)
                return interrupt_is_set() ? ST_OK : status;
        }
        int64_t left_ms = deadline_ms - clock_mono_ms();
        status = look(wait, wake_fd, left_ms > 0 ? left_ms : 0, &is_over, err);
        if (status == ST_OK && is_over)
            return ST_OK;
        if (status == ST_OK || !conn_is_connected(wait->conn))
            continue;
        if (!status_is_transient(status))
            return status;
        /* A full Redis refuses even to wait: ask now and then. */
        (void)interrupt_sleep(timeout_ms < REFUSED_MS ? timeout_ms : REFUSED_MS);
        return ST_OK;
    }
}
