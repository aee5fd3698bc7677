#include "producer/operate/doctor_rules.h"

#include <stdio.h>
#include <string.h>

#include "queue/keys.h"
#include "redis/server.h"

enum { PRODUCER = 1, WORKER = 2, OR_NEXT = 4 /* the next row serves as well */ };
enum { ARGS_MAX = 8, NAMED_MAX = 5 };

/* What the programs and their scripts call, on which keys. %q: the queue, :name another key of it,
 * %n: the names of queues (%n:idle: what follows it), %p: a process, %o: its shutdown key, %s: that
 * of all. */
struct need {
    unsigned roles;
    const char *args[ARGS_MAX];
};
static const struct need needs[] = {
    {PRODUCER | WORKER, {"PING"}},
    {PRODUCER | WORKER, {"TIME"}},
    {PRODUCER | WORKER, {"EVALSHA", "0", "1", "%q"}},
    {WORKER, {"EVALSHA", "0", "3", "%q", "%s", "%o"}},
    {PRODUCER | WORKER | OR_NEXT, {"EVAL", "return 1", "1", "%q"}},
    {PRODUCER | WORKER, {"SCRIPT", "LOAD", "return 1"}},
    {PRODUCER | WORKER, {"SADD", "%n", "x"}},
    {PRODUCER | WORKER, {"ZREM", "%n:idle", "x"}},
    {PRODUCER | WORKER, {"LLEN", "%q"}},
    {PRODUCER | WORKER, {"LPUSH", "%q", "x"}},
    {PRODUCER | WORKER, {"HGET", ":settings", "x"}},
    {PRODUCER | WORKER, {"ZADD", ":scheduled", "1", "x"}},
    {PRODUCER, {"LINDEX", ":result:doctor", "0"}},
    {PRODUCER, {"BLMOVE", ":result:doctor", ":result:doctor", "LEFT", "LEFT", "1"}},
    {PRODUCER, {"GET", ":reply:doctor:cursor"}},
    {PRODUCER, {"SET", ":reply:doctor:cursor", "x"}},
    {PRODUCER, {"PEXPIRE", ":reply:doctor:cursor", "1"}},
    {PRODUCER, {"LRANGE", ":reply:doctor", "0", "1"}},
    {PRODUCER, {"LTRIM", ":reply:doctor", "0", "1"}},
    {PRODUCER, {"BLMOVE", ":reply:doctor", ":reply:doctor", "LEFT", "LEFT", "1"}},
    {PRODUCER, {"DEL", ":reply:doctor", ":reply:doctor:cursor"}},
    {WORKER, {"LINDEX", "%q", "0"}},
    {WORKER, {"RPUSH", "%q", "x"}},
    {WORKER, {"RPOP", "%q"}},
    {WORKER, {"LMPOP", "1", "%q", "RIGHT"}},
    {WORKER, {"BRPOP", ":wake:doctor", ":suspects", "%q", "1"}},
    {WORKER, {"BLMOVE", "%q", ":inbox", "RIGHT", "LEFT", "1"}},
    {WORKER, {"LMOVE", ":inbox", "%q", "LEFT", "RIGHT"}},
    {WORKER, {"LINDEX", ":inbox", "0"}},
    {WORKER, {"LLEN", ":inbox"}},
    {WORKER, {"LLEN", ":suspects"}},
    {WORKER, {"LPUSH", ":suspects", "x"}},
    {WORKER, {"RPUSH", ":suspects", "x"}},
    {WORKER, {"RPOP", ":suspects"}},
    {WORKER, {"ZADD", ":workers", "1", "x"}},
    {WORKER, {"ZREM", ":workers", "x"}},
    {WORKER, {"ZCARD", ":workers"}},
    {WORKER, {"ZSCORE", ":workers", "x"}},
    {WORKER, {"ZSCAN", ":workers", "0"}},
    {WORKER, {"ZRANGE", ":workers", "0", "1"}},
    {WORKER, {"SADD", ":reaped", "x"}},
    {WORKER, {"SREM", ":reaped", "x"}},
    {WORKER, {"SCARD", ":reaped"}},
    {WORKER, {"SISMEMBER", ":reaped", "x"}},
    {WORKER, {"SRANDMEMBER", ":reaped"}},
    {WORKER, {"ZADD", ":gone", "1", "x"}},
    {WORKER, {"ZREM", ":gone", "x"}},
    {WORKER, {"ZSCORE", ":gone", "x"}},
    {WORKER, {"ZRANGEBYSCORE", ":gone", "0", "1"}},
    {WORKER, {"PEXPIRE", ":gone", "1"}},
    {WORKER, {"SADD", ":drained", "x"}},
    {WORKER, {"SREM", ":drained", "x"}},
    {WORKER, {"SCARD", ":drained"}},
    {WORKER, {"HSET", ":claimed:doctor", "x", "x"}},
    {WORKER, {"HGET", ":claimed:doctor", "x"}},
    {WORKER, {"HMGET", ":claimed:doctor", "x"}},
    {WORKER, {"HDEL", ":claimed:doctor", "x"}},
    {WORKER, {"HLEN", ":claimed:doctor"}},
    {WORKER, {"HKEYS", ":claimed:doctor"}},
    {WORKER, {"HEXISTS", ":claimed:doctor", "x"}},
    {WORKER, {"HRANDFIELD", ":claimed:doctor", "1"}},
    {WORKER, {"DEL", ":claimed:doctor"}},
    {WORKER, {"HDEL", ":settings", "x"}},
    {WORKER, {"HSET", ":settings", "x", "x"}},
    {WORKER, {"HMGET", ":settings", "x"}},
    {WORKER, {"HLEN", ":settings"}},
    {WORKER, {"HINCRBY", ":counts", "x", "1"}},
    {WORKER, {"HMGET", ":counts", "x"}},
    {WORKER, {"ZREM", ":scheduled", "x"}},
    {WORKER, {"ZCARD", ":scheduled"}},
    {WORKER, {"ZRANGE", ":scheduled", "0", "1"}},
    {WORKER, {"ZSCAN", ":scheduled", "0"}},
    {WORKER, {"ZRANGEBYSCORE", ":scheduled", "0", "1"}},
    {WORKER, {"ZADD", ":dead", "1", "x"}},
    {WORKER, {"ZCARD", ":dead"}},
    {WORKER, {"ZCOUNT", ":dead", "0", "1"}},
    {WORKER, {"ZRANGEBYSCORE", ":dead", "0", "1"}},
    {WORKER, {"ZREMRANGEBYRANK", ":dead", "0", "1"}},
    {WORKER, {"LRANGE", ":waits", "0", "1"}},
    {WORKER, {"DEL", ":waits"}},
    {WORKER, {"RPUSH", ":waits", "x"}},
    {WORKER, {"RPUSH", ":reply:doctor", "x"}},
    {WORKER, {"PEXPIRE", ":reply:doctor", "1"}},
    {WORKER, {"RPUSH", ":result:doctor", "x"}},
    {WORKER, {"PEXPIRE", ":result:doctor", "1"}},
    {WORKER, {"DEL", ":result:doctor"}},
    {WORKER, {"LPUSH", ":wake:doctor", "x"}},
    {WORKER, {"PEXPIRE", ":wake:doctor", "1"}},
    {WORKER, {"ZRANDMEMBER", ":cancel"}},
    {WORKER, {"SET", ":running:doctor", "x"}},
    {WORKER, {"DEL", ":running:doctor"}},
    {WORKER, {"GET", ":shutdown"}},
    {WORKER, {"GET", "%s"}},
    {WORKER, {"GET", "%o"}},
    {WORKER, {"MGET", "%s", "%o"}},
    {WORKER, {"HSET", "%p", "x", "x"}},
    {WORKER, {"HGET", "%p", "x"}},
    {WORKER, {"PEXPIRE", "%p", "1"}},
    {WORKER, {"DEL", "%p"}},
    {WORKER, {"EVALSHA", "0", "2", "%n", "%n:idle"}},
    {WORKER, {"SREM", "%n", "x"}},
    {WORKER, {"SCARD", "%n"}},
    {WORKER, {"SSCAN", "%n", "0"}},
    {WORKER, {"ZADD", "%n:idle", "1", "x"}},
    {WORKER, {"ZSCORE", "%n:idle", "x"}},
    {WORKER, {"ZSCAN", "%n:idle", "0"}},
    {WORKER, {"SET", "%n:turn", "x"}},
    {WORKER, {"EXISTS", "%q", ":inbox", ":suspects", ":scheduled", ":workers", ":reaped", ":dead"}},
};

