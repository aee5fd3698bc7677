/* darg push --wait and jobs that are gone, that end twice, or that take too long. */
#include "support/cmocka_all.h"

#include "base/json.h"
#include "support/cli.h"
#include "support/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "darg:{default}";
enum { WAIT_MS = 20000 };

struct list {
    struct cli *cli;
    int64_t length;
};

static bool has_length(void *context)
{
    struct list *list = context;
    return commands_int(list->cli->conn, "LLEN", key) == list->length;
}

static void await_length(struct cli *cli, int64_t length)
{
    struct list list = {cli, length};
    assert_true(wait_until(has_length, &list, WAIT_MS));
}

/* Takes the next job; its text is to be freed. *list: the key of its reply list. */
static char *take(struct cli *cli, char list[100])
{
    struct json_field reply = {.name = "reply"};
    char *job = commands_text(cli->conn, "RPOP", key);
    assert_non_null(job);
    assert_int_equal(json_read_object(slice_of(job), JSON_MAX_DEPTH, &reply, 1, NULL), ST_OK);
    assert_int_equal(reply.value.type, JSON_STRING);
    snprintf(list, 100, "%s:reply:%.36s", key, reply.value.text.ptr + 1);
    return job;
}

/* How often Redis has carried out a command since the test began. */
struct calls {
    struct cli *cli;
    const char *command;
    const char *what; /* "calls=" or "rejected_calls=" */
    int64_t wanted;
};

static bool has_called(void *context)
{
    struct calls *calls = context;
    char name[64];
    int64_t count = 0;
    char *info = commands_text(calls->cli->conn, "INFO", "commandstats");
    snprintf(name, sizeof name, "cmdstat_%s:", calls->command);
    const char *line = strstr(info, name);
    const char *at = line != NULL ? strstr(line, calls->what) : NULL;
    if (at != NULL)
        (void)sscanf(at + strlen(calls->what), "%" SCNd64, &count);
    free(info);
    return count >= calls->wanted;
}

static void await_calls(struct cli *cli, const char *command, const char *what, int64_t wanted)
{
    struct calls calls = {cli, command, what, wanted};
    assert_true(wait_until(has_called, &calls, WAIT_MS));
}

static void test_purged(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    await_length(cli, 1);
    cli_run(cli, 0, "purge", "--yes");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    assert_string_equal(process_stderr(push),
                        "darg: x is gone: purged, dropped, or lost with Redis's data\n");
    process_free(push);
}

static bool is_scheduled(void *context)
{
    const struct cli *cli = context;
    return commands_int(cli->conn, "ZCARD", "darg:{default}:scheduled") == 1;
}

static void test_flushed(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start(cli, "push", "t", "--wait", "--delay", "1h", "--id", "x");
    /* Not a call of the script: the first may be refused, by a server that does not know it yet. */
    assert_true(wait_until(is_scheduled, cli, WAIT_MS));
    commands_do(cli->conn, "FLUSHALL");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    process_free(push);
}

static void test_some_are_gone(void **state)
{
    struct cli *cli = *state;
    char list[100];
    static const char input[] = "{\"type\":\"t\",\"id\":\"a\"}\n{\"type\":\"t\",\"id\":\"b\"}\n";
    struct process *push = cli_start_args(cli, input, sizeof input - 1,
                                          COMMANDS_ARGS("push", "--jsonl", "--wait", "--json"));
    await_length(cli, 2);
    char *job = take(cli, list);
    commands_do(cli->conn, "DEL", key);
    commands_do(cli->conn, "RPUSH", list, "{\"id\":\"a\",\"outcome\":\"done\",\"run\":1}");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    assert_string_equal(process_stdout(push), "{\"id\":\"a\",\"outcome\":\"done\",\"run\":1}\n"
                                              "{\"id\":\"b\",\"outcome\":\"gone\"}\n");
    process_wait_stderr(push, "1 job is done, 0 failed, 1 is gone\n", WAIT_MS);
    process_free(push);
    free(job);
}

/* A dead job that was sent back ends again: that is not the other one's end. */
static void test_one_ends_twice(void **state)
{
    struct cli *cli = *state;
    char list[100];
    static const char input[] = "{\"type\":\"t\",\"id\":\"a\"}\n{\"type\":\"t\",\"id\":\"b\"}\n";
    struct process *push =
        cli_start_args(cli, input, sizeof input - 1, COMMANDS_ARGS("push", "--jsonl", "--wait"));
    await_length(cli, 2);
    char *job = take(cli, list);
    commands_do(cli->conn, "RPUSH", list, "{\"id\":\"a\",\"outcome\":\"buried\",\"error\":\"no\"}",
                "{\"id\":\"a\",\"outcome\":\"done\",\"run\":2,\"result\":1}");
    process_wait_stderr(push, "a buried", WAIT_MS);
    /* Both have been taken off the list once it is asked for what comes behind them. */
    await_calls(cli, "ltrim", "calls=", 1);
    assert_int_equal(process_poll(push), -1);
    commands_do(cli->conn, "RPUSH", list, "{\"id\":\"b\",\"outcome\":\"done\",\"result\":2}");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    assert_string_equal(process_stdout(push), "b\t2\n");
    process_wait_stderr(push, "1 job is done, 1 failed\n", WAIT_MS);
    process_free(push);
    free(job);
}

static void finish(struct cli *cli, struct process *push, const char *list)
{
    assert_int_equal(process_poll(push), -1);
    commands_do(cli->conn, "RPUSH", list, "{\"id\":\"x\",\"outcome\":\"done\",\"result\":1}");
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    assert_string_equal(process_stdout(push), "1\n");
    process_free(push);
}

