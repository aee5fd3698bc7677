/* darg push of single jobs, and what darg itself says and how it ends. */
#include "support/cmocka_all.h"

#include "base/id.h"
#include "support/cli.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "darg:{default}";

static void test_id_is_printed(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "mail", "{\"to\":1}");
    const char *out = process_stdout(cli->last);
    assert_int_equal(strlen(out), ID_UUID_LEN + 1);
    assert_true(id_uuid7_time_ms((struct slice){out, ID_UUID_LEN}) > 0);
    char expected[200];
    snprintf(expected, sizeof expected, "{\"id\":\"%.36s\",\"type\":\"mail\",\"args\":{\"to\":1}}",
             out);
    cli_expect_job(cli, key, expected);
    cli_expect_err(cli, "");
    assert_int_equal(commands_int(cli->conn, "SISMEMBER", "darg:queues", "default"), 1);
}

static void test_options_of_a_job(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "t", "[12345678901234567890, 1.0]", "--id", "a\"b", "--max-attempts",
            "3", "--timeout", "90s", "--backoff", "1s..1m", "-q", "other");
    cli_expect_out(cli, "a\"b\n");
    cli_expect_job(cli, "darg:{other}",
                   "{\"id\":\"a\\\"b\",\"type\":\"t\",\"max_attempts\":3,\"timeout_ms\":90000,"
                   "\"backoff\":\"1s..1m\",\"args\":[12345678901234567890, 1.0]}");
    cli_run(cli, 0, "push", "t", "--id", "x", "--timeout", "0");
    cli_expect_job(cli, key, "{\"id\":\"x\",\"type\":\"t\",\"timeout_ms\":0}");
}

static void test_delay(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "t", "1", "--id", "x", "--delay", "1h");
    cli_expect_out(cli, "x\n");
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 0);
    struct reply *due = commands_run(cli->conn, "ZRANGE", "darg:{default}:scheduled", "0", "-1");
    struct slice member = reply_slice(reply_at(due, 0));
    static const char tail[] = ",\"job\":{\"id\":\"x\",\"type\":\"t\",\"args\":1}}";
    assert_true(member.len > strlen(tail));
    assert_memory_equal(member.ptr + member.len - strlen(tail), tail, strlen(tail));
    reply_free(due);
}

/* Each refusal says what is wrong, exits with 2, and pushes nothing. */
static void test_usage_errors(void **state)
{
    struct cli *cli = *state;
    static const struct {
        const char *args[6];
        const char *says;
    } cases[] = {
        {{"push"}, "TYPE is missing"},
        {{"push", "t", "hello"}, "'\"hello\"'"},
        {{"push", "t", "{\"a\":01}"}, "not JSON"},
        {{"push", "t", ""}, "ARGS is empty"},
        {{"push", "t", "1", "2"}, "'2' is one argument too many"},
        {{"push", "t", "--lines", "--jsonl"}, "cannot be combined"},
        {{"push", "t", "--jsonl"}, "its own type"},
        {{"push", "--jsonl", "--backoff", "1s"}, "its own max_attempts"},
        {{"push", "t", "--lines", "--id", "x"}, "single job"},
        {{"push", "t", "--backoff", "soon"}, "--backoff"},
        {{"push", "t", "--max-attempts", "0"}, "max-attempts"},
        {{"push", "t", "-q", "no name"}, "queue 'no name'"},
        {{"push", "t", "--namespace", "a{b"}, "namespace 'a{b'"},
        {{"push", "", "1"}, "TYPE must have 1 to 128 bytes"},
        {{"push", "\xff", "1"}, "TYPE is not UTF-8"},
        {{"push", "t", "--redis", "http://x"}, "starts with redis://"},
        {{"push", "t", "--wiat"}, "--wait"},
        {{"limit", "--rate", "fast"}, "100/1s"},
        {{"peek", "none"}, "N: "},
        {{"stop", "--all", "--worker", "x"}, "cannot be combined"},
        {{"dead", "drop"}, "--all"},
        {{"redis", "status"}, "local:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cli_run_args(cli, 2, NULL, 0, cases[i].args);
        cli_expect_err_has(cli, cases[i].says);
        cli_expect_out(cli, "");
    }
    assert_int_equal(commands_int(cli->conn, "DBSIZE"), 0);
}

static void test_help_and_version(void **state)
{
    struct cli *cli = *state;
    static const char *const commands[] = {"push",  "stats",  "workers", "peek", "dead",
                                           "pause", "resume", "drain",   "stop", "quiet",
                                           "limit", "purge",  "redis"};
    char usage[64];
    cli_run_args(cli, 0, NULL, 0, (const char *const[]){NULL});
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        cli_expect_out_has(cli, commands[i]);
    cli_run(cli, 0, "--help");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        snprintf(usage, sizeof usage, "Usage: darg %s", commands[i]);
        cli_run(cli, 0, "help", commands[i]);
        cli_expect_out_has(cli, usage);
        cli_run(cli, 0, commands[i], "--help");
        cli_expect_out_has(cli, usage);
    }
    cli_run(cli, 0, "dead", "list", "--help");
    cli_expect_out_has(cli, "darg dead list --all --json | jq .");
    cli_run(cli, 0, "--version");
    cli_expect_out_has(cli, "darg ");
    cli_run(cli, 2, "psuh", "x");
    cli_expect_err_has(cli, "did you mean 'push'?");
}

