#include "worker/shared/wake.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum status wake_init(struct wake *wake, struct err *err)
{
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake->fd < 0)
        return err_system(err, errno, "cannot make an event descriptor");
    return ST_OK;
}

void wake_fini(struct wake *wake)
{
    if (wake->fd >= 0)
        close(wake->fd);
    wake->fd = -1;
}

void wake_set(struct wake *wake)
{
    /* EAGAIN means that the counter is full, so it is set already. */
    while (eventfd_write(wake->fd, 1) < 0 && errno == EINTR)
        ;
}

void wake_clear(struct wake *wake)
{
    eventfd_t count;
    while (eventfd_read(wake->fd, &count) < 0 && errno == EINTR)
        ;
}

bool wake_wait(const struct wake *wake, int64_t timeout_ms)
{
    struct pollfd poll_fd = {.fd = wake->fd, .events = POLLIN};
    int timeout = timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    return poll(&poll_fd, 1, timeout) > 0;
}
