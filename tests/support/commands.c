#include "support/commands.h"

#include "support/wait.h"

enum { PATIENCE_MS = 30000 };

struct conn *commands_open(const char *url, struct conn_options options)
{
    struct err err = {0};
    struct redis_url parsed = {0};
    ensure(redis_url_parse(url, &parsed, &err) == ST_OK, "%s", err_text(&err));
    options.url = &parsed;
    struct conn *conn = conn_open(&options);
    redis_url_fini(&parsed);
    return conn;
}

void commands_must_connect(struct conn *conn)
{
    struct err err = {0};
    ensure(conn_connect(conn, &err) == ST_OK, "%s", err_text(&err));
}

struct conn *commands_connect(const char *url)
{
    struct conn *conn = commands_open(
        url, (struct conn_options){.connect_timeout_ms = wait_patience_ms(PATIENCE_MS),
                                   .command_timeout_ms = wait_patience_ms(PATIENCE_MS)});
    commands_must_connect(conn);
    return conn;
}

void commands_fill(struct request *request, const char *const *args)
{
    request_clear(request);
    for (; *args != NULL; args++)
        request_add_text(request, *args);
}

static enum status call(struct conn *conn, const char *const *args, struct reply **reply,
                        struct err *err)
{
    struct request request = {0};
    commands_fill(&request, args);
    enum status status = conn_call(conn, &request, reply, err);
    request_fini(&request);
    return status;
}

struct reply *commands_run_args(struct conn *conn, const char *const *args)
{
    struct err err = {0};
    struct reply *reply = NULL;
    ensure(call(conn, args, &reply, &err) == ST_OK, "%s: %s", args[0], err_text(&err));
    return reply;
}

int64_t commands_int_args(struct conn *conn, const char *const *args)
{
    struct reply *reply = commands_run_args(conn, args);
    int64_t value = reply_int(reply, INT64_MIN);
    reply_free(reply);
    ensure(value != INT64_MIN, "%s did not answer with a number", args[0]);
    return value;
}

char *commands_text_args(struct conn *conn, const char *const *args)
{
    struct reply *reply = commands_run_args(conn, args);
    ensure(reply_is_nil(reply) || reply_is_string(reply), "%s did not answer with text", args[0]);
    char *text = reply_is_nil(reply) ? NULL : slice_dup(reply_slice(reply));
    reply_free(reply);
    return text;
}

enum status commands_status_args(struct conn *conn, struct err *err, const char *const *args)
{
    struct reply *reply = NULL;
    enum status status = call(conn, args, &reply, err);
    reply_free(reply);
    return status;
}
