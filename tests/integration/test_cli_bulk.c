/* darg push --lines and --jsonl: every line becomes exactly one job, or is named. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/cli.h"
#include "support/wait.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "darg:{default}";
enum { MIB = 1 << 20, WAIT_MS = 20000 };

static int64_t length(struct cli *cli)
{
    return commands_int(cli->conn, "LLEN", key);
}

/* The args of the oldest job, which is removed, must be this JSON. */
static void expect_args(struct cli *cli, const char *args)
{
    char *job = commands_text(cli->conn, "RPOP", key);
    assert_non_null(job);
    const char *got = strstr(job, ",\"args\":");
    assert_non_null(got);
    got += strlen(",\"args\":");
    assert_int_equal(strlen(got), strlen(args) + 1);
    assert_memory_equal(got, args, strlen(args));
    free(job);
}

static void test_lines(void **state)
{
    struct cli *cli = *state;
    static const char input[] = "one\n\n \"q\" \\\r\nnul\0l\n{\"a\":1}\n\xc3\xa9\t\nlast";
    cli_run_input(cli, 0, input, sizeof input - 1, "push", "t", "--lines");
    cli_expect_err_has(cli, "pushed 7 jobs to 'default' in ");
    cli_expect_out(cli, "");
    expect_args(cli, "\"one\"");
    expect_args(cli, "\"\"");
    expect_args(cli, "\" \\\"q\\\" \\\\\\r\"");
    expect_args(cli, "\"nul\\u0000l\"");
    expect_args(cli, "\"{\\\"a\\\":1}\"");
    expect_args(cli, "\"\xc3\xa9\\t\"");
    expect_args(cli, "\"last\"");
    assert_int_equal(length(cli), 0);
}

static void test_no_input(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "t", "--lines");
    cli_expect_err_has(cli, "pushed 0 jobs");
    cli_run(cli, 0, "push", "--jsonl", "--quiet");
    cli_expect_err(cli, "");
}

static void test_bad_lines_are_named(void **state)
{
    struct cli *cli = *state;
    static const char lines[] = "good\nbad \xff\nalso good\n\xc3";
    cli_run_input(cli, 1, lines, sizeof lines - 1, "push", "t", "--lines");
    cli_expect_err_has(cli, "line 2: not UTF-8");
    cli_expect_err_has(cli, "line 4: not UTF-8");
    cli_expect_err_has(cli, "2 lines were refused");
    assert_int_equal(length(cli), 2);
}

static void test_jsonl_bytes_are_kept(void **state)
{
    struct cli *cli = *state;
    static const char input[] =
        " {\"type\":\"a\", \"id\" : \"1\",\"n\":1e400,\"args\":[ 01234567890 ]}\n"
        " {\"type\":\"a\", \"id\" : \"1\",\"n\":1e400,\"args\":[ 1234567890123456789012 ]} \r\n"
        "{\"id\":\"2\",\"type\":\"b\",\"unknown\":{\"x\":[]}}";
    cli_run_input(cli, 1, input, sizeof input - 1, "push", "--jsonl");
    cli_expect_err_has(cli, "line 1: ");
    cli_expect_job(
        cli, key,
        " {\"type\":\"a\", \"id\" : \"1\",\"n\":1e400,\"args\":[ 1234567890123456789012 ]} \r");
    cli_expect_job(cli, key, "{\"id\":\"2\",\"type\":\"b\",\"unknown\":{\"x\":[]}}");
}

static void test_jsonl_gets_an_id(void **state)
{
    struct cli *cli = *state;
    static const char input[] = "  { \"type\":\"a\",\"args\":{\"id\":\"inner\"}}\n";
    cli_run_input(cli, 0, input, sizeof input - 1, "push", "--jsonl");
    char *job = commands_text(cli->conn, "RPOP", key);
    static const char before[] = "  {\"id\":\"",
                      after[] = "\", \"type\":\"a\",\"args\":{\"id\":\"inner\"}}";
    assert_memory_equal(job, before, strlen(before));
    assert_string_equal(job + strlen(before) + 36, after);
    free(job);
}

static void test_jsonl_is_strict(void **state)
{
    struct cli *cli = *state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "not JSON"},
        {"[1]", "object"},
        {"{\"args\":1}", "no \"type\""},
        {"{\"type\":1}", "\"type\""},
        {"{\"type\":\"a\"} x", "not JSON"},
        {"{\"type\":\"a\",\"id\":7}", "\"id\""},
        {"{\"type\":\"a\",\"max_attempts\":0}", "\"max_attempts\""},
        {"{\"type\":\"a\",\"backoff\":\"x\"}", "'x'"},
        {"{\"type\":\"a\",\"args\":\"\xff\"}", "not JSON"},
        {"{\"darg\":\"drain\"}", "darg drain"},
        {"{\"darg\":1,\"runs\":0,\"crashes\":0,\"attempt\":0,\"job\":{\"type\":\"a\"}}",
         "envelope"},
    };
    struct buf input = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        buf_printf(&input, "%s\n", cases[i].line);
    cli_run_input(cli, 1, buf_text(&input), input.len, "push", "--jsonl");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %zu: ", i + 1);
        const char *at = strstr(process_stderr(cli->last), line);
        assert_non_null(at);
        const char *said = strstr(at, cases[i].says);
        if (said == NULL || said > strchr(at, '\n'))
            fail_msg("'%s' is not said of line %zu: %s", cases[i].says, i + 1, at);
    }
    assert_int_equal(length(cli), 0);
    buf_fini(&input);
}

