/* TERM as it comes from those who send it to all of a worker's processes at once. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOB "{\"type\":\"gate\",\"id\":\"j\",\"max_attempts\":1}"

/* Waits for a file, having told its pid. */
static const char gate[] = "echo $$ >>\"${DIR}pids\"\n"
                           "while ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n";

/* Likewise, as a persistent process; and, if it is told to end, ends well. */
static const char lasting[] = "read -r hello\n"
                              "read -r job\n"
                              "trap 'exit 0' TERM\n"
                              "echo $$ >>\"${DIR}pids\"\n"
                              "while :; do sleep 0.02; done\n";

static struct process *start(struct worker_fixture *f, const char *handler)
{
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--handler", handler, "--max-crashes", "1");
    worker_fixture_push(f, JOB);
    worker_fixture_wait_lines(worker_fixture_path(f, "pids"), 1);
    return worker;
}

static pid_t program(struct worker_fixture *f)
{
    char *text = worker_fixture_read(worker_fixture_path(f, "pids"));
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    free(text);
    return pid;
}

/* The child hears it first, then the supervisor, which passes it on; and hears it once more, as
 * `timeout` has it. The job has its time. */
static void test_it_is_one_stop(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, worker_fixture_handler(f, "gate", gate));
    assert_int_equal(kill(worker_fixture_child(worker), SIGTERM), 0);
    process_wait_stderr(worker, "finishing what runs", WORKER_FIXTURE_WAIT_MS);
    process_signal(worker, SIGTERM);
    process_signal(worker, SIGINT);
    worker_fixture_wait_renewals(f);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_expect_exit(worker, 0);
    assert_null(strstr(process_stderr(worker), "again"));
    assert_int_equal(worker_fixture_count(f, "done"), 1);
    worker_fixture_expect_clean(f);
}

/* The program hears it first, and is ended by it: that is no failure of the job's. */
static void expect_given_back(struct worker_fixture *f, const char *handler)
{
    struct process *worker = start(f, handler);
    assert_int_equal(kill(program(f), SIGTERM), 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "buried"), 0);
    assert_int_equal(worker_fixture_count(f, "retried"), 0);
    assert_int_equal(worker_fixture_count(f, "released"), 1);
    char *job = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_non_null(strstr(job, "\"crashes\":0,\"attempt\":0,"));
    free(job);
    worker_fixture_expect_clean(f);
}

static void test_a_program_that_hears_it_first(void **state)
{
    struct worker_fixture *f = *state;
    expect_given_back(f, worker_fixture_handler(f, "gate", gate));
}

static void test_a_process_that_stays_hears_it_first(void **state)
{
    struct worker_fixture *f = *state;
    char option[300];
    const char *plain = worker_fixture_handler(f, "gate", lasting);
    (void)snprintf(option, sizeof option, "gate=stream:%s", strchr(plain, '=') + 1);
    expect_given_back(f, option);
}

/* One whose worker goes on has failed. */
static void test_a_program_alone(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, worker_fixture_handler(f, "gate", gate));
    assert_int_equal(kill(program(f), SIGTERM), 0);
    worker_fixture_wait_count(f, "buried", 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_it_is_one_stop),
        WORKER_TEST(test_a_program_that_hears_it_first),
        WORKER_TEST(test_a_process_that_stays_hears_it_first),
        WORKER_TEST(test_a_program_alone),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
