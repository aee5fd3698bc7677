#include "redis/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum status secret_read_password(const char *path, bool may_wait, char **password, struct err *err)
{
    char line[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC | (may_wait ? 0 : O_NONBLOCK));
    ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    int failed = errno;
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return err_system(err, failed, "cannot read the password file %s", path);
    line[len] = 0;
    line[strcspn(line, "\r\n")] = 0;
    if (!line[0])
        return err_set(err, ST_INVALID, "the first line of the password file %s is empty", path);
    *password = mem_dup(line);
    explicit_bzero(line, sizeof line);
    return ST_OK;
}

/* A process that knows a password leaves no core dump, and no other process of the same user, such
 * as a job's program, may trace it or read its environment. Programs that it starts are not
 * affected. */
static void hide_memory(void)
{
#ifndef __SANITIZE_ADDRESS__ /* its leak detector traces the process */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static bool is_pipe(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && !S_ISREG(file.st_mode);
}

enum status secret_read_url(const char *text, const char *where, const char **password_file,
                            struct redis_url *url, struct err *err)
{
    enum status status = redis_url_parse(text, url, err);
    if (status != ST_OK) {
        err_prefix(err, "%s", where);
        return status;
    }
    char *password = NULL;
    if (*password_file)
        status = secret_read_password(*password_file, true, &password, err);
    else if (url->user && !url->password)
        return err_set(
            err, ST_INVALID,
            "%s: the Redis URL names a user without a password: write USER:PASSWORD@, or "
            "give --redis-password-file",
            where);
    if (password) {
        if (url->password)
            explicit_bzero(url->password, strlen(url->password));
        free(url->password);
        url->password = password;
    }
    if (url->password)
        hide_memory();
    if (*password_file && is_pipe(*password_file))
        *password_file = NULL;
    return status;
}

void secret_wipe_argv(int argc, char **argv, const char *text)
{
    const char *authority = strstr(text, "://");
    const char *at = authority ? strrchr(authority, '@') : NULL;
    if (!at)
        return;
    size_t len = strlen(text), from = (size_t)(authority + 3 - text), to = (size_t)(at - text);
    for (int i = 1; i < argc; i++) {
        size_t arg_len = strlen(argv[i]);
        char *url = arg_len >= len ? argv[i] + arg_len - len : NULL;
        if (url && strcmp(url, text) == 0)
            memset(url + from, '*', to - from);
    }
}
