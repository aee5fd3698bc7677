#include "redis/local_spawn.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFTED_FD = 10 }; /* descriptors are moved here, out of the way of 0, 1 and 2 */

/* What the child needs; made before the fork, since the child may do very little itself. */
struct spawn {
    char *const *argv;
    int directory_fd, lock_fd, log_fd, null_fd;
    int report_fd; /* receives the errno of a failure; closed by success (exec) */
};

static _Noreturn void give_up(int report_fd)
{
    int error = errno;
    ssize_t n = write(report_fd, &error, sizeof error);
    _exit(n == (ssize_t)sizeof error ? 127 : 126);
}

static void close_all_on_exec(void)
{
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    long limit = sysconf(_SC_OPEN_MAX); /* before Linux 5.11 */
    for (int fd = 3; fd < limit; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_server(const struct spawn *spawn)
{
    int report_fd = fcntl(spawn->report_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
    if (report_fd < 0)
        _exit(126);
    int lock_fd = fcntl(spawn->lock_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
    int log_fd = fcntl(spawn->log_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
    int null_fd = fcntl(spawn->null_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
    if (lock_fd < 0 || log_fd < 0 || null_fd < 0 || fchdir(spawn->directory_fd) != 0)
        give_up(report_fd);
    if (dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        give_up(report_fd);
    close_all_on_exec();
    /* The lock is inherited, and held as long as the server lives. */
    if (fcntl(lock_fd, F_SETFD, 0) != 0)
        give_up(report_fd);
    umask(077);
    reset_signals();
    execvp(spawn->argv[0], spawn->argv);
    give_up(report_fd);
}

/* Forks again and ends, so that init adopts the server and this process need not wait for it. */
static _Noreturn void run_middle(const struct spawn *spawn)
{
    if (setsid() < 0)
        give_up(spawn->report_fd);
    pid_t pid = fork();
    if (pid < 0)
        give_up(spawn->report_fd);
    if (pid == 0)
        run_server(spawn);
    _exit(0);
}

/* Returns the errno that the child reports, or 0 once it has become the server. */
static int read_report(int fd)
{
    int error = 0;
    ssize_t n = 0;
    do {
        n = read(fd, &error, sizeof error);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

static enum status start(struct spawn *spawn, struct err *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return err_system(err, errno, "cannot make a pipe");
    spawn->report_fd = report[1];
    pid_t pid = fork();
    if (pid == 0)
        run_middle(spawn);
    int error = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0) {
        error = read_report(report[0]);
        /* ECHILD is fine: other code in this program may reap every child. */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close(report[0]);
    if (error == ENOENT)
        return err_set(err, ST_SYSTEM,
                       "redis-server is not installed (or not in PATH), so no private Redis can be "
                       "started; install it, or name a Redis that runs elsewhere");
    return error == 0 ? ST_OK : err_system(err, error, "cannot start redis-server");
}

enum status local_spawn(int directory_fd, int lock_fd, const char *socket_path, struct err *err)
{
    char *path = mem_dup(socket_path);
    /* Relative names, since the server is started in the directory. */
    char program[] = "redis-server", port[] = "--port", port_value[] = "0";
    char socket[] = "--unixsocket", perm[] = "--unixsocketperm", perm_value[] = "700";
    char save[] = "--save", save_value[] = "", append[] = "--appendonly", append_value[] = "yes";
    char fsync_[] = "--appendfsync", fsync_value[] = "everysec";
    char policy[] = "--maxmemory-policy", policy_value[] = "noeviction";
    char pidfile[] = "--pidfile", pidfile_value[] = "redis.pid";
    char *const argv[] = {program,     port,   port_value,   socket,  path,          perm,
                          perm_value,  save,   save_value,   append,  append_value,  fsync_,
                          fsync_value, policy, policy_value, pidfile, pidfile_value, NULL};
    struct spawn spawn = {.argv = argv, .directory_fd = directory_fd, .lock_fd = lock_fd};
    spawn.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    spawn.log_fd =
        openat(directory_fd, LOCAL_LOG_NAME, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    enum status status = ST_OK;
    if (spawn.null_fd < 0 || spawn.log_fd < 0)
        status = err_system(err, errno, "cannot open the log of the private Redis");
    else
        status = start(&spawn, err);
    if (spawn.null_fd >= 0)
        close(spawn.null_fd);
    if (spawn.log_fd >= 0)
        close(spawn.log_fd);
    free(path);
    return status;
}