/* What a worker holds, and whatever has its place somewhere, is not gone. */
static void test_held_is_there(void **state)
{
    struct cli *cli = *state;
    char list[100];
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    await_length(cli, 1);
    commands_do(cli->conn, "ZADD", "darg:{default}:workers", "1", "h-1-a.1");
    char *job = take(cli, list);
    commands_do(cli->conn, "HSET", "darg:{default}:claimed:h-1-a.1", "1", job);
    await_calls(cli, "hscan", "calls=", 1);
    /* Had it been missed, the next look would come at once. */
    commands_do(cli->conn, "HSET", "darg:{default}:counts", "purged", "5");
    await_calls(cli, "hscan", "calls=", 2);
    commands_do(cli->conn, "HSET", "darg:{default}:counts", "purged", "6");
    await_calls(cli, "hscan", "calls=", 3);
    finish(cli, push, list);
    free(job);
}

/* An at-most-once worker's jobs are nowhere in Redis. */
static void test_at_most_once(void **state)
{
    struct cli *cli = *state;
    char list[100];
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    await_length(cli, 1);
    commands_do(cli->conn, "ZADD", "darg:{default}:workers", "9e15", "h-1-a.1");
    commands_do(cli->conn, "HSET", "darg:worker:h-1-a", "delivery", "at-most-once");
    char *job = take(cli, list);
    await_calls(cli, "hgetall", "calls=", 1);
    for (int i = 1; i <= 2; i++) {
        char purged[2] = {(char)('0' + i), '\0'};
        commands_do(cli->conn, "HSET", "darg:{default}:counts", "purged", purged);
        await_calls(cli, "hgetall", "calls=", 1 + i);
    }
    finish(cli, push, list);
    free(job);
}

/* A user who may not look at everything waits on. */
static void test_without_rights(void **state)
{
    struct cli *cli = *state;
    char list[100];
    commands_do(cli->conn, "ACL", "SETUSER", "default", "-zscan");
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    await_length(cli, 1);
    char *job = take(cli, list);
    await_calls(cli, "zscan", "rejected_calls=", 1);
    finish(cli, push, list);
    commands_do(cli->conn, "ACL", "SETUSER", "default", "+zscan");
    free(job);
}

static void test_timeout(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 1, "push", "t", "--wait", "--id", "x", "--wait-timeout", "100ms");
    cli_expect_err(cli, "darg: no result of 'x' in queue 'default' after 100ms\n");
    cli_run_input(cli, 1, "a\nb\n", 4, "push", "t", "--lines", "--wait", "--wait-timeout", "100ms");
    cli_expect_err_has(cli, "no result of 2 jobs in queue 'default' after 100ms\n");
    cli_expect_err_has(cli, "2 jobs were pushed\n");
    cli_expect_err_has(cli, "0 jobs are done, 0 failed\n");
    /* It runs as well while more jobs are to be pushed than may be waited for. */
    cli_run_shell(cli, 1, "seq 20000 | $DARG push t --lines --wait --wait-timeout 100ms");
    cli_expect_err_has(cli, "jobs in queue 'default' after 100ms\n");
    cli_run(cli, 2, "push", "t", "--wait-timeout", "1s");
}

static bool is_blocked(void *context)
{
    const struct cli *cli = context;
    char *info = commands_text(cli->conn, "INFO", "clients");
    bool is = strstr(info, "\nblocked_clients:1\r") != NULL;
    free(info);
    return is;
}

/* darg result --wait: a job that it has met, and that is gone. */
static void test_result(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "t", "--keep", "1h", "--id", "x");
    struct process *result = cli_start(cli, "result", "x", "--wait");
    /* Nothing points to a loss yet, so it has to be made to look: something else was purged. */
    await_calls(cli, "hmget", "calls=", 4);
    commands_do(cli->conn, "HSET", "darg:{default}:counts", "purged", "1");
    await_calls(cli, "zscan", "calls=", 1);
    /* That search has ended, and so has met the job, when it waits for the result again. */
    assert_true(wait_until(is_blocked, cli, WAIT_MS));
    cli_run(cli, 0, "purge", "--yes");
    assert_int_equal(process_wait(result, WAIT_MS), 1);
    assert_string_equal(process_stderr(result),
                        "darg: 'x' has left queue 'default', and its result is not kept: purged, "
                        "dropped, pushed without --keep, or lost with Redis's data\n");
    process_free(result);
}

/* One that it has not met may be pushed yet. */
static void test_result_of_a_job_to_come(void **state)
{
    struct cli *cli = *state;
    struct process *result = cli_start(cli, "result", "x", "--wait");
    process_wait_stderr(result, "no job 'x' is in queue 'default': waiting", WAIT_MS);
    commands_do(cli->conn, "RPUSH", "darg:{default}:result:x",
                "{\"id\":\"x\",\"outcome\":\"done\",\"result\":1}");
    assert_int_equal(process_wait(result, WAIT_MS), 0);
    assert_string_equal(process_stdout(result), "1\n");
    process_free(result);
}

static int reset(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "CONFIG", "RESETSTAT");
    return cli_reset(state);
}

#define TEST(function) cmocka_unit_test_setup(function, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_purged),         TEST(test_flushed),
        TEST(test_some_are_gone),  TEST(test_one_ends_twice),
        TEST(test_held_is_there),  TEST(test_at_most_once),
        TEST(test_without_rights), TEST(test_timeout),
        TEST(test_result),         TEST(test_result_of_a_job_to_come),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
