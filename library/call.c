/* A job that is waited for: its result comes through a reply list made for it. */
#include "library/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "library/failure.h"
#include "library/guard.h"
#include "queue/await.h"
#include "queue/collect.h"
#include "queue/missing.h"

enum { BLOCK_MS = 2000, REFUSED_MS = 200, TAKE_MS = 250 };

/* ---- the result ---- */

static void take_text(struct json_value value, bool is_plain, struct darg_result *result)
{
    struct buf text = {0};
    if (is_plain && value.type == JSON_STRING)
        json_decode_string(value.text, &text);
    else
        buf_append_slice(&text, value.text);
    buf_reserve(&text, 1);
    result->len = text.len;
    result->text = buf_take(&text);
}

static enum darg_code read_result(struct slice text, struct darg_result *result)
{
    enum { OUTCOME, RESULT, ERROR, FIELDS };
    struct json_field fields[FIELDS] = {[OUTCOME] = {.name = "outcome"},
                                        [RESULT] = {.name = "result"},
                                        [ERROR] = {.name = "error"}};
    struct err err = {0};
    if (json_read_object(text, JSON_MAX_DEPTH + 1, fields, FIELDS, &err) != ST_OK)
        return failure_set(DARG_FAILED, "the result cannot be read: %s", err_text(&err));
    if (slice_is(fields[OUTCOME].value.text, "\"done\"")) {
        take_text(fields[RESULT].value, false, result);
        return DARG_OK;
    }
    take_text(fields[ERROR].value, true, result);
    return failure_set(DARG_FAILED, "the job is dead: %s", result->text);
}

/* ---- waiting ---- */

struct wait {
    struct conn *conn;
    const struct queue *queue;
    const char *id;
    char reply[ID_UUID_LEN + 1];
    struct missing missing;
    int misses; /* looks in a row that have not found the job anywhere */
};

/* Takes the result if there is one: *is_there, and *code says how the job ended. */
static enum status take(const struct wait *wait, struct darg_result *result, enum darg_code *code,
                        bool *is_there, struct err *err)
{
    struct reply *page = NULL;
    enum status status = collect_call(wait->conn, wait->queue, wait->reply, 0, &page, err);
    *is_there = status == ST_OK && reply_count(page) > 0;
    if (*is_there)
        *code = read_result(reply_slice(reply_at(page, 0)), result);
    reply_free(page);
    return status;
}

/* There is no result, so looks for the job itself. It may end while it is looked for, so the result
 * is looked for once more before the job is called missing. */
static enum status look_for_missing(struct wait *wait, struct darg_result *result,
                                    enum darg_code *code, bool *is_over, struct err *err)
{
    bool is_missing = false;
    enum status status =
        missing_look(&wait->missing, wait->conn, wait->queue, &wait->id, 1, &is_missing, err);
    wait->misses = is_missing ? wait->misses + 1 : 0;
    if (status == ST_OK)
        status = take(wait, result, code, is_over, err);
    if (status != ST_OK || *is_over || wait->misses < MISSING_LOOKS)
        return status;
    *is_over = true;
    *code = failure_set(DARG_GONE, "the job is gone: purged, dropped, or lost with Redis's data");
    return ST_OK;
}

/* Looks at the reply list, then waits up to wait_ms for something to come. *is_over: the job has
 * ended, and *code says how. */
static enum status look(struct wait *wait, int64_t wait_ms, struct darg_result *result,
                        enum darg_code *code, bool *is_over, struct err *err)
{
    enum status status = conn_connect(wait->conn, err);
    if (status == ST_OK)
        status = take(wait, result, code, is_over, err);
    if (status == ST_OK && !*is_over && missing_is_due(&wait->missing))
        status = look_for_missing(wait, result, code, is_over, err);
    if (status != ST_OK || *is_over || wait_ms <= 0)
        return status;
    status = collect_await(wait->conn, wait->queue, wait->reply,
                           missing_patience_ms(&wait->missing, wait_ms), err);
    if (status != ST_OK)
        return status;
    struct reply *first = NULL;
    status = await_end(wait->conn, &first, err);
    reply_free(first);
    return status;
}

/* Goes on through outages: the result waits in Redis, so a lost link is no reason to give up. */
static enum darg_code await(struct wait *wait, int64_t deadline_ms, struct darg_result *result)
{
    enum darg_code code = DARG_OK;
    for (;;) {
        struct err err = {0};
        bool is_over = false;
        int64_t left_ms = deadline_ms - clock_mono_ms();
        int64_t wait_ms = left_ms < BLOCK_MS ? left_ms : BLOCK_MS;
        enum status status = look(wait, wait_ms, result, &code, &is_over, &err);
        if (is_over) {
            (void)!collect_end(wait->conn, wait->queue, wait->reply, &err);
            return code;
        }
        if (status != ST_OK && status != ST_UNREACHABLE && !status_is_transient(status))
            return failure_of(&err);
        if (left_ms <= 0)
            return failure_set(DARG_TIMED_OUT, "the job did not end in time%s%s",
                               status == ST_OK ? "" : ": ", status == ST_OK ? "" : err_text(&err));
        if (status != ST_OK)
            client_pause(status == ST_UNREACHABLE ? conn_backoff_ms(wait->conn) : REFUSED_MS);
    }
}

enum darg_code darg_call(struct darg_client *client, const char *type, const char *args,
                         const struct darg_push_options *options, int64_t timeout_ms,
                         struct darg_result *result)
{
    GUARD;
    int64_t now_ms = clock_mono_ms();
    bool is_limited = timeout_ms >= 0 && timeout_ms < INT64_MAX - now_ms;
    struct wait wait = {0};
    struct compose_made made;
    struct buf text = {0};
    *result = (struct darg_result){.text = NULL};
    enum darg_code code = client_check(client);
    if (code != DARG_OK)
        return code;
    id_uuid7(wait.reply);
    const struct compose_spec spec = {
        .type = type, .args = args, .options = options, .reply = wait.reply};
    code = client_make(client, &spec, &text, &made, result->id);
    if (code == DARG_OK)
        code = client_push(client, buf_slice(&text), made.delay_ms);
    buf_fini(&text);
    if (code != DARG_OK)
        return code;
    wait.queue = &client->queue;
    wait.id = result->id;
    missing_begin(&wait.missing);
    wait.conn = conn_open(&client->conn);
    if (is_limited) /* plus a moment to take a result that has just come */
        conn_limit(wait.conn, now_ms + timeout_ms + TAKE_MS);
    code = await(&wait, is_limited ? now_ms + timeout_ms : INT64_MAX, result);
    conn_close(wait.conn);
    return code;
}

void darg_result_free(struct darg_result *result)
{
    free(result->text);
    result->text = NULL;
    result->len = 0;
}
