#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NO_WAIT = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

bool log_sink_open(struct log_sink *sink, const char *path)
{
    int fd = open(path, NO_WAIT | O_CREAT, 0640);
    if (fd < 0)
        return false;
    *sink = (struct log_sink){.fd = fd, .kind = LOG_SINK_OWN};
    return true;
}

/* A regular file is not opened again: it may have been opened without O_APPEND for a reason.
 * Sockets cannot be. */
void log_sink_open_stderr(struct log_sink *sink)
{
    struct stat what;
    bool can_be =
        fstat(STDERR_FILENO, &what) == 0 && (S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode));
    int fd = can_be ? open("/proc/self/fd/2", NO_WAIT) : -1;
    *sink = fd < 0 ? (struct log_sink){.fd = STDERR_FILENO, .kind = LOG_SINK_GIVEN}
                   : (struct log_sink){.fd = fd, .kind = LOG_SINK_OWN};
}

void log_sink_close(struct log_sink *sink)
{
    if (sink->kind == LOG_SINK_OWN)
        close(sink->fd);
    *sink = (struct log_sink){.fd = STDERR_FILENO, .kind = LOG_SINK_GIVEN};
}

static ssize_t write_some(int fd, const char *bytes, size_t len)
{
    ssize_t wrote;
    do
        wrote = write(fd, bytes, len);
    while (wrote < 0 && errno == EINTR);
    return wrote;
}

/* Writes by way of a pipe of our own, since splice() can be told not to wait. What the other pipe
 * does not take at once is dropped with ours; the caller still has it in `bytes`. */
static ssize_t move(int fd, const char *bytes, size_t len)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return 0;
    ssize_t moved = write_some(ends[1], bytes, len);
    if (moved > 0)
        moved = splice(ends[0], NULL, fd, NULL, (size_t)moved, SPLICE_F_NONBLOCK);
    int why = errno;
    close(ends[0]);
    close(ends[1]);
    errno = why;
    return moved;
}

/* For another user's terminal, and anything else. Writes no more than PIPE_BUF: that much fits if
 * poll() says so, so that the write does not block. */
static ssize_t write_if_ready(int fd, const char *bytes, size_t len)
{
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    if (poll(&item, 1, 0) == 0)
        return 0;
    return write_some(fd, bytes, len < PIPE_BUF ? len : PIPE_BUF);
}

/* Checked each time: another process that shares the descriptor may have replaced what it refers
 * to. */
static ssize_t write_with_care(int fd, const char *bytes, size_t len)
{
    struct stat what;
    if (fstat(fd, &what) != 0)
        return -1;
    if (S_ISSOCK(what.st_mode))
        return send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (S_ISREG(what.st_mode))
        return write_some(fd, bytes, len);
    return S_ISFIFO(what.st_mode) ? move(fd, bytes, len) : write_if_ready(fd, bytes, len);
}

ssize_t log_sink_write(const struct log_sink *sink, const char *bytes, size_t len)
{
    ssize_t wrote = sink->kind == LOG_SINK_OWN ? write_some(sink->fd, bytes, len)
                                               : write_with_care(sink->fd, bytes, len);
    return wrote < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : wrote;
}

void log_sink_wait(const struct log_sink *sink, int timeout_ms)
{
    struct pollfd item = {.fd = sink->fd, .events = POLLOUT};
    (void)poll(&item, 1, timeout_ms);
}
