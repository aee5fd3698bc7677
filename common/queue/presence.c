#include "queue/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

/* Calls and frees the request. */
static enum status call(struct conn *conn, struct request *request, struct reply **reply,
                        struct err *err)
{
    enum status status = conn_call(conn, request, reply, err);
    request_fini(request);
    return status;
}

enum status presence_workers(struct conn *conn, const struct queue *queue, struct reply **workers,
                             struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "ZRANGE");
    request_add_text(&request, queue->workers);
    request_add_int(&request, 0);
    request_add_int(&request, -1);
    request_add_text(&request, "WITHSCORES");
    return call(conn, &request, workers, err);
}

/* A command on a process's info hash. */
static void begin_info(struct request *request, const char *command, const char *namespace,
                       const char *process)
{
    struct buf key = {0};
    queue_worker_key(namespace, process, &key);
    request_clear(request);
    request_add_text(request, command);
    request_add(request, buf_slice(&key));
    buf_fini(&key);
}

enum status presence_process(struct conn *conn, const char *namespace, const char *process,
                             struct reply **info, struct err *err)
{
    struct request request = {0};
    begin_info(&request, "HGETALL", namespace, process);
    return call(conn, &request, info, err);
}

/* W is P.generation. */
enum status presence_worker(struct conn *conn, const struct queue *queue, struct slice worker,
                            struct reply **info, struct err *err)
{
    char *process = slice_dup(worker);
    char *dot = strrchr(process, '.');
    if (dot)
        *dot = 0;
    enum status status = presence_process(conn, queue->namespace, process, info, err);
    free(process);
    return status;
}

/* If there are two, the last one. */
struct slice presence_told(const struct reply *info, const char *field)
{
    for (size_t i = reply_count(info) / 2; i-- > 0;)
        if (slice_is(reply_slice(reply_at(info, 2 * i)), field))
            return reply_slice(reply_at(info, 2 * i + 1));
    return (struct slice){0};
}

enum status presence_protocol(struct conn *conn, const char *namespace, const char *process,
                              int64_t *protocol, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    *protocol = 0;
    begin_info(&request, "HGET", namespace, process);
    request_add_text(&request, "protocol");
    enum status status = call(conn, &request, &reply, err);
    if (status == ST_OK &&
        parse_int(reply_slice(reply), 0, INT64_MAX, protocol, &(struct err){0}) != ST_OK)
        *protocol = 0;
    reply_free(reply);
    return status;
}

/* Sends a word of a transaction. */
static enum status send_word(struct conn *conn, const char *word, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, word);
    enum status status = conn_send(conn, &request, err);
    request_fini(&request);
    return status;
}

/* The answers to MULTI, HSET, PEXPIRE, EXEC: the first error of them, if any. */
static enum status receive_published(struct conn *conn, struct err *err)
{
    enum status status = ST_OK;
    for (int i = 0; i < 4 && conn_is_connected(conn); i++) {
        struct reply *reply = NULL;
        struct err cause = {0};
        enum status got = conn_receive(conn, &reply, &cause);
        struct slice error = reply_error(reply_at(reply, 0));
        if (got == ST_OK && error.ptr)
            got = err_set(&cause, conn_error_class(error), "%.*s", (int)error.len, error.ptr);
        if (status == ST_OK && got != ST_OK)
            status = err_set(err, got, "%s", err_text(&cause));
        reply_free(reply);
    }
    return status;
}

enum status presence_publish(struct conn *conn, const char *namespace, const char *process,
                             const char *const *fields_and_values, size_t count, int64_t ttl_ms,
                             struct err *err)
{
    ensure(count % 2 == 0, "%zu strings", count);
    struct request request = {0};
    /* One transaction, or a hash that never expires might be left behind. */
    enum status status = send_word(conn, "MULTI", err);
    begin_info(&request, "HSET", namespace, process);
    for (size_t i = 0; i < count; i++)
        request_add_text(&request, fields_and_values[i]);
    if (status == ST_OK)
        status = conn_send(conn, &request, err);
    begin_info(&request, "PEXPIRE", namespace, process);
    request_add_int(&request, ttl_ms);
    if (status == ST_OK)
        status = conn_send(conn, &request, err);
    request_fini(&request);
    if (status == ST_OK)
        status = send_word(conn, "EXEC", err);
    return status == ST_OK ? receive_published(conn, err) : status;
}

enum status presence_unpublish(struct conn *conn, const char *namespace, const char *process,
                               struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    begin_info(&request, "DEL", namespace, process);
    enum status status = call(conn, &request, &reply, err);
    reply_free(reply);
    return status;
}

/* Adds the length of the hash; or, given a field that is not a job, subtracts it if it is there. */
static enum status reckon(struct conn *conn, const char *command, struct slice key,
                          const char *field, int64_t *held, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, command);
    request_add(&request, key);
    if (field)
        request_add_text(&request, field);
    enum status status = call(conn, &request, &reply, err);
    if (status == ST_OK)
        *held += field ? -reply_int(reply, 0) : reply_int(reply, 0);
    reply_free(reply);
    return status;
}

enum status presence_held_by(struct conn *conn, const struct queue *queue, const char *worker,
                             int64_t *held, struct err *err)
{
    struct buf key = {0};
    int64_t count = 0;
    queue_claimed_key(queue, worker, &key);
    enum status status = reckon(conn, "HLEN", buf_slice(&key), NULL, &count, err);
    if (status == ST_OK)
        status = reckon(conn, "HEXISTS", buf_slice(&key), "last", &count, err);
    if (status == ST_OK)
        status = reckon(conn, "HEXISTS", buf_slice(&key), "blame", &count, err);
    if (status == ST_OK)
        *held = count;
    buf_fini(&key);
    return status;
}
