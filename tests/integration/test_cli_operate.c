/* What operators do with darg: look, pause, stop, drain, limit, purge. */
#include "support/cmocka_all.h"

#include "support/cli.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char key[] = "darg:{default}";
enum { WAIT_MS = 20000 };

static void expect_key(struct cli *cli, const char *name, const char *value)
{
    char *got = commands_text(cli->conn, "GET", name);
    if (value == NULL)
        assert_null(got);
    else
        assert_string_equal(got, value);
    free(got);
}

static void test_pause_and_resume(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "resume");
    cli_expect_err_has(cli, "there was nothing to undo");
    cli_run(cli, 0, "pause");
    assert_int_equal(commands_int(cli->conn, "HEXISTS", "darg:{default}:settings", "paused"), 1);
    cli_run(cli, 0, "push", "t");
    cli_run(cli, 0, "stats");
    cli_expect_out_has(cli, "paused\n");
    cli_run(cli, 0, "quiet");
    expect_key(cli, "darg:{default}:shutdown", "quiet");
    cli_run(cli, 0, "resume");
    cli_expect_err_has(cli, "no longer paused");
    cli_expect_err_has(cli, "undid 'quiet'");
    assert_int_equal(commands_int(cli->conn, "HEXISTS", "darg:{default}:settings", "paused"), 0);
    expect_key(cli, "darg:{default}:shutdown", NULL);
}

static void test_orders_and_their_scopes(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "stop", "-q", "mail");
    expect_key(cli, "darg:{mail}:shutdown", "stop");
    cli_run(cli, 0, "stop", "--all", "--when-empty");
    cli_expect_err_has(cli, "darg resume --all");
    expect_key(cli, "darg:shutdown", "drain");
    cli_run(cli, 0, "quiet", "--worker", "host-1-ab");
    expect_key(cli, "darg:worker:host-1-ab:shutdown", "quiet");
    cli_run(cli, 0, "resume", "-q", "mail");
    cli_expect_err_has(cli, "queue 'mail': undid 'stop'");
    cli_expect_err_has(cli, "'drain' still holds for all workers");
    expect_key(cli, "darg:{mail}:shutdown", NULL);
    expect_key(cli, "darg:shutdown", "drain");
    cli_run(cli, 0, "resume", "--all");
    cli_run(cli, 0, "resume", "--worker", "host-1-ab");
    expect_key(cli, "darg:shutdown", NULL);
    expect_key(cli, "darg:worker:host-1-ab:shutdown", NULL);
    cli_run(cli, 2, "stop", "--worker", "no name");
}

static void test_stats(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "stats");
    cli_expect_err_has(cli, "no queue is known yet");
    cli_run(cli, 0, "push", "t", "-q", "b");
    cli_run(cli, 0, "push", "t", "-q", "a");
    cli_run(cli, 0, "push", "t", "-q", "a", "--delay", "1h");
    commands_do(cli->conn, "ZADD", "darg:{a}:dead", "1", "x");
    commands_do(cli->conn, "HSET", "darg:{a}:counts", "claimed", "12345", "done", "12340");
    cli_run(cli, 0, "stats", "--json");
    const char *out = process_stdout(cli->last);
    const char *a =
        strstr(out, "{\"queue\":\"a\",\"waiting\":1,\"held\":5,\"scheduled\":1,\"dead\":1,"
                    "\"workers\":0,\"oldest_age_ms\":");
    const char *b = strstr(out, "{\"queue\":\"b\",\"waiting\":1,\"held\":0,");
    assert_true(a != NULL && b != NULL && a < b);
    cli_expect_out_has(cli, "\"done\":12340");
    cli_run(cli, 0, "stats", "-q", "b");
    assert_null(strstr(process_stdout(cli->last), "\na "));
    cli_run(cli, 0, "stats", "-q", "b", "--all");
    cli_expect_out_has(cli, "12,340");
}

static void test_watch(void **state)
{
    struct cli *cli = *state;
    struct process *watch =
        cli_start(cli, "stats", "-q", "a", "--watch", "--interval", "100ms", "--json");
    assert_non_null(strstr(process_read_line(watch, WAIT_MS), "\"done_per_s\":null"));
    assert_non_null(strstr(process_read_line(watch, WAIT_MS), "\"done_per_s\":0"));
    commands_do(cli->conn, "HINCRBY", "darg:{a}:counts", "done", "1000000");
    while (strstr(process_read_line(watch, WAIT_MS), "\"done_per_s\":0") != NULL)
        ;
    redis_server_restart(cli->server);
    conn_discard(cli->conn);
    commands_must_connect(cli->conn);
    commands_do(cli->conn, "HINCRBY", "darg:{a}:counts", "done", "77");
    while (strstr(process_read_line(watch, WAIT_MS), "\"done\":77") == NULL)
        ;
    process_free(watch);
}

