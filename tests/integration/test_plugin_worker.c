/* Plugins in a real worker: many threads, crashes, and its end. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/worker_fixture.h"

enum { JOBS = 300 };

/* "BUILD/tests/plugins/handlers.so=FOLDER", the folder being the fixture's. */
static const char *plugin(struct worker_fixture *f)
{
    static char option[700];
    snprintf(option, sizeof option, "%s/tests/plugins/handlers.so=%s", getenv("DARG_BUILD_DIR"),
             f->directory);
    return option;
}

/* A file that the plugin has written, without its name. */
static const char *written(struct worker_fixture *f, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    return path;
}

static void forget(struct worker_fixture *f)
{
    static const char *const names[] = {"init", "fini", "running", "stopped", "cancelled"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)remove(written(f, names[i]));
}

static size_t count_lines(const char *path)
{
    char *text = worker_fixture_read(path);
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    free(text);
    return lines;
}

static void end(struct process *worker)
{
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

/* How much of a result had to be replaced is known, whichever process has done it. */
static void expect_replaced(struct worker_fixture *f, const char *option)
{
    worker_fixture_push(f, "{\"type\":\"bytes\",\"reply\":\"r\"}");
    struct process *worker =
        option ? worker_fixture_start(f, "-q", "jobs", "-t", "1", "--plugin", plugin(f), option)
               : worker_fixture_start(f, "-q", "jobs", "-t", "1", "--plugin", plugin(f));
    struct reply *told = commands_run(f->conn, "BLPOP", "darg:{jobs}:reply:r", "20");
    char *text = slice_dup(reply_slice(reply_at(told, 1)));
    assert_non_null(strstr(text, "\"replaced_bytes\":2}"));
    free(text);
    reply_free(told);
    end(worker);
}

static void test_replaced_bytes(void **state)
{
    expect_replaced(*state, NULL);
    expect_replaced(*state, "--isolate");
}

/* Each process begins and ends it once, however many threads and types there are. */
static void test_many_threads(void **state)
{
    struct worker_fixture *f = *state;
    forget(f);
    worker_fixture_push_many(f, JOBS, "quick", "[1]");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "4", "-p", "2", "--plugin", plugin(f));
    worker_fixture_wait_count(f, "done", JOBS);
    end(worker);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, JOBS);
    assert_int_equal(outcomes.ids, JOBS);
    assert_int_equal(outcomes.repeats + outcomes.reruns, 0);
    assert_int_equal(count_lines(written(f, "init")), 2);
    assert_int_equal(count_lines(written(f, "fini")), 2);
    assert_int_equal(count_lines(written(f, "cancelled")), 0);
    worker_fixture_expect_clean(f);
}

static void test_many_processes(void **state)
{
    struct worker_fixture *f = *state;
    forget(f);
    worker_fixture_push_many(f, JOBS, "done", "[\n1]");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "3", "--plugin", plugin(f), "--isolate");
    worker_fixture_wait_count(f, "done", JOBS);
    end(worker);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, JOBS);
    assert_int_equal(outcomes.ids, JOBS);
    assert_in_range(count_lines(written(f, "init")), 1, 3);
    assert_int_equal(count_lines(written(f, "fini")), count_lines(written(f, "init")));
    worker_fixture_expect_clean(f);
}

#define CRASH "{\"type\":\"crash\",\"id\":\"c\"}"
#define EXIT "{\"type\":\"exit\",\"id\":\"e\"}"
#define OTHER "{\"type\":\"done\",\"id\":\"d\"}"

static void test_a_crash_takes_the_worker(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_push(f, CRASH, OTHER);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2", "--max-crashes", "2",
                                                  "--backoff", "10ms..20ms", "--plugin", plugin(f));
    worker_fixture_wait_count(f, "buried", 1);
    worker_fixture_wait_count(f, "done", 1);
    assert_non_null(strstr(process_stderr(worker), "a worker process has died"));
    end(worker);
}

/* A process that is ended from within has not come to its end. */
static void test_an_exit_takes_the_worker(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_push(f, EXIT, OTHER);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2", "--max-crashes", "2",
                                                  "--backoff", "10ms..20ms", "--plugin", plugin(f));
    worker_fixture_wait_count(f, "buried", 1);
    worker_fixture_wait_count(f, "done", 1);
    assert_non_null(strstr(process_stderr(worker), "exit code 0, in the middle of its work"));
    end(worker);
}

static void test_a_crash_takes_one_job(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "2", "--max-crashes", "2", "--backoff",
                             "10ms..20ms", "--plugin", plugin(f), "--isolate");
    pid_t child = worker_fixture_child(worker);
    worker_fixture_push(f, CRASH, OTHER);
    worker_fixture_wait_count(f, "buried", 1);
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 2); /* then it was poison */
    assert_int_equal(worker_fixture_child(worker), child);
    end(worker);
}

/* At the end of a worker's patience its handlers are told, and what they held is given back. */
static void expect_given_back(struct worker_fixture *f, const char *type, const char *isolate)
{
    char job[64];
    forget(f);
    snprintf(job, sizeof job, "{\"type\":\"%s\"}", type);
    int64_t released = worker_fixture_count(f, "released");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--shutdown-timeout", "50ms",
                                                  "--plugin", plugin(f), isolate);
    worker_fixture_push(f, job);
    worker_fixture_wait_lines(written(f, "running"), 1);
    end(worker);
    assert_int_equal(worker_fixture_count(f, "released"), released + 1);
    commands_do(f->conn, "DEL", "darg:{jobs}");
}

static void test_the_end_stops_jobs(void **state)
{
    struct worker_fixture *f = *state;
    expect_given_back(f, "wait", NULL);
    assert_int_equal(count_lines(written(f, "stopped")), 1);
    expect_given_back(f, "cancelled", NULL);
    assert_int_equal(count_lines(written(f, "cancelled")), 1);
    expect_given_back(f, "wait", "--isolate");
    assert_int_equal(count_lines(written(f, "stopped")), 1);
}

/* A process that cannot start its plugin is tried again, and takes no job meanwhile. */
static void test_an_init_that_fails(void **state)
{
    struct worker_fixture *f = *state;
    char option[600];
    snprintf(option, sizeof option, "%s/tests/plugins/handlers.so=refuse",
             getenv("DARG_BUILD_DIR"));
    worker_fixture_push(f, OTHER);
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "--plugin", option);
    process_wait_stderr(worker, "cannot start: it was told to refuse", WORKER_FIXTURE_WAIT_MS);
    process_wait_stderr(worker, "a worker process has died", WORKER_FIXTURE_WAIT_MS);
    process_signal(worker, SIGTERM);
    (void)process_wait(worker, WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_replaced_bytes),           WORKER_TEST(test_many_threads),
        WORKER_TEST(test_many_processes),           WORKER_TEST(test_a_crash_takes_the_worker),
        WORKER_TEST(test_an_exit_takes_the_worker), WORKER_TEST(test_a_crash_takes_one_job),
        WORKER_TEST(test_the_end_stops_jobs),       WORKER_TEST(test_an_init_that_fails),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
