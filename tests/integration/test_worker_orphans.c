/* What programs have started does not outlive their worker, even where it has no control groups. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAMS = 3 };

/* Run 1 leaves three processes: itself, one in its process group, and one in a group of its own.
 * Run 2 tells which of them still run. */
static const char leave[] = "if [ $DARG_JOB_RUN -gt 1 ]; then\n"
                            "  while read pid; do\n"
                            "    read x x state x 2>/dev/null </proc/$pid/stat || continue\n"
                            "    [ $state = Z ] || echo $pid >>\"${DIR}late\"\n"
                            "  done <\"${DIR}pids\"\n"
                            "  exit 0\n"
                            "fi\n"
                            "sleep 1000 &\n"
                            "first=$!\n"
                            "timeout 1000 sleep 1000 &\n"
                            "second=$!\n"
                            "until [ \"$(cut -d' ' -f5 /proc/$second/stat)\" = $second ]; do\n"
                            "  sleep 0.01\n"
                            "done\n"
                            "printf '%s\\n' $$ $first $second >\"${DIR}pids\"\n"
                            "wait\n";

struct left {
    pid_t pids[PROGRAMS];
};

static bool are_gone(void *context)
{
    const struct left *left = context;
    for (size_t i = 0; i < PROGRAMS; i++)
        if (worker_fixture_is_alive(left->pids[i]))
            return false;
    return true;
}

static struct process *start(struct worker_fixture *f, struct left *left)
{
    const char *handler = worker_fixture_handler(f, "leave", leave);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--handler", handler, "--cgroup",
                                                  "none", "--lease", "1h");
    worker_fixture_push(f, "{\"type\":\"leave\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "pids"), PROGRAMS);
    char *text = worker_fixture_read(worker_fixture_path(f, "pids"));
    char *at = text;
    for (size_t i = 0; i < PROGRAMS; i++)
        left->pids[i] = (pid_t)strtol(at, &at, 10);
    free(text);
    assert_false(are_gone(left));
    return worker;
}

static void test_a_killed_child_leaves_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct left left;
    struct process *worker = start(f, &left);
    assert_int_equal(kill(worker_fixture_child(worker), SIGKILL), 0);
    worker_fixture_wait_count(f, "done", 1);
    char *late = worker_fixture_read(worker_fixture_path(f, "late"));
    assert_string_equal(late, "");
    free(late);
    assert_true(are_gone(&left));
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_a_worker_killed_whole_leaves_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct left left;
    struct process *worker = start(f, &left);
    worker_fixture_kill(worker);
    assert_true(wait_until(are_gone, &left, WORKER_FIXTURE_WAIT_MS));
}

/* The programs of a persistent process are told of in the same way. */
static void test_a_process_that_stays_leaves_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct left left = {.pids = {0}};
    char option[300], script[256];
    (void)snprintf(script, sizeof script, "%s", worker_fixture_handler(f, "stay", leave));
    (void)snprintf(option, sizeof option, "stay=stream:env DARG_JOB_RUN=1 %s",
                   strchr(script, '=') + 1);
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--handler", option, "--cgroup", "none");
    worker_fixture_push(f, "{\"type\":\"stay\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "pids"), PROGRAMS);
    char *text = worker_fixture_read(worker_fixture_path(f, "pids"));
    char *at = text;
    for (size_t i = 0; i < PROGRAMS; i++)
        left.pids[i] = (pid_t)strtol(at, &at, 10);
    free(text);
    assert_false(are_gone(&left));
    process_signal(worker, SIGSTOP); /* it is to start no other */
    assert_int_equal(kill(worker_fixture_child(worker), SIGKILL), 0);
    process_signal(worker, SIGKILL);
    assert_true(wait_until(are_gone, &left, WORKER_FIXTURE_WAIT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_killed_child_leaves_nothing),
        WORKER_TEST(test_a_worker_killed_whole_leaves_nothing),
        WORKER_TEST(test_a_process_that_stays_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
