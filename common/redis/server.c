#include "redis/server.h"

#include <string.h>

#include "base/parse.h"

enum { VERSION_BYTES = 32 };

bool server_lacks_command(enum status status, const struct err *err)
{
    return status == ST_SERVER && (strstr(err_text(err), "unknown command") != NULL ||
                                   strstr(err_text(err), "unknown subcommand") != NULL ||
                                   strstr(err_text(err), "Unknown subcommand") != NULL);
}

static enum status check_version(struct conn *conn, struct err *err)
{
    char valkey[VERSION_BYTES], redis[VERSION_BYTES];
    int64_t major = 0;
    conn_info(conn, "server", "redis_version", redis, sizeof redis);
    if (parse_digits(slice_of(redis), 3, &major) == 0 || major >= SERVER_MIN_MAJOR)
        return ST_OK;
    conn_info(conn, "server", "valkey_version", valkey, sizeof valkey);
    if (valkey[0] != '\0')
        return ST_OK;
    return err_set(err, ST_UNSUPPORTED, "this is Redis %s, and darg needs %d.0 or Valkey", redis,
                   SERVER_MIN_MAJOR);
}

static enum status check_time(struct conn *conn, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err cause = {0};
    request_add_text(&request, "TIME");
    enum status status = conn_call(conn, &request, &reply, &cause);
    reply_free(reply);
    request_fini(&request);
    if (!server_lacks_command(status, &cause))
        return ST_OK;
    return err_set(err, ST_UNSUPPORTED, "darg needs the command TIME, which this Redis lacks: %s",
                   err_text(&cause));
}

enum status server_check(struct conn *conn, struct err *err)
{
    enum status status = check_version(conn, err);
    return status == ST_OK ? check_time(conn, err) : status;
}
