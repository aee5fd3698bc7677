/* darg result: what became of jobs pushed with --keep, by real workers. */
#include "support/cmocka_all.h"

#include "support/cli.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <stdlib.h>
#include <string.h>

enum { KEEP_MS = 10 * 60 * 1000 };

static const char key[] = "darg:{jobs}:result:a";

/* The fixture's server, for the CLI. */
static struct cli cli_of(struct worker_fixture *f)
{
    return (struct cli){.server = f->server, .conn = f->conn};
}

static void start_worker(struct worker_fixture *f)
{
    worker_fixture_start(f, "-q", "jobs", "--handler", "fail=sh -c 'echo because >&2; exit 65'");
}

static void expect_kept(struct worker_fixture *f)
{
    assert_in_range(commands_int(f->conn, "PTTL", key), 1, KEEP_MS);
    assert_int_equal(commands_int(f->conn, "LLEN", key), 1);
}

static void expect_result(struct worker_fixture *f)
{
    struct cli cli = cli_of(f);
    worker_fixture_wait_count(f, "done", 1);
    expect_kept(f);
    for (int i = 0; i < 2; i++) {
        cli_run(&cli, 0, "result", "a", "-q", "jobs");
        cli_expect_out(&cli, "{\"n\":1}\n");
    }
    cli_run(&cli, 0, "result", "a", "-q", "jobs", "--json");
    cli_expect_out_has(&cli, "{\"id\":\"a\",\"type\":\"echo\",\"outcome\":\"done\",\"run\":1,");
    process_free(cli.last);
}

static void test_kept(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    cli_run(&cli, 0, "push", "echo", "{\"n\":1}", "--id", "a", "--keep", "10m", "-q", "jobs");
    start_worker(f);
    process_free(cli.last);
    expect_result(f);
}

static void test_kept_at_most_once(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    cli_run(&cli, 0, "push", "echo", "{\"n\":1}", "--id", "a", "--keep", "10m", "-q", "jobs");
    worker_fixture_start(f, "-q", "jobs", "--delivery", "at-most-once");
    process_free(cli.last);
    expect_result(f);
}

static void test_of_lines(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    const char lines[] = "{\"type\":\"echo\",\"args\":1,\"id\":\"a\"}\n"
                         "{\"type\":\"echo\",\"args\":2,\"id\":\"b\",\"keep_ms\":5}\n";
    cli_run_input(&cli, 0, lines, sizeof lines - 1, "push", "--jsonl", "--keep", "10m", "-q",
                  "jobs");
    start_worker(f);
    worker_fixture_wait_count(f, "done", 2);
    expect_kept(f);
    /* What the command line says goes before what the line said. */
    cli_run(&cli, 0, "result", "b", "-q", "jobs");
    cli_expect_out(&cli, "2\n");
    process_free(cli.last);
}

/* A dead job that is sent back has one result: the last. */
static void test_failed_and_retried(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    cli_run(&cli, 0, "push", "fail", "--id", "a", "--keep", "10m", "-q", "jobs");
    start_worker(f);
    worker_fixture_wait_count(f, "buried", 1);
    for (int64_t times = 2; times <= 3; times++) {
        expect_kept(f);
        cli_run(&cli, 1, "result", "a", "-q", "jobs");
        cli_expect_out(&cli, "");
        cli_expect_err_has(&cli,
                           times == 2 ? "a buried (run 1): because" : "a buried (run 2): because");
        cli_run(&cli, 0, "dead", "retry", "--id", "a", "-q", "jobs");
        worker_fixture_wait_count(f, "buried", times);
    }
    process_free(cli.last);
}

static void test_nothing_kept(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    cli_run(&cli, 0, "push", "echo", "--id", "a", "-q", "jobs");
    start_worker(f);
    worker_fixture_wait_count(f, "done", 1);
    cli_run(&cli, 1, "result", "a", "-q", "jobs");
    cli_expect_err_has(&cli, "no result of 'a' is kept in queue 'jobs'");
    cli_run(&cli, 1, "result", "a", "-q", "jobs", "--wait", "--timeout", "50ms");
    cli_expect_err_has(&cli, "no result of 'a' in queue 'jobs' after 50ms");
    cli_run(&cli, 2, "result");
    cli_expect_err_has(&cli, "ID is missing");
    cli_run(&cli, 2, "push", "echo", "--keep", "400d");
    process_free(cli.last);
}

