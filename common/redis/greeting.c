#include "redis/greeting.h"

#include "redis/conn_error.h"

#include <string.h>

/* Sends one command of the greeting. *error is its error reply, which the caller frees, or NULL;
 * the status is about the link only. */
static enum status greet(struct wire *wire, const struct greeting *greeting,
                         struct request *request, struct reply **error, struct err *err)
{
    struct reply *reply = NULL;
    wire_put(wire, request);
    enum status status = wire_get(wire, greeting->deadline_ms, &reply, err);
    request_fini(request);
    if (status == ST_OK && reply_error(reply).ptr != NULL)
        *error = reply;
    else
        reply_free(reply);
    return status;
}

/* Frees the error. Quotes it if the link is useless after it; ST_OK otherwise. */
static enum status quote_if_final(const struct greeting *greeting, struct reply *error,
                                  struct err *err)
{
    struct slice text = reply_error(error);
    enum status status = ST_OK;
    if (conn_error_ends_link(conn_error_class(text), text))
        status = conn_error_quote(text, greeting->where, err);
    reply_free(error);
    return status;
}

/* Errors that a server sends to every client, whatever the command: too many clients, protected
 * mode. */
static bool is_about_everybody(struct slice text)
{
    static const char denied[] = "DENIED";
    return conn_error_class(text) == ST_UNREACHABLE ||
           (text.len >= sizeof denied - 1 && memcmp(text.ptr, denied, sizeof denied - 1) == 0);
}

/* The server's error is not quoted: a server that does not know AUTH repeats its arguments. */
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
    if (is_about_everybody(reply_error(error)))
        return quote_if_final(greeting, error, err);
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
    /* An error about the name is ignored: it is only for people to see. But this may be the first
     * command, and the error about more than the name. */
    return error == NULL ? status : quote_if_final(greeting, error, err);
}

/* Makes sure that a live Redis is there and lets us in. Its other complaints (LOADING, BUSY, NOPERM
 * for PING ...) are left to later commands. */
static enum status check_alive(struct wire *wire, const struct greeting *greeting, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "PING");
    struct reply *error = NULL;
    enum status status = greet(wire, greeting, &request, &error, err);
    return error == NULL ? status : quote_if_final(greeting, error, err);
}

enum status greeting_exchange(struct wire *wire, const struct greeting *greeting, bool *is_at_name,
                              struct err *err)
{
    enum status status = authenticate(wire, greeting, err);
    if (status == ST_OK)
        status = select_db(wire, greeting, err);
    if (status == ST_OK) {
        status = set_name(wire, greeting, err);
        *is_at_name = status != ST_OK;
    }
    if (status == ST_OK)
        status = check_alive(wire, greeting, err);
    return status;
}
