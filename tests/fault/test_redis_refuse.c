/* A Redis that refuses: full, or no longer allowing what it did. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs `darg push` once; its exit code, and what it said on stderr in `said`. */
static int push(struct worker_fixture *f, char *said, size_t size)
{
    const char *build = getenv("DARG_BUILD_DIR");
    char program[256];
    (void)snprintf(program, sizeof program, "%s/darg", build == NULL ? "build" : build);
    const char *const argv[] = {program, "push",
                                "noop",  "-q",
                                "jobs",  "--no-wait-for-room",
                                "-r",    redis_server_url(f->server),
                                NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int exit_code = process_wait(process, WORKER_FIXTURE_WAIT_MS);
    (void)snprintf(said, size, "%s", process_stderr(process));
    process_free(process);
    return exit_code;
}

static void push_large(struct worker_fixture *f, int count)
{
    char job[1200], padding[1000];
    memset(padding, 'x', sizeof padding);
    for (int i = 0; i < count; i++) {
        (void)snprintf(job, sizeof job, "{\"type\":\"noop\",\"args\":\"%.*s\"}",
                       (int)sizeof padding, padding);
        commands_do(f->conn, "LPUSH", "darg:{jobs}", job);
    }
}

/* A full Redis empties itself: workers start, claim and settle; only pushes are refused. */
static void test_full(void **state)
{
    enum { JOBS = 3000 };
    struct worker_fixture *f = *state;
    char said[512];
    struct process *before = worker_fixture_start(f, "-q", "jobs", "--log-level", "warn");
    process_signal(before, SIGTSTP);
    push_large(f, JOBS);
    commands_do(f->conn, "CONFIG", "SET", "maxmemory", "1mb");
    assert_int_equal(push(f, said, sizeof said), 1);
    assert_non_null(strstr(said, "memory"));
    process_signal(before, SIGCONT);
    struct process *after = worker_fixture_start(f, "-q", "jobs", "--log-level", "warn");
    worker_fixture_wait_count(f, "done", JOBS);
    assert_int_equal(push(f, said, sizeof said), 1); /* it is still full: nothing was put in */
    commands_do(f->conn, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(push(f, said, sizeof said), 0);
    worker_fixture_wait_count(f, "done", JOBS + 1);
    process_signal(before, SIGTERM);
    process_signal(after, SIGTERM);
    worker_fixture_expect_exit(before, 0);
    worker_fixture_expect_exit(after, 0);
    worker_fixture_expect_clean(f);
}

static bool has_been_refused(void *context)
{
    const struct worker_fixture *f = context;
    char *info = commands_text(f->conn, "INFO", "errorstats");
    const char *at = strstr(info, "errorstat_NOPERM:count=");
    bool is_often = at != NULL && strtol(strchr(at, '=') + 1, NULL, 10) >= 12;
    free(info);
    return is_often;
}

static bool is_other_done(void *context)
{
    const struct worker_fixture *f = context;
    char *done = commands_text(f->conn, "HGET", "darg:{other}:counts", "done");
    bool is_done = done != NULL && strcmp(done, "2") == 0;
    free(done);
    return is_done;
}

/* Which of its calls a thread meets the refusal in is a matter of time. But it says so of each one
 * once, however often that is tried. */
static void expect_said_once(struct process *worker)
{
    static const char *const calls[] = {
        "cannot claim",
        "cannot wait for jobs",
        "cannot compare what is held",
        "finished jobs cannot be settled yet",
        "cannot renew the lease",
        "cannot empty the inbox",
        "cannot promote due jobs",
        "cannot trim the dead jobs",
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        assert_in_range(faults_in_log(worker, calls[i]), 0, 1);
    assert_in_range(faults_in_log(worker, "NOPERM"), 1, sizeof calls / sizeof calls[0]);
    assert_int_equal(faults_in_log(worker, "cannot renew the lease"), 1);
}

/* For some seconds the user may not touch one of the queues. */
static void test_rights_taken_and_given_back(void **state)
{
    struct worker_fixture *f = *state;
    char url[256];
    commands_do(f->conn, "ACL", "SETUSER", "w", "on", ">p", "~*", "&*", "+@all");
    (void)snprintf(url, sizeof url, "unix://w:p@%s", redis_server_socket(f->server));
    struct process *worker = worker_fixture_start(f, "-q", "other", "-q", "jobs", "-r", url);
    commands_do(f->conn, "LPUSH", "darg:{other}", "{\"type\":\"noop\"}");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);

    commands_do(f->conn, "CONFIG", "RESETSTAT");
    commands_do(f->conn, "ACL", "SETUSER", "w", "resetkeys", "~darg:{jobs}*", "~darg:worker:*",
                "~darg:queues", "~darg:shutdown");
    commands_do(f->conn, "LPUSH", "darg:{other}", "{\"type\":\"noop\"}");
    assert_true(wait_until(has_been_refused, f, WORKER_FIXTURE_WAIT_MS));
    worker_fixture_push_many(f, 100, "noop", "1");
    worker_fixture_wait_count(f, "done", 101);
    expect_said_once(worker);

    commands_do(f->conn, "ACL", "SETUSER", "w", "~*");
    assert_true(wait_until(is_other_done, f, WORKER_FIXTURE_WAIT_MS));
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
    assert_int_equal(faults_in_log(worker, "worker process has died"), 0);
}

/* How a popped job ended is told once, later, if Redis refuses to hear it now. */
static void test_the_end_of_a_popped_job(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\nexit 65\n");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--delivery", "at-most-once", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"gate\",\"id\":\"a\",\"reply\":\"r\",\"keep_ms\":600000}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    commands_do(f->conn, "CONFIG", "SET", "min-replicas-to-write", "1");
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    process_wait_stderr(worker, "finished jobs cannot be settled yet", WORKER_FIXTURE_WAIT_MS);
    commands_do(f->conn, "CONFIG", "SET", "min-replicas-to-write", "0");
    worker_fixture_wait_count(f, "buried", 1);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:dead"), 1);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:reply:r"), 1);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:result:a"), 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_full),
        WORKER_TEST(test_rights_taken_and_given_back),
        WORKER_TEST(test_the_end_of_a_popped_job),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
