#include "worker/handler/http.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "worker/handler/stream.h"

static const char program[] = "darg-http";

bool http_is(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

/* Whether the text means the same between double quotes of a command. */
static bool is_quotable(const char *text)
{
    return strpbrk(text, "\"\\{}") == NULL;
}

/* The path of the program that lies beside ours; false: there is none. */
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

static enum status check_url(const char *url, struct err *err)
{
    const char *host = strstr(url, "://") + 3;
    if (strpbrk(url, " \t\r\n") != NULL || !is_quotable(url))
        return err_set(err, ST_INVALID,
                       "a URL has no blanks, quotes, braces and backslashes: %%20, %%22 and so on "
                       "stand for them");
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL)
        return err_set(err, ST_INVALID,
                       "a user or password in the URL would be seen by everybody who can list "
                       "processes");
    return ST_OK;
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
        err_prefix(err, "jobs go to URLs by way of %s, which is built where libcurl is", program);
    buf_fini(&command);
    return status;
}
