#include "producer/doctor_rules.h"

#include <stdio.h>
#include <string.h>

#include "queue/keys.h"

enum { PRODUCER = 1, WORKER = 2, ARGS_MAX = 6 };

/* What the programs and their scripts call. %q: the queue, %k: another key of it, %n: the names of
 * queues, %p: a process. */
struct need {
    unsigned roles;
    const char *args[ARGS_MAX];
};
static const struct need needs[] = {
    {PRODUCER | WORKER, {"PING"}},
    {PRODUCER | WORKER, {"TIME"}},
    {PRODUCER | WORKER, {"EVALSHA", "0", "1", "%q"}},
    {PRODUCER | WORKER, {"SCRIPT", "LOAD", "return 1"}},
    {PRODUCER | WORKER, {"SADD", "%n", "x"}},
    {PRODUCER | WORKER, {"LLEN", "%q"}},
    {PRODUCER | WORKER, {"LPUSH", "%q", "x"}},
    {PRODUCER | WORKER, {"HGET", "%k", "x"}},
    {PRODUCER | WORKER, {"ZADD", "%k", "1", "x"}},
    {PRODUCER | WORKER, {"GET", "%k"}},
    {PRODUCER | WORKER, {"PEXPIRE", "%k", "1"}},
    {PRODUCER, {"SET", "%k", "x"}},
    {PRODUCER, {"LRANGE", "%k", "0", "1"}},
    {PRODUCER, {"LTRIM", "%k", "0", "1"}},
    {PRODUCER | WORKER, {"BLMOVE", "%q", "%k", "RIGHT", "LEFT", "1"}},
    {WORKER, {"LMOVE", "%k", "%q", "LEFT", "RIGHT"}},
    {WORKER, {"BRPOP", "%q", "1"}},
    {WORKER, {"LMPOP", "1", "%q", "RIGHT"}},
    {WORKER, {"RPOP", "%q"}},
    {WORKER, {"RPUSH", "%q", "x"}},
    {WORKER, {"LINDEX", "%q", "0"}},
    {WORKER, {"HSET", "%k", "x", "x"}},
    {WORKER, {"HMGET", "%k", "x"}},
    {WORKER, {"HDEL", "%k", "x"}},
    {WORKER, {"HLEN", "%k"}},
    {WORKER, {"HKEYS", "%k"}},
    {WORKER, {"HEXISTS", "%k", "x"}},
    {WORKER, {"HRANDFIELD", "%k", "1"}},
    {WORKER, {"HINCRBY", "%k", "x", "1"}},
    {WORKER, {"ZREM", "%k", "x"}},
    {WORKER, {"ZCARD", "%k"}},
    {WORKER, {"ZSCORE", "%k", "x"}},
    {WORKER, {"ZSCAN", "%k", "0"}},
    {WORKER, {"ZRANGE", "%k", "0", "1"}},
    {WORKER, {"ZRANGEBYSCORE", "%k", "0", "1"}},
    {WORKER, {"ZREMRANGEBYRANK", "%k", "0", "1"}},
    {WORKER, {"SREM", "%k", "x"}},
    {WORKER, {"SCARD", "%k"}},
    {WORKER, {"SISMEMBER", "%k", "x"}},
    {WORKER, {"SRANDMEMBER", "%k"}},
    {WORKER, {"DEL", "%k"}},
    {WORKER, {"HSET", "%p", "x", "x"}},
    {WORKER, {"PEXPIRE", "%p", "1"}},
    {WORKER, {"DEL", "%p"}},
    {WORKER, {"GET", "%p"}},
};

static void add_argument(const struct queue *queue, const char *argument, struct request *request)
{
    struct buf key = {0};
    if (strcmp(argument, "%n") == 0)
        queue_names_key(queue->namespace, &key);
    else if (strcmp(argument, "%p") == 0)
        queue_worker_key(queue->namespace, "doctor", &key);
    else if (strcmp(argument, "%k") == 0)
        queue_claimed_key(queue, "doctor", &key);
    else
        buf_append_text(&key, strcmp(argument, "%q") == 0 ? queue->jobs : argument);
    request_add(request, buf_slice(&key));
    buf_fini(&key);
}

static enum status send_one(struct doctor *doctor, const char *const *args, size_t max,
                            struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    for (size_t i = 0; i < max && args[i] != NULL; i++)
        add_argument(&doctor->context.queue, args[i], &request);
    enum status status = conn_call(doctor->context.conn, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status;
}

static void tell(struct doctor *doctor, const char *role, const struct buf *missing)
{
    struct buf found = {0};
    if (missing->len == 0)
        buf_append_text(&found, "this user may do what it has to");
    else
        buf_printf(&found, "this user may not: %s", buf_text(missing));
    doctor->say(doctor, role, missing->len ? DOCTOR_WRONG : DOCTOR_OK, buf_text(&found),
                missing->len ? "it fails when it needs them: widen the user's rules (ACL SETUSER)"
                             : "");
    buf_fini(&found);
}

enum status doctor_check_access(struct doctor *doctor, struct err *err)
{
    const char *const begin[] = {"MULTI"}, *const end[] = {"DISCARD"};
    struct buf producer = {0}, worker = {0};
    enum status status = send_one(doctor, begin, 1, err);
    if (status == ST_NOPERM) {
        doctor->say(doctor, "access", DOCTOR_NOTE, "not checked: MULTI is forbidden",
                    "workers need it to show themselves in darg workers");
        return ST_OK;
    }
    for (size_t i = 0; status == ST_OK && i < sizeof needs / sizeof needs[0]; i++) {
        struct err refusal = {0};
        if (send_one(doctor, needs[i].args, ARGS_MAX, &refusal) == ST_NOPERM) {
            const char *command = needs[i].args[0];
            if ((needs[i].roles & PRODUCER) != 0)
                buf_printf(&producer, "%s%s", producer.len ? " " : "", command);
            if ((needs[i].roles & WORKER) != 0)
                buf_printf(&worker, "%s%s", worker.len ? " " : "", command);
        }
        if (!conn_is_connected(doctor->context.conn))
            status = err_set(err, refusal.status, "%s", err_text(&refusal));
    }
    if (status == ST_OK)
        status = send_one(doctor, end, 1, err);
    if (status == ST_OK) {
        tell(doctor, "producer", &producer);
        tell(doctor, "worker", &worker);
    }
    buf_fini(&producer);
    buf_fini(&worker);
    return status;
}
