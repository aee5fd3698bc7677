/* Workers that cannot start: options that make no sense, a Redis that wants another password. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

static void test_bad_options(void **state)
{
    struct worker_fixture *f = *state;
    static const struct {
        const char *args[4];
        const char *said;
    } rows[] = {
        {{"--nonsense"}, "nonsense"},
        {{"--thread", "x"}, "thread"},
        {{"--threads", "0"}, "threads"},
        {{"--lease", "10"}, "lease"},
        {{"--lease", "999ms"}, "lease"},
        {{"-q", "a b"}, "a b"},
        {{"-q", "a", "-q", "a"}, "twice"},
        {{"-q", "a=0"}, "a=0"},
        {{"--handler", "t"}, "handler"},
        {{"--handler", "t="}, "handler"},
        {{"--delivery", "exactly-once"}, "exactly-once"},
        {{"--prefetch", "some"}, "prefetch"},
        {{"--backoff", "1h..2s"}, "1h..2s"},
        {{"--log-level", "loud"}, "loud"},
        {{"-r", "http://localhost"}, "redis://"},
        {{"operand"}, "operand"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const args[] = {rows[i].args[0], rows[i].args[1], rows[i].args[2],
                                    rows[i].args[3], NULL};
        struct process *worker = worker_fixture_start_args(f, false, args);
        worker_fixture_expect_exit(worker, 2);
        const char *said = process_stderr(worker);
        if (strncmp(said, "darg-worker: ", 13) != 0 || count_lines(said) != 1 ||
            strstr(said, rows[i].said) == NULL)
            fail_msg("%s: no sentence about it: %s", rows[i].args[0], said);
        assert_string_equal(process_stdout(worker), "");
    }
}

static void test_help_and_version(void **state)
{
    struct worker_fixture *f = *state;
    struct process *help = worker_fixture_launch(f, "--help");
    worker_fixture_expect_exit(help, 0);
    assert_non_null(strstr(process_stdout(help), "--ignore-sentinel"));
    assert_string_equal(process_stderr(help), "");
    struct process *version = worker_fixture_launch(f, "--version");
    worker_fixture_expect_exit(version, 0);
    assert_string_equal(process_stdout(version), "darg-worker " DARG_VERSION "\n");
}

static void test_a_wrong_password(void **state)
{
    struct worker_fixture *f = *state;
    struct redis_server *server = redis_server_start(COMMANDS_ARGS("--requirepass", "right"));
    char url[200];
    static const char *const passwords[] = {":wrong-word@", ""};
    static const char *const said[] = {"does not accept the user or password", "NOAUTH"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(url, sizeof url, "unix://%s%s", passwords[i], redis_server_socket(server));
        struct process *worker = worker_fixture_launch(f, "-q", "jobs", "-p", "2", "-r", url);
        worker_fixture_expect_exit(worker, 3);
        assert_non_null(strstr(process_stderr(worker), "ERROR"));
        assert_non_null(strstr(process_stderr(worker), said[i]));
        assert_null(strstr(process_stderr(worker), "wrong-word"));
        assert_null(strstr(process_stderr(worker), "starting another"));
    }
    redis_server_stop(server);
}

static void write_password(const char *path, const char *password)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    (void)fprintf(out, "%s\n", password);
    (void)fclose(out);
}

static bool is_told_by_health(void *name)
{
    char program[300];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    struct process *asked = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS(program, "--health", "--health-name", name)});
    bool is_told = process_wait(asked, WORKER_FIXTURE_WAIT_MS) == 0 &&
                   strstr(process_stdout(asked), "Redis wants another user or password") != NULL;
    process_free(asked);
    return is_told;
}

static bool has_new_child(void *context)
{
    pid_t children[8];
    struct process *worker = context;
    return worker_fixture_children(worker, children, 8) == 2;
}

/* A password that is changed while the worker runs, first in Redis and then in the file: an outage,
 * also for a process that is started meanwhile. */
static void test_a_password_that_changes(void **state)
{
    struct worker_fixture *f = *state;
    char path[200], url[256], name[32];
    (void)snprintf(path, sizeof path, "%s", worker_fixture_path(f, "password"));
    (void)snprintf(url, sizeof url, "unix://w@%s", redis_server_socket(f->server));
    (void)snprintf(name, sizeof name, "refused-%d", (int)getpid());
    commands_do(f->conn, "ACL", "SETUSER", "w", "on", ">first", "~*", "&*", "+@all");
    write_password(path, "first");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-p", "2", "-t", "1", "-r", url,
                             "--redis-password-file", path, "--health-name", name);
    commands_do(f->conn, "ACL", "SETUSER", "w", "resetpass", ">second");
    commands_do(f->conn, "CLIENT", "KILL", "USER", "w");
    process_wait_stderr(worker, "does not accept the user or password", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(kill(worker_fixture_child(worker), SIGKILL), 0);
    process_wait_stderr(worker, "starting another", WORKER_FIXTURE_WAIT_MS);
    assert_true(wait_until(has_new_child, worker, WORKER_FIXTURE_WAIT_MS));
    assert_true(wait_until(is_told_by_health, name, WORKER_FIXTURE_WAIT_MS));
    write_password(path, "second");
    process_wait_stderr(worker, "Redis answers again", WORKER_FIXTURE_WAIT_MS);
    for (int i = 0; i < 20; i++)
        worker_fixture_push(f, "{\"type\":\"sleep\",\"args\":50}");
    worker_fixture_wait_count(f, "done", 20);
    assert_int_equal(process_poll(worker), -1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* One queue that it may not serve makes no worker new that Redis has let in. */
static void test_a_password_that_changes_and_a_queue_of_others(void **state)
{
    struct worker_fixture *f = *state;
    char path[200], url[256];
    (void)snprintf(path, sizeof path, "%s", worker_fixture_path(f, "password"));
    (void)snprintf(url, sizeof url, "unix://v@%s", redis_server_socket(f->server));
    commands_do(f->conn, "ACL", "SETUSER", "v", "on", ">first", "~darg:{jobs}*", "~darg:queues*",
                "~darg:worker*", "~darg:shutdown", "&*", "+@all");
    write_password(path, "first");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "-q", "others", "-r", url,
                                                   "--redis-password-file", path);
    worker_fixture_wait_count(f, "done", 1);
    commands_do(f->conn, "ACL", "SETUSER", "v", "resetpass", ">second");
    commands_do(f->conn, "CLIENT", "KILL", "USER", "v");
    assert_int_equal(kill(worker_fixture_child(worker), SIGKILL), 0);
    process_wait_stderr(worker, "starting another", WORKER_FIXTURE_WAIT_MS);
    process_wait_stderr(worker, "does not accept the user or password", WORKER_FIXTURE_WAIT_MS);
    write_password(path, "second");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 2);
    assert_int_equal(process_poll(worker), -1);
}

/* A server that would throw jobs away is served, but not in silence. */
static void test_a_server_that_evicts(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    process_wait_stderr(worker, "allkeys-lru", WORKER_FIXTURE_WAIT_MS);
    commands_do(f->conn, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_bad_options),
        WORKER_TEST(test_help_and_version),
        WORKER_TEST(test_a_wrong_password),
        WORKER_TEST(test_a_password_that_changes),
        WORKER_TEST(test_a_password_that_changes_and_a_queue_of_others),
        WORKER_TEST(test_a_server_that_evicts),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
