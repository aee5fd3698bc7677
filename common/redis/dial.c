#include "redis/dial.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { KEEPALIVE_IDLE_S = 15, KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_PROBES = 3 };
enum { UNACKNOWLEDGED_MAX_MS = 10000 };

static void set_option(int fd, int level, int name, int value)
{
    /* Failure is ignored: these options only detect a dead peer sooner. */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static void set_tcp_options(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MAX_MS);
}

/* Waits for a connect that is under way. Returns 0, or the errno with which it ended. */
static int wait_connected(int fd, const struct deadline *deadline)
{
    for (;;) {
        struct pollfd item = {.fd = fd, .events = POLLOUT};
        int n = poll(&item, 1, deadline_slice_ms(deadline));
        if (n > 0)
            break;
        if (n == 0 && deadline_left_ms(deadline) == 0)
            return ETIMEDOUT;
        if (n < 0 && errno != EINTR)
            return errno;
    }
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* Returns a connected socket, or -1 with errno. */
static int connect_to(const struct sockaddr *address, socklen_t len,
                      const struct deadline *deadline)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int error = 0;
    /* An interrupted connect goes on in the background, like one in progress. */
    if (connect(fd, address, len) != 0)
        error = errno == EINPROGRESS || errno == EINTR ? wait_connected(fd, deadline) : errno;
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static enum status refuse(struct err *err, int error)
{
    return err_set(err, ST_UNREACHABLE, "%s", strerror(error));
}

enum status dial_tcp(const struct addrinfo *list, const struct deadline *deadline, int *fd,
                     struct err *err)
{
    int64_t left = 0;
    for (const struct addrinfo *each = list; each != NULL; each = each->ai_next)
        left++;
    int connected = -1;
    for (const struct addrinfo *each = list; each != NULL && connected < 0; each = each->ai_next) {
        /* Each address gets a share of the time left, so that one that swallows packets does not
         * keep us from trying the others. */
        struct deadline share = *deadline;
        share.at_ms = clock_mono_ms() + deadline_left_ms(deadline) / left;
        connected = connect_to(each->ai_addr, each->ai_addrlen, &share);
        left--;
    }
    if (connected < 0)
        return refuse(err, errno);
    set_tcp_options(connected);
    *fd = connected;
    return ST_OK;
}

enum status dial_unix(const char *path, const struct deadline *deadline, int *fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path)
        return refuse(err, ENAMETOOLONG);
    memcpy(address.sun_path, path, len);
    int connected = connect_to((const struct sockaddr *)&address, sizeof address, deadline);
    if (connected < 0)
        return refuse(err, errno);
    *fd = connected;
    return ST_OK;
}
