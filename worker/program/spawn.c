/* vfork() instead of fork(): copying the page tables of a large worker for each job costs
 * milliseconds. And instead of posix_spawn(): that can set neither the death signal nor
 * no_new_privs. The price: until execve() the child runs in the parent's memory, on the parent's
 * stack. So signals are blocked meanwhile (no handler of the parent may run in the child), and the
 * child makes system calls only. The shared memory also lets the child report what it lacks. If
 * vfork() is really a fork(), as under a race detector, everything works except that report: the
 * reason is then only in what the child writes to standard error. */
#include "worker/program/spawn.h"

#include "base/parse.h"
#include "base/standard.h"
#include "worker/program/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_CANNOT_RUN = 127 }; /* the status that shells use for this */

/* Everything the child needs, made by the parent. */
struct plan {
    const struct spawn_program *program;
    pid_t parent;
    int stdio[3];
    int entrance; /* of its control group; -1: none */
    struct roster_place *place;
    struct confine_how how;
    /* Written by the child. volatile, since the compiler does not know that the child shares our
     * memory. why is 0 if the child lacks nothing. */
    volatile struct confine_failure lacks;
};

/* ---- in the child: only what is async-signal-safe ---- */

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* Whether it is a shortage of the worker or the machine that may pass, and not the program's
 * fault. */
static bool is_shortage(int why)
{
    return why == EMFILE || why == ENFILE || why == EAGAIN || why == ENOMEM || why == ENOSPC;
}

/* Standard error is where the parent looks for reasons. Arguments that are too long for the system
 * will be too long next time, so EX_DATAERR asks to bury the job. (The environment cannot be to
 * blame: it was checked at the start.) */
static _Noreturn void give_up(struct plan *plan, const struct confine_failure *failure)
{
    int why = failure->why;
    const char *words = strerrordesc_np(why);
    if (is_shortage(why))
        plan->lacks = *failure;
    say("cannot run ");
    say(plan->program->path);
    say(": ");
    if (failure->what) {
        say("cannot ");
        say(failure->what);
        say(" ");
        say(failure->name);
        say(": ");
    }
    say(words ? words : "unknown error");
    _exit(why == E2BIG ? EX_DATAERR : EXIT_CANNOT_RUN);
}

/* If the parent's own 0, 1 or 2 were closed, one of the pipes may have that number now. Such a pipe
 * is moved out of the way first, so that no dup2() overwrites a descriptor that a later one
 * needs. */
static bool connect_stdio(const int stdio[3], struct confine_failure *failure)
{
    int safe[3];
    bool is_done = true;
    for (int i = 0; i < 3 && is_done; i++) {
        safe[i] = stdio[i] > STDERR_FILENO ? stdio[i] : fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
        is_done = safe[i] >= 0;
    }
    for (int i = 0; i < 3 && is_done; i++)
        is_done = dup2(safe[i], i) >= 0;
    if (!is_done)
        *failure = (struct confine_failure){"connect", "its standard streams", errno};
    return is_done;
}

/* Dispositions before the mask, or a handler of the parent would run here. The kernel refuses
 * SIGKILL and SIGSTOP, which always have the default. */
static void reset_signals(void)
{
    struct sigaction defaults = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &defaults, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The kernel sends no signal if the parent died before prctl(), so that is checked. */
static void die_with_parent(const struct plan *plan)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != plan->parent)
        _exit(EXIT_CANNOT_RUN);
}

/* Before the change of user, who would not be allowed to. From here on, whatever it starts is in
 * the group. */
static bool enter_group(const struct plan *plan, struct confine_failure *failure)
{
    if (plan->entrance < 0 || write(plan->entrance, "0", 1) == 1)
        return true;
    *failure = (struct confine_failure){"enter", "its control group", errno};
    return false;
}

