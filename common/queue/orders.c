#include "queue/orders.h"

#include <stdlib.h>
#include <string.h>

void orders_key(const struct orders_scope *scope, const struct queue *queue, struct buf *out)
{
    /* Registrations are named P.generation; the key is the process's, P. */
    char *process = mem_dup(scope->worker);
    if (process != NULL)
        process[strcspn(process, ".")] = '\0';
    if (scope->is_all || process != NULL)
        queue_shutdown_key(queue->namespace, process, out);
    else
        buf_append_text(out, queue->shutdown);
    free(process);
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

enum status orders_get(struct conn *conn, const char *key, struct buf *word, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "GET");
    request_add_text(&request, key);
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    if (status == ST_OK)
        buf_append_slice(word, reply_slice(reply));
    reply_free(reply);
    return status;
}

static enum status read_order(struct conn *conn, const char *key, char *out, size_t size,
                              struct err *err)
{
    struct buf word = {0};
    enum status status = orders_get(conn, key, &word, err);
    if (status == ST_OK)
        slice_copy(buf_slice(&word), out, size);
    else
        err_prefix(err, "%s", key);
    buf_fini(&word);
    return status;
}

/* Both keys at once: the usual case. They are in different slots, so a cluster refuses it. */
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
        slice_copy(reply_slice(reply_at(reply, 0)), orders->of_all, sizeof orders->of_all);
        slice_copy(reply_slice(reply_at(reply, 1)), orders->of_process, sizeof orders->of_process);
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
    struct reply *reply = NULL;
    request_add_text(&request, order == ORDER_NONE ? "DEL" : "SET");
    request_add_text(&request, key);
    if (order != ORDER_NONE)
        request_add_text(&request, orders_name(order));
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    reply_free(reply);
    return status;
}
