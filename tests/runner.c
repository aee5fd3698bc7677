/* runner - runs test programs side by side and adds up what they report.
 *
 *   runner -j JOBS -t SECONDS -n REPEAT PROGRAM...
 *
 * Every run has a process group, an empty TMPDIR that is removed afterwards, and a deadline. It is
 * the child of a guard process of its own, which is a subreaper: whatever the test started and did
 * not end becomes the guard's child, however it was detached, so it is found, reported as a failure
 * and killed. Output is shown only of what failed. Tests are counted by cmocka's closing lines; a
 * program that crashes, hangs or counts no test counts as a failed one.
 *
 * TEST_PREFIX, if set, is put in front of each program (valgrind, strace -f ...). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a test's children may outlive it: PDEATHSIG and the like take a moment. */
enum { GRACE_MS = 3000, PATH_BYTES = 256, JOBS_MAX = 64 };

struct options {
    long jobs, seconds, repeat;
    char **programs;
    long program_count;
};

/* One run of one program. */
struct run {
    pid_t guard; /* 0: this slot is free */
    const char *program;
    char directory[PATH_BYTES];
    FILE *output;
    int64_t start_ms;
};

struct counts {
    long passed, failed, skipped;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "runner: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Both kinds of process learn of ended children, and of a wish to stop, by waiting for signals. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* Waits for a child's end until `deadline`. False when told to stop. */
static bool wait_child(const sigset_t *set, int64_t deadline)
{
    int64_t left = deadline - now_ms();
    if (left < 0)
        left = 0;
    struct timespec timeout = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
    int got = sigtimedwait(set, NULL, &timeout);
    return got != SIGINT && got != SIGTERM;
}

/* ---- the guard of one test ---- */

static _Noreturn void exec_test(const char *program)
{
    const char *prefix = getenv("TEST_PREFIX");
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (prefix && *prefix)
        execl("/bin/sh", "sh", "-c", "exec $TEST_PREFIX \"$0\"", program, (char *)NULL);
    else
        execl(program, program, (char *)NULL);
    die(program);
}

/* Reaps whatever has ended. True while `pid` (0: any child) has not. */
static bool still_runs(pid_t pid, int *status)
{
    for (;;) {
        int s;
        pid_t ended = waitpid(-1, &s, WNOHANG);
        if (ended <= 0)
            return ended == 0;
        if (ended == pid) {
            *status = s;
            return false;
        }
    }
}

/* Opens a file of /proc/PID. */
static FILE *open_proc(const char *pid, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, name);
    return fopen(path, "re");
}

static bool is_child(const char *pid)
{
    FILE *stat = open_proc(pid, "stat");
    if (!stat)
        return false;
    /* PID (NAME) STATE PARENT: the name is up to 15 bytes of anything, even ")". */
    char text[PATH_BYTES] = "";
    text[fread(text, 1, sizeof text - 1, stat)] = '\0';
    fclose(stat);
    const char *end = strrchr(text, ')');
    return end && strlen(end) > 4 && strtol(end + 4, NULL, 10) == (long)getpid();
}

static void name_leftover(const char *pid)
{
    char command[PATH_BYTES] = "";
    FILE *file = open_proc(pid, "cmdline");
    size_t got = file ? fread(command, 1, sizeof command - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i + 1 < got; i++)
        if (command[i] == '\0')
            command[i] = ' ';
    printf("runner: the test has left a process behind: %s %s\n", pid, command);
}

/* Kills all children; theirs become ours and are met in the next round. */
static void kill_children(bool name_them)
{
    DIR *proc = opendir("/proc");
    if (!proc)
        die("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !is_child(entry->d_name))
            continue;
        if (name_them)
            name_leftover(entry->d_name);
        kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
    }
    closedir(proc);
}

/* Ends everything that the test has started. True if there was nothing left to end. */
static bool end_leftovers(const sigset_t *set, int64_t grace_ms)
{
    int ignored;
    int64_t deadline = now_ms() + grace_ms;
    while (still_runs(0, &ignored) && now_ms() < deadline)
        wait_child(set, deadline);
    bool clean = !still_runs(0, &ignored);
    for (bool first = true; still_runs(0, &ignored); first = false) {
        kill_children(first && grace_ms > 0);
        wait_child(set, now_ms() + 100);
    }
    return clean;
}

/* Says how the test ended, if not well. */
static bool judge(bool on_time, bool running, long seconds, int status)
{
    if (running && on_time)
        printf("runner: told to stop\n");
    else if (running)
        printf("runner: still running after %ld s\n", seconds);
    else if (WIFSIGNALED(status))
        printf("runner: killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        printf("runner: exit status %d\n", WEXITSTATUS(status));
    else
        return true;
    return false;
}

/* Runs the program to its end or its deadline; exits 0 if all was well. */
static _Noreturn void guard(const char *program, long seconds, const sigset_t *set)
{
    int status = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int64_t deadline = now_ms() + seconds * 1000;
    pid_t test = fork();
    if (test < 0)
        die("fork");
    if (test == 0)
        exec_test(program);
    bool running = true, wanted = true;
    while (wanted && (running = still_runs(test, &status)) && now_ms() < deadline)
        wanted = wait_child(set, deadline);
    bool good = judge(now_ms() < deadline, running, seconds, status);
    good = end_leftovers(set, running ? 0 : GRACE_MS) && good;
    fflush(stdout);
    _exit(good ? 0 : 1);
}

/* ---- the runner ---- */

static void start_run(struct run *run, const char *program, long seconds, const sigset_t *set)
{
    const char *base = getenv("TMPDIR");
    *run = (struct run){.program = program, .start_ms = now_ms()};
    snprintf(run->directory, sizeof run->directory, "%s/darg-XXXXXX", base ? base : "/tmp");
    run->output = tmpfile();
    if (!run->output || !mkdtemp(run->directory))
        die(run->directory);
    fflush(stdout);
    run->guard = fork();
    if (run->guard < 0)
        die("fork");
    if (run->guard > 0)
        return;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(fileno(run->output), STDOUT_FILENO) < 0 ||
        dup2(fileno(run->output), STDERR_FILENO) < 0 || setenv("TMPDIR", run->directory, 1) < 0)
        die("preparing a test");
    guard(program, seconds, set);
}

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
    (void)stat, (void)kind, (void)ftw;
    remove(path);
    return 0;
}

