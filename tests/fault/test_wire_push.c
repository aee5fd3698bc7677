/* darg push on links that break: it says how many jobs are in and of how many it does not know, and
 * both are true. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "queue/scripts.h"
#include "support/cli.h"
#include "support/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first call with the script's name asks whether this user may run it, and pushes nothing. */
enum { JOBS = 20000, PROBES = 1 };
static const char key[] = "darg:{default}";

static struct proxy *start_proxy(struct cli *cli)
{
    return proxy_start(redis_server_socket(cli->server), redis_server_directory(cli->server),
                       "proxy.sock");
}

/* `count` lines, each a job of its own id. */
static void append_jobs(struct buf *input, int count)
{
    for (int i = 0; i < count; i++)
        buf_printf(input, "{\"type\":\"t\",\"id\":\"j%d\"}\n", i);
}

/* The number, with its commas, in front of `words`; 0 where they are not said. */
static long said(struct cli *cli, const char *words)
{
    const char *text = process_stderr(cli->last), *at = strstr(text, words);
    long number = 0;
    if (at == NULL)
        return 0;
    const char *from = at;
    while (from > text && from[-1] != '\n')
        from--;
    from += strcspn(from, "0123456789\n");
    for (; from < at && *from != ' '; from++)
        if (*from != ',')
            number = number * 10 + (*from - '0');
    return number;
}

/* Jobs j0 ... are in the queue in their order, without gaps or doubles, up to `certain` at least.
 */
static int64_t expect_prefix(struct cli *cli, long certain)
{
    struct reply *line = commands_run(cli->conn, "LRANGE", key, "0", "-1");
    size_t count = reply_count(line);
    for (size_t i = 0; i < count; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "{\"type\":\"t\",\"id\":\"j%zu\"}", i);
        if (!slice_is(reply_slice(reply_at(line, count - 1 - i)), expected))
            fail_msg("number %zu of the line is not j%zu", i, i);
    }
    reply_free(line);
    assert_true((long)count >= certain);
    return (int64_t)count;
}

static void push_broken(struct cli *cli, const struct proxy_fault *fault)
{
    struct proxy *proxy = start_proxy(cli);
    struct buf input = {0};
    append_jobs(&input, JOBS);
    proxy_arm(proxy, fault);
    cli_run_input(cli, 1, buf_text(&input), input.len, "push", "--jsonl", "-r", proxy_url(proxy));
    assert_int_equal(proxy_counts(proxy).all_hit, 1);
    long certain = said(cli, " jobs were pushed");
    long uncertain = said(cli, " jobs may have been pushed or not");
    int64_t in = expect_prefix(cli, certain);
    print_message("%ld pushed, %ld uncertain, %lld in the queue\n", certain, uncertain,
                  (long long)in);
    assert_true(uncertain > 0);
    assert_in_range(in, certain, certain + uncertain);
    buf_fini(&input);
    proxy_stop(proxy);
}

static void test_answers_are_cut_in_a_bulk(void **state)
{
    static const int keeps[] = {0, 5, -1};
    static const unsigned skips[] = {PROBES, 7, 20};
    struct cli *cli = *state;
    for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++) {
        commands_do(cli->conn, "FLUSHDB");
        push_broken(cli, &(struct proxy_fault){.action = PROXY_CUT_REPLY,
                                               .word = script_push.sha1,
                                               .skip = skips[i],
                                               .times = 1,
                                               .keep = keeps[i]});
    }
}

static void test_requests_are_cut_in_a_bulk(void **state)
{
    static const int keeps[] = {0, 1000, -1};
    static const unsigned skips[] = {PROBES, 7, 20};
    struct cli *cli = *state;
    for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++) {
        commands_do(cli->conn, "FLUSHDB");
        push_broken(cli, &(struct proxy_fault){.action = PROXY_CUT_REQUEST,
                                               .word = script_push.sha1,
                                               .skip = skips[i],
                                               .times = 1,
                                               .keep = keeps[i]});
    }
}

static void test_a_corrupt_answer_in_a_bulk(void **state)
{
    static const char *const forged[] = {":-5\r\n", "+OK\r\n", "*2\r\n:99999\r\n:1\r\n",
                                         "*9999999999\r\n"};
    struct cli *cli = *state;
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        commands_do(cli->conn, "FLUSHDB");
        push_broken(cli, &(struct proxy_fault){.action = PROXY_FORGE_REPLY,
                                               .word = script_push.sha1,
                                               .skip = 7,
                                               .times = 1,
                                               .forged = slice_of(forged[i])});
    }
}

/* The id is told, so that the same job can be pushed again under it. */
static void test_the_answer_for_a_single_job_is_cut(void **state)
{
    struct cli *cli = *state;
    struct proxy *proxy = start_proxy(cli);
    proxy_arm(proxy,
              &(struct proxy_fault){
                  .action = PROXY_CUT_REPLY, .word = script_push.sha1, .skip = PROBES, .times = 1});
    cli_run(cli, 1, "push", "t", "--id", "mine", "-r", proxy_url(proxy));
    cli_expect_out(cli, "");
    cli_expect_err_has(cli, "may have been pushed or not: the answer is lost; id mine");
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 1);
    proxy_stop(proxy);
}

/* Delayed jobs have names of their own in the set: the call is repeated, and all are in once. */
static void test_answers_for_delayed_jobs_are_cut(void **state)
{
    enum { DELAYED = 2000 };
    struct cli *cli = *state;
    struct proxy *proxy = start_proxy(cli);
    struct buf input = {0};
    append_jobs(&input, DELAYED);
    proxy_arm(proxy, &(struct proxy_fault){.action = PROXY_CUT_REPLY,
                                           .word = script_schedule.sha1,
                                           .skip = 1,
                                           .times = 2,
                                           .keep = 2});
    cli_run_input(cli, 0, buf_text(&input), input.len, "push", "--jsonl", "--delay", "1h", "-r",
                  proxy_url(proxy));
    assert_int_equal(proxy_counts(proxy).all_hit, 2);
    assert_int_equal(commands_int(cli->conn, "ZCARD", "darg:{default}:scheduled"), DELAYED);
    buf_fini(&input);
    proxy_stop(proxy);
}

/* Where Redis does not come back, it is not known whether they are. */
static void test_a_delayed_job_is_left_in_doubt(void **state)
{
    struct cli *cli = *state;
    struct proxy *proxy = start_proxy(cli);
    proxy_arm(proxy, &(struct proxy_fault){
                         .action = PROXY_CUT_REPLY, .word = script_schedule.sha1, .times = 1});
    proxy_arm(proxy, &(struct proxy_fault){
                         .action = PROXY_CUT_REPLY, .word = "PING", .skip = 2, .times = 100000});
    cli_run(cli, 1, "push", "t", "--id", "mine", "--delay", "1h", "--connect-timeout", "500ms",
            "-r", proxy_url(proxy));
    cli_expect_err_has(cli, "may have been pushed or not: the answer is lost; id mine");
    assert_int_equal(commands_int(cli->conn, "ZCARD", "darg:{default}:scheduled"), 1);
    proxy_stop(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_answers_are_cut_in_a_bulk),
        CLI_TEST(test_requests_are_cut_in_a_bulk),
        CLI_TEST(test_a_corrupt_answer_in_a_bulk),
        CLI_TEST(test_the_answer_for_a_single_job_is_cut),
        CLI_TEST(test_answers_for_delayed_jobs_are_cut),
        CLI_TEST(test_a_delayed_job_is_left_in_doubt),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