static void test_peek(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "peek");
    cli_expect_err_has(cli, "no job is waiting in queue 'default'");
    commands_do(cli->conn, "LPUSH", key, "{\"type\":\"t\",\"id\":\"1\",\"args\":[1,\n\t2.50]}",
                "{\"type\":\"\\u001b[2J\",\"id\":\"2\"}", "no \xff job", "{\"darg\":\"drain\"}");
    cli_run(cli, 0, "peek", "--json");
    cli_expect_out(
        cli,
        "[{\"id\":\"1\",\"type\":\"t\",\"runs\":0,\"crashes\":0,"
        "\"job\":{\"type\":\"t\",\"id\":\"1\",\"args\":[1,  2.50]}},"
        "{\"id\":\"2\",\"type\":\"\\u001b[2J\",\"runs\":0,\"crashes\":0,"
        "\"job\":{\"type\":\"\\u001b[2J\",\"id\":\"2\"}},"
        "{\"id\":\"\",\"type\":\"\",\"runs\":0,\"crashes\":0,"
        "\"invalid\":\"not JSON: a value expected at byte 0\",\"job\":\"no \xef\xbf\xbd job\"},"
        "{\"id\":\"\",\"type\":\"\",\"runs\":0,\"crashes\":0,\"job\":{\"darg\":\"drain\"}}]\n");
    cli_run(cli, 0, "peek", "2");
    cli_expect_out_has(cli, "ID  TYPE  RUNS  SIZE  ARGS\n");
    cli_expect_out_has(cli, "2   ?[2J     0");
    assert_null(strchr(process_stdout(cli->last), '\033'));
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 4);
}

static void test_workers(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "workers");
    cli_expect_err_has(cli, "no worker is registered");
    struct reply *time_reply = commands_run(cli->conn, "TIME");
    char now_ms[32];
    snprintf(now_ms, sizeof now_ms, "%lld000",
             (long long)reply_int(reply_at(time_reply, 0), 0) - 3);
    reply_free(time_reply);
    commands_do(cli->conn, "SADD", "darg:queues", "default");
    commands_do(cli->conn, "ZADD", "darg:{default}:workers", now_ms, "h.local-7-ab.2");
    commands_do(cli->conn, "HSET", "darg:{default}:claimed:h.local-7-ab.2", "last", "0:2", "1", "a",
                "2", "b");
    commands_do(cli->conn, "HSET", "darg:worker:h.local-7-ab", "host", "h.local", "pid", "7",
                "threads", "10", "busy", "2", "version", "0.1.0", "delivery", "at-least-once");
    cli_run(cli, 0, "workers", "--json");
    cli_expect_out_has(cli, "[{\"worker\":\"h.local-7-ab.2\",\"queue\":\"default\",\"held\":2,"
                            "\"renewed_age_ms\":3");
    cli_expect_out_has(cli, "\"host\":\"h.local\",\"pid\":7,\"queues\":null,\"types\":null,"
                            "\"threads\":10,\"busy\":2,");
    cli_run(cli, 0, "workers");
    cli_expect_out_has(cli, "h.local-7-ab.2  default  h.local    7       10     2     2");
    cli_run(cli, 0, "workers", "-q", "other");
    cli_expect_err_has(cli, "no worker is registered");
}

