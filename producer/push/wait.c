#include "producer/push/wait.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "job/job.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/outcome.h"
#include "queue/await.h"
#include "queue/collect.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_MS = 2000, OUTAGE_MS = 60000, REFUSED_MS = 200 };

void wait_init(struct wait *wait, const struct context *context, bool is_bulk)
{
    *wait = (struct wait){.context = context, .is_bulk = is_bulk};
    id_uuid7(wait->reply);
    wait->conn = context_open(context, "darg-wait");
    wait->pushed_ms = clock_mono_ms();
    missing_begin(&wait->missing);
}

void wait_fini(struct wait *wait)
{
    struct err ignored;
    if (wait->conn == NULL)
        return;
    if (wait->is_blocking)
        conn_discard(wait->conn);
    if (wait->received > 0 && conn_connect(wait->conn, &ignored) == ST_OK)
        (void)!collect_end(wait->conn, &wait->context->queue, wait->reply, &ignored);
    conn_close(wait->conn);
    pending_fini(&wait->pending);
    *wait = (struct wait){0};
}

void wait_expect(struct wait *wait, const char *id)
{
    pending_add(&wait->pending, id);
}

void wait_accepted(struct wait *wait)
{
    wait->pushed_ms = clock_mono_ms();
}

void wait_sure(struct wait *wait, int64_t count)
{
    wait->sure = count;
}

int64_t wait_left(const struct wait *wait)
{
    return wait->pending.total;
}

static void take_result(struct wait *wait, struct slice text)
{
    char id[JOB_ID_MAX + 1];
    wait->received++;
    missing_begin(&wait->missing);
    /* An unreadable one is printed as it is; its job is reported as gone sooner or later. */
    if (outcome_id(text, id) && !pending_settle(&wait->pending, id))
        return;
    bool is_done = outcome_print(text, wait->context->is_json, wait->is_bulk);
    *(is_done ? &wait->done : &wait->failed) += 1;
}

/* Takes results until there are no more; *count: how many. No blocking wait is under way. */
static enum status take_all(struct wait *wait, size_t *count, struct err *err)
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

/* ---- jobs that are gone ---- */

static void report_gone(struct wait *wait, struct pending_job *job)
{
    struct buf line = {0};
    wait->gone += job->times;
    buf_append_text(&line, "{\"id\":");
    json_append_string(&line, slice_of(job->id));
    buf_append_text(&line, ",\"outcome\":\"gone\"}");
    if (wait->context->is_json) {
        puts(buf_text(&line));
    } else {
        struct err shown; /* makes control bytes harmless */
        (void)!err_set(&shown, ST_SERVER, "%s is gone: purged, dropped, or lost with Redis's data",
                       job->id);
        context_note("%s", err_text(&shown));
    }
    buf_fini(&line);
    pending_drop(&wait->pending, job);
}

/* The jobs that are known to be in the queue, or to have been: their ids and their order. */
static size_t list_sure(const struct wait *wait, const char **ids, struct pending_job **jobs)
{
    size_t count = 0;
    for (size_t i = 0; i < wait->pending.count; i++) {
        struct pending_job *job = wait->pending.jobs[i];
        if (job->sequence >= wait->sure)
            continue;
        ids[count] = job->id;
        jobs[count++] = job;
    }
    return count;
}

/* No blocking wait is under way, and there is no result. A job that ended while it was looked for
 * has its result by now. */
static enum status look_for_missing(struct wait *wait, size_t *results, struct err *err)
{
    size_t max = wait->pending.count;
    const char **ids = mem_array(max, sizeof *ids);
    struct pending_job **jobs = mem_array(max, sizeof(struct pending_job *));
    bool *is_missing = mem_array(max, sizeof *is_missing);
    size_t count = list_sure(wait, ids, jobs);
    enum status status = missing_look(&wait->missing, wait->conn, &wait->context->queue, ids, count,
                                      is_missing, err);
    for (size_t i = 0; i < count; i++)
        jobs[i]->misses = is_missing[i] ? jobs[i]->misses + 1 : 0;
    if (status == ST_OK)
        status = take_all(wait, results, err);
    for (size_t i = wait->pending.count; status == ST_OK && i-- > 0;)
        if (wait->pending.jobs[i]->misses >= MISSING_LOOKS)
            report_gone(wait, wait->pending.jobs[i]);
    fflush(stdout);
    free(ids);
    free(jobs);
    free(is_missing);
    return status;
}

/* ---- waiting ---- */

/* Looks once: *is_over if something came, or the time is up. */
static enum status look(struct wait *wait, int wake_fd, int64_t timeout_ms, bool *is_over,
                        struct err *err)
{
    size_t count = 0;
    enum status status;
    if (!wait->is_blocking) {
        int64_t gone = wait->gone;
        status = take_all(wait, &count, err);
        if (status == ST_OK && count == 0 && wait->sure > 0 && missing_is_due(&wait->missing))
            status = look_for_missing(wait, &count, err);
        *is_over = count > 0 || wait->gone > gone;
        if (status != ST_OK || *is_over)
            return status;
        status = collect_await(wait->conn, &wait->context->queue, wait->reply,
                               missing_patience_ms(&wait->missing, BLOCK_MS), err);
        if (status != ST_OK)
            return status;
        wait->is_blocking = true;
    }
    *is_over = true;
    if (conn_wait(wait->conn, wake_fd, timeout_ms) != CONN_READABLE)
        return ST_OK;
    wait->is_blocking = false;
    *is_over = false;
    /* The wait leaves the result in the list. It is taken with all others by collect, which a lost
     * answer does not cost a result. */
    struct reply *first = NULL;
    status = await_end(wait->conn, &first, err);
    reply_free(first);
    return status;
}

enum status wait_poll(struct wait *wait, int wake_fd, int64_t timeout_ms, struct err *err)
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

enum status wait_check_time(const struct wait *wait, struct err *err)
{
    char time[PARSE_DURATION_MAX];
    if (wait->timeout_ms == 0 || clock_mono_ms() - wait->pushed_ms < wait->timeout_ms)
        return ST_OK;
    const char *after = format_duration_ms(wait->timeout_ms, time);
    if (wait->pending.total == 1)
        return err_set(err, ST_TIMED_OUT, "no result of '%s' in queue '%s' after %s",
                       wait->pending.jobs[0]->id, wait->context->queue.name, after);
    return err_set(err, ST_TIMED_OUT, "no result of %lld jobs in queue '%s' after %s",
                   (long long)wait->pending.total, wait->context->queue.name, after);
}
