/* Children that die, a supervisor that dies, and jobs that kill. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CHILDREN = 3, MAX = 8 };

/* The first run tells its worker's pid and then waits to be killed with it. */
static const char hold[] = "echo $PPID >>\"${DIR}runs\"\n"
                           "[ $DARG_JOB_RUN -gt 1 ] || exec sleep 1000\n";

struct replacement {
    const struct process *worker;
    pid_t victim;
};

static bool is_replaced(void *context)
{
    const struct replacement *replacement = context;
    pid_t children[MAX];
    size_t count = worker_fixture_children(replacement->worker, children, MAX);
    for (size_t i = 0; i < count; i++)
        if (children[i] == replacement->victim)
            return false;
    return count == CHILDREN;
}

static void test_a_killed_child_is_replaced(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(f, "hold", hold);
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-p", "3", "--handler", handler, "--lease", "1h");
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:workers"), CHILDREN);
    worker_fixture_push(f, "{\"type\":\"hold\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "runs"), 1);
    char *text = worker_fixture_read(worker_fixture_path(f, "runs"));
    struct replacement replacement = {.worker = worker, .victim = (pid_t)strtol(text, NULL, 10)};
    free(text);
    int64_t begin_ms = clock_mono_ms();
    assert_int_equal(kill(replacement.victim, SIGKILL), 0);
    worker_fixture_wait_count(f, "done", 1); /* though the lease lasts for an hour */
    print_message("the killed child's job was done again after %lld ms\n",
                  (long long)(clock_mono_ms() - begin_ms));
    assert_true(wait_until(is_replaced, &replacement, WORKER_FIXTURE_WAIT_MS));
    assert_int_equal(worker_fixture_count(f, "reaped"), 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

struct pids {
    pid_t pids[MAX];
    size_t count;
};

static bool all_are_gone(void *context)
{
    const struct pids *pids = context;
    for (size_t i = 0; i < pids->count; i++)
        if (worker_fixture_is_alive(pids->pids[i]))
            return false;
    return true;
}

static void test_children_do_not_outlive_their_supervisor(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-p", "3", "-t", "1");
    worker_fixture_push_many(f, 9, "sleep", "200");
    worker_fixture_wait_above(f, "claimed", 3);
    struct pids pids = {.count = 0};
    pids.count = worker_fixture_children(worker, pids.pids, MAX);
    assert_int_equal(pids.count, CHILDREN);
    process_signal(worker, SIGKILL);
    assert_true(wait_until(all_are_gone, &pids, WORKER_FIXTURE_WAIT_MS));
    /* They ended as after a TERM: what ran is done, the rest is back in the queue. */
    assert_int_equal(worker_fixture_held(f), 0);
    int64_t left = commands_int(f->conn, "LLEN", "darg:{jobs}");
    assert_int_equal(worker_fixture_count(f, "done") + left, 9);
    assert_true(worker_fixture_count(f, "done") >= 1);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:workers"), 0);
}

/* The job that kills its worker is the one that dies, not those that happened to be near it. */
static void test_poison_is_buried_alone(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(f, "poison", "kill -9 $PPID\n");
    worker_fixture_start(f, "-q", "jobs", "-p", "2", "-t", "4", "--max-crashes", "3", "--handler",
                         handler, "--log-level", "warn");
    worker_fixture_push_many(f, 100, "sleep", "20");
    worker_fixture_push(f, "{\"type\":\"poison\",\"id\":\"p\"}");
    commands_do(f->conn, "RPUSH", "darg:{jobs}", "{\"type\":\"poison\",\"id\":\"q\"}");
    worker_fixture_wait_count(f, "buried", 2);
    worker_fixture_wait_count(f, "done", 100);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, 100);
    assert_int_equal(outcomes.ids, 100);
    assert_int_equal(outcomes.repeats, 0);
    print_message("%zu runs of neighbours were repeated\n", outcomes.reruns);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    assert_int_equal(reply_count(dead), 2);
    for (size_t i = 0; i < 2; i++) {
        char *member = slice_dup(reply_slice(reply_at(dead, i)));
        assert_non_null(strstr(member, "\"crashes\":3,"));
        assert_non_null(strstr(member, "poison: 3 workers died"));
        assert_non_null(strstr(member, ",\"job\":{\"type\":\"poison\",\"id\":\""));
        free(member);
    }
    reply_free(dead);
}

/* Nobody restarts what ends as it should. */
static void test_children_that_end_well_are_not_replaced(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-p", "3");
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    assert_null(strstr(process_stderr(worker), "starting another"));
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_killed_child_is_replaced),
        WORKER_TEST(test_children_do_not_outlive_their_supervisor),
        WORKER_TEST(test_poison_is_buried_alone),
        WORKER_TEST(test_children_that_end_well_are_not_replaced),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
