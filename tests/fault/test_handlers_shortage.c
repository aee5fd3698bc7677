/* What the worker itself lacks - descriptors, processes - is laid to no job: jobs wait, run when
 * there is enough, and have no failed attempt and no run more than that. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/faults.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

enum { JOBS = 12, MORE_TYPES = 24 };

#define REPLIES "darg:{jobs}:reply:r"

static const char said[] = "jobs wait: the worker lacks the resources to start them";

/* A worker under these limits of descriptors, as prlimit(1) takes them; its further arguments end
 * with NULL. */
static struct process *start_under(struct worker_fixture *f, const char *limit,
                                   const char *const *args)
{
    const char *build = getenv("DARG_BUILD_DIR");
    const char *argv[MORE_TYPES * 2 + 20] = {"prlimit", limit};
    char program[256];
    size_t count = 2;
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    argv[count++] = program;
    argv[count++] = "-q";
    argv[count++] = "jobs";
    argv[count++] = "-r";
    argv[count++] = redis_server_url(f->server);
    for (; *args != NULL; args++)
        argv[count++] = *args;
    struct process *worker = process_start(&(struct process_options){.argv = argv});
    f->workers[f->count++] = worker;
    return worker;
}

static void expect_nobody_blamed(struct worker_fixture *f)
{
    assert_int_equal(worker_fixture_count(f, "buried"), 0); /* as a failed job would be */
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:dead"), 0);
}

/* A program has the soft limit that the worker was started with, whatever that has done for itself.
 */
static void test_the_soft_limit_is_raised(void **state)
{
    struct worker_fixture *f = *state;
    const char *const args[] = {
        "-t", "40", "--handler", "t=sh -c 'sleep 0.3; ulimit -Sn'", "--max-attempts", "1", NULL};
    struct process *worker = start_under(f, "--nofile=96:4096", args);
    worker_fixture_push_many(f, 80, "t", "null");
    worker_fixture_wait_count(f, "done", 80);
    expect_nobody_blamed(f);
    assert_int_equal(faults_in_log(worker, said), 0);
    char *result = commands_text(f->conn, "LINDEX", REPLIES, "0");
    if (strstr(result, "\"96\\n\"") == NULL)
        fail_msg("%s", result);
    free(result);
}

/* A limit that leaves room for a program in each thread, if not for all to start at once. */
static void test_a_hard_limit_that_is_enough(void **state)
{
    struct worker_fixture *f = *state;
    const char *const args[] = {"-t", "40", "--handler", "t=sleep 0.2", "--max-attempts",
                                "1",  NULL};
    start_under(f, "--nofile=96:450", args);
    worker_fixture_push_many(f, 80, "t", "null");
    worker_fixture_wait_count(f, "done", 80);
    expect_nobody_blamed(f);
}

static void test_too_low_a_hard_limit_is_refused(void **state)
{
    struct worker_fixture *f = *state;
    const char *const args[] = {"-t", "40", "--handler", "t=true", NULL};
    struct process *worker = start_under(f, "--nofile=96:96", args);
    worker_fixture_expect_exit(worker, 2);
    const char *sentence =
        "40 threads that run programs may need 430 descriptors, and this process "
        "may have 96: lower --threads, or raise the hard limit (ulimit -Hn)";
    if (strstr(process_stderr(worker), sentence) == NULL)
        fail_msg("%s", process_stderr(worker));
}

/* Persistent handlers take up all that there is: jobs of those types that come too late are put off
 * until somebody else takes them. */
