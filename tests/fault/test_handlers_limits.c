/* Workers that are given too few descriptors, or too little memory for their threads: they say so,
 * and what is only half started claims nothing. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct limited {
    struct worker_fixture *fixture;
    struct process *worker;
};

static bool has_said_or_done(void *context)
{
    struct limited *limited = context;
    return faults_in_log(limited->worker, "ERROR") > 0 ||
           faults_in_log(limited->worker, "Too many open files") > 0 ||
           process_poll(limited->worker) >= 0 || worker_fixture_count(limited->fixture, "done") > 0;
}

/* True if it works under this option of prlimit(1); otherwise it has said why not, and holds
 * nothing. What it has done is looked at once it has ended: one that complains may still get on. */
static bool works_under(struct worker_fixture *f, const char *limit, const char *threads)
{
    const char *build = getenv("DARG_BUILD_DIR");
    char program[256];
    assert_int_equal(worker_fixture_reset((void **)&f), 0);
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    const char *const argv[] = {
        "prlimit", limit, program, "-q", "jobs", "-t", threads, "-r", redis_server_url(f->server),
        NULL};
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    struct limited limited = {f, process_start(&(struct process_options){.argv = argv})};
    f->workers[f->count++] = limited.worker;
    assert_true(wait_until(has_said_or_done, &limited, WORKER_FIXTURE_WAIT_MS));
    process_signal(limited.worker, SIGTERM);
    (void)process_wait(limited.worker, WORKER_FIXTURE_WAIT_MS);
    bool is_working = worker_fixture_count(f, "done") > 0;
    if (!is_working) {
        assert_true(strlen(process_stderr(limited.worker)) > 0);
        /* Given back by itself, or by the one that came after it. */
        assert_int_equal(worker_fixture_count(f, "claimed"),
                         worker_fixture_count(f, "released") + worker_fixture_count(f, "reaped"));
        assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}") +
                             commands_int(f->conn, "LLEN", "darg:{jobs}:suspects"),
                         1);
    }
    assert_int_equal(worker_fixture_held(f), 0);
    return is_working;
}

/* What cannot be started whole claims nothing at all. */
static void assert_refused_under(struct worker_fixture *f, const char *limit, const char *threads)
{
    assert_false(works_under(f, limit, threads));
    assert_int_equal(worker_fixture_count(f, "claimed"), 0);
}

static void test_descriptors(void **state)
{
    struct worker_fixture *f = *state;
    assert_refused_under(f, "--nofile=4", "2");
    assert_refused_under(f, "--nofile=8", "2");
    (void)works_under(f, "--nofile=12", "2"); /* one or the other */
    (void)works_under(f, "--nofile=16", "2");
    assert_true(works_under(f, "--nofile=64", "2"));
}

static void test_threads(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)state;
    skip(); /* which want more address space than that for themselves */
#else
    assert_refused_under(*state, "--as=1000000000", "900");
    assert_true(works_under(*state, "--as=1000000000", "4"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_descriptors),
        WORKER_TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
