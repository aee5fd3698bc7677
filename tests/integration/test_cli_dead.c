/* darg dead list, retry, drop. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "darg:{default}";
static const char dead_key[] = "darg:{default}:dead";

static int64_t server_ms(struct cli *cli)
{
    struct reply *reply = commands_run(cli->conn, "TIME");
    int64_t ms = reply_int(reply_at(reply, 0), 0) * 1000;
    reply_free(reply);
    return ms;
}

/* A dead job as workers leave it, which died so long ago. */
static void add_dead(struct cli *cli, const char *id, const char *type, const char *error,
                     int64_t ago_ms)
{
    struct buf member = {0};
    char score[32];
    snprintf(score, sizeof score, "%lld", (long long)(server_ms(cli) - ago_ms));
    buf_printf(
        &member,
        "{\"darg\":1,\"runs\":25,\"crashes\":0,\"attempt\":25,\"id\":\"%s\",\"claim\":\"w:%s\","
        "\"failed_at\":1,\"error\":\"%s\",\"job\":{\"type\":\"%s\",\"id\":\"%s\"}}",
        id, id, error, type, id);
    commands_do(cli->conn, "ZADD", dead_key, score, buf_text(&member));
    buf_fini(&member);
}

static void add_three(struct cli *cli)
{
    add_dead(cli, "a", "mail", "connection refused\\u001b[31m", 100000);
    add_dead(cli, "b", "mail", "timeout", 50000);
    add_dead(cli, "c", "report", "timeout \\\"x\\\"", 7200000);
}

static int64_t dead_count(struct cli *cli)
{
    return commands_int(cli->conn, "ZCARD", dead_key);
}

static void test_list(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "dead", "list");
    cli_expect_out(cli, "ID  TYPE  DIED AGO  RUNS  ERROR\n");
    add_three(cli);
    cli_run(cli, 0, "dead", "list");
    const char *out = process_stdout(cli->last);
    const char *a = strstr(out, "\na "), *b = strstr(out, "\nb "), *c = strstr(out, "\nc ");
    assert_true(b != NULL && a != NULL && c != NULL && b < a && a < c);
    cli_expect_out_has(cli, "25  connection refused?[31m\n");
    cli_run(cli, 0, "dead", "list", "--type", "report", "--json");
    cli_expect_out_has(cli, "[{\"id\":\"c\",\"type\":\"report\",\"died_ms\":");
    cli_expect_out_has(
        cli, "\"runs\":25,\"crashes\":0,\"attempts\":25,"
             "\"error\":\"timeout \\\"x\\\"\",\"job\":{\"type\":\"report\",\"id\":\"c\"}}]\n");
    cli_run(cli, 0, "dead", "list", "--error", "timeout", "--limit", "1");
    assert_null(strstr(process_stdout(cli->last), "\nc "));
    cli_expect_out_has(cli, "\nb ");
}

static void add_many(struct cli *cli, const char *count)
{
    commands_do(cli->conn, "EVAL",
                "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], i, "
                "'{\"type\":\"t\",\"id\":\"d' .. i .. '\"}') end",
                "1", "darg:{default}:dead", count);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* A list that was cut says so, in JSON, too; one that was not does not. */
static void test_list_all(void **state)
{
    struct cli *cli = *state;
    add_many(cli, "120");
    cli_run(cli, 0, "dead", "list", "--json");
    assert_int_equal(count_of(process_stdout(cli->last), "\"id\":\"d"), 2 * 50);
    cli_expect_err(cli, "darg: these are the 50 that died last; --limit N shows more, "
                        "--all shows all\n");
    cli_run(cli, 0, "dead", "list", "--all", "--json");
    assert_int_equal(count_of(process_stdout(cli->last), "\"id\":\"d"), 2 * 120);
    cli_expect_err(cli, "");
    cli_run(cli, 0, "dead", "list", "--all");
    assert_int_equal(count_of(process_stdout(cli->last), "\n"), 1 + 120);
    cli_expect_err(cli, "");
    cli_run(cli, 0, "dead", "list", "--limit", "120");
    cli_expect_err(cli, "");
    cli_run(cli, 0, "dead", "list", "--limit", "119");
    cli_expect_err_has(cli, "these are the 119 that died last");
    cli_run(cli, 0, "dead", "list", "--all", "--limit", "7");
    cli_expect_err_has(cli, "these are the 7 that died last");
    cli_run(cli, 0, "dead", "list", "--id", "d60");
    cli_expect_err(cli, "");
}

/* More rows than are held at a time: one head, and every row. */
static void test_list_of_any_length(void **state)
{
    struct cli *cli = *state;
    add_many(cli, "2500");
    cli_run(cli, 0, "dead", "list", "--all");
    const char *out = process_stdout(cli->last);
    assert_int_equal(count_of(out, "\n"), 1 + 2500);
    assert_int_equal(count_of(out, "TYPE"), 1);
    assert_non_null(strstr(out, "\nd2500 "));
    assert_non_null(strstr(out, "\nd1 "));
}

static void test_retry(void **state)
{
    struct cli *cli = *state;
    add_three(cli);
    cli_run(cli, 2, "dead", "retry");
    cli_run(cli, 1, "dead", "retry", "--id", "nobody");
    cli_expect_err_has(cli, "sent back 0 dead jobs");
    cli_run(cli, 0, "dead", "retry", "--type", "mail", "--error", "refused");
    cli_expect_err(cli, "darg: sent back 1 dead job of queue 'default'\n");
    assert_int_equal(dead_count(cli), 2);
    char *job = commands_text(cli->conn, "RPOP", key);
    assert_non_null(strstr(job, "\"job\":{\"type\":\"mail\",\"id\":\"a\"}}"));
    assert_non_null(strstr(job, "\"attempt\":0"));
    free(job);
    cli_run(cli, 0, "dead", "retry", "--all", "--json");
    cli_expect_out(cli, "{\"retried\":2}\n");
    assert_int_equal(dead_count(cli), 0);
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 2);
}

