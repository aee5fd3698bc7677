#include "support/process.h"

#include "base/buf.h"
#include "base/clock.h"
#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFTED_FD = 200 }; /* out of the way of the descriptors that the program will see */

struct process {
    char *name;
    pid_t pid;
    bool is_reaped;
    int exit_status;
    int stdin_fd, stdout_fd, stderr_fd; /* unnamed files */
    int ready_fd;                       /* reading end, or -1 */
    struct buf out, err;
    struct buf line;
    size_t lines_read; /* bytes of out that process_read_line() has returned */
};

/* Reads the whole file without moving its offset, which is shared with the program. */
static void read_file(int fd, struct buf *text)
{
    char part[4096];
    for (;;) {
        ssize_t n = pread(fd, part, sizeof part, (off_t)text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        buf_append(text, part, (size_t)n);
    }
}

const char *process_stdout(struct process *process)
{
    read_file(process->stdout_fd, &process->out);
    return buf_text(&process->out);
}

const char *process_stderr(struct process *process)
{
    read_file(process->stderr_fd, &process->err);
    return buf_text(&process->err);
}

size_t process_stdout_len(struct process *process)
{
    read_file(process->stdout_fd, &process->out);
    return process->out.len;
}

void process_signal_group(const struct process *process, int signal_number)
{
    (void)kill(-process->pid, signal_number);
}

/* Prints everything known, kills the process group, and aborts the test program. */
static _Noreturn void give_up(struct process *process, const char *what, const char *detail)
{
    fprintf(stderr, "%s (pid %d): %s%s\n--- stdout\n%s\n--- stderr\n%s\n---\n", process->name,
            (int)process->pid, what, detail, process_stdout(process), process_stderr(process));
    process_signal_group(process, SIGKILL);
    abort();
}

static int unnamed_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    ensure(fd >= 0, "memfd_create: %s", strerror(errno));
    /* A supervisor and its children write to it at once. The kernel locks the offset that they
     * share in files that were opened, not in this one: of two lines, one would be lost. */
    ensure(fcntl(fd, F_SETFL, O_APPEND) == 0, "fcntl: %s", strerror(errno));
    return fd;
}

