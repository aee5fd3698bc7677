#include "worker/process/sweeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/standard.h"
#include "worker/program/roster.h"

enum { END_MS = 1000 };

/* The sweeper must not hold open the worker's pipes and terminal, and least of all the other end of
 * its own socket, whose end it waits for. The socket becomes its standard input. */
static void let_go(int fd)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(fd, STDIN_FILENO);
    (void)dup2(nothing, STDOUT_FILENO);
    (void)dup2(nothing, STDERR_FILENO);
    standard_close_others();
    (void)!chdir("/");
}

static _Noreturn void sweep(int fd, struct roster *const *rosters, size_t count)
{
    char none;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, "darg-sweeper");
    let_go(fd);
    while (read(STDIN_FILENO, &none, 1) < 0 && errno == EINTR)
        continue;
    for (size_t i = 0; i < count; i++)
        (void)roster_end(rosters[i]); /* nobody is left to report to */
    _exit(0);
}

/* Forked from a process that ends at once, so that the supervisor need not wait for the sweeper and
 * does not take its end for a child's. */
static bool fork_twice(int fd, struct roster *const *rosters, size_t count)
{
    int wait_status = 0;
    pid_t between = fork();
    if (between == 0) {
        pid_t pid = fork();
        if (pid == 0)
            sweep(fd, rosters, count);
        _exit(pid < 0 ? errno : 0);
    }
    if (between < 0)
        return false;
    while (waitpid(between, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    errno = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EAGAIN;
    return errno == 0;
}

void sweeper_start(struct sweeper *sweeper, struct roster *const *rosters, size_t count)
{
    int ends[2];
    sweeper->fd = -1;
    bool is_there = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
    if (!is_there || !fork_twice(ends[1], rosters, count)) {
        log_printf(LOG_WARN,
                   "cannot start the sweeper: programs may keep running if all processes of this "
                   "worker are killed: %s",
                   strerror(errno));
        if (is_there)
            close(ends[0]);
    } else {
        sweeper->fd = ends[0];
    }
    if (is_there)
        close(ends[1]);
}

void sweeper_end(struct sweeper *sweeper)
{
    char none;
    struct pollfd item = {.fd = sweeper->fd, .events = POLLIN};
    if (sweeper->fd < 0)
        return;
    shutdown(sweeper->fd, SHUT_WR);
    if (poll(&item, 1, END_MS) > 0)
        (void)!read(sweeper->fd, &none, 1);
    close(sweeper->fd);
    sweeper->fd = -1;
}