static void test_no_descriptors(void **state)
{
    struct worker_fixture *f = *state;
    static char types[MORE_TYPES][300];
    const char *args[MORE_TYPES * 2 + 5] = {"-t", "4", "--max-attempts", "1"};
    const char *script =
        strchr(worker_fixture_handler(f, "t",
                                      "read -r hello\nwhile read -r job; do\nid=${job#'{\"id\":'}\n"
                                      "echo \"{\\\"id\\\":${id%%,*},\\\"done\\\":1}\"\ndone\n"),
               '=');
    for (size_t i = 0; i < MORE_TYPES; i++) {
        (void)snprintf(types[i], sizeof types[i], "t%zu=stream:%s", i, script + 1);
        args[4 + 2 * i] = "--handler";
        args[5 + 2 * i] = types[i];
    }
    struct process *worker = start_under(f, "--nofile=140:140", args);
    for (size_t i = 0; i < 4 * MORE_TYPES; i++) {
        char job[64];
        (void)snprintf(job, sizeof job, "{\"type\":\"t%zu\",\"reply\":\"r\"}", i % MORE_TYPES);
        worker_fixture_push(f, job);
    }
    process_wait_stderr(worker, said, WORKER_FIXTURE_WAIT_MS);
    worker_fixture_wait_above(f, "retried", 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    start_under(f, "--nofile=1024:1024", args);
    worker_fixture_wait_count(f, "done", 4 * MORE_TYPES);
    expect_nobody_blamed(f);
    while (commands_int(f->conn, "LLEN", REPLIES) > 0) {
        char *told = commands_text(f->conn, "LPOP", REPLIES);
        if (strstr(told, "\"run\":1,") == NULL)
            fail_msg("%s", told);
        free(told);
    }
}

/* The kernel refuses to run what would be one process too many of a user's. */
static void test_no_processes(struct worker_fixture *f, const char *delivery)
{
    if (geteuid() != 0) {
        print_message("only root can start programs of other users: skipped\n");
        skip();
    }
#ifdef __SANITIZE_THREAD__
    skip(); /* a vfork() that is a fork(): see spawn.c */
#endif
    struct process *worker = worker_fixture_start(
        f, "-q", "jobs", "-t", "4", "--max-attempts", "1", "--delivery", delivery, "--handler",
        "t=sleep 0.1", "--limit", "t=user=games,processes=1");
    worker_fixture_push_many(f, JOBS, "t", "null");
    worker_fixture_wait_count(f, "done", JOBS);
    expect_nobody_blamed(f);
    assert_int_equal(faults_in_log(worker, said), 1);
    assert_int_equal(worker_fixture_outcomes(f, JOBS).reruns, 0);
}

static void test_no_processes_at_least_once(void **state)
{
    test_no_processes(*state, "at-least-once");
}

static void test_no_processes_at_most_once(void **state)
{
    test_no_processes(*state, "at-most-once");
}

static bool is_other_done(void *context)
{
    const struct worker_fixture *f = context;
    return commands_int(f->conn, "HEXISTS", "darg:{other}:counts", "done") == 1;
}

/* What a type lacks for good is no matter of other types, be they in its queue or in another; its
 * jobs, alike to the byte, are all kept, and count nothing. */
static void test_other_types_go_on(struct worker_fixture *f, const char *delivery)
{
    struct process *worker = worker_fixture_start(
        f, "-q", "jobs", "-q", "other", "-t", "2", "--max-attempts", "1", "--delivery", delivery,
        "--handler", "lame=stream:sh -c 'exit 75'", "--handler", "t=true");
    for (size_t i = 0; i < JOBS; i++)
        worker_fixture_push(f, "{\"type\":\"lame\",\"reply\":\"r\"}");
    worker_fixture_push_many(f, JOBS, "t", "null");
    commands_do(f->conn, "LPUSH", "darg:{other}", "{\"type\":\"t\"}");
    worker_fixture_wait_count(f, "done", JOBS);
    assert_true(wait_until(is_other_done, f, WORKER_FIXTURE_WAIT_MS));
    process_wait_stderr(worker, "type=lame queue=jobs", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(faults_in_log(worker, said), 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled") +
                         commands_int(f->conn, "LLEN", "darg:{jobs}"),
                     JOBS);
    expect_nobody_blamed(f);
    commands_do(f->conn, "DEL", REPLIES);
    worker_fixture_start(f, "-q", "jobs", "--max-attempts", "1", "--delivery", delivery,
                         "--handler", "lame=true");
    worker_fixture_wait_count(f, "done", 2 * JOBS);
    expect_nobody_blamed(f);
    for (size_t i = 0; i < JOBS; i++) {
        char *told = commands_text(f->conn, "LPOP", REPLIES);
        if (strstr(told, "\"run\":1,") == NULL)
            fail_msg("%s", told);
        free(told);
    }
}

static void test_other_types_go_on_at_least_once(void **state)
{
    test_other_types_go_on(*state, "at-least-once");
}

static void test_other_types_go_on_at_most_once(void **state)
{
    test_other_types_go_on(*state, "at-most-once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_the_soft_limit_is_raised),
        WORKER_TEST(test_a_hard_limit_that_is_enough),
        WORKER_TEST(test_too_low_a_hard_limit_is_refused),
        WORKER_TEST(test_no_descriptors),
        WORKER_TEST(test_no_processes_at_least_once),
        WORKER_TEST(test_no_processes_at_most_once),
        WORKER_TEST(test_other_types_go_on_at_least_once),
        WORKER_TEST(test_other_types_go_on_at_most_once),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
