/* darg push --wait. The test is the worker: it takes jobs and pushes results, as workers do. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "base/json.h"
#include "support/cli.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "darg:{default}";
enum { WAIT_MS = 20000 };

enum { ID, REPLY, ARGS, FIELDS };

/* Takes a job, NULL if none is there. Its fields point into it. */
static char *take_job(struct cli *cli, struct json_field *fields)
{
    char *job = commands_text(cli->conn, "RPOP", key);
    if (job == NULL)
        return NULL;
    const struct json_field names[FIELDS] = {{.name = "id"}, {.name = "reply"}, {.name = "args"}};
    memcpy(fields, names, sizeof names);
    struct err err = {0};
    if (json_read_object(slice_of(job), JSON_MAX_DEPTH, fields, FIELDS, &err) != ST_OK)
        fail_msg("%s: %s", job, err_text(&err));
    return job;
}

static void reply_key_of(const struct json_field *fields, char out[100])
{
    assert_int_equal(fields[REPLY].value.type, JSON_STRING);
    snprintf(out, 100, "%s:reply:%.36s", key, fields[REPLY].value.text.ptr + 1);
}

/* Pushes what a worker would: `rest` is outcome, run and result or error. */
static void answer(struct cli *cli, const struct json_field *fields, const char *rest)
{
    char list[100];
    struct buf result = {0};
    reply_key_of(fields, list);
    struct slice id = fields[ID].value.text;
    buf_printf(&result, "{\"id\":%.*s,\"type\":\"t\",%s}", (int)id.len, id.ptr, rest);
    commands_do(cli->conn, "RPUSH", list, buf_text(&result));
    commands_do(cli->conn, "PEXPIRE", list, "3600000");
    buf_fini(&result);
}

struct taken {
    struct cli *cli;
    struct json_field fields[FIELDS];
    char *job;
};

static bool takes_job(void *context)
{
    struct taken *taken = context;
    taken->job = take_job(taken->cli, taken->fields);
    return taken->job != NULL;
}

/* Waits for the next job and answers it. */
static void answer_next(struct cli *cli, const char *rest)
{
    struct taken taken = {.cli = cli};
    assert_true(wait_until(takes_job, &taken, WAIT_MS));
    answer(cli, taken.fields, rest);
    free(taken.job);
}

static void expect_result(struct cli *cli, const char *rest, bool is_json, int exit_code,
                          const char *out)
{
    struct process *push = is_json ? cli_start(cli, "push", "t", "--wait", "--id", "x", "--json")
                                   : cli_start(cli, "push", "t", "--wait", "--id", "x");
    answer_next(cli, rest);
    assert_int_equal(process_wait(push, WAIT_MS), exit_code);
    assert_string_equal(process_stdout(push), out);
    process_free(push);
}

static void test_one_result(void **state)
{
    struct cli *cli = *state;
    expect_result(cli, "\"outcome\":\"done\",\"run\":1,\"result\":\"a\\nb\"", false, 0, "a\nb\n");
    expect_result(cli, "\"outcome\":\"done\",\"run\":1,\"result\":\"a\\n\"", false, 0, "a\n");
    expect_result(cli, "\"outcome\":\"done\",\"run\":1,\"result\":{\"n\":123456789012345678901}",
                  false, 0, "{\"n\":123456789012345678901}\n");
    expect_result(cli, "\"outcome\":\"done\",\"run\":1", false, 0, "");
    expect_result(cli, "\"outcome\":\"buried\",\"run\":3,\"error\":\"no\"", false, 1, "");
    expect_result(
        cli, "\"outcome\":\"buried\",\"run\":3,\"error\":\"no\"", true, 1,
        "{\"id\":\"x\",\"type\":\"t\",\"outcome\":\"buried\",\"run\":3,\"error\":\"no\"}\n");
    /* Nothing is left behind. */
    assert_int_equal(commands_int(cli->conn, "DBSIZE"), 1);
    assert_int_equal(commands_int(cli->conn, "EXISTS", "darg:queues"), 1);
}

static void test_replaced_bytes_are_noted(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    answer_next(cli, "\"outcome\":\"done\",\"result\":\"a\",\"replaced_bytes\":7");
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    assert_string_equal(process_stderr(push), "darg: x: 7 bytes of the result are not UTF-8; "
                                              "each is shown as U+FFFD\n");
    process_free(push);
}

