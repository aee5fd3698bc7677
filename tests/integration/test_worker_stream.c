/* Persistent handlers, in a real worker: jobs are done, a process that dies is blamed on its job
 * alone, and none outlives the worker. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/faults.h"
#include "support/worker_fixture.h"

enum { JOBS = 200 };

/* Answers each job with the id it finds in its line; "die" in the args: dies. */
static const char script[] = "read -r hello\n"
                             "echo $$ >>\"${DIR}pids\"\n"
                             "while read -r job; do\n"
                             "    case $job in *die*) kill -9 $$ ;; esac\n"
                             "    id=${job#*:}\n"
                             "    echo \"{\\\"id\\\":${id%%,*},\\\"done\\\":1}\"\n"
                             "done\n";

/* "TYPE=stream:sh FILE" */
static void make_option(struct worker_fixture *f, char *option, size_t size)
{
    const char *plain = worker_fixture_handler(f, "s", script);
    snprintf(option, size, "s=stream:%s", strchr(plain, '=') + 1);
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

static void expect_all_gone(const char *path)
{
    char *text = worker_fixture_read(path);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        assert_false(worker_fixture_is_alive(atoi(line)));
    free(text);
}

/* However much a job has to say, the log stays of use. */
static void test_log_lines_are_limited(void **state)
{
    struct worker_fixture *f = *state;
    char option[256];
    const char *plain = worker_fixture_handler(
        f, "s",
        "read -r hello\n"
        "while read -r job; do\n"
        "    long=$(head -c 6000 /dev/zero | tr '\\0' y)\n"
        "    echo \"{\\\"log\\\":\\\"$long\\\"}\"\n"
        "    i=0; while [ $i -lt 1200 ]; do echo '{\"log\":\"said so\"}'; i=$((i + 1)); done\n"
        "    id=${job#*:}\n"
        "    echo \"{\\\"id\\\":${id%%,*},\\\"done\\\":1}\"\n"
        "done\n");
    snprintf(option, sizeof option, "s=stream:%s", strchr(plain, '=') + 1);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", option);
    worker_fixture_push_many(f, 2, "s", "null");
    worker_fixture_wait_count(f, "done", 2);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(faults_in_log(worker, "said=\"said so\""), 2 * 999);
    assert_int_equal(faults_in_log(worker, "said=\"(more of this job, left out)\""), 2);
    const char *long_line = strstr(process_stderr(worker), "yyyy");
    assert_non_null(long_line);
    assert_int_equal(strspn(long_line, "y"), 1024);
}

static void test_jobs_share_processes(void **state)
{
    struct worker_fixture *f = *state;
    char option[256];
    make_option(f, option, sizeof option);
    const char *path = worker_fixture_path(f, "pids");
    worker_fixture_push_many(f, JOBS, "s", "[1]");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "4", "--handler", option);
    worker_fixture_wait_count(f, "done", JOBS);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_in_range(count_lines(path), 1, 4);
    expect_all_gone(path);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, JOBS);
    assert_int_equal(outcomes.ids, JOBS);
    assert_int_equal(outcomes.reruns, 0);
    worker_fixture_expect_clean(f);
}

static void test_a_death_counts_a_crash(void **state)
{
    struct worker_fixture *f = *state;
    char option[256];
    make_option(f, option, sizeof option);
    const char *path = worker_fixture_path(f, "pids");
    worker_fixture_push(f, "{\"type\":\"s\",\"id\":\"a\",\"args\":\"die\"}",
                        "{\"type\":\"s\",\"id\":\"b\"}");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2", "--max-crashes", "2",
                                                  "--backoff", "10ms..20ms", "--handler", option);
    worker_fixture_wait_count(f, "buried", 1);
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 2); /* then it was poison */
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    expect_all_gone(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_jobs_share_processes),
        WORKER_TEST(test_log_lines_are_limited),
        WORKER_TEST(test_a_death_counts_a_crash),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
