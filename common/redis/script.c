#include "redis/script.h"

#include <string.h>

#include "base/killpoint.h"

/* How each request of script_start() begins, up to the hash. */
static const char begins[] = "$7\r\nEVALSHA\r\n$40\r\n";
enum { SHA1_LEN = 40, BEGIN_LEN = sizeof begins - 1 + SHA1_LEN + 2 };

void script_start(struct request *request, const struct script *script,
                  const struct request *further)
{
    request_clear(request);
    request_add_text(request, "EVALSHA");
    request_add_text(request, script->sha1);
    request_add_int(request, script->key_count + (further ? (int64_t)further->count : 0));
}

void script_add_key(struct request *request, const char *key, const char *what)
{
    ensure(key != NULL, "a script is called without a key, %s", what);
    request_add_text(request, key);
}

void script_add(struct request *request, const struct script_value *value, const char *what)
{
    ensure(value->kind != SCRIPT_MISSING, "a script is called without an argument, %s", what);
    if (value->kind == SCRIPT_INT)
        request_add_int(request, value->number);
    else
        request_add(request, value->bytes);
}

enum status script_load(struct conn *conn, const struct script *script, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "SCRIPT");
    request_add_text(&request, "LOAD");
    request_add_text(&request, script->source);
    struct reply *reply = NULL;
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK) {
        err_prefix(err, "cannot load the script \"%s\"", script->name);
        return status;
    }
    /* Under another name EVALSHA would not find it, and loading would be repeated in vain. */
    if (!slice_is(reply_slice(reply), script->sha1))
        status = err_set(err, ST_PROTOCOL, "Redis knows the script \"%s\" by another name than %s",
                         script->name, script->sha1);
    reply_free(reply);
    return status;
}

typedef enum status caller(struct conn *conn, const struct script *script,
                           const struct request *request, struct reply **reply, struct err *err);

/* A step of the protocol, with the points where tests make a process die. */
static enum status call_step(struct conn *conn, const struct script *script,
                             const struct request *request, struct reply **reply, struct err *err)
{
    KILL_POINT(script->name, "before");
    enum status status = conn_begin(conn, request, err);
    if (status != ST_OK)
        return status;
    KILL_POINT(script->name, "sent");
    status = conn_receive(conn, reply, err);
    if (status == ST_OK)
        KILL_POINT(script->name, "after");
    return status;
}

static enum status call_plainly(struct conn *conn, const struct script *script,
                                const struct request *request, struct reply **reply,
                                struct err *err)
{
    (void)script;
    return conn_call(conn, request, reply, err);
}

/* Makes the same request with the script's source instead of its hash. */
static void spell_out(const struct script *script, const struct request *request,
                      struct request *out)
{
    struct slice body = buf_slice(&request->body);
    ensure(body.len > BEGIN_LEN && memcmp(body.ptr, begins, sizeof begins - 1) == 0,
           "a request for the script %s that script_start() did not make", script->name);
    request_add_text(out, "EVAL");
    request_add_text(out, script->source);
    buf_append(&out->body, body.ptr + BEGIN_LEN, body.len - BEGIN_LEN);
    out->count = request->count;
}

/* True if EVAL itself is forbidden or unknown, and not something that the script does. */
static bool is_eval_refused(enum status status, const struct err *err)
{
    return (status == ST_NOPERM && strstr(err_text(err), "'eval'") != NULL) ||
           (status == ST_SERVER && strstr(err_text(err), "unknown command") != NULL);
}

static enum status call_known_or_not(caller *call, struct conn *conn, const struct script *script,
                                     const struct request *request, struct reply **reply,
                                     struct err *err)
{
    enum status status = call(conn, script, request, reply, err);
    if (status != ST_NOSCRIPT)
        return status;
    /* EVAL first: it also loads the script, and saves a round trip compared with SCRIPT LOAD. */
    struct err refusal = {0};
    struct request whole = {0};
    spell_out(script, request, &whole);
    status = call(conn, script, &whole, reply, &refusal);
    request_fini(&whole);
    if (!is_eval_refused(status, &refusal)) {
        if (status != ST_OK)
            (void)err_set(err, status, "%s", err_text(&refusal));
        return status;
    }
    status = script_load(conn, script, err);
    return status == ST_OK ? call(conn, script, request, reply, err) : status;
}

enum status script_call(struct conn *conn, const struct script *script,
                        const struct request *request, struct reply **reply, struct err *err)
{
    return call_known_or_not(call_step, conn, script, request, reply, err);
}

enum status script_try(struct conn *conn, const struct script *script,
                       const struct request *request, struct reply **reply, struct err *err)
{
    return call_known_or_not(call_plainly, conn, script, request, reply, err);
}
