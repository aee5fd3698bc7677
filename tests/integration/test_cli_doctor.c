/* darg doctor against good and bad configurations of a real server. */
#include "support/cmocka_all.h"

#include "support/cli.h"

#include <signal.h>
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
    cli_expect_out_has(cli, "this user may do all it needs to");
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
/* One that is below what a claim may be answered with cuts links. */
static void test_output_limit(void **state)
{
    struct cli *cli = *state;
    set(cli, "client-output-buffer-limit", "normal 512kb 0 0");
    expect_wrong(cli, "output-buffer");
    set(cli, "client-output-buffer-limit", "normal 0 1mb 10");
    expect_wrong(cli, "output-buffer");
    set(cli, "client-output-buffer-limit", "normal 1500kb 0 0");
    cli_run(cli, 0, "doctor");
    cli_expect_out_has(cli, "note   output-buffer");
    set(cli, "client-output-buffer-limit", "normal 0 0 0");
    cli_run(cli, 0, "doctor");
    cli_expect_out_has(cli, "ok     output-buffer");
}

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
    cli_expect_out_has(cli, "unknown  CONFIG");
    cli_expect_out_has(cli, "ok       maxmemory-policy");
    commands_do(cli->conn, "ACL", "SETUSER", "small", "+blmove", "+zscan", "-info");
    cli_run(cli, 0, "doctor", "-r", url);
    cli_expect_out_has(cli, "much could not be checked");
    commands_do(cli->conn, "ACL", "SETUSER", "small", "resetkeys", "~darg:{mail}*");
    cli_run(cli, 1, "doctor", "-r", url, "-q", "mail");
    cli_expect_out_has(cli, "this user may not: SADD darg:queues");
}

/* Visits a server of these settings; the exit code must be this. */
static void visit(struct cli *cli, int exit_code, const char *const *args)
{
    struct redis_server *server = redis_server_start(args);
    cli_run(cli, exit_code, "doctor", "--json", "-r", redis_server_url(server));
    redis_server_stop(server);
}

#define LEVEL(what, level) "{\"what\":\"" what "\",\"level\":\"" level "\""

/* Commands that are disabled by name: nothing works without these. */
static void test_disabled_commands(void **state)
{
    struct cli *cli = *state;
    visit(cli, 1, COMMANDS_ARGS("--save", "60 1", "--rename-command", "EVALSHA", ""));
    cli_expect_out_has(cli, LEVEL("script", "WRONG"));
    cli_expect_out_has(cli, "unknown command 'EVALSHA'\"");
    cli_expect_out_has(cli, LEVEL("worker", "WRONG"));
    visit(cli, 1,
          COMMANDS_ARGS("--save", "60 1", "--rename-command", "EVAL", "", "--rename-command",
                        "SCRIPT", ""));
    cli_expect_out_has(cli, LEVEL("script", "WRONG"));
    visit(cli, 0, COMMANDS_ARGS("--save", "60 1", "--rename-command", "SCRIPT", ""));
    cli_expect_out_has(cli, LEVEL("script", "ok"));
    visit(cli, 1, COMMANDS_ARGS("--save", "60 1", "--rename-command", "TIME", ""));
    cli_expect_out_has(cli, LEVEL("clock", "WRONG"));
}

/* What cannot be looked at is neither well nor wrong, and no reason to look at nothing else. */
static void test_what_cannot_be_looked_at(void **state)
{
    struct cli *cli = *state;
    visit(cli, 0,
          COMMANDS_ARGS("--rename-command", "MULTI", "", "--rename-command", "INFO", "",
                        "--rename-command", "CONFIG", ""));
    cli_expect_out_has(cli, LEVEL("INFO", "unknown"));
    cli_expect_out_has(cli, LEVEL("version", "unknown"));
    cli_expect_out_has(cli, LEVEL("role", "unknown"));
    cli_expect_out_has(cli, LEVEL("persistence", "unknown"));
    cli_expect_out_has(cli, LEVEL("maxmemory-policy", "unknown"));
    cli_expect_out_has(cli, LEVEL("access", "unknown"));
    cli_expect_out_has(cli, LEVEL("script", "ok"));
}

/* A node of a cluster that does not serve the queue's slot. */
static void test_a_slot_elsewhere(void **state)
{
    struct cli *cli = *state;
    struct redis_server *server = redis_server_start_tcp(COMMANDS_ARGS("--cluster-enabled", "yes"));
    cli_run(cli, 1, "doctor", "--json", "-r", redis_server_url(server));
    cli_expect_out_has(cli, LEVEL("script", "WRONG"));
    cli_expect_out_has(cli, "CLUSTERDOWN");
    redis_server_stop(server);
}

/* What Redis says of itself as a Sentinel, by a server that says the same. */
static void test_a_sentinel(void **state)
{
    struct cli *cli = *state;
    char config[200], command[600];
    (void)snprintf(config, sizeof config, "%s/sentinel.conf", redis_server_directory(cli->server));
    (void)snprintf(command, sizeof command,
                   "printf 'port 0\\nunixsocket %s/s\\n' >%s; exec redis-server %s --sentinel",
                   redis_server_directory(cli->server), config, config);
    struct process *sentinel =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", command)});
    char url[200];
    (void)snprintf(url, sizeof url, "unix://%s/s", redis_server_directory(cli->server));
    cli_run(cli, 1, "doctor", "--json", "-r", url);
    cli_expect_out_has(cli, LEVEL("server", "WRONG"));
    cli_expect_out_has(cli, "a Sentinel");
    process_signal(sentinel, SIGKILL);
    (void)process_wait(sentinel, 10000);
    process_free(sentinel);
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
        cmocka_unit_test_setup(test_output_limit, reset),
        cmocka_unit_test_setup(test_small_user, reset),
        cmocka_unit_test(test_disabled_commands),
        cmocka_unit_test(test_what_cannot_be_looked_at),
        cmocka_unit_test(test_a_slot_elsewhere),
        cmocka_unit_test(test_a_sentinel),
    };
    return cmocka_run_group_tests_name("doctor", tests, cli_setup, cli_teardown);
}