/* The number in a closing line such as "[  PASSED  ] 3 test(s).", 0 in any other. Newer versions of
 * cmocka put the group's name before the number. */
static long closing_count(const char *line, const char *head)
{
    if (strncmp(line, head, strlen(head)) != 0)
        return 0;
    const char *number = line + strlen(head), *group_end = strstr(number, ": ");
    if (group_end)
        number = group_end + 2;
    char *end;
    long count = strtol(number, &end, 10);
    return strncmp(end, " test(s)", 8) == 0 ? count : 0;
}

/* Adds up the closing lines of all groups of tests in the output. */
static struct counts read_counts(FILE *output)
{
    struct counts counts = {0};
    char line[1024];
    rewind(output);
    while (fgets(line, sizeof line, output)) {
        counts.passed += closing_count(line, "[  PASSED  ] ");
        counts.failed += closing_count(line, "[  FAILED  ] ");
        counts.skipped += closing_count(line, "[  SKIPPED ] ");
    }
    return counts;
}

static void show_output(FILE *output)
{
    char line[1024];
    rewind(output);
    while (fgets(line, sizeof line, output))
        printf("    %s%s", line, strchr(line, '\n') ? "" : "\n");
}

/* Reports an ended run, adds it to the totals and frees its slot. */
static void finish_run(struct run *run, int status, struct counts *totals)
{
    struct counts counts = read_counts(run->output);
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool empty = counts.passed + counts.failed + counts.skipped == 0;
    if (counts.failed == 0 && (!good || empty))
        counts.failed = 1;
    const char *name = strstr(run->program, "/tests/");
    printf("%-6s %-36s %3ld passed", counts.failed ? "FAILED" : "ok",
           name ? name + strlen("/tests/") : run->program, counts.passed);
    if (counts.failed)
        printf(", %ld failed", counts.failed);
    if (counts.skipped)
        printf(", %ld skipped", counts.skipped);
    printf("  %.2f s\n", (double)(now_ms() - run->start_ms) / 1000);
    if (counts.failed)
        show_output(run->output);
    if (good && empty)
        printf("    runner: it has reported no test\n");
    fflush(stdout);
    totals->passed += counts.passed;
    totals->failed += counts.failed;
    totals->skipped += counts.skipped;
    fclose(run->output);
    nftw(run->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    run->guard = 0;
}

/* The slot of this guard; guard 0 finds a free slot. NULL if there is none. */
static struct run *find_slot(struct run *runs, long count, pid_t pid)
{
    for (long i = 0; i < count; i++)
        if (runs[i].guard == pid)
            return &runs[i];
    return NULL;
}

static struct counts run_all(const struct options *options)
{
    struct run runs[JOBS_MAX] = {0};
    struct counts totals = {0};
    sigset_t set;
    block_signals(&set);
    long next = 0, running = 0, wanted = options->program_count * options->repeat;
    while (next < wanted || running > 0) {
        struct run *slot = next < wanted ? find_slot(runs, options->jobs, 0) : NULL;
        if (slot) {
            start_run(slot, options->programs[next % options->program_count], options->seconds,
                      &set);
            next++, running++;
            continue;
        }
        if (!wait_child(&set, now_ms() + 1000)) {
            wanted = next;
            totals.failed++;
            for (long i = 0; i < options->jobs; i++)
                if (runs[i].guard)
                    kill(runs[i].guard, SIGTERM);
        }
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0; running--) {
            struct run *ended = find_slot(runs, options->jobs, pid);
            if (ended)
                finish_run(ended, status, &totals);
        }
    }
    return totals;
}

static long number(const char *text, long max)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || value < 1 || value > max) {
        fprintf(stderr, "runner: a number from 1 to %ld is wanted instead of '%s'\n", max, text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct options options = {.jobs = 4, .seconds = 60, .repeat = 1};
    for (int option; (option = getopt(argc, argv, "j:t:n:")) != -1;) {
        if (option == 'j')
            options.jobs = number(optarg, JOBS_MAX);
        else if (option == 't')
            options.seconds = number(optarg, 86400);
        else if (option == 'n')
            options.repeat = number(optarg, 100000);
        else
            return 2;
    }
    options.programs = argv + optind;
    options.program_count = argc - optind;
    struct counts totals = {0};
    if (options.program_count > 0)
        totals = run_all(&options);
    if (totals.passed + totals.failed == 0)
        totals.failed = 1;
    printf("%ld passed, %ld failed", totals.passed, totals.failed);
    if (totals.skipped)
        printf(", %ld skipped", totals.skipped);
    printf("\n");
    return totals.failed ? 1 : 0;
}