/* Only the first of very many bad lines are shown. */
static void test_flood_of_bad_lines(void **state)
{
    struct cli *cli = *state;
    cli_run_shell(cli, 1, "yes '{' | head -100000 | $DARG push --jsonl");
    cli_expect_err_has(cli, "further bad lines are only counted");
    cli_expect_err_has(cli, "100,000 lines were refused");
    assert_true(strlen(process_stderr(cli->last)) < 4000);
}

static void append_line(struct buf *input, size_t len)
{
    buf_reserve(input, len + 1);
    for (size_t i = 0; i < len; i++)
        buf_append_char(input, 'x');
    buf_append_char(input, '\n');
}

static void test_long_lines(void **state)
{
    struct cli *cli = *state;
    struct buf input = {0};
    append_line(&input, MIB - 200); /* fits with what is put around it */
    append_line(&input, MIB);       /* does not, as a job */
    append_line(&input, 3 * MIB);   /* does not, as a line */
    append_line(&input, 3);
    append_line(&input, 5 * MIB);
    input.len--; /* no newline at the end */
    cli_run_input(cli, 1, buf_text(&input), input.len, "push", "t", "--lines");
    cli_expect_err_has(cli, "line 2: the job would have");
    cli_expect_err_has(cli, "line 3: too long");
    cli_expect_err_has(cli, "line 5: too long");
    cli_expect_err_has(cli, "pushed 2 jobs");
    assert_int_equal(length(cli), 2);
    buf_fini(&input);
}

/* Batches end where they may: every number arrives once, in order. */
static void test_many(void **state)
{
    struct cli *cli = *state;
    enum { JOBS = 20011 };
    cli_run_shell(cli, 0, "seq 20011 | $DARG push t --lines");
    cli_expect_err_has(cli, "pushed 20,011 jobs");
    struct reply *jobs = commands_run(cli->conn, "LRANGE", key, "0", "-1");
    assert_int_equal(reply_count(jobs), JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        char tail[64];
        int len = snprintf(tail, sizeof tail, ",\"args\":\"%zu\"}", JOBS - i);
        struct slice job = reply_slice(reply_at(jobs, i));
        assert_memory_equal(job.ptr + job.len - len, tail, (size_t)len);
    }
    reply_free(jobs);
}

static bool has_two(void *context)
{
    return length(context) == 2;
}

/* A line is pushed when it is there, not when the next ones fill a batch. */
static void test_slow_input(void **state)
{
    struct cli *cli = *state;
    /* The feeder goes on holding the pipe open. */
    struct process *push = cli_start_fed(cli, "echo a; echo b; sleep 60", "push t --lines");
    assert_true(wait_until(has_two, cli, WAIT_MS));
    process_signal(push, SIGINT);
    assert_int_equal(process_wait(push, WAIT_MS), 128 + SIGINT);
    process_wait_stderr(push, "2 jobs were pushed", WAIT_MS);
    process_free(push);
}

static void test_delayed_bulk(void **state)
{
    struct cli *cli = *state;
    cli_run_shell(cli, 0, "yes same | head -1200 | $DARG push t --lines --delay 1h");
    cli_expect_err_has(cli, "pushed 1,200 jobs");
    assert_int_equal(commands_int(cli->conn, "ZCARD", "darg:{default}:scheduled"), 1200);
    assert_int_equal(length(cli), 0);
}

/* The scripts may be gone at any time. */
static void test_script_flush(void **state)
{
    struct cli *cli = *state;
    enum { JOBS = 20000, STEP = 200 };
    struct process *push = cli_start_shell(
        cli, "seq 20000 | while read -r n; do echo $n; done | $DARG push t --lines");
    int flushes = 0;
    while (process_poll(push) < 0) {
        if (length(cli) < (int64_t)flushes * STEP)
            continue;
        commands_do(cli->conn, "SCRIPT", "FLUSH");
        flushes++;
    }
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    process_free(push);
    assert_int_equal(length(cli), JOBS);
    assert_true(flushes > 10);
}

/* What is said to be pushed is there; what is in doubt is said to be. */
static void test_lost_connection(void **state)
{
    struct cli *cli = *state;
    struct process *push = cli_start_shell(cli, "exec 2>&1; yes | $DARG push t --lines");
    while (length(cli) < 5000)
        assert_int_equal(process_poll(push), -1);
    commands_do(cli->conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    char pushed[32] = "", doubtful[32] = "0";
    const char *out = process_stdout(push);
    const char *count = strstr(out, "\ndarg: ");
    assert_non_null(count);
    assert_int_equal(sscanf(count, "\ndarg: %31[0-9,] jobs were pushed", pushed), 1);
    count = strstr(count + 1, "\ndarg: ");
    if (count != NULL)
        assert_int_equal(sscanf(count, "\ndarg: %31[0-9,] jobs may", doubtful), 1);
    int64_t numbers[2] = {0};
    for (int i = 0; i < 2; i++)
        for (const char *c = i ? doubtful : pushed; *c != '\0'; c++)
            numbers[i] = *c == ',' ? numbers[i] : numbers[i] * 10 + (*c - '0');
    assert_in_range(length(cli), numbers[0], numbers[0] + numbers[1]);
    process_free(push);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_lines),
        CLI_TEST(test_no_input),
        CLI_TEST(test_bad_lines_are_named),
        CLI_TEST(test_jsonl_bytes_are_kept),
        CLI_TEST(test_jsonl_gets_an_id),
        CLI_TEST(test_jsonl_is_strict),
        CLI_TEST(test_flood_of_bad_lines),
        CLI_TEST(test_long_lines),
        CLI_TEST(test_many),
        CLI_TEST(test_slow_input),
        CLI_TEST(test_delayed_bulk),
        CLI_TEST(test_script_flush),
        CLI_TEST(test_lost_connection),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
