#include "queue/settings.h"

#include <string.h>

/* What the scripts read as a number: at most 15 digits, all of which a double holds. */
static const int64_t limit_max = INT64_C(999999999999999);

/* Calls and frees the request. */
static enum status call(struct conn *conn, struct request *request, struct reply **reply,
                        struct err *err)
{
    enum status status = conn_call(conn, request, reply, err);
    request_fini(request);
    return status;
}

/* A command whose answer matters only as far as it is no error. */
static enum status call_plain(struct conn *conn, struct request *request, struct err *err)
{
    struct reply *reply = NULL;
    enum status status = call(conn, request, &reply, err);
    reply_free(reply);
    return status;
}

/* value NULL removes the field. */
static enum status set_setting(struct conn *conn, const struct queue *queue, const char *name,
                               const char *value, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, value ? "HSET" : "HDEL");
    request_add_text(&request, queue->settings);
    request_add_text(&request, name);
    if (value)
        request_add_text(&request, value);
    return call_plain(conn, &request, err);
}

static enum status get_setting(struct conn *conn, const struct queue *queue, const char *name,
                               int64_t fallback, int64_t *value, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "HGET");
    request_add_text(&request, queue->settings);
    request_add_text(&request, name);
    enum status status = call(conn, &request, &reply, err);
    if (status == ST_OK)
        *value = reply_int(reply, fallback);
    reply_free(reply);
    return status;
}

enum status settings_pause(struct conn *conn, const struct queue *queue, bool is_paused,
                           struct err *err)
{
    return set_setting(conn, queue, "paused", is_paused ? "1" : NULL, err);
}

static enum status check_limit_name(const char *name, struct err *err)
{
    static const char *const names[] = {"max_len",     "rate",     "rate_ms",
                                        "concurrency", "dead_max", "dead_age_ms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return ST_OK;
    return err_set(err, ST_INVALID, "'%.64s' is no limit of a queue", name);
}

enum status settings_set(struct conn *conn, const struct queue *queue, const char *name,
                         int64_t value, struct err *err)
{
    enum status status = check_limit_name(name, err);
    if (status != ST_OK)
        return status;
    if (value < 0)
        return set_setting(conn, queue, name, NULL, err);
    if (value > limit_max)
        return err_set(err, ST_INVALID, "a limit of %lld is above the greatest, %lld",
                       (long long)value, (long long)limit_max);
    struct buf text = {0};
    buf_append_int(&text, value);
    status = set_setting(conn, queue, name, buf_text(&text), err);
    buf_fini(&text);
    return status;
}

enum status settings_get(struct conn *conn, const struct queue *queue, const char *name,
                         int64_t *value, struct err *err)
{
    enum status status = check_limit_name(name, err);
    return status == ST_OK ? get_setting(conn, queue, name, -1, value, err) : status;
}
