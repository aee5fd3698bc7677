/* A worker that was frozen for longer than its lease. */
#include "support/cmocka_all.h"

#include "support/worker_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct process *start(struct worker_fixture *f)
{
    const char *script = "echo >>${DIR}started; exec sleep 1.5";
    return worker_fixture_start(f, "-q", "jobs", "-t", "2", "--lease", "1s", "--handler",
                                worker_fixture_handler(f, "slow", script));
}

/* How often `text` stands in the worker's log. */
static int count_in_log(struct process *worker, const char *text)
{
    int count = 0;
    for (const char *at = process_stderr(worker); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void test_a_zombie_changes_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *zombie = start(f);
    pid_t child = worker_fixture_child(zombie);
    worker_fixture_push(f, "{\"type\":\"slow\",\"reply\":\"r\",\"id\":\"j0\"}");
    /* What is held and not started would be dropped, without a word of its end. */
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), 1);
    assert_int_equal(kill(child, SIGSTOP), 0);
    struct process *other = start(f);
    worker_fixture_wait_count(f, "done", 1);
    process_wait_stderr(other, "recovered the jobs of a dead worker", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(kill(child, SIGCONT), 0);

    /* It learns that its lease is gone, reports the run, and comes back under a new name. */
    process_wait_stderr(zombie, "jobs ended after their lease was lost", WORKER_FIXTURE_WAIT_MS);
    process_wait_stderr(zombie, "worker registered again", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(worker_fixture_child(zombie), child);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, 1);
    assert_int_equal(outcomes.ids, 1);
    assert_int_equal(outcomes.repeats, 0);
    /* Less those given back because no thread came to them on a busy machine. */
    assert_int_equal(worker_fixture_count(f, "claimed") - worker_fixture_count(f, "released"), 2);
    assert_int_equal(worker_fixture_count(f, "reaped"), 1);
    assert_int_equal(worker_fixture_count(f, "done"), 1);
    assert_int_equal(count_in_log(zombie, "job done") + count_in_log(other, "job done"), 2);

    /* And it works. */
    process_signal(other, SIGTERM);
    worker_fixture_expect_exit(other, 0);
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 2);
    process_signal(zombie, SIGTERM);
    worker_fixture_expect_exit(zombie, 0);
    worker_fixture_expect_clean(f);
}

/* What it had fetched and not started it drops: that is another's by now. */
static void test_a_zombie_starts_nothing_old(void **state)
{
    struct worker_fixture *f = *state;
    struct process *zombie =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--prefetch", "10", "--lease", "1s");
    pid_t child = worker_fixture_child(zombie);
    commands_do(f->conn, "LPUSH", "darg:{jobs}",
                "{\"type\":\"sleep\",\"args\":1500,\"reply\":\"r\",\"id\":\"j0\"}",
                "{\"type\":\"noop\",\"reply\":\"r\",\"id\":\"j1\"}",
                "{\"type\":\"noop\",\"reply\":\"r\",\"id\":\"j2\"}");
    worker_fixture_wait_held(f, 3);
    assert_int_equal(kill(child, SIGSTOP), 0);
    start(f);
    worker_fixture_wait_count(f, "done", 3);
    assert_int_equal(kill(child, SIGCONT), 0);
    process_wait_stderr(zombie, "worker registered again", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(zombie, 0);
    /* One job was running; only that one may have run twice. */
    assert_true(count_in_log(zombie, "job done") - count_in_log(zombie, "type=sleep") <= 0);
    assert_int_equal(worker_fixture_outcomes(f, 3).repeats, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 3);
}

/* A short freeze costs nothing. */
static void test_a_freeze_shorter_than_the_lease(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--lease", "1h");
    pid_t child = worker_fixture_child(worker);
    struct process *other = worker_fixture_start(f, "-q", "jobs", "--lease", "1h");
    assert_int_equal(kill(child, SIGSTOP), 0);
    worker_fixture_push_many(f, 50, "noop", "1");
    worker_fixture_wait_above(f, "claimed", 1);
    assert_int_equal(kill(child, SIGCONT), 0);
    worker_fixture_wait_count(f, "done", 50);
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    assert_int_equal(count_in_log(worker, "registered again"), 0);
    assert_int_equal(count_in_log(other, "recovered"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_zombie_changes_nothing),
        WORKER_TEST(test_a_zombie_starts_nothing_old),
        WORKER_TEST(test_a_freeze_shorter_than_the_lease),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