static void test_drop(void **state)
{
    struct cli *cli = *state;
    add_three(cli);
    cli_run(cli, 1, "dead", "drop", "--all");
    cli_expect_err_has(cli, "--yes");
    assert_int_equal(dead_count(cli), 3);
    cli_run(cli, 0, "dead", "drop", "--id", "b", "--yes");
    assert_int_equal(dead_count(cli), 2);
    cli_run(cli, 0, "dead", "drop", "--all", "--limit", "1", "--yes");
    assert_int_equal(dead_count(cli), 1);
    cli_run(cli, 0, "dead", "drop", "--all", "--yes");
    cli_expect_err_has(cli, "dropped 1 dead job of");
    assert_int_equal(dead_count(cli), 0);
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 0);
}

/* Many pages, of which some jobs go and some stay. */
static void test_pages(void **state)
{
    struct cli *cli = *state;
    for (int i = 0; i < 470; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        add_dead(cli, id, i % 3 == 0 ? "goes" : "stays", "e", 1000 + i);
    }
    cli_run(cli, 0, "dead", "retry", "--type", "goes", "--limit", "60");
    cli_expect_err_has(cli, "sent back 60 dead jobs");
    cli_run(cli, 0, "dead", "drop", "--type", "goes", "--yes");
    cli_expect_err_has(cli, "dropped 97 dead jobs");
    cli_run(cli, 0, "dead", "list", "--limit", "1000", "--json");
    assert_null(strstr(process_stdout(cli->last), "goes"));
    assert_int_equal(dead_count(cli), 470 - 157);
}

/* What dies after the command has begun is not taken: jobs that fail at once would go round for
 * ever. */
static void test_the_newly_dead(void **state)
{
    struct cli *cli = *state;
    add_dead(cli, "old", "t", "e", 5000);
    add_dead(cli, "before the clock was set back", "t", "e", -3600000);
    add_dead(cli, "new", "t", "e", -8000);
    cli_run(cli, 0, "dead", "retry", "--all");
    cli_expect_err_has(cli, "sent back 2 dead jobs");
    assert_int_equal(dead_count(cli), 1);
}

/* Elements that are no jobs are there, too. */
static void test_damaged_elements(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "ZADD", dead_key, "1", "no json \xff", "2", "{\"darg\":1,\"runs\":1,");
    cli_run(cli, 0, "dead", "list", "--json");
    cli_expect_out_has(cli, "\"job\":\"no json \xef\xbf\xbd\"");
    cli_run(cli, 0, "dead", "drop", "--all", "--yes");
    assert_int_equal(dead_count(cli), 0);
}

/* A walk through a million jobs takes a while, and nobody would see the end of it. */
static void test_a_list_that_nobody_reads(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "EVAL",
                "for i = 1, 20000 do redis.call('ZADD', KEYS[1], i, 'a job that nobody can read '"
                " .. i) end",
                "1", dead_key);
    static const char *const lists[] = {"$DARG dead list --all >/dev/full",
                                        "$DARG dead list --all --json >/dev/full"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        commands_do(cli->conn, "CONFIG", "RESETSTAT");
        cli_run_shell(cli, 1, lists[i]);
        cli_expect_err_has(cli, "cannot write to standard output");
        struct reply *info = commands_run(cli->conn, "INFO", "commandstats");
        char *text = slice_dup(reply_slice(info));
        const char *pages = strstr(text, "cmdstat_zrevrange:calls=");
        assert_non_null(pages);
        assert_in_range(strtol(strchr(pages, '=') + 1, NULL, 10), 1, 100);
        free(text);
        reply_free(info);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_list),
        CLI_TEST(test_list_all),
        CLI_TEST(test_list_of_any_length),
        CLI_TEST(test_retry),
        CLI_TEST(test_drop),
        CLI_TEST(test_pages),
        CLI_TEST(test_the_newly_dead),
        CLI_TEST(test_damaged_elements),
        CLI_TEST(test_a_list_that_nobody_reads),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
