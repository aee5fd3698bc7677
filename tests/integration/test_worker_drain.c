/* The sentinel, met by several workers. */
#include "support/cmocka_all.h"

#include "support/worker_fixture.h"

#include <stdlib.h>

enum { WORKERS = 3 };

static void start_three(struct worker_fixture *f, struct process **workers)
{
    for (int i = 0; i < WORKERS; i++)
        workers[i] = worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s",
                                          "--log-level", "warn");
}

/* Jobs that stand behind the sentinel are untouched, and the queue goes on with new workers. */
static void expect_drained(struct worker_fixture *f, int64_t done, const char *left)
{
    assert_int_equal(worker_fixture_count(f, "done"), done);
    assert_int_equal(worker_fixture_count(f, "drains"), 1);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
    char *last = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_string_equal(last, left);
    worker_fixture_expect_clean(f);
    worker_fixture_push(f, last);
    free(last);
    struct process *next = worker_fixture_start(f, "-q", "jobs", "--burst");
    worker_fixture_expect_exit(next, 0);
    assert_int_equal(worker_fixture_count(f, "done"), done + 1);
    worker_fixture_expect_clean(f);
}

#define AFTER "{\"type\":\"noop\",\"id\":\"after\"}"

static void check_drain(struct worker_fixture *f, const char *sentinel)
{
    struct process *workers[WORKERS];
    start_three(f, workers);
    worker_fixture_push_many(f, 100, "sleep", "10");
    worker_fixture_push(f, sentinel, AFTER);
    for (int i = 0; i < WORKERS; i++)
        worker_fixture_expect_exit(workers[i], 0);
    expect_drained(f, 100, AFTER);
}

static void test_three_workers_drain(void **state)
{
    check_drain(*state, "{\"darg\":\"drain\"}");
}

static void test_blanks_in_the_sentinel(void **state)
{
    check_drain(*state, " {\t\"darg\" :\n\"drain\" } ");
}

static void test_sentinels_in_a_row_are_one(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    start_three(f, workers);
    /* At once: after the first alone, the drain might be over before the second comes. */
    commands_do(f->conn, "LPUSH", "darg:{jobs}", "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}",
                "{\"darg\": \"drain\"}", AFTER);
    for (int i = 0; i < WORKERS; i++)
        worker_fixture_expect_exit(workers[i], 0);
    expect_drained(f, 1, AFTER);
}

/* What a killed worker held comes back ahead of the sentinel, and is done before anybody leaves. */
static void test_a_worker_killed_on_the_way(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    start_three(f, workers);
    worker_fixture_push_many(f, 200, "sleep", "20");
    worker_fixture_push(f, "{\"darg\":\"drain\"}", AFTER);
    worker_fixture_wait_above(f, "done", 20);
    worker_fixture_kill(workers[1]);
    worker_fixture_expect_exit(workers[0], 0);
    worker_fixture_expect_exit(workers[2], 0);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, 200);
    assert_int_equal(outcomes.ids, 200);
    assert_int_equal(outcomes.repeats, 0);
    assert_true(worker_fixture_count(f, "reaped") > 0);
    assert_int_equal(outcomes.reruns, worker_fixture_count(f, "reaped"));
    expect_drained(f, 200, AFTER);
}

/* It holds nothing, but its registration stands for jobs it might have held: it is waited for. */
static void test_a_killed_worker_that_held_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    start_three(f, workers);
    worker_fixture_kill(workers[2]);
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}", AFTER);
    worker_fixture_expect_exit(workers[0], 0);
    worker_fixture_expect_exit(workers[1], 0);
    expect_drained(f, 1, AFTER);
}

static void test_ignored(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_start(f, "-q", "jobs", "--ignore-sentinel");
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}", AFTER);
    worker_fixture_wait_count(f, "done", 2);
    worker_fixture_wait_count(f, "discarded", 1);
    assert_int_equal(worker_fixture_count(f, "drains"), 0);
}

/* A worker of several queues leaves the drained one and goes on with the other. */
static void test_one_queue_of_two(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "other", "-q", "jobs");
    commands_do(f->conn, "LPUSH", "darg:{other}", "{\"darg\":\"drain\"}");
    process_wait_stderr(worker, "drained: leaving", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_push(f, AFTER);
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(process_poll(worker), -1);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_three_workers_drain),
        WORKER_TEST(test_blanks_in_the_sentinel),
        WORKER_TEST(test_sentinels_in_a_row_are_one),
        WORKER_TEST(test_a_worker_killed_on_the_way),
        WORKER_TEST(test_a_killed_worker_that_held_nothing),
        WORKER_TEST(test_ignored),
        WORKER_TEST(test_one_queue_of_two),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
