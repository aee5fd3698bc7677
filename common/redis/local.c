/* The directory's lock file decides whether a server is running, and not the pid file, which may be
 * stale. A starter takes the lock and passes it on to the server (local_spawn.h), which holds it
 * until it dies, even by kill -9. So a process that gets the lock knows that no server is running
 * and that a socket left behind is dead, and two servers can never write the same append-only
 * file. */
#include "redis/local.h"

#include "base/clock.h"
#include "redis/dial.h"
#include "redis/local_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"

enum { START_MS = 10000, STOP_MS = 10000, ANSWER_MS = 1000, POLL_MS = 10 };
enum { SOCKET_PATH_MAX_BYTES = 107 }; /* size of sun_path, minus the NUL */
enum { LINE_BYTES = 256, LOG_TAIL_BYTES = 1024 };

static enum status append_home(struct buf *out, struct err *err)
{
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/')
        return err_set(err, ST_SYSTEM,
                       "HOME is not set, so a local: Redis needs a directory: local:/some/where");
    buf_append_text(out, home);
    return ST_OK;
}

static enum status append_default(struct buf *directory, struct err *err)
{
    const char *data = getenv("XDG_DATA_HOME");
    if (data != NULL && data[0] == '/') {
        buf_append_text(directory, data);
    } else {
        enum status status = append_home(directory, err);
        if (status != ST_OK)
            return status;
        buf_append_text(directory, "/.local/share");
    }
    buf_append_text(directory, "/darg");
    return ST_OK;
}

enum status local_directory(const char *path, struct buf *directory, struct err *err)
{
    if (path[0] == '\0')
        return append_default(directory, err);
    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        if (here == NULL)
            return err_system(err, errno, "cannot tell the present directory");
        buf_append_text(directory, here);
        buf_append_char(directory, '/');
        free(here);
    }
    buf_append_text(directory, path);
    return ST_OK;
}

static enum status append_socket_path(const char *directory, struct buf *path, struct err *err)
{
    buf_append_text(path, directory);
    buf_append_text(path, "/" LOCAL_SOCKET_NAME);
    if (strlen(directory) + strlen("/" LOCAL_SOCKET_NAME) > SOCKET_PATH_MAX_BYTES)
        return err_set(err, ST_INVALID,
                       "the path of the directory %s is too long for a socket (%d bytes at most); "
                       "name another as local:DIR",
                       directory, SOCKET_PATH_MAX_BYTES - (int)strlen("/" LOCAL_SOCKET_NAME));
    return ST_OK;
}

/* Makes a directory, and missing ones above it. It is no error if it exists. */
static enum status make_directory(const char *directory, struct err *err)
{
    char *path = slice_dup(slice_of(directory));
    enum status status = ST_OK;
    for (char *c = path + 1; status == ST_OK; c++) {
        if (*c != '/' && *c != '\0')
            continue;
        char end = *c;
        *c = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            status = err_system(err, errno, "cannot make the directory %s", path);
        *c = end;
        if (end == '\0')
            break;
    }
    free(path);
    return status;
}

/* Opens the directory, which must be ours alone: anybody who could enter it could use the socket,
 * and its owner could put another server's socket there. *fd is -1 if it does not exist. */
static enum status open_directory(const char *directory, int *fd, struct err *err)
{
    *fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT)
        return ST_OK;
    if (*fd < 0)
        return err_system(err, errno, "cannot open the directory %s", directory);
    struct stat info;
    enum status status = ST_OK;
    if (fstat(*fd, &info) != 0)
        status = err_system(err, errno, "cannot inspect the directory %s", directory);
    else if (info.st_uid != geteuid())
        status = err_set(err, ST_INVALID,
                         "the directory %s belongs to another user, so no private Redis can live "
                         "there",
                         directory);
    else if ((info.st_mode & 077) != 0)
        status = err_set(err, ST_INVALID,
                         "the directory %s is open to others (mode %03o), so no private Redis can "
                         "live there; chmod 700 it, or name another as local:DIR",
                         directory, (unsigned)(info.st_mode & 0777));
    if (status != ST_OK) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

