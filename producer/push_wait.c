#include "producer/push_wait.h"

#include "base/clock.h"
#include "base/json.h"
#include "job/job.h"
#include "producer/interrupt.h"
#include "queue/collect.h"

#include <stdio.h>

enum { BLOCK_MS = 2000, OUTAGE_MS = 60000, REFUSED_MS = 200, ERROR_SHOWN = 400 };

/* A result as the worker pushed it. */
enum { ID, TYPE, OUTCOME, RUN, RESULT, ERROR, FIELDS };

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

static void decode(struct json_value value, struct buf *out)
{
    if (value.type == JSON_STRING)
        json_decode_string(value.text, out);
    else
        buf_append_slice(out, value.text);
}

static void print_done(const struct push_wait *wait, const struct json_field *fields)
{
    struct buf id = {0}, result = {0};
    decode(fields[ID].value, &id);
    decode(fields[RESULT].value, &result);
    if (wait->is_bulk)
        printf("%s\t", buf_text(&id));
    fwrite(buf_text(&result), 1, result.len, stdout);
    bool is_ended = result.len > 0 && result.ptr[result.len - 1] == '\n';
    /* A handler that has nothing to say prints nothing. */
    if (!is_ended && (wait->is_bulk || result.len > 0))
        putchar('\n');
    buf_fini(&id);
    buf_fini(&result);
}

static void print_failure(const struct json_field *fields)
{
    struct buf id = {0}, outcome = {0}, error = {0};
    struct err shown; /* makes control bytes harmless */
    decode(fields[ID].value, &id);
    decode(fields[OUTCOME].value, &outcome);
    decode(fields[ERROR].value, &error);
    (void)!err_set(&shown, ST_SERVER, "%.*s %.*s (run %.*s): %.*s", JOB_ID_MAX, buf_text(&id), 40,
                   buf_text(&outcome), (int)(fields[RUN].value.text.len % 20),
                   fields[RUN].value.text.len ? fields[RUN].value.text.ptr : "",
                   error.len < ERROR_SHOWN ? (int)error.len : ERROR_SHOWN, buf_text(&error));
    fflush(stdout);
    context_note("%s", err_text(&shown));
    buf_fini(&id);
    buf_fini(&outcome);
    buf_fini(&error);
}

static void take_result(struct push_wait *wait, struct slice text)
{
    struct json_field fields[FIELDS] = {
        [ID] = {.name = "id"},   [TYPE] = {.name = "type"},     [OUTCOME] = {.name = "outcome"},
        [RUN] = {.name = "run"}, [RESULT] = {.name = "result"}, [ERROR] = {.name = "error"}};
    struct err err = {0};
    wait->received++;
    wait->last_ms = clock_mono_ms();
    bool is_read = json_read_object(text, JSON_MAX_DEPTH + 1, fields, FIELDS, &err) == ST_OK;
    bool is_done = is_read && slice_is(fields[OUTCOME].value.text, "\"done\"");
    wait->failed += !is_done;
    if (wait->context->is_json)
        printf("%.*s\n", (int)text.len, text.ptr);
    else if (!is_read)
        context_note("a result cannot be read: %s", err_text(&err));
    else if (is_done)
        print_done(wait, fields);
    else
        print_failure(fields);
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
    bool ignored;
    if (!wait->is_blocking) {
        enum status status = take_all(wait, &count, err);
        *is_over = count > 0;
        if (status != ST_OK || count > 0)
            return status;
        status = collect_wait_begin(wait->conn, &wait->context->queue, wait->reply, BLOCK_MS, err);
        if (status != ST_OK)
            return status;
        wait->is_blocking = true;
    }
    *is_over = true;
    if (conn_wait(wait->conn, wake_fd, timeout_ms) != CONN_READABLE)
        return ST_OK;
    wait->is_blocking = false;
    *is_over = false;
    return collect_wait_end(wait->conn, &ignored, err);
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