static void test_queues(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "queues");
    cli_expect_err_has(cli, "no queue is known yet");
    cli_run(cli, 0, "push", "t", "-q", "a");
    commands_do(cli->conn, "SADD", "darg:queues", "b", "c");
    commands_do(cli->conn, "ZADD", "darg:queues:idle", "1e15", "b");
    cli_run(cli, 0, "queues", "list");
    cli_expect_out(cli, "QUEUE  EMPTY FOR\na              -\nb            0ms\nc              -\n");
    cli_run(cli, 0, "queues", "--json");
    cli_expect_out(cli, "[{\"queue\":\"a\",\"empty_ms\":null},{\"queue\":\"b\",\"empty_ms\":0},"
                        "{\"queue\":\"c\",\"empty_ms\":null}]\n");
    cli_run(cli, 1, "queues", "forget", "b", "a", "c");
    cli_expect_err(cli, "darg: queue 'b' is no longer listed\n"
                        "darg: queue 'a' has jobs or workers, and stays: see `darg stats -q a`\n"
                        "darg: queue 'c' is no longer listed\n");
    cli_run(cli, 0, "queues", "list", "--json");
    cli_expect_out(cli, "[{\"queue\":\"a\",\"empty_ms\":null}]\n");
    cli_run(cli, 2, "queues", "forget");
    cli_run(cli, 2, "queues", "forget", "no name");
    /* What it leaves behind is no damage. */
    commands_do(cli->conn, "HSET", "darg:{b}:counts", "claimed", "1", "done", "1");
    cli_run(cli, 0, "fsck", "-q", "b");
}

/* A list of any length is printed as it is read. */
static void test_lists_are_not_held(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)state;
    skip(); /* shadow memory is memory, too */
#else
    struct cli *cli = *state;
    commands_do(cli->conn, "EVAL",
                "for i = 1, 10000 do redis.call('SADD', KEYS[1], 'queue-' .. i)"
                " redis.call('ZADD', KEYS[2], i, '{\"type\":\"t\",\"args\":\"' .. "
                "string.rep('x', 1000) .. i .. '\"}') end",
                "2", "darg:queues", "darg:{default}:dead");
    cli_run_shell(cli, 0, "ulimit -d 16384 && $DARG stats --json | grep -o queue-10000");
    cli_expect_out(cli, "queue-10000\n");
    cli_run_shell(cli, 0, "ulimit -d 16384 && $DARG stats | grep -c ^queue-");
    cli_expect_out(cli, "10000\n");
    cli_run_shell(cli, 0, "ulimit -d 16384 && $DARG dead list --all --json | wc -c");
    assert_true(strtol(process_stdout(cli->last), NULL, 10) > 10000000);
    commands_do(cli->conn, "EVAL",
                "for i = 1, 1000 do redis.call('LPUSH', KEYS[1], '{\"type\":\"t\",\"args\":\"' .. "
                "string.rep('x', 20000) .. i .. '\"}') end",
                "1", key);
    cli_run_shell(cli, 0, "ulimit -d 16384 && $DARG peek 1000 --json | wc -c");
    assert_true(strtol(process_stdout(cli->last), NULL, 10) > 20000000);
#endif
}

static void test_peek_knows_the_inbox(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "t", "--id", "second");
    commands_do(cli->conn, "LPUSH", "darg:{default}:inbox", "{\"type\":\"t\",\"id\":\"first\"}");
    cli_run(cli, 0, "peek", "--json");
    const char *out = process_stdout(cli->last);
    const char *first = strstr(out, "\"first\""), *second = strstr(out, "\"second\"");
    assert_true(first != NULL && second != NULL && first < second);
    cli_run(cli, 0, "peek", "1");
    assert_null(strstr(process_stdout(cli->last), "second"));
}

static void test_purge(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "push", "t");
    cli_run(cli, 0, "push", "t", "--delay", "1h");
    commands_do(cli->conn, "ZADD", "darg:{default}:dead", "1", "x", "2", "y");
    cli_run(cli, 1, "purge");
    cli_expect_err_has(cli, "--yes");
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 1);
    commands_do(cli->conn, "LPUSH", "darg:{default}:inbox", "{\"type\":\"t\"}");
    cli_run(cli, 0, "purge", "--yes");
    cli_expect_err(cli, "darg: threw away 2 waiting jobs of queue 'default'\n");
    assert_int_equal(commands_int(cli->conn, "ZCARD", "darg:{default}:scheduled"), 1);
    cli_run(cli, 0, "purge", "--yes", "--scheduled", "--dead", "--json");
    cli_expect_out(cli, "{\"scheduled\":1,\"dead\":2}\n");
    assert_int_equal(
        commands_int(cli->conn, "EXISTS", "darg:{default}:scheduled", "darg:{default}:dead"), 0);
}

static void test_drain(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "pause");
    cli_run(cli, 0, "push", "t");
    cli_run(cli, 0, "drain");
    cli_expect_err_has(cli, "the drain has begun");
    cli_expect_err_has(cli, "will not drain before");
    cli_expect_err_has(cli, "there is no worker");
    cli_run(cli, 0, "drain");
    cli_expect_err_has(cli, "already under way");
    assert_int_equal(commands_int(cli->conn, "LLEN", key), 2);
    cli_run(cli, 1, "drain", "--wait", "--timeout", "300ms");
    cli_expect_err_has(cli, "the drain is not complete after 300ms");
}

