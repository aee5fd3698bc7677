/* --delivery at-most-once. */
#include "support/cmocka_all.h"

#include "support/worker_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define AFTER "{\"type\":\"noop\",\"id\":\"after\"}"

static struct process *start(struct worker_fixture *f)
{
    return worker_fixture_start(f, "-q", "jobs", "-t", "4", "--delivery", "at-most-once", "--lease",
                                "1s");
}

static void test_it_runs_jobs_and_records_none(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f);
    worker_fixture_push_many(f, 500, "noop", "1");
    worker_fixture_wait_count(f, "done", 500);
    assert_int_equal(worker_fixture_outcomes(f, 500).ids, 500);
    assert_int_equal(worker_fixture_outcomes(f, 500).repeats, 0);
    struct reply *keys = commands_run(f->conn, "KEYS", "darg:{jobs}:claimed:*");
    assert_int_equal(reply_count(keys), 0);
    reply_free(keys);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_term_waits_for_what_runs(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--delivery",
                                                  "at-most-once", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"gate\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    worker_fixture_push(f, AFTER);
    process_signal(worker, SIGTERM);
    process_wait_stderr(worker, "finishing what runs", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 1);
    char *left = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_string_equal(left, AFTER);
    free(left);
    worker_fixture_expect_clean(f);
}

static void test_what_fails_is_dead_at_once(void **state)
{
    struct worker_fixture *f = *state;
    start(f);
    worker_fixture_push(f, "{\"type\":\"fail\",\"args\":\"broken\"}", "not json");
    worker_fixture_wait_count(f, "buried", 2);
    assert_int_equal(worker_fixture_count(f, "retried"), 0);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 0);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    assert_int_equal(reply_count(dead), 2);
    int found = 0;
    for (size_t i = 0; i < 2; i++) {
        char *member = slice_dup(reply_slice(reply_at(dead, i)));
        found += strstr(member, ",\"job\":{\"type\":\"fail\",\"args\":\"broken\"}}") != NULL &&
                 strstr(member, "\"error\":\"broken\"") != NULL;
        found += strstr(member, ",\"job\":not json}") != NULL;
        free(member);
    }
    assert_int_equal(found, 2);
    reply_free(dead);
}

/* Nothing runs twice: what was in hand goes with its worker. */
static void test_a_crash_loses_what_was_running_only(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler =
        worker_fixture_handler(f, "poison", "echo >>\"${DIR}runs\"\nkill -9 $PPID\n");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--delivery",
                                                  "at-most-once", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"poison\"}", "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    char *runs = worker_fixture_read(worker_fixture_path(f, "runs"));
    assert_string_equal(runs, "\n");
    free(runs);
    worker_fixture_expect_clean(f);
}

static void expect_after(struct worker_fixture *f)
{
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
    char *left = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_string_equal(left, AFTER);
    free(left);
    worker_fixture_expect_clean(f);
}

static void test_it_hands_the_sentinel_back(void **state)
{
    struct worker_fixture *f = *state;
    struct process *one = start(f), *two = start(f);
    worker_fixture_push_many(f, 50, "sleep", "5");
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(one, 0);
    worker_fixture_expect_exit(two, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 50);
    assert_int_equal(worker_fixture_count(f, "drains"), 1);
    worker_fixture_expect_clean(f);
}

static void test_both_kinds_share_a_queue(void **state)
{
    struct worker_fixture *f = *state;
    struct process *once = start(f);
    struct process *least = worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s");
    worker_fixture_push_many(f, 400, "sleep", "5");
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(once, 0);
    worker_fixture_expect_exit(least, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 400);
    assert_int_equal(worker_fixture_outcomes(f, 400).ids, 400);
    assert_int_equal(worker_fixture_outcomes(f, 400).repeats, 0);
    worker_fixture_push(f, AFTER);
    expect_after(f);
}

/* A thread that waits at Redis hears of a shutdown key at once, not with the next job. */
static void test_quiet_takes_no_more(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "2", "--delivery", "at-most-once");
    commands_do(f->conn, "SET", "darg:{jobs}:shutdown", "quiet");
    process_wait_stderr(worker, "a shutdown key is set", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_wait_renewals(f);
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_renewals(f);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
    commands_do(f->conn, "DEL", "darg:{jobs}:shutdown");
    worker_fixture_wait_count(f, "done", 1);
    /* Not by the fixture's kill -9: Redis may go on serving a pop of the dead, in the next test. */
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

static void test_burst(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_push_many(f, 20, "noop", "1");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--delivery", "at-most-once", "--burst");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 20);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_it_runs_jobs_and_records_none),
        WORKER_TEST(test_term_waits_for_what_runs),
        WORKER_TEST(test_what_fails_is_dead_at_once),
        WORKER_TEST(test_a_crash_loses_what_was_running_only),
        WORKER_TEST(test_it_hands_the_sentinel_back),
        WORKER_TEST(test_both_kinds_share_a_queue),
        WORKER_TEST(test_quiet_takes_no_more),
        WORKER_TEST(test_burst),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
