#include "queue/control.h"

#include <string.h>

#include "queue/scripts.h"

enum { PURGE_MAX = 8 }; /* places that hold jobs */

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

enum status control_pause(struct conn *conn, const struct queue *queue, bool is_paused,
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

enum status control_set_limit(struct conn *conn, const struct queue *queue, const char *name,
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

enum status control_get_limit(struct conn *conn, const struct queue *queue, const char *name,
                              int64_t *value, struct err *err)
{
    enum status status = check_limit_name(name, err);
    return status == ST_OK ? get_setting(conn, queue, name, -1, value, err) : status;
}

static enum status call_sentinel(struct conn *conn, const struct queue *queue, const char *mode,
                                 const struct lease_drain *known, bool awaits_retries,
                                 struct control_sentinel *answer, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    script_begin(&request, &script_sentinel, 3);
    request_add_text(&request, queue->jobs);
    request_add_text(&request, queue->settings);
    request_add_text(&request, queue->inbox);
    request_add_text(&request, mode);
    request_add_text(&request, known ? known->name : "");
    request_add_int(&request, awaits_retries);
    enum status status = script_call(conn, &script_sentinel, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    answer->was_pushed = reply_int(reply_at(reply, 0), 0) == 1;
    answer->now_ms = reply_int(reply_at(reply, 1), -1);
    lease_know_drain(&answer->last_drain, reply_slice(reply_at(reply, 2)));
    answer->is_paused = reply_int(reply_at(reply, 3), 0) == 1;
    answer->has_drained = reply_int(reply_at(reply, 4), 0) == 1;
    reply_free(reply);
    if (answer->now_ms < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"sentinel\" with something unexpected");
    return ST_OK;
}

enum status control_push_sentinel(struct conn *conn, const struct queue *queue,
                                  const struct lease_drain *known, bool awaits_retries,
                                  struct control_sentinel *answer, struct err *err)
{
    return call_sentinel(conn, queue, known ? "again" : "push", known, awaits_retries, answer, err);
}

enum status control_look_at_drain(struct conn *conn, const struct queue *queue,
                                  const struct lease_drain *known, struct control_sentinel *answer,
                                  struct err *err)
{
    return call_sentinel(conn, queue, "look", known, false, answer, err);
}

enum status control_return_sentinel(struct conn *conn, const struct queue *queue,
                                    bool awaits_retries, struct err *err)
{
    struct control_sentinel answer;
    return call_sentinel(conn, queue, "return", NULL, awaits_retries, &answer, err);
}

/* Cut if it is longer; "" if there is none. */
static void copy_text(const struct reply *reply, char *out, size_t size)
{
    struct slice word = reply_slice(reply);
    size_t len = word.len < size ? word.len : size - 1;
    if (len)
        memcpy(out, word.ptr, len);
    out[len] = 0;
}

enum status control_drain(struct conn *conn, const struct lease *lease, struct lease_drain *known,
                          struct control_look *look, enum control_drain *outcome, struct err *err)
{
    static const char *const words[] = {
        [DRAIN_LOST] = "lost",       [DRAIN_WORK] = "work",       [DRAIN_HOLDING] = "holding",
        [DRAIN_WAITING] = "waiting", [DRAIN_LOOKING] = "looking", [DRAIN_ENDED] = "drained",
    };
    const struct queue *queue = lease->queue;
    struct request request = {0};
    struct reply *reply = NULL;
    script_begin(&request, &script_drain, script_drain.key_count);
    request_add_text(&request, queue->jobs);
    request_add_text(&request, queue->inbox);
    request_add_text(&request, lease->claimed);
    request_add_text(&request, queue->workers);
    request_add_text(&request, queue->drained);
    request_add_text(&request, queue->reaped);
    request_add_text(&request, queue->settings);
    request_add_text(&request, queue->counts);
    request_add_text(&request, queue->suspects);
    request_add_text(&request, queue->scheduled);
    request_add_text(&request, lease->worker);
    request_add_text(&request, known->name);
    request_add_text(&request, look->cursor[0] ? look->cursor : "0");
    request_add_text(&request, look->retried);
    enum status status = script_call(conn, &script_drain, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    size_t word = 0, count = sizeof words / sizeof words[0];
    while (word < count && !slice_is(reply_slice(reply_at(reply, 0)), words[word]))
        word++;
    *look = (struct control_look){.cursor = ""};
    if (word == DRAIN_LOOKING) {
        copy_text(reply_at(reply, 2), look->cursor, sizeof look->cursor);
        copy_text(reply_at(reply, 3), look->retried, sizeof look->retried);
    }
    if (word < count && word != DRAIN_LOST)
        lease_know_drain(known, reply_slice(reply_at(reply, 1)));
    reply_free(reply);
    if (word == count)
        return err_set(err, ST_PROTOCOL, "Redis answered \"drain\" with something unexpected");
    *outcome = (enum control_drain)word;
    return ST_OK;
}

static const char *const order_names[] = {
    [ORDER_NONE] = "", [ORDER_QUIET] = "quiet", [ORDER_DRAIN] = "drain", [ORDER_STOP] = "stop"};

enum control_order control_parse_order(struct slice word, bool *is_known)
{
    for (size_t i = 0; i < sizeof order_names / sizeof order_names[0]; i++) {
        if (slice_is(word, order_names[i])) {
            *is_known = true;
            return (enum control_order)i;
        }
    }
    *is_known = false;
    return ORDER_NONE;
}

const char *control_order_name(enum control_order order)
{
    return order_names[order];
}

static enum status read_order(struct conn *conn, const char *key, char *out, size_t size,
                              struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "GET");
    request_add_text(&request, key);
    enum status status = call(conn, &request, &reply, err);
    if (status != ST_OK) {
        err_prefix(err, "%s", key);
        return status;
    }
    copy_text(reply, out, size);
    reply_free(reply);
    return ST_OK;
}

/* Both keys at once: the usual case. They are in no one slot, so a cluster refuses it. */
static enum status read_both(struct conn *conn, const char *of_all, const char *of_process,
                             struct control_orders *orders, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "MGET");
    request_add_text(&request, of_all);
    request_add_text(&request, of_process);
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    if (status == ST_OK) {
        copy_text(reply_at(reply, 0), orders->of_all, sizeof orders->of_all);
        copy_text(reply_at(reply, 1), orders->of_process, sizeof orders->of_process);
    }
    reply_free(reply);
    return status;
}

enum status control_read_orders(struct conn *conn, const char *namespace, const char *process,
                                struct control_orders *orders, struct err *err)
{
    struct buf of_all = {0}, of_process = {0};
    queue_shutdown_key(namespace, NULL, &of_all);
    queue_shutdown_key(namespace, process, &of_process);
    enum status status = read_both(conn, buf_text(&of_all), buf_text(&of_process), orders, err);
    if (status == ST_CLUSTER) {
        status = read_order(conn, buf_text(&of_all), orders->of_all, sizeof orders->of_all, err);
        if (status == ST_OK)
            status = read_order(conn, buf_text(&of_process), orders->of_process,
                                sizeof orders->of_process, err);
    }
    buf_fini(&of_all);
    buf_fini(&of_process);
    return status;
}

enum status control_set_order(struct conn *conn, const char *key, enum control_order order,
                              struct err *err)
{
    struct request request = {0};
    request_add_text(&request, order == ORDER_NONE ? "DEL" : "SET");
    request_add_text(&request, key);
    if (order != ORDER_NONE)
        request_add_text(&request, control_order_name(order));
    return call_plain(conn, &request, err);
}

/* Keys of the places that are meant, and each one's state. */
static size_t places_of(const struct queue *queue, int states, const char **keys, int *of)
{
    const struct place *place;
    size_t count = 0;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++) {
        if (!(place->state & states) || !place_holds_jobs(place))
            continue;
        ensure(count < PURGE_MAX, "%zu places", count);
        keys[count] = place_key(place, queue);
        of[count++] = place->state;
    }
    return count;
}

static void read_purged(const struct reply *reply, const int *of, struct control_purged *purged)
{
    for (size_t i = 0; i < reply_count(reply); i++) {
        int64_t *count = of[i] == PLACE_WAITING     ? &purged->waiting
                         : of[i] == PLACE_SCHEDULED ? &purged->scheduled
                                                    : &purged->dead;
        *count += reply_int(reply_at(reply, i), 0);
    }
}

enum status control_purge(struct conn *conn, const struct queue *queue, int states,
                          struct control_purged *purged, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    const char *keys[PURGE_MAX];
    int of[PURGE_MAX] = {0};
    size_t count = places_of(queue, states, keys, of);
    *purged = (struct control_purged){0};
    script_begin(&request, &script_purge, script_purge.key_count + (int)count);
    request_add_text(&request, queue->counts);
    for (size_t i = 0; i < count; i++)
        request_add_text(&request, keys[i]);
    enum status status = script_call(conn, &script_purge, &request, &reply, err);
    request_fini(&request);
    if (status == ST_OK && reply_count(reply) != count)
        status = err_set(err, ST_PROTOCOL, "Redis answered \"purge\" with something unexpected");
    if (status == ST_OK)
        read_purged(reply, of, purged);
    reply_free(reply);
    return status;
}
