/* darg-worker --health: whether the worker beside it fetches, not whether it exists. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "base/clock.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    (void)snprintf(pid, sizeof pid, "process %d has not turned", (int)children[1]);
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

/* A second worker of the name works all the same; the first goes on to answer. */
static void test_a_name_that_is_taken(void **state)
{
    struct worker_fixture *f = *state;
    start(f, "-t", "1");
    struct process *second = start(f, "-t", "1");
    process_wait_stderr(second, "--health is not answered by this worker", WORKER_FIXTURE_WAIT_MS);
    process_signal(second, SIGTERM);
    worker_fixture_expect_exit(second, 0);
    expect_healthy(.age = "30s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_nobody_is_there),
        WORKER_TEST(test_a_loop_that_hangs_is_seen),
        WORKER_TEST(test_a_supervisor_that_hangs_is_seen),
        WORKER_TEST(test_an_outage_of_redis_is_no_illness),
        WORKER_TEST(test_a_worker_that_stops_is_well),
        WORKER_TEST(test_a_worker_that_waits_for_a_rate_is_well),
        WORKER_TEST(test_a_name_that_is_taken),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