static int stdin_file(const struct process_options *options)
{
    if (options->stdin_text == NULL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = unnamed_file("stdin");
    size_t len = options->stdin_len > 0 ? options->stdin_len : strlen(options->stdin_text);
    for (size_t sent = 0; sent < len;) {
        ssize_t n = write(fd, options->stdin_text + sent, len - sent);
        ensure(n > 0, "cannot write a test's stdin: %s", strerror(errno));
        sent += (size_t)n;
    }
    ensure(lseek(fd, 0, SEEK_SET) == 0, "lseek: %s", strerror(errno));
    return fd;
}

static void apply_env(const char *const *env)
{
    for (; env != NULL && *env != NULL; env++) {
        char *copy = strdup(*env);
        if (copy != NULL && putenv(copy) != 0) /* without a '=' it removes the name */
            _exit(126);
    }
}

static void place(int fd, int number)
{
    if (dup2(fd, number) < 0)
        _exit(126);
}

/* The first terminal that a session's leader opens becomes the session's terminal. */
static void take_terminal(const char *path)
{
    int fd = setsid() < 0 ? -1 : open(path, O_RDWR);
    if (fd < 0)
        _exit(126);
    for (int number = 0; number <= 2; number++)
        place(fd, number);
    if (fd > 2)
        close(fd);
}

static _Noreturn void run_child(const struct process *process,
                                const struct process_options *options, int ready_fd, pid_t parent)
{
    if ((!options->terminal && setpgid(0, 0) != 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        getppid() != parent)
        _exit(126);
    /* dup2() of a descriptor onto itself would leave it close-on-exec, so it is moved first. */
    int lifted = ready_fd < 0 ? -1 : fcntl(ready_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
    place(process->stdin_fd, 0);
    place(process->stdout_fd, 1);
    place(process->stderr_fd, 2);
    if (options->terminal)
        take_terminal(options->terminal);
    if (lifted >= 0)
        place(lifted, options->ready_fd);
    if (options->working_directory != NULL && chdir(options->working_directory) != 0)
        _exit(126);
    apply_env(options->env);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* execvp() takes an array of char * for historical reasons, and does not write to it. */
    char *const *argv = NULL;
    memcpy(&argv, &options->argv, sizeof argv);
    execvp(argv[0], argv);
    dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

struct process *process_start(const struct process_options *options)
{
    struct process *process = mem_new(sizeof *process);
    process->name = mem_dup(options->argv[0]);
    process->stdin_fd = stdin_file(options);
    process->stdout_fd = unnamed_file("stdout");
    process->stderr_fd = unnamed_file("stderr");
    int ready[2] = {-1, -1};
    if (options->ready_fd > 0)
        ensure(pipe2(ready, O_CLOEXEC) == 0, "pipe2: %s", strerror(errno));
    process->ready_fd = ready[0];

    pid_t self = getpid();
    process->pid = fork();
    ensure(process->pid >= 0, "fork: %s", strerror(errno));
    if (process->pid == 0)
        run_child(process, options, ready[1], self);
    if (!options->terminal)
        (void)setpgid(process->pid, process->pid); /* in parent and child, whichever comes first */
    if (ready[1] >= 0)
        close(ready[1]);
    return process;
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

void process_signal(const struct process *process, int signal_number)
{
    if (!process->is_reaped)
        (void)kill(process->pid, signal_number);
}

int process_poll(struct process *process)
{
    int status = 0;
    if (process->is_reaped)
        return process->exit_status;
    pid_t pid = waitpid(process->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return -1;
    ensure(pid == process->pid, "waitpid: %s", strerror(errno));
    process->is_reaped = true;
    process->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return process->exit_status;
}

static bool has_ended(void *context)
{
    return process_poll(context) >= 0;
}

int process_wait(struct process *process, int64_t deadline_ms)
{
    if (!wait_until(has_ended, process, deadline_ms))
        give_up(process, "has not ended in time", "");
    return process->exit_status;
}

void process_wait_ready(struct process *process, int64_t deadline_ms)
{
    int64_t end_ms = clock_mono_ms() + wait_patience_ms(deadline_ms);
    for (;;) {
        int64_t left_ms = end_ms - clock_mono_ms();
        struct pollfd item = {.fd = process->ready_fd, .events = POLLIN};
        int n = poll(&item, 1, left_ms > 0 ? (int)left_ms : 0);
        char c = 0;
        if (n == 0)
            give_up(process, "is not ready in time", "");
        if (n < 0)
            continue;
        if (read(process->ready_fd, &c, 1) != 1)
            give_up(process, "closed its ready descriptor without a line", "");
        if (c == '\n')
            return;
    }
}

struct expected {
    struct process *process;
    const char *text;
    const char *(*read)(struct process *process);
};

static bool has_text(void *context)
{
    struct expected *expected = context;
    return strstr(expected->read(expected->process), expected->text) != NULL;
}

/* Also true if the program has ended without writing the text: waiting would be in vain. */
static bool has_text_or_ended(void *context)
{
    struct expected *expected = context;
    bool is_over = process_poll(expected->process) >= 0;
    return has_text(context) || is_over;
}

static void wait_text(struct expected expected, int64_t deadline_ms)
{
    if (!wait_until(has_text_or_ended, &expected, deadline_ms) || !has_text(&expected))
        give_up(expected.process, "has not written: ", expected.text);
}

void process_wait_stdout(struct process *process, const char *text, int64_t deadline_ms)
{
    wait_text((struct expected){process, text, process_stdout}, deadline_ms);
}

void process_wait_stderr(struct process *process, const char *text, int64_t deadline_ms)
{
    wait_text((struct expected){process, text, process_stderr}, deadline_ms);
}

/* Copies the next whole line of stdout to process->line, if there is one. */
static bool take_line(struct process *process)
{
    const char *start = process_stdout(process) + process->lines_read;
    const char *end = strchr(start, '\n');
    if (end == NULL)
        return false;
    buf_clear(&process->line);
    buf_append(&process->line, start, (size_t)(end - start));
    process->lines_read += (size_t)(end - start) + 1;
    return true;
}

struct line_wait {
    struct process *process;
    bool has_line;
};

static bool has_line_or_ended(void *context)
{
    struct line_wait *wait = context;
    bool is_over = process_poll(wait->process) >= 0;
    wait->has_line = take_line(wait->process);
    return wait->has_line || is_over;
}

const char *process_read_line(struct process *process, int64_t deadline_ms)
{
    struct line_wait wait = {process, false};
    if (!wait_until(has_line_or_ended, &wait, deadline_ms) || !wait.has_line)
        give_up(process, "has not written another line", "");
    return buf_text(&process->line);
}

void process_free(struct process *process)
{
    if (process == NULL)
        return;
    process_signal_group(process, SIGKILL);
    if (!process->is_reaped)
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    close(process->stdin_fd);
    close(process->stdout_fd);
    close(process->stderr_fd);
    if (process->ready_fd >= 0)
        close(process->ready_fd);
    buf_fini(&process->out);
    buf_fini(&process->err);
    buf_fini(&process->line);
    free(process->name);
    free(process);
}
