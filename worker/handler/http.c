#include "worker/handler/http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "worker/handler/stream.h"

static const char program[] = "darg-http";

bool http_is(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

/* Whether the text means the same between double quotes in a command. */
static bool is_quotable(const char *text)
{
    return strpbrk(text, "\"\\{}") == NULL;
}

/* Finds the program in the directory of this one; false: it is not there. */
static bool find_beside(char path[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof program);
    if (len <= 0)
        return false;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return false;
    memcpy(slash + 1, program, sizeof program);
    return is_quotable(path) && access(path, X_OK) == 0;
}

/* As in "[::1]"; the name of an interface may follow after a '%'. */
static bool is_address(struct slice text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '%')
        len++;
    if (len >= sizeof address)
        return false;
    memcpy(address, text.ptr, len);
    address[len] = '\0';
    return inet_pton(AF_INET6, address, &ignored) == 1;
}

/* Bytes beyond ASCII are left to libcurl, which knows international names. */
static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x80 && !isalnum(c) && !strchr("-._~%", c))
            return false;
    }
    return text.len > 0;
}

/* Checks host and port. A mistake would otherwise show only when jobs run, and fail every one. */
static enum status check_authority(struct slice text, struct err *err)
{
    bool is_bracketed = text.len > 0 && text.ptr[0] == '[';
    size_t skipped = is_bracketed ? 1 : 0;
    const char *start = text.ptr + skipped;
    const char *end = memchr(start, is_bracketed ? ']' : ':', text.len - skipped);
    struct slice host = {start, (end ? (size_t)(end - text.ptr) : text.len) - skipped};
    if (is_bracketed ? !end || !is_address(host) : !is_name(host))
        return err_set(err, ST_INVALID, "the URL names no host: \"%.*s\"",
                       (int)(text.len < 80 ? text.len : 80), text.ptr);
    size_t used = skipped + host.len + skipped;
    struct slice rest = {text.ptr + used, text.len - used};
    int64_t port;
    if (rest.len == 0)
        return ST_OK;
    if (memchr(rest.ptr + 1, ':', rest.len - 1))
        return err_set(err, ST_INVALID,
                       "an IPv6 address in a URL is written in brackets, as in http://[::1]:8080/");
    if (rest.ptr[0] != ':' ||
        parse_int((struct slice){rest.ptr + 1, rest.len - 1}, 1, 65535, &port, NULL) != ST_OK)
        return err_set(err, ST_INVALID, "the port in the URL must be a number from 1 to 65535");
    return ST_OK;
}

static enum status check_url(const char *url, struct err *err)
{
    const char *host = strstr(url, "://") + 3;
    struct slice authority = {host, strcspn(host, "/?#")};
    if (strpbrk(url, " \t\r\n") != NULL || !is_quotable(url))
        return err_set(err, ST_INVALID,
                       "a URL has no blanks, quotes, braces and backslashes: %%20, %%22 and so on "
                       "stand for them");
    if (memchr(host, '@', authority.len) != NULL)
        return err_set(
            err, ST_INVALID,
            "a user or password in the URL would be visible to everyone who can list processes");
    return check_authority(authority, err);
}

enum status http_parse(const char *url, struct handler *handler, struct err *err)
{
    char path[PATH_MAX];
    enum status status = check_url(url, err);
    if (status != ST_OK)
        return status;
    struct buf command = {0};
    buf_printf(&command, "stream:\"%s\" \"%s\"", find_beside(path) ? path : program, url);
    status = stream_parse(buf_text(&command), handler, err);
    if (status != ST_OK)
        err_prefix(err,
                   "handlers that are URLs need %s, which is built only where libcurl is installed",
                   program);
    buf_fini(&command);
    return status;
}
