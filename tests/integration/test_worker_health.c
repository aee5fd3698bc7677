/* darg-worker --health: whether the worker beside it fetches, not whether it exists. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "base/clock.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of this test alone: other tests run beside it. */
static const char *own_name(void)
{
    static char name[32];
    (void)snprintf(name, sizeof name, "test-%d", (int)getpid());
    return name;
}

/* Asks; the exit code, and what was said, borrowed until the next call. */
static int ask(const char *age, const char **said)
{
    static char text[256];
    struct buf path = {0};
    const char *build = getenv("DARG_BUILD_DIR");
    buf_printf(&path, "%s/darg-worker", build == NULL ? "build" : build);
    const char *argv[] = {buf_text(&path), "--health", "--health-age", age, "--health-name",
                          own_name(),      NULL};
    struct process *probe = process_start(&(struct process_options){.argv = argv});
    int code = process_wait(probe, WORKER_FIXTURE_WAIT_MS);
    (void)snprintf(text, sizeof text, "%s", process_stdout(probe));
    *said = text;
    process_free(probe);
    buf_fini(&path);
    return code;
}

struct expectation {
    int code;
    const char *age, *text;
    int64_t not_before_ms; /* monotonic */
    const char *said;
};

static bool is_met(void *context)
{
    struct expectation *expected = context;
    return ask(expected->age, &expected->said) == expected->code &&
           clock_mono_ms() >= expected->not_before_ms &&
           strstr(expected->said, expected->text) != NULL;
}

static void expect(struct expectation expected)
{
    if (!wait_until(is_met, &expected, WORKER_FIXTURE_WAIT_MS))
        fail_msg("not '%s', but '%s'", expected.text, expected.said);
}

#define expect_healthy(...)                                                                        \
    expect((struct expectation){.text = "healthy: the fetch loop", __VA_ARGS__})
#define expect_unhealthy(words, ...)                                                               \
    expect((struct expectation){.code = 1, .text = "unhealthy: " words, __VA_ARGS__})

#define start(f, ...)                                                                              \
    worker_fixture_start((f), "-q", "jobs", "--health-name", own_name(), __VA_ARGS__)

static void test_nobody_is_there(void **state)
{
    (void)state;
    const char *said;
    assert_int_equal(ask("30s", &said), 1);
    assert_non_null(strstr(said, "unhealthy: no darg-worker of this user answers"));
}

/* One hung child of two is enough, and one that goes on is well again. */
static void test_a_loop_that_hangs_is_seen(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, "-p", "2");
    pid_t children[2];
    expect_healthy(.age = "30s");
    assert_int_equal(worker_fixture_children(worker, children, 2), 2);
    assert_int_equal(kill(children[1], SIGSTOP), 0);
    expect_unhealthy("the fetch loop of process ", .age = "1s", .not_before_ms = clock_mono_ms());
    char pid[64];
    (void)snprintf(pid, sizeof pid, "process %d has not run for", (int)children[1]);
    expect((struct expectation){.code = 1, .age = "6s", .text = pid});
    assert_int_equal(kill(children[1], SIGCONT), 0);
    expect_healthy(.age = "6s");
}

static void test_a_supervisor_that_hangs_is_seen(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, "-t", "1");
    process_signal(worker, SIGSTOP);
    expect_unhealthy("darg-worker 'test-", .age = "30s");
    process_signal(worker, SIGCONT);
    expect_healthy(.age = "30s");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    expect_unhealthy("no darg-worker", .age = "30s");
}

/* To start it anew would not bring Redis back. */
static void test_an_outage_of_redis_is_no_illness(void **state)
{
    struct worker_fixture *f = *state;
    start(f, "-t", "1");
    redis_server_kill(f->server);
    expect_healthy(.age = "5s", .not_before_ms = clock_mono_ms() + 6000);
    redis_server_restart(f->server);
    conn_discard(f->conn);
    commands_must_connect(f->conn);
}