static void append_argument(const struct queue *queue, const char *argument, struct buf *out)
{
    if (argument[0] == ':')
        buf_printf(out, "%s%s", queue->jobs, argument);
    else if (strcmp(argument, "%q") == 0)
        buf_append_text(out, queue->jobs);
    else if (strncmp(argument, "%n", 2) == 0) {
        queue_names_key(queue->namespace, out);
        buf_append_text(out, argument + 2);
    } else if (strcmp(argument, "%p") == 0)
        queue_worker_key(queue->namespace, "doctor", out);
    else if (strcmp(argument, "%o") == 0)
        queue_shutdown_key(queue->namespace, "doctor", out);
    else if (strcmp(argument, "%s") == 0)
        queue_shutdown_key(queue->namespace, NULL, out);
    else
        buf_append_text(out, argument);
}

static bool is_key(const char *argument)
{
    return argument[0] == ':' || argument[0] == '%';
}

/* "ZADD darg:{mail}:dead": the command and its keys. */
static void append_need(const struct queue *queue, const struct need *need, struct buf *out)
{
    buf_append_text(out, need->args[0]);
    for (size_t i = 1; i < ARGS_MAX && need->args[i] != NULL; i++) {
        if (!is_key(need->args[i]))
            continue;
        buf_append_char(out, ' ');
        append_argument(queue, need->args[i], out);
    }
}