static _Noreturn void run_child(struct plan *plan)
{
    const struct spawn_program *program = plan->program;
    struct confine_failure failure = {NULL, NULL, 0};
    die_with_parent(plan);
    setsid();
    roster_note(plan->place, getpid(), roster_now_ms(), roster_own_autogroup());
    reset_signals();
    if (!connect_stdio(plan->stdio, &failure) || !enter_group(plan, &failure))
        give_up(plan, &failure);
    /* Our own descriptors are close-on-exec; those of libraries, and inherited ones, may not be. */
    standard_close_others();
    if (!confine(program->limits, &plan->how, &failure))
        give_up(plan, &failure);
    die_with_parent(plan); /* again: a change of user has cleared it */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        execve(program->path, program->argv, program->environment);
    failure.why = errno;
    give_up(plan, &failure);
}

/* ---- in the parent ---- */

static pid_t start(struct plan *plan)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): see above */
    if (pid == 0)
        run_child(plan); /* NOLINT(clang-analyzer-unix.Vfork): it never returns */
    int why = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return pid;
}

void spawn_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Makes a pipe: our end nonblocking, the program's end blocking, as programs expect. */
static bool make_pipe(int *ours, int *theirs, bool we_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ours = ends[we_write];
    *theirs = ends[!we_write];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

static void give_group(struct spawn_child *child)
{
    if (child->group)
        cgroup_give(child->group);
    child->group = NULL;
}

static enum status find_group(const struct spawn_program *program, struct spawn_child *child,
                              struct plan *plan, struct err *err)
{
    if (!program->home->groups)
        return ST_OK;
    enum status status = cgroup_take(program->home->groups, program->limits, &child->group, err);
    if (status != ST_OK)
        return status;
    plan->how.are_processes_kept = cgroup_keeps_processes(child->group);
    plan->entrance = cgroup_entrance(child->group);
    if (plan->entrance < 0)
        return err_system(err, errno, "cannot open the control group for %s", program->path);
    return ST_OK;
}

/* The child lacked something and has ended, or is about to: waits for it, and says what it was. */
static enum status refuse(const struct plan *plan, pid_t pid, struct err *err)
{
    const struct confine_failure lacks = plan->lacks;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (lacks.what)
        return err_system(err, lacks.why, "cannot run %s: cannot %s %s", plan->program->path,
                          lacks.what, lacks.name);
    return err_system(err, lacks.why, "cannot run %s", plan->program->path);
}

enum status spawn_start(const struct spawn_program *program, struct spawn_child *child,
                        struct err *err)
{
    struct plan plan = {.program = program,
                        .parent = getpid(),
                        .stdio = {-1, -1, -1},
                        .entrance = -1,
                        .how = {.is_lasting = program->is_lasting, .files = program->files}};
    *child = (struct spawn_child){.pidfd = -1,
                                  .input = -1,
                                  .output = -1,
                                  .errors = -1,
                                  .is_lasting = program->is_lasting,
                                  .oom_kills = program->oom_kills};
    enum status status = find_group(program, child, &plan, err);
    if (status != ST_OK)
        goto out;
    if (!make_pipe(&child->input, &plan.stdio[0], true) ||
        !make_pipe(&child->output, &plan.stdio[1], false) ||
        !make_pipe(&child->errors, &plan.stdio[2], false)) {
        status = err_system(err, errno, "cannot make a pipe to %s", program->path);
        goto out;
    }
    child->place = plan.place = roster_take(program->home->roster);
    child->pid = start(&plan);
    if (child->pid < 0) {
        status = err_system(err, errno, "cannot start a process for %s", program->path);
        goto out;
    }
    if (plan.lacks.why != 0) {
        status = refuse(&plan, child->pid, err);
        goto out;
    }
    /* Not too late: nobody else reaps the child, so even if it has ended its pid is still its
     * own. */
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
out:
    for (int i = 0; i < 3; i++)
        spawn_close(&plan.stdio[i]);
    spawn_close(&plan.entrance);
    if (status != ST_OK) {
        roster_leave(child->place);
        give_group(child);
        spawn_close(&child->input);
        spawn_close(&child->output);
        spawn_close(&child->errors);
    }
    return status;
}

int64_t spawn_cpu_us(const struct spawn_child *child)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(child->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int64_t spawn_peak(const struct spawn_child *child)
{
    static const char name[] = "\nVmHWM:";
    char path[64], text[4096];
    int64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)child->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    spawn_close(&fd);
    text[got > 0 ? got : 0] = 0;
    const char *at = strstr(text, name);
    if (at)
        (void)parse_digits(slice_of(at + strlen(name) + strspn(at + strlen(name), " \t")), 15,
                           &kib);
    return kib * 1024;
}

void spawn_renew(const struct spawn_child *child, const struct limits *limits)
{
    struct rlimit limit;
    if (!limits_have(limits, LIMIT_CPU))
        return;
    int64_t used_us = spawn_cpu_us(child);
    if (used_us < 0 || prlimit(child->pid, RLIMIT_CPU, NULL, &limit) != 0)
        return;
    /* The kernel counts whole seconds over the process's life, so what is used is rounded up. */
    limit.rlim_cur = (rlim_t)(used_us / 1000000 + 1 + limits->numbers[LIMIT_CPU]);
    (void)prlimit(child->pid, RLIMIT_CPU, &limit, NULL);
}

/* The pid as well: if vfork() is a fork(), the child may not have made its group yet. */
void spawn_signal(const struct spawn_child *child, int signal)
{
    if (kill(-child->pid, signal) != 0 || signal == SIGKILL)
        kill(child->pid, signal);
    if (signal == SIGKILL && child->group)
        cgroup_kill(child->group);
}

bool spawn_has_ended(const struct spawn_child *child, bool *is_lost)
{
    siginfo_t info = {0};
    int looked = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    *is_lost = looked != 0 && errno == ECHILD;
    return *is_lost || (looked == 0 && info.si_pid != 0);
}

static int64_t in_us(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

/* A child's peak includes the worker's own, since it began in the worker's memory. Both are
 * estimates, as the kernel counts pages per processor: a peak hardly above the worker's is not the
 * program's. */
static int64_t find_peak(const struct rusage *used)
{
    struct rusage own = {0};
    getrusage(RUSAGE_SELF, &own);
    bool is_its_own = used->ru_maxrss > own.ru_maxrss + own.ru_maxrss / 8;
    return is_its_own ? (int64_t)used->ru_maxrss * 1024 : 0;
}

static int64_t count_oom_kills(int64_t before)
{
    int64_t now = before < 0 ? -1 : oom_kills();
    return now < before ? -1 : now - before;
}

/* Counts all its processes, not only those that were waited for. */
static void take_group_usage(const struct spawn_child *child, struct death *death)
{
    const struct cgroup_usage *group = &death->group;
    cgroup_measure(child->group, &death->group);
    death->has_group = true;
    if (group->user_us >= 0 && group->system_us >= 0) {
        death->usage.cpu_us = group->user_us + group->system_us;
        death->usage.system_us = group->system_us;
    }
    if (group->peak_bytes >= 0)
        death->usage.peak_bytes = group->peak_bytes;
}

static void wait_for(const struct spawn_child *child, struct death *death)
{
    struct rusage used = {0};
    pid_t waited;
    do
        waited = wait4(child->pid, &death->wait_status, 0, &used);
    while (waited < 0 && errno == EINTR);
    death->is_known = waited > 0;
    if (WIFSIGNALED(death->wait_status) && WTERMSIG(death->wait_status) == SIGKILL)
        death->oom_kills = count_oom_kills(child->oom_kills);
    death->own_cpu_us = in_us(&used.ru_utime) + in_us(&used.ru_stime);
    death->usage = (struct usage){
        .is_known = death->is_known,
        .has_ended = true,
        .wait_status = death->wait_status,
        .cpu_us = death->own_cpu_us,
        .system_us = in_us(&used.ru_stime),
        .peak_bytes = find_peak(&used),
    };
}

void spawn_wait(struct spawn_child *child, bool is_lost, struct death *death)
{
    *death = (struct death){.is_lasting = child->is_lasting, .oom_kills = -1};
    /* Before it is waited for: afterwards the number may be another's. */
    roster_leave(child->place);
    if (!is_lost)
        wait_for(child, death);
    else if (child->group)
        cgroup_kill(child->group);
    if (death->is_known && child->group)
        take_group_usage(child, death);
    give_group(child);
}
