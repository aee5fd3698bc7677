/* Redis that dies, that throws its clients out, and that forgets its scripts, under load. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void start_two(struct worker_fixture *f)
{
    for (int i = 0; i < 2; i++)
        worker_fixture_start(f, "-q", "jobs", "-t", "4");
}

static void restart_redis(struct worker_fixture *f)
{
    redis_server_restart(f->server);
    conn_discard(f->conn);
    commands_must_connect(f->conn);
}

/* How many jobs the workers have run to their end, by their logs. */
static size_t count_runs(struct worker_fixture *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        for (const char *at = process_stderr(f->workers[i]); (at = strstr(at, " job done ")); at++)
            count++;
    return count;
}

static void expect_all(struct worker_fixture *f, size_t count, bool may_repeat)
{
    worker_fixture_wait_above(f, "done", (int64_t)count);
    worker_fixture_wait_held(f, 0);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, count);
    size_t runs = count_runs(f);
    print_message("%zu jobs: %zu runs, %zu results repeated\n", count, runs, outcomes.repeats);
    assert_int_equal(outcomes.ids, count);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:inbox"), 0);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:dead"), 0);
    if (!may_repeat) {
        assert_int_equal(outcomes.repeats, 0);
        assert_int_equal(runs, count);
    }
}

static void test_redis_is_killed_and_comes_back(void **state)
{
    enum { COUNT = 2000 };
    struct worker_fixture *f = *state;
    start_two(f);
    worker_fixture_push_many(f, COUNT, "sleep", "3");
    for (int i = 1; i <= 3; i++) {
        worker_fixture_wait_above(f, "done", i * COUNT / 5);
        restart_redis(f);
    }
    expect_all(f, COUNT, true);
}

/* The server cuts all links but ours, again and again, while there is work. */
static void test_clients_are_thrown_out(void **state)
{
    enum { COUNT = 1500, TIMES = 40, PAUSE_MS = 50 };
    struct worker_fixture *f = *state;
    start_two(f);
    worker_fixture_push_many(f, COUNT, "sleep", "5");
    int64_t cut = 0;
    for (int i = 0; i < TIMES; i++) {
        cut += commands_int(f->conn, "CLIENT", "KILL", "TYPE", "normal");
        (void)poll(NULL, 0, PAUSE_MS);
    }
    print_message("%lld links cut\n", (long long)cut);
    assert_true(cut >= 10); /* those that are away already cannot be cut */
    expect_all(f, COUNT, false);
}

static void test_scripts_are_forgotten(void **state)
{
    enum { COUNT = 2000 };
    struct worker_fixture *f = *state;
    start_two(f);
    worker_fixture_push_many(f, COUNT, "sleep", "3");
    int times = 0;
    for (; worker_fixture_count(f, "done") < COUNT; times++) {
        commands_do(f->conn, "SCRIPT", "FLUSH");
        (void)poll(NULL, 0, 5);
    }
    print_message("scripts forgotten %d times\n", times);
    assert_true(times > 20);
    expect_all(f, COUNT, false);
}

/* What has ended while Redis was away is acknowledged when it is back. */
static void test_work_goes_on_while_redis_is_away(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n"
        "echo >>\"${DIR}ended\"\n");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"gate\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    redis_server_kill(f->server);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_wait_lines(worker_fixture_path(f, "ended"), 1);
    process_wait_stderr(worker, "finished jobs cannot be settled yet", WORKER_FIXTURE_WAIT_MS);
    restart_redis(f);
    worker_fixture_wait_count(f, "done", 1);
    char *runs = worker_fixture_read(worker_fixture_path(f, "running"));
    assert_string_equal(runs, "\n"); /* it ran once */
    free(runs);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_redis_is_killed_and_comes_back),
        WORKER_TEST(test_clients_are_thrown_out),
        WORKER_TEST(test_scripts_are_forgotten),
        WORKER_TEST(test_work_goes_on_while_redis_is_away),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup_durable, worker_fixture_teardown);
}
