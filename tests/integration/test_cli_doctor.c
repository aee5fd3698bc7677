/* darg doctor against good and bad configurations of a real server. */
#include "support/cmocka_all.h"

#include "support/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(struct cli *cli, const char *name, const char *value)
{
    commands_do(cli->conn, "CONFIG", "SET", name, value);
}

static int reset(void **state)
{
    struct cli *cli = *state;
    set(cli, "appendonly", "yes");
    set(cli, "maxmemory-policy", "noeviction");
    set(cli, "maxmemory", "0");
    set(cli, "timeout", "0");
    set(cli, "min-replicas-to-write", "0");
    return 0;
}

static void expect_wrong(struct cli *cli, const char *what)
{
    char text[96];
    (void)snprintf(text, sizeof text, "{\"what\":\"%s\",\"level\":\"WRONG\"", what);
    cli_run(cli, 1, "doctor", "--json");
    cli_expect_out_has(cli, text);
}

static void test_good(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "doctor");
    assert_null(strstr(process_stdout(cli->last), "WRONG"));
    cli_expect_out_has(cli, "ok     maxmemory-policy");
    cli_expect_out_has(cli, "appendonly, appendfsync everysec");
    cli_expect_out_has(cli, "this user may do what it has to");
    assert_int_equal(commands_int(cli->conn, "DBSIZE"), 0);
}

static void test_eviction(void **state)
{
    struct cli *cli = *state;
    set(cli, "maxmemory-policy", "allkeys-lru");
    expect_wrong(cli, "maxmemory-policy");
    cli_expect_out_has(cli, "\"found\":\"allkeys-lru\"");
}

static void test_no_persistence(void **state)
{
    struct cli *cli = *state;
    set(cli, "appendonly", "no");
    expect_wrong(cli, "persistence");
    set(cli, "save", "3600 1");
    cli_run(cli, 0, "doctor");
    cli_expect_out_has(cli, "appendonly no, save 3600 1");
    set(cli, "save", "");
}

static void test_full_and_starved(void **state)
{
    struct cli *cli = *state;
    set(cli, "maxmemory", "100");
    expect_wrong(cli, "memory");
    set(cli, "maxmemory", "0");
    set(cli, "min-replicas-to-write", "2");
    expect_wrong(cli, "replicas");
}

static void test_timeout(void **state)
{
    struct cli *cli = *state;
    set(cli, "timeout", "9");
    cli_run(cli, 0, "doctor");
    cli_expect_out_has(cli, "note   timeout");
}

static void test_replica(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "REPLICAOF", "127.0.0.1", "1");
    expect_wrong(cli, "role");
    commands_do(cli->conn, "REPLICAOF", "NO", "ONE");
}

/* A time that lies ahead of the clock is of before that was set back. */
static void test_clock_set_back(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "doctor");
    assert_null(strstr(process_stdout(cli->last), "set back"));
    struct reply *now = commands_run(cli->conn, "TIME");
    char later[32];
    (void)snprintf(later, sizeof later, "%lld",
                   ((long long)reply_int(reply_at(now, 0), 0) + 3599) * 1000);
    reply_free(now);
    commands_do(cli->conn, "ZADD", "darg:{default}:dead", later, "x", "inf", "never");
    cli_run(cli, 0, "doctor");
    assert_null(strstr(process_stdout(cli->last), "set back"));
    commands_do(cli->conn, "HSET", "darg:{default}:settings", "drained_at", later);
    cli_run(cli, 0, "doctor");
    cli_expect_out_has(cli, "note   the clock of Redis");
    cli_expect_out_has(cli, "set back by 59m5");
}

/* A user without CONFIG and INFO, who may not do all that a worker has to. */
static void test_small_user(void **state)
{
    struct cli *cli = *state;
    char url[256];
    commands_do(cli->conn, "ACL", "SETUSER", "small", "reset", "on", ">secret", "~darg:*", "+@all",
                "-config", "-blmove", "-zscan");
    (void)snprintf(url, sizeof url, "unix://small:secret@%s", redis_server_socket(cli->server));
    cli_run(cli, 1, "doctor", "-r", url, "-q", "mail");
    cli_expect_out_has(cli, "this user may not: BLMOVE darg:{mail} darg:{mail}:inbox, "
                            "ZSCAN darg:{mail}:workers");
    cli_expect_out_has(cli, "note   CONFIG");
    cli_expect_out_has(cli, "ok     maxmemory-policy");
    commands_do(cli->conn, "ACL", "SETUSER", "small", "+blmove", "+zscan", "-info");
    cli_run(cli, 0, "doctor", "-r", url);
    cli_expect_out_has(cli, "much could not be checked");
    commands_do(cli->conn, "ACL", "SETUSER", "small", "resetkeys", "~darg:{mail}*");
    cli_run(cli, 1, "doctor", "-r", url, "-q", "mail");
    cli_expect_out_has(cli, "this user may not: SADD darg:queues");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good, reset),
        cmocka_unit_test_setup(test_eviction, reset),
        cmocka_unit_test_setup(test_no_persistence, reset),
        cmocka_unit_test_setup(test_full_and_starved, reset),
        cmocka_unit_test_setup(test_timeout, reset),
        cmocka_unit_test_setup(test_replica, reset),
        cmocka_unit_test_setup(test_clock_set_back, reset),
        cmocka_unit_test_setup(test_small_user, reset),
    };
    return cmocka_run_group_tests_name("doctor", tests, cli_setup, cli_teardown);
}
