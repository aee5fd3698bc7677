#include "base/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DESCRIPTORS_ASSUMED = 1 << 16 };

void standard_begin(void)
{
    static const int wrong_ways[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        /* open() returns the lowest free number, so they are tried in order. */
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", wrong_ways[fd]) != fd)
            _exit(1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* Asks the pipe itself: the write that failed may be long past, and its errno with it. */
static bool has_no_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

int standard_end(const char *program, int exit_code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    if (errno != EPIPE && !has_no_reader())
        fprintf(stderr, "%s: cannot write to standard output%s%s\n", program, errno ? ": " : "",
                errno ? strerror(errno) : "");
    return exit_code == 0 ? 1 : exit_code;
}

/* close_range() is missing before Linux 5.9, or if a filter of system calls does not know it. */
void standard_close_others(void)
{
    if (close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
        return;
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_ASSUMED; fd++)
        close(fd);
}
