/* Runs one of our programs and measures it per job, its start included.
 *
 *   timed URL QUEUES NAME pushed N COMMAND...   until it has ended and N more jobs wait
 *   timed URL QUEUES NAME done N COMMAND...     until N more jobs are done; then TERM
 *
 * Prints NAME.rate, NAME.redis_us and, of the program and its children, NAME.cpu_us and
 * NAME.switches (how often a thread had to wait) per job. There may be more jobs than N; in the end
 * each that waited, in line or for its time, must still wait or be done. The queues are `bench`,
 * `bench.1` and so on, QUEUES in all. Standard input is the program's. */
#include "base/clock.h"
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 2, STUCK_MS = 60000 };

struct bench {
    struct conn *conn;
    int64_t queues;
};

static pid_t start(char **argv)
{
    pid_t pid = fork();
    ensure(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        execv(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

/* Waits for its end; what it has used, with the children it has waited for. */
static struct rusage wait_end(pid_t pid)
{
    int status;
    struct rusage used;
    while (waitpid(pid, &status, 0) < 0)
        ensure(errno == EINTR, "waitpid: %s", strerror(errno));
    ensure(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the program ended badly: %d", status);
    ensure(getrusage(RUSAGE_CHILDREN, &used) == 0, "getrusage: %s", strerror(errno));
    return used;
}

static void print_used(const char *name, const struct rusage *used, int64_t jobs)
{
    int64_t cpu_us = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000LL +
                     used->ru_utime.tv_usec + used->ru_stime.tv_usec;
    measure_print(name, "cpu_us", (double)cpu_us / (double)jobs);
    measure_print(name, "switches", (double)used->ru_nvcsw / (double)jobs);
}

/* The sum over all queues of what `command` says of the key with this suffix; one round trip. */
static int64_t sum(const struct bench *bench, const char *command, const char *suffix,
                   const char *field)
{
    struct request request = {0};
    int64_t total = 0;
    for (int64_t i = 0; i < bench->queues; i++) {
        char number[24] = "", key[64];
        if (i > 0)
            snprintf(number, sizeof number, ".%lld", (long long)i);
        snprintf(key, sizeof key, "darg:{bench%s}%s", number, suffix);
        request_clear(&request);
        request_add_text(&request, command);
        request_add_text(&request, key);
        if (field != NULL)
            request_add_text(&request, field);
        filler_send(bench->conn, &request);
    }
    for (int64_t i = 0; i < bench->queues; i++) {
        struct reply *reply = filler_receive(bench->conn);
        struct slice text = reply_slice(reply); /* of a hash's field; a count is a number */
        total += text.ptr != NULL ? strtoll(text.ptr, NULL, 10) : reply_int(reply, 0);
        reply_free(reply);
    }
    request_fini(&request);
    return total;
}

static int64_t waiting(const struct bench *bench)
{
    return sum(bench, "LLEN", "", NULL) + sum(bench, "ZCARD", ":scheduled", NULL);
}

static int64_t done(const struct bench *bench)
{
    return sum(bench, "HGET", ":counts", "done");
}

/* Waits until so many are done; answers how many are. */
static int64_t wait_done(const struct bench *bench, int64_t wanted)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t deadline_ms = clock_mono_ms() + STUCK_MS, reached;
    while ((reached = done(bench)) < wanted) {
        ensure(clock_mono_ms() < deadline_ms, "%lld of %lld jobs are done", (long long)reached,
               (long long)wanted);
        nanosleep(&pause, NULL);
    }
    return reached;
}

static void measure_push(const struct bench *bench, const char *name, int64_t n, char **command)
{
    struct measure measure;
    int64_t wanted = waiting(bench) + n;
    measure_begin(&measure, bench->conn);
    struct rusage used = wait_end(start(command));
    measure_end(&measure, name, n);
    print_used(name, &used, n);
    int64_t reached = waiting(bench);
    ensure(reached == wanted, "%lld jobs wait, not %lld", (long long)reached, (long long)wanted);
}

static void measure_done(const struct bench *bench, const char *name, int64_t n, char **command)
{
    struct measure measure;
    int64_t done_before = done(bench), all_before = done_before + waiting(bench);
    measure_begin(&measure, bench->conn);
    pid_t pid = start(command);
    int64_t reached = wait_done(bench, done_before + n);
    measure_end(&measure, name, reached - done_before);
    kill(pid, SIGTERM);
    struct rusage used = wait_end(pid);
    int64_t done_after = done(bench), all_after = done_after + waiting(bench);
    print_used(name, &used, done_after - done_before);
    ensure(all_after == all_before, "%lld jobs wait or are done, not %lld", (long long)all_after,
           (long long)all_before);
}

int main(int argc, char **argv)
{
    ensure(argc > 6, "usage: timed URL QUEUES NAME pushed|done N COMMAND...");
    struct bench bench = {.conn = commands_connect(argv[1]), .queues = measure_argument(argv[2])};
    const char *name = argv[3];
    int64_t n = measure_argument(argv[5]);
    if (strcmp(argv[4], "pushed") == 0)
        measure_push(&bench, name, n, argv + 6);
    else
        measure_done(&bench, name, n, argv + 6);
    conn_close(bench.conn);
    return 0;
}
