#include "queue/orders.h"

#include <string.h>

#include "queue/keys.h"

/* Calls and frees the request. */
static enum status call(struct conn *conn, struct request *request, struct reply **reply,
                        struct err *err)
{
    enum status status = conn_call(conn, request, reply, err);
    request_fini(request);
    return status;
}

/* A command whose answer matters only as far as it is no error. Frees the request. */
static enum status call_plain(struct conn *conn, struct request *request, struct err *err)
{
    struct reply *reply = NULL;
    enum status status = call(conn, request, &reply, err);
    reply_free(reply);
    return status;
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

static const char *const order_names[] = {
    [ORDER_NONE] = "", [ORDER_QUIET] = "quiet", [ORDER_DRAIN] = "drain", [ORDER_STOP] = "stop"};

enum order orders_parse(struct slice word, bool *is_known)
{
    for (size_t i = 0; i < sizeof order_names / sizeof order_names[0]; i++) {
        if (slice_is(word, order_names[i])) {
            *is_known = true;
            return (enum order)i;
        }
    }
    *is_known = false;
    return ORDER_NONE;
}

const char *orders_name(enum order order)
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
                             struct orders *orders, struct err *err)
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

enum status orders_read(struct conn *conn, const char *namespace, const char *process,
                        struct orders *orders, struct err *err)
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

enum status orders_set(struct conn *conn, const char *key, enum order order, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, order == ORDER_NONE ? "DEL" : "SET");
    request_add_text(&request, key);
    if (order != ORDER_NONE)
        request_add_text(&request, orders_name(order));
    return call_plain(conn, &request, err);
}
