/* Programs that behave as badly as programs can: the job is retried or buried with the reason, and
 * the worker is none the worse. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/faults.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only those that never end by themselves may time out: the others take as long as the machine
 * needs. */
#define TIMES_OUT "timed out after 300ms"

struct bad {
    const char *script, *reason;
};

static const struct bad bad[] = {
    {"kill -SEGV $$\n", "killed by signal 11 (Segmentation fault)"},
    {"kill -ABRT $$\n", "killed by signal 6 (Aborted)"},
    {"while :; do :; done\n", TIMES_OUT},
    {"trap '' TERM\nwhile :; do :; done\n", TIMES_OUT},
    {"kill -STOP $$\n", TIMES_OUT},
    {"exec yes flood\n", "the output is larger than 64KiB"},
    {"yes noise >&2 &\nsleep 0.1\nexit 7\n", "noise"},
    {"exec <&- >&- 2>&-\nexit 9\n", "exit status 9"},
    {"(sleep 1000 & sleep 1000 &)\nexit 4\n", "exit status 4"},
    {"kill -KILL 0\n", "killed by signal 9 (Killed)"},
};

enum { COUNT = sizeof bad / sizeof bad[0] };

static size_t count_fds(pid_t pid)
{
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

/* Also zombies: whatever names it as its parent. */
static size_t count_children(pid_t pid)
{
    size_t count = 0;
    DIR *directory = opendir("/proc");
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char path[300], line[512] = "";
        int parent = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "re");
        const char *end = NULL;
        if (file != NULL && fgets(line, sizeof line, file) != NULL)
            end = strrchr(line, ')');
        if (file != NULL)
            (void)fclose(file);
        count += end != NULL && sscanf(end, ") %*c %d", &parent) == 1 && parent == (int)pid;
    }
    (void)closedir(directory);
    return count;
}

/* One program that is all of these, by the job's args. A single thread, so that what the worker
 * holds open is exact. */
static struct process *start(struct worker_fixture *f)
{
    struct buf script = {0};
    buf_append_text(&script, "read -r kind || :\n");
    for (size_t i = 0; i < COUNT; i++)
        buf_printf(&script, "if [ \"$kind\" = %zu ]; then\n%sfi\n", i, bad[i].script);
    const char *handler = worker_fixture_handler(f, "bad", buf_text(&script));
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--max-attempts", "2",
                                                  "--backoff", "10ms", "--handler", handler);
    buf_fini(&script);
    return worker;
}

static void push_all(struct worker_fixture *f, int round)
{
    for (size_t i = 0; i < COUNT; i++) {
        char job[128];
        int timeout_ms = strcmp(bad[i].reason, TIMES_OUT) == 0 ? 300 : 0;
        (void)snprintf(job, sizeof job,
                       "{\"type\":\"bad\",\"id\":\"%d-%zu\",\"args\":%zu,\"timeout_ms\":%d}", round,
                       i, i, timeout_ms);
        commands_do(f->conn, "LPUSH", "darg:{jobs}", job);
    }
}

static void test_bad_programs(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f);
    pid_t child = worker_fixture_child(worker);
    size_t fds = 0;
    for (int round = 1; round <= 2; round++) {
        push_all(f, round);
        worker_fixture_wait_count(f, "buried", (int64_t)COUNT * round);
        worker_fixture_wait_held(f, 0);
        worker_fixture_push(f, "{\"type\":\"noop\"}");
        worker_fixture_wait_count(f, "done", round);
        assert_int_equal(count_children(child), 0);
        if (round == 1)
            fds = count_fds(child);
    }
    assert_int_equal(count_fds(child), fds);
    assert_int_equal(worker_fixture_child(worker), child);
    for (size_t i = 0; i < COUNT; i++) {
        char part[64];
        (void)snprintf(part, sizeof part, "\"job\":{\"type\":\"bad\",\"id\":\"1-%zu\"", i);
        faults_expect_dead(f, (size_t)2 * COUNT, slice_of(part), bad[i].reason);
    }
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* One that makes itself independent, and keeps our pipes: its job ends without it. */
static void test_a_program_that_leaves(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler =
        worker_fixture_handler(f, "daemon",
                               "setsid sh -c 'echo $$ >\"${DIR}pid\"; exec sleep 1000' &\n"
                               "while ! [ -s \"${DIR}pid\" ]; do sleep 0.01; done\n");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"daemon\"}");
    worker_fixture_wait_count(f, "done", 1);
    char *text = worker_fixture_read(worker_fixture_path(f, "pid"));
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    free(text);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0); /* it was still there */
    faults_wait_gone(&pid, 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_bad_programs),
        WORKER_TEST(test_a_program_that_leaves),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
