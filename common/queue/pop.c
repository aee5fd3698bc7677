#include "queue/pop.h"

#include <string.h>

enum { TOKEN_TTL_MS = 10 * 1000 };

void pop_fini(struct pop *pop)
{
    reply_free(pop->reply);
    *pop = (struct pop){0};
}

/* Calls and frees the request. */
static enum status call(struct conn *conn, struct request *request, struct pop *pop,
                        struct err *err)
{
    *pop = (struct pop){0};
    enum status status = conn_call(conn, request, &pop->reply, err);
    request_fini(request);
    if (status != ST_OK || reply_is_nil(pop->reply) || reply_count(pop->reply) == 2)
        return status;
    return err_set(err, ST_PROTOCOL, "a pop was answered with %zu elements",
                   reply_count(pop->reply));
}

/* The first element of the reply is the key from which `job` came. */
static void find_queue(const struct queue *const *queues, size_t count, const struct reply *job,
                       struct pop *pop)
{
    struct slice key = reply_slice(reply_at(pop->reply, 0));
    for (size_t i = 0; i < count; i++)
        if (slice_is(key, queues[i]->jobs) || slice_is(key, queues[i]->suspects)) {
            pop->queue = queues[i];
            pop->job = reply_slice(job);
        }
}

enum status pop_try(struct conn *conn, const struct queue *const *queues, size_t count,
                    bool with_suspects, struct pop *pop, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "LMPOP");
    request_add_int(&request, (int64_t)(with_suspects ? 2 * count : count));
    for (size_t i = 0; i < count; i++) {
        if (with_suspects)
            request_add_text(&request, queues[i]->suspects);
        request_add_text(&request, queues[i]->jobs);
    }
    request_add_text(&request, "RIGHT");
    enum status status = call(conn, &request, pop, err);
    if (status == ST_OK)
        find_queue(queues, count, reply_at(reply_at(pop->reply, 1), 0), pop);
    return status;
}

enum status pop_call(struct conn *conn, const char *wake_key, const struct queue *const *queues,
                     size_t count, int64_t timeout_s, struct pop *pop, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "BRPOP");
    request_add_text(&request, wake_key);
    for (size_t i = 0; i < count; i++) {
        request_add_text(&request, queues[i]->suspects);
        request_add_text(&request, queues[i]->jobs);
    }
    request_add_int(&request, timeout_s);
    enum status status = call(conn, &request, pop, err);
    if (status == ST_OK)
        find_queue(queues, count, reply_at(pop->reply, 1), pop);
    return status;
}

static enum status send(struct conn *conn, struct request *request, struct err *err)
{
    struct reply *reply = NULL;
    enum status status = conn_call(conn, request, &reply, err);
    reply_free(reply);
    request_clear(request);
    return status;
}

enum status pop_wake(struct conn *conn, const char *wake_key, size_t tokens, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "LPUSH");
    request_add_text(&request, wake_key);
    for (size_t i = 0; i < tokens; i++)
        request_add_text(&request, "1");
    enum status status = send(conn, &request, err);
    if (status == ST_OK) {
        request_add_text(&request, "PEXPIRE");
        request_add_text(&request, wake_key);
        request_add_int(&request, TOKEN_TTL_MS);
        status = send(conn, &request, err);
    }
    request_fini(&request);
    return status;
}