static void test_no_redis(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 3, "push", "t", "-r", "unix:///nowhere/redis.sock", "--connect-timeout", "200ms");
    cli_expect_err_has(cli, "cannot connect to Redis at unix:///nowhere/redis.sock");
    cli_run(cli, 3, "stats", "-r", "unix:///nowhere/redis.sock", "--connect-timeout", "200ms");
    cli_expect_out(cli, "");
}

/* A server that comes up while we try is no failure. */
static void test_redis_comes_up(void **state)
{
    struct cli *cli = *state;
    conn_discard(cli->conn);
    redis_server_kill(cli->server);
    struct process *push = cli_start(cli, "push", "t", "--id", "x", "--connect-timeout", "20s");
    redis_server_restart(cli->server);
    commands_must_connect(cli->conn);
    assert_int_equal(process_wait(push, 20000), 0);
    process_free(push);
    cli_expect_job(cli, key, "{\"id\":\"x\",\"type\":\"t\"}");
}

static void test_password(void **state)
{
    struct cli *cli = *state;
    char url[300], file[300], option[400];
    commands_do(cli->conn, "CONFIG", "SET", "requirepass", "s3cret");
    cli_run(cli, 3, "stats");
    snprintf(url, sizeof url, "unix://:wrong@%s", redis_server_socket(cli->server));
    cli_run(cli, 3, "stats", "-r", url);
    cli_expect_err_has(cli, "does not accept the user or password");
    assert_null(strstr(process_stderr(cli->last), "wrong"));
    snprintf(file, sizeof file, "%s/password", redis_server_directory(cli->server));
    FILE *written = fopen(file, "w");
    assert_non_null(written);
    fputs("s3cret\n", written);
    fclose(written);
    cli_run(cli, 0, "stats", "--redis-password-file", file);
    snprintf(option, sizeof option, "%s.none", file);
    cli_run(cli, 2, "stats", "--redis-password-file", option);
    cli_expect_err_has(cli, "cannot read the password");
    commands_do(cli->conn, "CONFIG", "SET", "requirepass", "");
}

static bool hides_password(void *context)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)process_pid(context));
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    return len > 0 && memmem(text, len, "unix://*", 8) != NULL && !memmem(text, len, "s3cret", 6);
}

/* It may be read by everybody there. */
static void test_password_in_argv(void **state)
{
    struct cli *cli = *state;
    char url[300];
    snprintf(url, sizeof url, "--redis=unix://user:s3cret@%s", redis_server_socket(cli->server));
    commands_do(cli->conn, "ACL", "SETUSER", "user", "on", ">s3cret", "~*", "+@all");
    struct process *watch = cli_start(cli, "stats", "--watch", url);
    assert_true(wait_until(hides_password, watch, 10000));
    process_wait_stdout(watch, "QUEUE", 10000);
    process_free(watch);
    commands_do(cli->conn, "ACL", "DELUSER", "user");
}

static void test_closed_output(void **state)
{
    struct cli *cli = *state;
    cli_run_shell(cli, 0,
                  "seq 1000 | $DARG push t --lines --quiet; "
                  "for i in 1 2 3 4 5 6 7 8 9 10; do $DARG peek 1000 | head -1 >/dev/null; done");
    cli_expect_err(cli, "");
    cli_run_shell(cli, 1, "$DARG peek 1000 >/dev/full");
    cli_expect_err_has(cli, "cannot write to standard output: No space left on device");
}

/* Without scripts, pushing still works. */
static void test_no_scripts(void **state)
{
    struct cli *cli = *state;
    char url[300];
    snprintf(url, sizeof url, "unix://plain:p@%s", redis_server_socket(cli->server));
    commands_do(cli->conn, "ACL", "SETUSER", "plain", "on", ">p", "~*", "+@all", "-@scripting");
    cli_run(cli, 0, "push", "t", "--id", "x", "-r", url);
    cli_expect_err_has(cli, "may not run scripts");
    cli_expect_job(cli, key, "{\"id\":\"x\",\"type\":\"t\"}");
    commands_do(cli->conn, "ACL", "DELUSER", "plain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_id_is_printed),
        CLI_TEST(test_options_of_a_job),
        CLI_TEST(test_delay),
        CLI_TEST(test_usage_errors),
        CLI_TEST(test_help_and_version),
        CLI_TEST(test_no_redis),
        CLI_TEST(test_redis_comes_up),
        CLI_TEST(test_password),
        CLI_TEST(test_password_in_argv),
        CLI_TEST(test_closed_output),
        CLI_TEST(test_no_scripts),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
