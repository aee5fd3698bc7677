#include "redis/script.h"

#include "base/killpoint.h"

void script_begin(struct request *request, const struct script *script, int key_count)
{
    ensure(key_count >= script->key_count, "the script %s got %d keys", script->name, key_count);
    request_clear(request);
    request_add_text(request, "EVALSHA");
    request_add_text(request, script->sha1);
    request_add_int(request, key_count);
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
    if (!slice_is(reply_slice(reply), script->sha1))
        status = err_set(err, ST_PROTOCOL, "Redis knows the script \"%s\" by another name than %s",
                         script->name, script->sha1);
    reply_free(reply);
    return status;
}

static enum status call(struct conn *conn, const struct script *script,
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

enum status script_call(struct conn *conn, const struct script *script,
                        const struct request *request, struct reply **reply, struct err *err)
{
    enum status status = call(conn, script, request, reply, err);
    if (status != ST_NOSCRIPT)
        return status;
    status = script_load(conn, script, err);
    return status == ST_OK ? call(conn, script, request, reply, err) : status;
}
