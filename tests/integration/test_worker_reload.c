/* HUP: what of a changed configuration file takes effect, what does not, and what is refused. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_config(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static size_t count_in(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

struct expected {
    struct process *worker;
    const char *text;
    size_t count;
};

static bool has_said(void *context)
{
    struct expected *expected = context;
    return count_in(process_stderr(expected->worker), expected->text) >= expected->count;
}

static void expect_said(struct process *worker, const char *text, size_t count)
{
    struct expected expected = {worker, text, count};
    if (!wait_until(has_said, &expected, WORKER_FIXTURE_WAIT_MS))
        fail_msg("'%s' was not logged %zu times, but:\n%s", text, count, process_stderr(worker));
}

#define start(f, text, ...)                                                                        \
    (write_config(worker_fixture_path((f), "config"), (text)),                                     \
     worker_fixture_start((f), "--config", worker_fixture_path((f), "config"), __VA_ARGS__))

static void reload(struct worker_fixture *f, struct process *worker, const char *text)
{
    write_config(worker_fixture_path(f, "config"), text);
    process_signal(worker, SIGHUP);
}

static bool are_two(void *conn)
{
    return commands_int(conn, "ZCARD", "darg:{jobs}:workers") == 2;
}

/* In all processes, and in one that is started afterwards. */
static void test_the_log_level(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, "[worker]\nlog-level = error\n", "-q", "jobs", "-p", "2");
    assert_true(wait_until(are_two, f->conn, WORKER_FIXTURE_WAIT_MS)); /* one may be ready first */
    reload(f, worker, "[worker]\nlog-level = info\n");
    expect_said(worker, "HUP: log file reopened", 2);
    expect_said(worker, "HUP: configuration reloaded", 1);
    assert_non_null(strstr(process_stderr(worker), "changed_since_start=log-level"));
    assert_null(strstr(process_stderr(worker), "worker registered"));
    assert_int_equal(kill(worker_fixture_child(worker), SIGKILL), 0);
    expect_said(worker, "worker registered", 1);
}

/* A stop that begins afterwards goes by it. */
static void test_the_shutdown_timeout(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        start(f, "[worker]\nshutdown-timeout = 1h\n", "-q", "jobs", "--prefetch",
              "0"); /* which gives back nothing that has not started */
    worker_fixture_push(f, "{\"type\":\"sleep\",\"args\":3600000}");
    worker_fixture_wait_held(f, 1);
    reload(f, worker, "[worker]\nshutdown-timeout = 100ms\n");
    expect_said(worker, "HUP: log file reopened", 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "released"), 1);
}

static void test_prefetch(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler =
        worker_fixture_handler(f, "gate", "while ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n");
    struct process *worker =
        start(f, "[worker]\nprefetch = 0\n", "-q", "jobs", "-t", "1", "--handler", handler);
    worker_fixture_push_many(f, 10, "gate", "1");
    worker_fixture_wait_held(f, 1);
    reload(f, worker, "[worker]\nprefetch = 5\n");
    worker_fixture_wait_held(f, 6);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_wait_count(f, "done", 10);
}

/* That the shares follow is shown by tests/unit/test_room_set. */
static void test_weights(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, "[queues]\njobs = 1\nother = 1\n", "-t", "1");
    reload(f, worker, "[queues]\njobs = 5\nother = 1\n");
    expect_said(worker, "changed_since_start=queue", 1);
    assert_null(strstr(process_stderr(worker), "need a restart"));
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
}

/* Named, in one line, without their values; what can be had is had. */
static void test_what_needs_a_restart(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        start(f, "[worker]\nthreads = 2\nlog-level = warn\n[queues]\njobs =\n", "--lease", "5s");
    reload(f, worker, "[worker]\nthreads = 3\nlog-level = info\nlease = 7s\n[queues]\nmail =\n");
    expect_said(worker, "HUP: log file reopened", 1);
    expect_said(worker, "need a restart  settings=\"queue threads\"", 1);
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
}

static void test_a_wrong_file_changes_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f, "[worker]\nlog-level = info\n", "-q", "jobs");
    reload(f, worker, "[worker]\nlog-level = error\nthreads = many\n");
    expect_said(worker, "HUP: nothing changed: ", 1);
    assert_non_null(strstr(process_stderr(worker), "config:3: threads"));
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    expect_said(worker, "job done", 1);
}

/* A password on the command line was wiped from there, and is known all the same. */
static void test_a_url_with_a_password(void **state)
{
    struct worker_fixture *f = *state;
    char url[300];
    (void)snprintf(url, sizeof url, "unix://someone:s3cret@%s", redis_server_socket(f->server));
    commands_do(f->conn, "ACL", "SETUSER", "someone", "on", ">s3cret", "~*", "+@all");
    struct process *worker = start(f, "[worker]\nlog-level = info\n", "-q", "jobs", "-r", url);
    reload(f, worker, "[worker]\nlog-level = debug\n");
    expect_said(worker, "changed_since_start=log-level", 1);
    assert_null(strstr(process_stderr(worker), "need a restart"));
    assert_null(strstr(process_stderr(worker), "s3cret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_the_log_level),
        WORKER_TEST(test_the_shutdown_timeout),
        WORKER_TEST(test_prefetch),
        WORKER_TEST(test_weights),
        WORKER_TEST(test_what_needs_a_restart),
        WORKER_TEST(test_a_wrong_file_changes_nothing),
        WORKER_TEST(test_a_url_with_a_password),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