static bool has_sentinel(void *context)
{
    struct cli *cli = context;
    return commands_int(cli->conn, "LLEN", key) == 1;
}

static int64_t server_s(struct cli *cli)
{
    struct reply *reply = commands_run(cli->conn, "TIME");
    int64_t seconds = reply_int(reply_at(reply, 0), 0);
    reply_free(reply);
    return seconds;
}

/* It goes on until the drain is complete and every living worker has left; the dead are not waited
 * for, nor those that came later. A sentinel that vanished is pushed again. */
static void test_drain_waits(void **state)
{
    struct cli *cli = *state;
    char now_ms[32], old_ms[32];
    snprintf(now_ms, sizeof now_ms, "%lld000", (long long)server_s(cli) + 5);
    snprintf(old_ms, sizeof old_ms, "%lld000", (long long)server_s(cli) - 1000);
    commands_do(cli->conn, "HSET", "darg:{default}:settings", "drained_at", "17", "drain_number",
                "9");
    commands_do(cli->conn, "ZADD", "darg:{default}:workers", now_ms, "living.1", old_ms, "dead.1");
    struct process *drain = cli_start(cli, "drain", "--wait");
    assert_true(wait_until(has_sentinel, cli, WAIT_MS));
    commands_do(cli->conn, "DEL", key);
    assert_true(wait_until(has_sentinel, cli, WAIT_MS));
    assert_int_equal(process_poll(drain), -1);
    /* An older drain is no end of it: Redis was restored, and is looked at as it is now. */
    commands_do(cli->conn, "MULTI");
    commands_do(cli->conn, "DEL", key);
    commands_do(cli->conn, "HSET", "darg:{default}:settings", "drained_at", "16", "drain_number",
                "8");
    commands_do(cli->conn, "EXEC");
    assert_true(wait_until(has_sentinel, cli, WAIT_MS));
    commands_do(cli->conn, "DEL", key);
    commands_do(cli->conn, "HSET", "darg:{default}:settings", "drained_at", now_ms, "drain_number",
                "9");
    struct timespec moment = {.tv_nsec = 300 * 1000 * 1000};
    nanosleep(&moment, NULL); /* some rounds in which it must not end */
    assert_int_equal(process_poll(drain), -1);
    commands_do(cli->conn, "ZADD", "darg:{default}:workers", now_ms, "later.1");
    commands_do(cli->conn, "ZREM", "darg:{default}:workers", "living.1");
    assert_int_equal(process_wait(drain, WAIT_MS), 0);
    process_wait_stderr(drain, "queue 'default' is drained", WAIT_MS);
    process_free(drain);
}

static void test_local_redis(void **state)
{
    struct cli *cli = *state;
    char url[300];
    snprintf(url, sizeof url, "local:%s/own", redis_server_directory(cli->server));
    cli_run(cli, 3, "redis", "status", "-r", url);
    cli_expect_out_has(cli, "not running");
    cli_run(cli, 0, "push", "t", "--id", "x", "-r", url);
    cli_run(cli, 0, "redis", "status", "-r", url, "--json");
    cli_expect_out_has(cli, "\"running\":true");
    cli_run(cli, 0, "redis", "stop", "-r", url);
    cli_run(cli, 3, "redis", "status", "-r", url);
    /* What was pushed is kept. */
    cli_run(cli, 0, "peek", "-r", url);
    cli_expect_out_has(cli, "\nx ");
    cli_run(cli, 0, "redis", "stop", "-r", url);
    cli_run(cli, 0, "redis", "stop", "-r", url);
    cli_expect_err_has(cli, "no Redis was running");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_pause_and_resume),
        CLI_TEST(test_orders_and_their_scopes),
        CLI_TEST(test_stats),
        CLI_TEST(test_watch),
        CLI_TEST(test_peek),
        CLI_TEST(test_workers),
        CLI_TEST(test_queues),
        CLI_TEST(test_lists_are_not_held),
        CLI_TEST(test_peek_knows_the_inbox),
        CLI_TEST(test_purge),
        CLI_TEST(test_drain),
        CLI_TEST(test_drain_waits),
        CLI_TEST(test_local_redis),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
