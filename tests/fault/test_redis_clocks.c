/* Clocks that are wrong, and a server's that is set while it runs: nothing is early by the server's
 * clock, nobody loses a lease, and nothing stands still for longer than it has to. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/faults.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { JOBS = 300, DELAY_MS = 2500 };

static void start_at(struct worker_fixture *f, const char *library, const char *offset)
{
    char preload[300], time[64];
    char program[256];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    (void)snprintf(time, sizeof time, "FAKETIME=%s", offset);
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    const char *const argv[] = {
        program,      "-q", "jobs", "-t", "4", "--lease", "1s", "-r", redis_server_url(f->server),
        "--ready-fd", "7",  NULL};
    const char *const env[] = {preload, time, "FAKETIME_DONT_FAKE_MONOTONIC=1", NULL};
    struct process *worker =
        process_start(&(struct process_options){.argv = argv, .env = env, .ready_fd = 7});
    f->workers[f->count++] = worker;
    process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
}

static void test_wrong_clocks(void **state)
{
    struct worker_fixture *f = *state;
    glob_t found = {0};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* which have to be loaded first */
#endif
    if (glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) != 0)
        skip(); /* libfaketime is not installed */
    start_at(f, found.gl_pathv[0], "+1h");
    start_at(f, found.gl_pathv[0], "-1h");
    globfree(&found);

    struct reply *now = commands_run(f->conn, "TIME");
    char *seconds = slice_dup(reply_slice(reply_at(now, 0)));
    reply_free(now);
    char due[32];
    (void)snprintf(due, sizeof due, "%lld", (strtoll(seconds, NULL, 10) * 1000) + DELAY_MS + 1000);
    free(seconds);
    int64_t begin_ms = clock_mono_ms();
    commands_do(f->conn, "ZADD", "darg:{jobs}:scheduled", due,
                "{\"type\":\"noop\",\"id\":\"j300\",\"reply\":\"r\"}");
    worker_fixture_push_many(f, JOBS, "sleep", "20");
    worker_fixture_wait_above(f, "promoted", 1);
    assert_true(clock_mono_ms() - begin_ms >= DELAY_MS);
    faults_expect_all(f, JOBS + 1, "clocks an hour ahead and behind");
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    assert_int_equal(faults_in_logs(f, "lease lost"), 0);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    for (size_t i = 0; i < f->count; i++)
        worker_fixture_expect_exit(f->workers[i], 0);
}

/* ---- a server whose clock is set ---- */

static int64_t *ahead_s; /* shared with the server, by a file: see tests/preload/clock.c */

static int setup_settable(void **state)
{
    char path[64], preload[300];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(path, sizeof path, "/tmp/darg-clock-%d", (int)getpid());
    (void)snprintf(preload, sizeof preload, "%s/tests/preload/clock.so", build ? build : "build");
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *ahead_s), 0);
    ahead_s = mmap(NULL, sizeof *ahead_s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(ahead_s != MAP_FAILED);
    assert_int_equal(close(fd), 0);
    assert_int_equal(setenv("TEST_CLOCK", path, 1), 0);
    assert_int_equal(setenv("LD_PRELOAD", preload, 1), 0);
    int failed = worker_fixture_setup(state); /* has asked it for the time */
    assert_int_equal(unsetenv("LD_PRELOAD"), 0);
    assert_int_equal(unlink(path), 0);
    return failed;
}

static int teardown_settable(void **state)
{
    (void)munmap(ahead_s, sizeof *ahead_s);
    return worker_fixture_teardown(state);
}

static void set_clock(int64_t ahead)
{
    *(volatile int64_t *)ahead_s = ahead;
}

static int64_t server_ms(struct worker_fixture *f)
{
    struct reply *now = commands_run(f->conn, "TIME");
    int64_t ms = reply_int(reply_at(now, 0), 0) * 1000;
    reply_free(now);
    return ms;
}

/* Whatever the clock was set to, work goes on: `jobs` more are done, by the rate. */
static void expect_work(struct worker_fixture *f, int64_t jobs)
{
    int64_t done = worker_fixture_count(f, "done");
    worker_fixture_wait_above(f, "done", done + jobs);
}

static void start_two(struct worker_fixture *f)
{
    for (int i = 0; i < 2; i++)
        worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s", "--log-level", "info");
}

static void test_the_clock_is_set(void **state)
{
    struct worker_fixture *f = *state;
    enum { ALL = 5000 };
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "rate", "40", "rate_ms", "1000");
    start_two(f);
    worker_fixture_push_many(f, ALL, "noop", "1");
    expect_work(f, 20);
    worker_fixture_wait_renewals(f); /* both know what time it is, before it is another */
    int64_t before_ms = server_ms(f);
    char due[32];
    (void)snprintf(due, sizeof due, "%lld", (long long)before_ms + 3000);
    commands_do(f->conn, "ZADD", "darg:{jobs}:scheduled", due, "{\"type\":\"noop\"}");
    set_clock(-3600);
    expect_work(f, 80);
    assert_true(server_ms(f) < before_ms);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 1);
    process_wait_stderr(f->workers[0], "the server's clock went back", WORKER_FIXTURE_WAIT_MS);
    process_wait_stderr(f->workers[1], "the server's clock went back", WORKER_FIXTURE_WAIT_MS);
    set_clock(3600);
    expect_work(f, 80);
    worker_fixture_wait_count(f, "promoted", 1);
    worker_fixture_wait_renewals(f);
    set_clock(0);
    expect_work(f, 80);
    worker_fixture_wait_renewals(f);
    assert_int_equal(faults_in_logs(f, "the server's clock went back"), 4);
    assert_int_equal(faults_in_logs(f, "lease lost"), 0);
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
}

/* A drain ends for all, also where the clock is set between the first to see it and the last. */
static void test_the_clock_is_set_in_a_drain(void **state)
{
    struct worker_fixture *f = *state;
    static const int64_t offsets[] = {-3600, 3600};
    for (size_t i = 0; i < 2; i++) {
        set_clock(0);
        size_t first = f->count;
        start_two(f);
        worker_fixture_push(f, "{\"darg\":\"drain\"}");
        worker_fixture_wait_count(f, "drains", (int64_t)i + 1);
        set_clock(offsets[i]);
        worker_fixture_expect_exit(f->workers[first], 0);
        worker_fixture_expect_exit(f->workers[first + 1], 0);
    }
    set_clock(0);
}

int main(void)
{
    const struct CMUnitTest wrong[] = {
        WORKER_TEST(test_wrong_clocks),
    };
    const struct CMUnitTest set[] = {
        WORKER_TEST(test_the_clock_is_set),
        WORKER_TEST(test_the_clock_is_set_in_a_drain),
    };
    int failed = cmocka_run_group_tests(wrong, worker_fixture_setup, worker_fixture_teardown);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return failed; /* a library that wants to be loaded first */
#endif
    return failed + cmocka_run_group_tests(set, setup_settable, teardown_settable);
}
