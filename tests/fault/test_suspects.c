/* Jobs that were running when their worker died are run again one at a time, and hold up nobody. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { SUSPECTS = 8, BEHIND = 100 };

/* Each leaves a line as it starts, and goes on until the gate is there. */
static const char gate[] = "echo $DARG_JOB_ID >>\"${DIR}started\"\n"
                           "until [ -e \"${DIR}gate\" ]; do sleep 0.05; done\n";

static int64_t waiting_suspects(struct worker_fixture *f)
{
    return commands_int(f->conn, "LLEN", "darg:{jobs}:suspects");
}

/* Jobs s0 to s7 run, and their worker is killed. */
static struct process *lose_worker(struct worker_fixture *f)
{
    char job[96];
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "8", "--lease", "1h", "--handler",
                             worker_fixture_handler(f, "gate", gate), "--log-level", "warn");
    for (int i = 0; i < SUSPECTS; i++) {
        (void)snprintf(job, sizeof job, "{\"type\":\"gate\",\"id\":\"s%d\"}", i);
        worker_fixture_push(f, job);
    }
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), SUSPECTS);
    (void)kill(worker_fixture_child(worker), SIGKILL);
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), SUSPECTS + 1);
    return worker;
}

static void open_gate(struct worker_fixture *f)
{
    worker_fixture_touch(worker_fixture_path(f, "gate"));
}

/* What was pushed behind them is done while one of them runs and the others wait for it. */
static void test_others_go_on(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = lose_worker(f);
    for (int i = 0; i < BEHIND; i++)
        worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", BEHIND);
    assert_int_equal(waiting_suspects(f), SUSPECTS - 1);
    assert_int_equal(worker_fixture_held(f), 1);
    open_gate(f);
    worker_fixture_wait_count(f, "done", BEHIND + SUSPECTS);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* A drain ends when they have ended, too: they were pushed before the sentinel. */
static void test_drain_waits_for_them(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = lose_worker(f);
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}");
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_wait_renewals(f);
    assert_int_equal(process_poll(worker), -1);
    open_gate(f);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), SUSPECTS + 1);
    assert_int_equal(worker_fixture_count(f, "drains"), 1);
    worker_fixture_expect_clean(f);
}

/* A worker that sleeps at an empty line is told of them. */
static void test_a_sleeper_is_told(void **state)
{
    struct worker_fixture *f = *state;
    (void)worker_fixture_start(f, "-q", "jobs", "-t", "2", "--lease", "1h", "--handler",
                               worker_fixture_handler(f, "gate", "true"), "--log-level", "warn");
    commands_do(f->conn, "LPUSH", "darg:{jobs}:suspects",
                "{\"darg\":1,\"runs\":1,\"crashes\":1,\"job\":{\"type\":\"noop\"}}");
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(waiting_suspects(f), 0);
}

/* An at-most-once worker takes them, too: no other may be there. */
static void test_at_most_once(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}");
    commands_do(f->conn, "LPUSH", "darg:{jobs}:suspects",
                "{\"darg\":1,\"runs\":1,\"crashes\":1,\"job\":{\"type\":\"noop\"}}");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2", "--delivery",
                                                  "at-most-once", "--log-level", "warn");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 2);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_others_go_on),
        WORKER_TEST(test_drain_waits_for_them),
        WORKER_TEST(test_a_sleeper_is_told),
        WORKER_TEST(test_at_most_once),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