/* *lock_fd is the lock's descriptor if it was free, -1 if a server or a starter holds it. */
static enum status try_lock(int directory_fd, int *lock_fd, struct err *err)
{
    int fd = openat(directory_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_system(err, errno, "cannot open the lock of the private Redis");
    *lock_fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ST_OK;
    int error = errno;
    close(fd);
    *lock_fd = -1;
    if (error == EWOULDBLOCK || error == EINTR)
        return ST_OK;
    return err_system(err, error, "cannot lock the directory of the private Redis");
}

/* Reads the first line of an answer, without its end; "" if none came in time. */
static void read_line(int fd, int64_t deadline_ms, char line[LINE_BYTES])
{
    size_t len = 0;
    line[0] = '\0';
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        struct pollfd item = {.fd = fd, .events = POLLIN};
        int ready = poll(&item, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? recv(fd, line + len, LINE_BYTES - 1 - len, 0) : 0;
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
        line[len] = '\0';
        char *end = strchr(line, '\r');
        if (end != NULL || len + 1 == LINE_BYTES) {
            if (end != NULL)
                *end = '\0';
            return;
        }
    }
    line[0] = '\0';
}

/* Sends an inline command. False if nobody listens; otherwise sets the answer, "" for none, and the
 * listener's pid as the kernel knows it. */
static bool ask(const char *socket_path, const char *command, char line[LINE_BYTES], int64_t *pid)
{
    int64_t deadline_ms = clock_mono_ms() + ANSWER_MS;
    int fd = -1;
    line[0] = '\0';
    if (dial_unix(socket_path, &(struct deadline){deadline_ms, NULL}, &fd, NULL) != ST_OK)
        return false;
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    if (pid != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        *pid = peer.pid;
    if (send(fd, command, strlen(command), MSG_NOSIGNAL) == (ssize_t)strlen(command))
        read_line(fd, deadline_ms, line);
    close(fd);
    return true;
}

static bool is_loading(const char *line)
{
    return strncmp(line, "-LOADING", strlen("-LOADING")) == 0;
}

/* The last line of the server's log, for an error; "" if there is none. */
static void read_log_tail(int directory_fd, char line[LINE_BYTES])
{
    char tail[LOG_TAIL_BYTES + 1];
    line[0] = '\0';
    int fd = openat(directory_fd, LOCAL_LOG_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t start = size > LOG_TAIL_BYTES ? size - LOG_TAIL_BYTES : 0;
    ssize_t n = pread(fd, tail, LOG_TAIL_BYTES, start);
    close(fd);
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == ' '))
        n--;
    tail[n > 0 ? n : 0] = '\0';
    const char *last = strrchr(tail, '\n');
    last = last == NULL ? tail : last + 1;
    size_t len = strlen(last);
    len = len < LINE_BYTES ? len : LINE_BYTES - 1;
    memcpy(line, last, len);
    line[len] = '\0';
}

/* Starts a server if none is running, but only once. *has_started: it was tried before. If the lock
 * is free again then, the server has died. */
static enum status start_if_none(int directory_fd, const char *socket_path, bool *has_started,
                                 struct err *err)
{
    int lock_fd = -1;
    enum status status = try_lock(directory_fd, &lock_fd, err);
    if (status != ST_OK || lock_fd < 0)
        return status;
    if (*has_started) {
        char tail[LINE_BYTES];
        read_log_tail(directory_fd, tail);
        status =
            err_set(err, ST_SYSTEM, "redis-server did not start; the end of its log: %s", tail);
    } else {
        (void)unlinkat(directory_fd, LOCAL_SOCKET_NAME, 0);
        status = local_spawn(directory_fd, lock_fd, socket_path, err);
        *has_started = true;
    }
    close(lock_fd);
    return status;
}

static enum status start_in(int directory_fd, const char *directory, const char *socket_path,
                            struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + START_MS;
    bool has_started = false;
    for (;;) {
        char line[LINE_BYTES];
        bool is_listening = ask(socket_path, "PING\r\n", line, NULL);
        if (line[0] != '\0' && !is_loading(line))
            return ST_OK;
        if (!is_listening) {
            enum status status = start_if_none(directory_fd, socket_path, &has_started, err);
            if (status != ST_OK)
                return status;
        }
        if (clock_mono_ms() >= deadline_ms)
            return err_set(err, is_loading(line) ? ST_LOADING : ST_UNREACHABLE,
                           "the private Redis in %s %s", directory,
                           is_loading(line) ? "is still loading its data"
                                            : "has not answered for 10 seconds; see its " //
                               LOCAL_LOG_NAME);
        (void)poll(NULL, 0, POLL_MS);
    }
}

enum status local_start(const char *directory, struct buf *socket_path, struct err *err)
{
    struct buf path = {0};
    int fd = -1;
    enum status status = append_socket_path(directory, &path, err);
    if (status == ST_OK)
        status = make_directory(directory, err);
    if (status == ST_OK)
        status = open_directory(directory, &fd, err);
    if (status == ST_OK && fd < 0)
        status = err_set(err, ST_SYSTEM, "the directory %s has vanished", directory);
    if (status == ST_OK)
        status = start_in(fd, directory, buf_text(&path), err);
    if (status == ST_OK)
        buf_append_slice(socket_path, buf_slice(&path));
    if (fd >= 0)
        close(fd);
    buf_fini(&path);
    return status;
}

enum status local_status(const char *directory, struct local_status *status, struct err *err)
{
    *status = (struct local_status){0};
    struct buf path = {0};
    int fd = -1;
    enum status result = append_socket_path(directory, &path, err);
    if (result == ST_OK)
        result = open_directory(directory, &fd, err);
    char line[LINE_BYTES];
    if (fd >= 0)
        status->is_running = ask(buf_text(&path), "PING\r\n", line, &status->pid);
    if (fd >= 0)
        close(fd);
    buf_fini(&path);
    return result;
}

/* Waits until no process holds the lock, that is, until the server is really gone. */
static enum status wait_gone(int directory_fd, const char *directory, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + STOP_MS;
    for (;;) {
        int lock_fd = -1;
        enum status status = try_lock(directory_fd, &lock_fd, err);
        if (status != ST_OK)
            return status;
        if (lock_fd >= 0) {
            close(lock_fd);
            return ST_OK;
        }
        if (clock_mono_ms() >= deadline_ms)
            return err_set(err, ST_TIMED_OUT,
                           "the private Redis in %s has not ended within 10 seconds", directory);
        (void)poll(NULL, 0, POLL_MS);
    }
}

enum status local_stop(const char *directory, struct err *err)
{
    struct buf path = {0};
    int fd = -1;
    enum status status = append_socket_path(directory, &path, err);
    if (status == ST_OK)
        status = open_directory(directory, &fd, err);
    char line[LINE_BYTES];
    if (fd >= 0 && ask(buf_text(&path), "SHUTDOWN\r\n", line, NULL)) {
        if (line[0] == '-')
            status = err_set(err, ST_SERVER, "the private Redis in %s does not stop: %s", directory,
                             line + 1);
        else
            status = wait_gone(fd, directory, err);
    }
    if (fd >= 0)
        close(fd);
    buf_fini(&path);
    return status;
}