/* What a lone surrogate is, is said in the same words wherever JSON is read. */
static void test_lone_surrogates(void **state)
{
    struct cli *cli = *state;
    static const char words[] = "\\ud83d at byte 1 is a lone surrogate, which is not a character";
    static const char line[] = "{\"type\":\"t\",\"args\":\"\\ud83d\"}\n";
    cli_run(cli, 2, "push", "t", "\"\\ud83d\"");
    cli_expect_err_has(cli, words);
    cli_run_input(cli, 1, line, sizeof line - 1, "push", "--jsonl");
    cli_expect_err_has(cli,
                       "line 1: \\ud83d at byte 20 is a lone surrogate, which is not a character");
    commands_do(cli->conn, "ZADD", "darg:{default}:dead", "1", line);
    cli_run(cli, 0, "dead", "list", "--json");
    cli_expect_out_has(cli, "\"job\":\"{\\\"type\\\":\\\"t\\\",\\\"args\\\":\\\"\\\\ud83d\\\"}");
    commands_do(cli->conn, "LPUSH", key, line);
    cli_run(cli, 0, "peek", "--json");
    cli_expect_out_has(cli, "\"invalid\":\"\\\\ud83d at byte 20 is a lone surrogate");
    commands_do(cli->conn, "DEL", key);
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    answer_next(cli, "\"outcome\":\"done\",\"result\":\"\\ud83d\"");
    process_wait_stderr(push, "a result cannot be read: \\ud83d at byte ", WAIT_MS);
    /* Nobody can tell whose end that was, so the job is missed. */
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    process_free(push);
}

static void test_failure_is_told(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    answer_next(cli, "\"outcome\":\"buried\",\"run\":3,\"error\":\"it\\u001b[0m broke\"");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    assert_string_equal(process_stderr(push), "darg: x buried (run 3): it?[0m broke\n");
    process_free(push);
}

static void test_whole_jobs(void **state)
{
    struct cli *cli = *state;
    static const char input[] = "{\"type\":\"t\",\"id\":\"a\",\"reply\":\"mine\",\"args\":1}\n"
                                "not a job\n"
                                "{\"type\":\"t\",\"id\":\"b\"}\n";
    struct process *push =
        cli_start_args(cli, input, sizeof input - 1, COMMANDS_ARGS("push", "--jsonl", "--wait"));
    answer_next(cli, "\"outcome\":\"done\",\"run\":1,\"result\":1");
    /* The first result is printed while the second job still runs. */
    assert_string_equal(process_read_line(push, WAIT_MS), "a\t1");
    answer_next(cli, "\"outcome\":\"buried\",\"run\":1,\"error\":\"no\"");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    assert_string_equal(process_stdout(push), "a\t1\n");
    process_wait_stderr(push, "line 2: ", WAIT_MS);
    process_wait_stderr(push, "1 job is done, 1 failed", WAIT_MS);
    process_free(push);
}

/* A worker that runs as long as darg does. */
static int64_t work(struct cli *cli, struct process *push)
{
    int64_t done = 0;
    while (process_poll(push) < 0) {
        struct json_field fields[FIELDS];
        char *job = take_job(cli, fields);
        if (job != NULL) {
            char rest[100];
            struct slice args = fields[ARGS].value.text;
            snprintf(rest, sizeof rest, "\"outcome\":\"done\",\"run\":1,\"result\":%.*s",
                     (int)args.len, args.ptr);
            answer(cli, fields, rest);
            done++;
        }
        free(job);
    }
    return done;
}

/* Every number has come back once. */
static void expect_each_once(struct process *push, size_t count)
{
    bool *is_there = mem_array(count + 1, 1);
    const char *at = process_stdout(push);
    for (size_t i = 0; i < count; i++) {
        at = strchr(at, '\t');
        assert_non_null(at);
        long n = strtol(++at, NULL, 10);
        assert_in_range(n, 1, count);
        assert_false(is_there[n]);
        is_there[n] = true;
    }
    assert_null(strchr(at, '\t'));
    free(is_there);
}

/* More jobs than may be waited for at a time. */
static void test_many(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start_shell(cli, "seq 12000 | $DARG push t --lines --wait");
    assert_int_equal(work(cli, push), 12000);
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    expect_each_once(push, 12000);
    process_free(push);
    assert_int_equal(commands_int(cli->conn, "DBSIZE"), 1);
}

/* Workers far behind hold the producer back, not its memory. */
static bool is_held_back(void *context)
{
    struct cli *cli = context;
    int64_t waiting = commands_int(cli->conn, "LLEN", key);
    assert_in_range(waiting, 0, 10000);
    return waiting > 9000;
}