static enum status send_one(struct doctor *doctor, const char *const *args, size_t max,
                            struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf argument = {0};
    for (size_t i = 0; i < max && args[i] != NULL; i++) {
        buf_clear(&argument);
        append_argument(&doctor->context->queue, args[i], &argument);
        request_add(&request, buf_slice(&argument));
    }
    buf_fini(&argument);
    enum status status = conn_call(doctor->context->conn, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status;
}

/* What one role lacks. */
struct lack {
    const char *role;
    struct buf named; /* some of it */
    size_t count;
};

static void add_lack(struct lack *lack, const struct queue *queue, const struct need *need)
{
    if (lack->count++ >= NAMED_MAX)
        return;
    buf_append_text(&lack->named, lack->named.len > 0 ? ", " : "");
    append_need(queue, need, &lack->named);
}

static void tell(struct doctor *doctor, struct lack *lack)
{
    struct buf found = {0};
    if (lack->count == 0)
        buf_append_text(&found, "this user may do all it needs to");
    else
        buf_printf(&found, "this user may not: %s", buf_text(&lack->named));
    if (lack->count > NAMED_MAX)
        buf_printf(&found, " and %zu more", lack->count - NAMED_MAX);
    doctor->say(doctor, lack->role, lack->count > 0 ? DOCTOR_WRONG : DOCTOR_OK, buf_text(&found),
                lack->count > 0 ? "it will fail when it needs them: widen the user's rules (ACL "
                                  "SETUSER), or look for rename-command"
                                : "");
    buf_fini(&found);
    buf_fini(&lack->named);
}

/* True if the command is not allowed, or not known. Other errors (the server is a replica, the keys
 * are another node's) are reported by the check that runs a script. */
static bool is_refused(struct doctor *doctor, const struct need *need)
{
    struct err err = {0};
    enum status status = send_one(doctor, need->args, ARGS_MAX, &err);
    return status == ST_NOPERM || server_lacks_command(status, &err);
}

static void check_needs(struct doctor *doctor, struct lack *producer, struct lack *worker)
{
    const struct queue *queue = &doctor->context->queue;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        const struct need *need = &needs[i];
        bool is_lacking = is_refused(doctor, need);
        if ((need->roles & OR_NEXT) != 0)
            is_lacking = is_refused(doctor, &needs[++i]) && is_lacking;
        if (is_lacking && (need->roles & PRODUCER) != 0)
            add_lack(producer, queue, need);
        if (is_lacking && (need->roles & WORKER) != 0)
            add_lack(worker, queue, need);
    }
}

/* Begins a transaction, so that what is queued is never run. False if it cannot be begun, which has
 * then been reported. */
static bool begin(struct doctor *doctor)
{
    static const char *const multi[] = {"MULTI"};
    struct err err = {0};
    enum status status = conn_connect(doctor->context->conn, &err);
    if (status == ST_OK)
        status = send_one(doctor, multi, 1, &err);
    if (status == ST_OK)
        return true;
    doctor->say(
        doctor, "access", DOCTOR_UNKNOWN, err_text(&err),
        "this is checked in a transaction; workers need MULTI, too, to appear in darg workers");
    return false;
}

void doctor_check_access(struct doctor *doctor)
{
    static const char *const discard[] = {"DISCARD"};
    struct lack producer = {.role = "producer"}, worker = {.role = "worker"};
    struct err err = {0};
    if (!begin(doctor))
        return;
    check_needs(doctor, &producer, &worker);
    bool is_whole = conn_is_connected(doctor->context->conn);
    if (!is_whole || send_one(doctor, discard, 1, &err) != ST_OK)
        conn_discard(doctor->context->conn);
    if (is_whole) {
        tell(doctor, &producer);
        tell(doctor, &worker);
        return;
    }
    doctor->say(doctor, "access", DOCTOR_UNKNOWN, "the connection was closed during the check",
                "a replica does that at the first write");
    buf_fini(&producer.named);
    buf_fini(&worker.named);
}
