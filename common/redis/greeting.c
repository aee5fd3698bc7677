#include "redis/greeting.h"

#include "base/clock.h"
#include "redis/conn_error.h"

/* One command of the greeting. *error is its error reply, to be freed, or NULL; the status is about
 * the link alone. */
static enum status greet(struct wire *wire, const struct greeting *greeting,
                         struct request *request, struct reply **error, struct err *err)
{
    struct reply *reply = NULL;
    wire_put(wire, request);
    enum status status = wire_get(wire, clock_mono_ms() + greeting->timeout_ms, &reply, err);
    request_fini(request);
    if (status == ST_OK && reply_error(reply).ptr != NULL)
        *error = reply;
    else
        reply_free(reply);
    return status;
}

/* What the server says here is not quoted: one that does not know AUTH repeats its arguments. */
static enum status authenticate(struct wire *wire, const struct greeting *greeting, struct err *err)
{
    if (greeting->url->password == NULL)
        return ST_OK;
    struct request request = {0};
    request_add_text(&request, "AUTH");
    if (greeting->url->user != NULL)
        request_add_text(&request, greeting->url->user);
    request_add_text(&request, greeting->url->password);
    struct reply *error = NULL;
    enum status status = greet(wire, greeting, &request, &error, err);
    if (error == NULL)
        return status;
    status = conn_error_class(reply_error(error));
    reply_free(error);
    if (status == ST_NOAUTH)
        return err_set(err, status, "Redis at %s does not accept the user or password",
                       greeting->where);
    return err_set(err, status, "Redis at %s does not let us log in (%s)", greeting->where,
                   status_text(status));
}

static enum status select_db(struct wire *wire, const struct greeting *greeting, struct err *err)
{
    if (greeting->url->db == 0)
        return ST_OK;
    struct request request = {0};
    request_add_text(&request, "SELECT");
    request_add_int(&request, greeting->url->db);
    struct reply *error = NULL;
    enum status status = greet(wire, greeting, &request, &error, err);
    if (error == NULL)
        return status;
    status = conn_error_quote(reply_error(error), greeting->where, err);
    err_prefix(err, "cannot select database %d", greeting->url->db);
    reply_free(error);
    return status;
}

static enum status set_name(struct wire *wire, const struct greeting *greeting, struct err *err)
{
    if (greeting->client_name == NULL)
        return ST_OK;
    struct request request = {0};
    request_add_text(&request, "CLIENT");
    request_add_text(&request, "SETNAME");
    request_add_text(&request, greeting->client_name);
    struct reply *error = NULL;
    enum status status = greet(wire, greeting, &request, &error, err);
    reply_free(error); /* only for people to look at: not worth a connection */
    return status;
}

/* Shows that a live Redis is there and lets us in. What else it may have to complain of (LOADING,
 * BUSY, NOPERM for PING ...) each command will learn for itself. */
static enum status check_alive(struct wire *wire, const struct greeting *greeting, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "PING");
    struct reply *error = NULL;
    enum status status = greet(wire, greeting, &request, &error, err);
    if (error == NULL)
        return status;
    struct slice text = reply_error(error);
    if (conn_error_ends_link(conn_error_class(text), text))
        status = conn_error_quote(text, greeting->where, err);
    reply_free(error);
    return status;
}

enum status greeting_exchange(struct wire *wire, const struct greeting *greeting, struct err *err)
{
    enum status status = authenticate(wire, greeting, err);
    if (status == ST_OK)
        status = select_db(wire, greeting, err);
    if (status == ST_OK)
        status = set_name(wire, greeting, err);
    if (status == ST_OK)
        status = check_alive(wire, greeting, err);
    return status;
}