static void test_bound(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start_fed(cli, "yes", "push t --lines --wait");
    assert_true(wait_until(is_held_back, cli, WAIT_MS));
    for (int i = 0; i < 50; i++)
        answer_next(cli, "\"outcome\":\"done\",\"run\":1");
    for (int i = 0; i < 50; i++)
        (void)process_read_line(push, WAIT_MS);
    assert_true(is_held_back(cli));
    process_signal(push, SIGTERM);
    assert_int_equal(process_wait(push, WAIT_MS), 128 + SIGTERM);
    process_wait_stderr(push, "interrupted while waiting for ", WAIT_MS);
    process_free(push);
}

/* The connection that waits, found by its name; "" if there is none now. */
static void find_waiting_client(struct cli *cli, char id[32])
{
    char *clients = commands_text(cli->conn, "CLIENT", "LIST");
    char *name = strstr(clients, " name=darg-wait ");
    id[0] = '\0';
    if (name != NULL) {
        *name = '\0';
        char *line = strrchr(clients, '\n');
        sscanf(line == NULL ? clients : line + 1, "id=%31[0-9]", id);
    }
    free(clients);
}

struct waiting_client {
    struct cli *cli;
    char id[32];
};

static bool is_client_there(void *context)
{
    struct waiting_client *client = context;
    find_waiting_client(client->cli, client->id);
    return client->id[0] != '\0';
}

/* Cut again and again at any moment, it still prints each result once. */
static void test_broken_link(void **state)
{
    struct cli *cli = *state;
    enum { JOBS = 1500 };
    struct process *push = cli_start_shell(cli, "seq 1500 | $DARG push t --lines --wait");
    int cuts = 0;
    for (int i = 0; i < JOBS; i++) {
        struct taken taken = {.cli = cli};
        assert_true(wait_until(takes_job, &taken, WAIT_MS));
        char rest[100];
        struct slice args = taken.fields[ARGS].value.text;
        snprintf(rest, sizeof rest, "\"outcome\":\"done\",\"run\":1,\"result\":%.*s", (int)args.len,
                 args.ptr);
        answer(cli, taken.fields, rest);
        free(taken.job);
        if (i % 150 != 0)
            continue;
        struct waiting_client client = {.cli = cli};
        assert_true(wait_until(is_client_there, &client, WAIT_MS));
        cuts += (int)commands_int(cli->conn, "CLIENT", "KILL", "ID", client.id);
    }
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    expect_each_once(push, JOBS);
    process_free(push);
    assert_int_equal(cuts, JOBS / 150);
}

/* At its memory limit Redis refuses to block; results come all the same. */
static void test_full_redis(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start(cli, "push", "t", "--wait", "--id", "x");
    struct taken taken = {.cli = cli};
    assert_true(wait_until(takes_job, &taken, WAIT_MS));
    char list[100], script[200], id[32];
    reply_key_of(taken.fields, list);
    commands_do(cli->conn, "CONFIG", "SET", "maxmemory", "1");
    find_waiting_client(cli, id);
    if (id[0] != '\0')
        commands_do(cli->conn, "CLIENT", "KILL", "ID", id);
    snprintf(script, sizeof script,
             "#!lua flags=allow-oom\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])");
    commands_do(cli->conn, "EVAL", script, "1", list,
                "{\"id\":\"x\",\"outcome\":\"done\",\"run\":1,\"result\":\"fine\"}");
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    assert_string_equal(process_stdout(push), "fine\n");
    commands_do(cli->conn, "CONFIG", "SET", "maxmemory", "0");
    process_free(push);
    free(taken.job);
}

static void test_interrupt(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start(cli, "push", "t", "--wait");
    struct taken taken = {.cli = cli};
    assert_true(wait_until(takes_job, &taken, WAIT_MS));
    free(taken.job);
    process_signal(push, SIGINT);
    assert_int_equal(process_wait(push, WAIT_MS), 128 + SIGINT);
    process_wait_stderr(push, "interrupted while waiting for 1 result", WAIT_MS);
    process_free(push);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_one_result),      CLI_TEST(test_failure_is_told),
        CLI_TEST(test_lone_surrogates), CLI_TEST(test_replaced_bytes_are_noted),
        CLI_TEST(test_whole_jobs),      CLI_TEST(test_many),
        CLI_TEST(test_bound),           CLI_TEST(test_broken_link),
        CLI_TEST(test_full_redis),      CLI_TEST(test_interrupt),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