struct waiters {
    struct worker_fixture *f;
    const char *line; /* of INFO */
};

static bool are_blocked(void *context)
{
    const struct waiters *waiters = context;
    char *info = commands_text(waiters->f->conn, "INFO", "clients");
    bool are = strstr(info, waiters->line) != NULL;
    free(info);
    return are;
}

/* Waiting takes nothing away, neither the result nor its lifetime. */
static void test_two_wait(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    struct process *waits[2];
    for (size_t i = 0; i < 2; i++)
        waits[i] = cli_start(&cli, "result", "a", "-q", "jobs", "--wait");
    assert_true(
        wait_until(are_blocked, &(struct waiters){f, "blocked_clients:2"}, WORKER_FIXTURE_WAIT_MS));
    cli_run(&cli, 0, "push", "echo", "[1]", "--id", "a", "--keep", "10m", "-q", "jobs");
    start_worker(f);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(process_wait(waits[i], WORKER_FIXTURE_WAIT_MS), 0);
        assert_string_equal(process_stdout(waits[i]), "[1]\n");
        process_free(waits[i]);
    }
    expect_kept(f);
    process_free(cli.last);
}

/* A wait outlives its server: one that is made again ends with the result. */
static void test_wait_over_an_outage(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    struct process *wait = cli_start(&cli, "result", "a", "-q", "jobs", "--wait");
    assert_true(
        wait_until(are_blocked, &(struct waiters){f, "blocked_clients:1"}, WORKER_FIXTURE_WAIT_MS));
    commands_do(f->conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    cli_run(&cli, 0, "push", "echo", "1", "--id", "a", "--keep", "10m", "-q", "jobs");
    start_worker(f);
    assert_int_equal(process_wait(wait, WORKER_FIXTURE_WAIT_MS), 0);
    assert_string_equal(process_stdout(wait), "1\n");
    process_free(wait);
    process_free(cli.last);
}

/* A full Redis refuses to wait, but not to read. */
static void test_wait_where_redis_is_full(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    cli_run(&cli, 0, "push", "echo", "1", "--id", "a", "--keep", "10m", "-q", "jobs");
    start_worker(f);
    worker_fixture_wait_count(f, "done", 1);
    commands_do(f->conn, "CONFIG", "SET", "maxmemory", "1");
    cli_run(&cli, 0, "result", "a", "-q", "jobs", "--wait", "--timeout", "1h");
    cli_expect_out(&cli, "1\n");
    cli_run(&cli, 1, "result", "b", "-q", "jobs", "--wait", "--timeout", "500ms");
    cli_expect_err_has(&cli, "no result of 'b' in queue 'jobs' after 500ms");
    commands_do(f->conn, "CONFIG", "SET", "maxmemory", "0");
    process_free(cli.last);
}

/* The time that was given holds for an outage too; without one it would be a minute. */
static void test_timeout_in_an_outage(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    struct process *wait =
        cli_start(&cli, "result", "a", "-q", "jobs", "--wait", "--timeout", "5s");
    assert_true(
        wait_until(are_blocked, &(struct waiters){f, "blocked_clients:1"}, WORKER_FIXTURE_WAIT_MS));
    redis_server_kill(f->server);
    assert_int_equal(process_wait(wait, 30000), 3);
    assert_non_null(strstr(process_stderr(wait), "cannot connect"));
    process_free(wait);
    redis_server_restart(f->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_kept),
        WORKER_TEST(test_kept_at_most_once),
        WORKER_TEST(test_of_lines),
        WORKER_TEST(test_failed_and_retried),
        WORKER_TEST(test_nothing_kept),
        WORKER_TEST(test_two_wait),
        WORKER_TEST(test_wait_over_an_outage),
        WORKER_TEST(test_wait_where_redis_is_full),
        WORKER_TEST(test_timeout_in_an_outage),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
