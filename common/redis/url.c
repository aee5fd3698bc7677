/* No error here quotes any part of the URL: in a mistyped one the password may be anywhere. */
#include "redis/url.h"

#include "base/parse.h"
#include "redis/tls.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX_BYTES 4096
#define UNIX_PATH_MAX_BYTES 107 /* size of sun_path, minus the NUL */

static struct slice slice_from(struct slice text, size_t start)
{
    return (struct slice){text.ptr + start, text.len - start};
}

/* The offset of the first byte c, or text.len. */
static size_t find(struct slice text, char c)
{
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, c, text.len);
    return at == NULL ? text.len : (size_t)(at - text.ptr);
}

static bool take_prefix(struct slice *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len || memcmp(text->ptr, prefix, len) != 0)
        return false;
    *text = slice_from(*text, len);
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A copy with percent escapes decoded; NULL if one is malformed or means a NUL. */
static char *unescape(struct slice text)
{
    char *out = mem_new(text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            out[len++] = text.ptr[i];
            continue;
        }
        int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
        int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            explicit_bzero(out, len);
            free(out);
            return NULL;
        }
        out[len++] = (char)(high * 16 + low);
        i += 2;
    }
    return out;
}

/* Parses "user:password", ":password" or "user". */
static enum status parse_userinfo(struct slice text, struct redis_url *url, struct err *err)
{
    size_t colon = find(text, ':');
    bool has_password = colon < text.len;
    if (text.len == 0)
        return err_set(err, ST_INVALID, "the Redis URL has nothing before its @");
    if (has_password)
        url->password = unescape(slice_from(text, colon + 1));
    if (colon > 0)
        url->user = unescape((struct slice){text.ptr, colon});
    if ((has_password && url->password == NULL) || (colon > 0 && url->user == NULL))
        return err_set(err, ST_INVALID,
                       "the user or password in the Redis URL has a bad percent escape (a literal "
                       "%% is written %%25)");
    if (has_password && url->password[0] == '\0')
        return err_set(err, ST_INVALID, "the Redis URL has an empty password");
    return ST_OK;
}

static enum status parse_db(struct slice text, struct redis_url *url, struct err *err)
{
    int64_t db = 0;
    if (parse_int(text, 0, INT_MAX, &db, NULL) != ST_OK)
        return err_set(err, ST_INVALID, "the database in the Redis URL must be a whole number");
    url->db = (int)db;
    return ST_OK;
}

/* Parses "host", "host:port", "[address]" or "[address]:port". */
static enum status parse_host(struct slice text, struct redis_url *url, struct err *err)
{
    bool is_bracketed = take_prefix(&text, "[");
    size_t end = find(text, is_bracketed ? ']' : ':');
    if (end == 0)
        return err_set(err, ST_INVALID, "the Redis URL names no host");
    if (is_bracketed && end == text.len)
        return err_set(err, ST_INVALID, "the Redis URL has a [ without a ]");
    struct slice host = {text.ptr, end};
    if (find(host, '[') != end || find(host, ']') != end)
        return err_set(err, ST_INVALID, "the Redis URL has a [ or ] inside of the host");
    url->host = slice_dup(host);
    url->port = 6379;

    struct slice rest = slice_from(text, is_bracketed ? end + 1 : end);
    if (rest.len == 0)
        return ST_OK;
    if (!take_prefix(&rest, ":"))
        return err_set(err, ST_INVALID, "the Redis URL has bytes between the ] and the port");
    if (find(rest, ':') != rest.len)
        return err_set(err, ST_INVALID,
                       "an IPv6 address in a Redis URL is written in brackets, "
                       "as in redis://[::1]:6379");
    int64_t port = 0;
    if (parse_int(rest, 1, 65535, &port, NULL) != ST_OK)
        return err_set(err, ST_INVALID, "the port in the Redis URL must be from 1 to 65535");
    url->port = (uint16_t)port;
    return ST_OK;
}

/* Splits "userinfo@" off the front of text, whose authority ends at the first slash. */
static enum status take_userinfo(struct slice *text, struct redis_url *url, struct err *err)
{
    size_t end = find(*text, '/');
    const char *at = end == 0 ? NULL : memrchr(text->ptr, '@', end);
    if (at == NULL)
        return ST_OK;
    size_t len = (size_t)(at - text->ptr);
    enum status status = parse_userinfo((struct slice){text->ptr, len}, url, err);
    *text = slice_from(*text, len + 1);
    return status;
}