/* While jobs finish after a TERM nothing is fetched, and that is well. */
static void test_a_worker_that_stops_is_well(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n");
    struct process *worker = start(f, "-t", "1", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"gate\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    process_signal(worker, SIGTERM);
    process_wait_stderr(worker, "finishing what runs", WORKER_FIXTURE_WAIT_MS);
    expect_healthy(.age = "1s", .not_before_ms = clock_mono_ms() + 1500);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_expect_exit(worker, 0);
}

/* To wait for a limit is no illness either, however long it takes. */
static void test_a_worker_that_waits_for_a_rate_is_well(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "rate", "1", "rate_ms", "3600000");
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"type\":\"noop\"}");
    start(f, "-t", "1");
    worker_fixture_wait_count(f, "done", 1);
    expect_healthy(.age = "3s", .not_before_ms = clock_mono_ms() + 4000);
}

/* They are all asked, and one that is ill is enough. */
static void test_workers_of_one_name(void **state)
{
    struct worker_fixture *f = *state;
    start(f, "-t", "1");
    struct process *second = start(f, "-t", "1");
    expect((struct expectation){.age = "30s", .text = "healthy: the fetch loops of 2 workers"});
    pid_t child = worker_fixture_child(second);
    assert_int_equal(kill(child, SIGSTOP), 0);
    expect_unhealthy("the fetch loop of process ", .age = "1s");
    assert_int_equal(kill(child, SIGCONT), 0);
    process_signal(second, SIGTERM);
    worker_fixture_expect_exit(second, 0);
    expect_healthy(.age = "30s");
}

/* As another user, takes all names that a worker might. To be killed. */
static pid_t squat(void)
{
    enum { NAMES = 16, ANOTHER = 65534 };
    int ready[2];
    char byte;
    struct stat space;
    assert_int_equal(stat("/proc/self/ns/pid", &space), 0);
    assert_int_equal(pipe(ready), 0);
    uid_t own = geteuid();
    const char *name = own_name();
    pid_t squatter = fork();
    for (int i = 1; squatter == 0 && i <= NAMES; i++) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        char number[16] = "";
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (i == 1 && (setuid(ANOTHER) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0))
            _exit(1);
        if (i > 1)
            (void)snprintf(number, sizeof number, "#%d", i);
        int len = snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "darg-worker/%u/%ju/%s%s",
                           (unsigned)own, (uintmax_t)space.st_ino, name, number);
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
        if (bind(fd, (struct sockaddr *)&un, size) != 0 || listen(fd, 8) != 0)
            _exit(1);
    }
    if (squatter == 0) {
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return squatter;
}

static void test_names_that_another_user_has_taken(void **state)
{
    struct worker_fixture *f = *state;
    if (geteuid() != 0)
        skip(); /* it takes another user */
    pid_t squatter = squat();
    struct process *worker = start(f, "-t", "1");
    process_wait_stderr(worker, "this worker does not answer --health", WORKER_FIXTURE_WAIT_MS);
    expect_unhealthy("'test-", .age = "30s");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    /* A directory of its own is out of their reach. */
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s", worker_fixture_path(f, "run"));
    assert_int_equal(mkdir(directory, 0700), 0);
    setenv("XDG_RUNTIME_DIR", directory, 1);
    worker = start(f, "-t", "1");
    expect_healthy(.age = "30s");
    worker_fixture_kill(worker); /* which leaves its socket there */
    expect_unhealthy("'test-", .age = "30s");
    worker = start(f, "-t", "1");
    expect_healthy(.age = "30s");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(rmdir(directory), 0);
    unsetenv("XDG_RUNTIME_DIR");
    assert_int_equal(kill(squatter, SIGKILL), 0);
    assert_int_equal(waitpid(squatter, NULL, 0), squatter);
}

int main(void)
{
    unsetenv("XDG_RUNTIME_DIR");
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_nobody_is_there),
        WORKER_TEST(test_a_loop_that_hangs_is_seen),
        WORKER_TEST(test_a_supervisor_that_hangs_is_seen),
        WORKER_TEST(test_an_outage_of_redis_is_no_illness),
        WORKER_TEST(test_a_worker_that_stops_is_well),
        WORKER_TEST(test_a_worker_that_waits_for_a_rate_is_well),
        WORKER_TEST(test_workers_of_one_name),
        WORKER_TEST(test_names_that_another_user_has_taken),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
