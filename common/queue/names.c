#include "queue/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "queue/place.h"
#include "queue/scripts.h"

/* A command on the set of names, or on what follows it. */
static void begin(struct request *request, const char *command, const char *namespace,
                  const char *suffix)
{
    struct buf key = {0};
    queue_names_key(namespace, &key);
    buf_append_text(&key, suffix);
    request_add_text(request, command);
    request_add(request, buf_slice(&key));
    buf_fini(&key);
}

static const char idle[] = ":idle", turn[] = ":turn";

static enum status call(struct conn *conn, struct request *request, struct reply **reply,
                        struct err *err)
{
    enum status status = conn_call(conn, request, reply, err);
    request_fini(request);
    return status;
}

enum status names_add(struct conn *conn, const struct queue *queue, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err ignored = {0};
    begin(&request, "SADD", queue->namespace, "");
    request_add_text(&request, queue->name);
    enum status status = conn_send(conn, &request, err);
    request_clear(&request);
    /* A keeper that is about to unlist it starts counting again. */
    begin(&request, "ZREM", queue->namespace, idle);
    request_add_text(&request, queue->name);
    if (status == ST_OK)
        status = conn_send(conn, &request, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    status = conn_receive(conn, &reply, err);
    reply_free(reply);
    reply = NULL;
    if (conn_is_connected(conn))
        (void)!conn_receive(conn, &reply, &ignored);
    reply_free(reply);
    return status;
}

/* ---- reading ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* step 2: each is followed by something else. */
static void take_names(struct names *names, const struct reply *reply, size_t step)
{
    names->list = mem_array(reply_count(reply) + 1, sizeof *names->list);
    names->count = 0;
    for (size_t i = 0; i < reply_count(reply); i += step) {
        struct slice name = reply_slice(reply_at(reply, i));
        if (job_is_name(name))
            names->list[names->count++] = slice_dup(name);
    }
}

void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct names){0};
}

enum status names_read(struct conn *conn, const char *namespace, struct names *names,
                       struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    *names = (struct names){0};
    begin(&request, "SMEMBERS", namespace, "");
    enum status status = call(conn, &request, &reply, err);
    if (status != ST_OK)
        return status;
    take_names(names, reply, 1);
    reply_free(reply);
    qsort(names->list, names->count, sizeof *names->list, compare);
    return ST_OK;
}

enum status names_page(struct conn *conn, const char *namespace, bool is_idle,
                       char cursor[NAMES_CURSOR_SIZE], struct names *names, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    *names = (struct names){0};
    begin(&request, is_idle ? "ZSCAN" : "SSCAN", namespace, is_idle ? idle : "");
    request_add_text(&request, cursor);
    request_add_text(&request, "COUNT");
    request_add_int(&request, NAMES_STEP);
    enum status status = call(conn, &request, &reply, err);
    if (status != ST_OK)
        return status;
    struct slice next = reply_slice(reply_at(reply, 0));
    bool fits = next.len > 0 && next.len < NAMES_CURSOR_SIZE;
    snprintf(cursor, NAMES_CURSOR_SIZE, "%.*s", fits ? (int)next.len : 1, fits ? next.ptr : "0");
    take_names(names, reply_at(reply, 1), is_idle ? 2 : 1);
    reply_free(reply);
    return ST_OK;
}

enum status names_idle_since(struct conn *conn, const char *namespace, const struct names *names,
                             int64_t *since_ms, int64_t *now_ms, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "TIME");
    enum status status = call(conn, &request, &reply, err);
    *now_ms = reply_int(reply_at(reply, 0), 0) * 1000;
    reply_free(reply);
    for (size_t i = 0; status == ST_OK && i < names->count; i++) {
        reply = NULL;
        begin(&request, "ZSCORE", namespace, idle);
        request_add_text(&request, names->list[i]);
        status = call(conn, &request, &reply, err);
        since_ms[i] = reply_time_ms(reply, -1);
        reply_free(reply);
    }
    return status;
}

/* ---- unlisting ---- */

enum status names_take_turn(struct conn *conn, const char *namespace, int64_t every_ms,
                            bool *is_ours, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    begin(&request, "SET", namespace, turn);
    request_add_text(&request, "1");
    request_add_text(&request, "NX");
    request_add_text(&request, "PX");
    request_add_int(&request, every_ms);
    enum status status = call(conn, &request, &reply, err);
    *is_ours = status == ST_OK && !reply_is_nil(reply);
    reply_free(reply);
    return status;
}

static enum status add_places(struct request *request, const char *namespace, const char *name,
                              struct err *err)
{
    struct queue queue;
    const struct place *place;
    enum status status = queue_init(&queue, namespace, name, err);
    for (size_t i = 0; status == ST_OK && (place = place_at(i)) != NULL; i++)
        request_add_text(request, place_key(place, &queue));
    queue_fini(&queue);
    return status;
}

/* All arguments but the names. */
static void encode_unlist(struct request *request, const char *namespace,
                          const struct request *places, int64_t age_ms)
{
    struct buf queues = {0}, seen_idle = {0};
    queue_names_key(namespace, &queues);
    queue_names_key(namespace, &seen_idle);
    buf_append_text(&seen_idle, idle);
    const struct script_unlist_call call = {
        .queues = buf_text(&queues),
        .idle = buf_text(&seen_idle),
        .place = places,
        .age_ms = script_int(age_ms),
        .memory_ms = script_int(NAMES_MEMORY_MS),
    };
    script_unlist_begin(request, &call);
    buf_fini(&queues);
    buf_fini(&seen_idle);
}

enum status names_unlist(struct conn *conn, const char *namespace, const char *const *names,
                         size_t count, int64_t age_ms, enum names_state *states, struct err *err)
{
    ensure(count >= 1 && count <= NAMES_STEP, "%zu names in one call", count);
    struct request request = {0}, places = {0};
    struct reply *reply = NULL;
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < count; i++)
        status = add_places(&places, namespace, names[i], err);
    encode_unlist(&request, namespace, &places, age_ms);
    for (size_t i = 0; i < count; i++)
        request_add_text(&request, names[i]);
    if (status == ST_OK)
        status = script_call(conn, &script_unlist, &request, &reply, err);
    request_fini(&request);
    request_fini(&places);
    for (size_t i = 0; status == ST_OK && i < count; i++) {
        int64_t state = reply_int(reply_at(reply, i), NAMES_USED);
        states[i] = state == NAMES_GONE    ? NAMES_GONE
                    : state == NAMES_EMPTY ? NAMES_EMPTY
                                           : NAMES_USED;
    }
    reply_free(reply);
    return status;
}