static enum status parse_tcp(struct slice text, struct redis_url *url, struct err *err)
{
    url->transport = REDIS_TCP;
    enum status status = take_userinfo(&text, url, err);
    if (status != ST_OK)
        return status;
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" ?#@\\", text.ptr[i]) != NULL)
            return err_set(err, ST_INVALID,
                           "the Redis URL is not of the form redis://[USER:PASSWORD@]HOST[:PORT]"
                           "[/DB] (in a password, write / as %%2F, @ as %%40, # as %%23)");
    size_t slash = find(text, '/');
    status = parse_host((struct slice){text.ptr, slash}, url, err);
    if (status == ST_OK && slash + 1 < text.len)
        status = parse_db(slice_from(text, slash + 1), url, err);
    return status;
}

static enum status parse_unix(struct slice text, struct redis_url *url, struct err *err)
{
    url->transport = REDIS_UNIX;
    enum status status = take_userinfo(&text, url, err);
    if (status != ST_OK)
        return status;
    size_t query = find(text, '?');
    if (query < 2 || text.ptr[0] != '/')
        return err_set(err, ST_INVALID,
                       "a unix: Redis URL needs an absolute path, as in "
                       "unix:///run/redis/redis.sock");
    if (query > UNIX_PATH_MAX_BYTES)
        return err_set(err, ST_INVALID,
                       "the socket's path in the Redis URL is longer than %d "
                       "bytes",
                       UNIX_PATH_MAX_BYTES);
    url->path = slice_dup((struct slice){text.ptr, query});
    if (query == text.len)
        return ST_OK;
    struct slice rest = slice_from(text, query);
    if (!take_prefix(&rest, "?db="))
        return err_set(err, ST_INVALID, "a unix: Redis URL may end in ?db=NUMBER and nothing else");
    return parse_db(rest, url, err);
}

enum status redis_url_parse(const char *text, struct redis_url *url, struct err *err)
{
    *url = (struct redis_url){0};
    struct slice rest = slice_of(text);
    if (rest.len > URL_MAX_BYTES)
        return err_set(err, ST_INVALID, "the Redis URL is longer than %d bytes", URL_MAX_BYTES);
    for (size_t i = 0; i < rest.len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            return err_set(err, ST_INVALID, "the Redis URL holds a control character");

    if (take_prefix(&rest, "redis://"))
        return parse_tcp(rest, url, err);
    if (take_prefix(&rest, "rediss://")) {
        url->tls = true;
        if (!tls_is_supported())
            return err_set(err, ST_UNSUPPORTED,
                           "this build has no TLS, so it cannot use a rediss:// URL");
        return parse_tcp(rest, url, err);
    }
    if (take_prefix(&rest, "unix://"))
        return parse_unix(rest, url, err);
    if (take_prefix(&rest, "local:")) {
        url->transport = REDIS_LOCAL;
        url->path = slice_dup(rest);
        return ST_OK;
    }
    return err_set(err, ST_INVALID,
                   "a Redis URL starts with redis://, rediss://, unix:// or "
                   "local:");
}

void redis_url_fini(struct redis_url *url)
{
    free(url->host);
    free(url->path);
    free(url->user);
    if (url->password != NULL)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    *url = (struct redis_url){0};
}

void redis_url_copy(const struct redis_url *from, struct redis_url *to)
{
    *to = *from;
    to->host = mem_dup(from->host);
    to->path = mem_dup(from->path);
    to->user = mem_dup(from->user);
    to->password = mem_dup(from->password);
}

static void append_userinfo(const struct redis_url *url, struct buf *out)
{
    if (url->password == NULL && url->user == NULL)
        return;
    for (const char *c = url->user == NULL ? "" : url->user; *c != '\0'; c++) {
        if (strchr("%:@/?#", *c) != NULL || (unsigned char)*c <= ' ' || *c == 127)
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
        else
            buf_append_char(out, *c);
    }
    buf_append_text(out, url->password == NULL ? "@" : ":***@");
}

static void append_tcp(const struct redis_url *url, struct buf *out)
{
    buf_append_text(out, url->tls ? "rediss://" : "redis://");
    append_userinfo(url, out);
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    buf_printf(out, is_ipv6 ? "[%s]:%u" : "%s:%u", url->host, (unsigned)url->port);
    if (url->db != 0)
        buf_printf(out, "/%d", url->db);
}

void redis_url_append_text(const struct redis_url *url, struct buf *out)
{
    if (url->transport == REDIS_TCP) {
        append_tcp(url, out);
    } else if (url->transport == REDIS_UNIX) {
        buf_append_text(out, "unix://");
        append_userinfo(url, out);
        buf_append_text(out, url->path);
        if (url->db != 0)
            buf_printf(out, "?db=%d", url->db);
    } else {
        buf_printf(out, "local:%s", url->path);
    }
}
