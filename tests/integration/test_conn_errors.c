/* Every class of error, produced by a real server, and what it does to the link. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "redis/conn.h"
#include "support/commands.h"
#include "support/redis_server.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEADLINE_MS = 10000 };

struct fixture {
    struct redis_server *server;
    struct conn *control; /* for what the test does behind the back of conn */
    struct conn *conn;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->server = redis_server_start(NULL);
    fixture->control = commands_connect(redis_server_url(fixture->server));
    fixture->conn = commands_connect(redis_server_url(fixture->server));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    conn_close(fixture->conn);
    conn_close(fixture->control);
    redis_server_stop(fixture->server);
    free(fixture);
    return 0;
}

/* The command fails with this status, a sentence, and the link open or closed. */
#define expect_error(conn, expected, is_open, ...)                                                 \
    expect_error_args((conn), (expected), (is_open), COMMANDS_ARGS(__VA_ARGS__))

static void expect_error_args(struct conn *conn, enum status expected, bool is_open,
                              const char *const *args)
{
    struct err err = {0};
    enum status status = commands_status_args(conn, &err, args);
    if (status != expected)
        fail_msg("%s: %s (%s)", args[0], status_name(status), err_text(&err));
    assert_int_equal(err.status, expected);
    assert_true(err.text[0] != '\0');
    assert_int_equal(conn_is_connected(conn), is_open);
}

static void test_wrong_type_and_others(void **state)
{
    struct fixture *f = *state;
    commands_do(f->conn, "SET", "text", "x");
    expect_error(f->conn, ST_WRONGTYPE, true, "LPUSH", "text", "y");
    expect_error(f->conn, ST_WRONGTYPE, true, "EVAL", "return redis.call('LPUSH', KEYS[1], 'y')",
                 "1", "text");
    expect_error(f->conn, ST_NOSCRIPT, true, "EVALSHA", "0123456789012345678901234567890123456789",
                 "0");
    expect_error(f->conn, ST_SERVER, true, "NOSUCHCOMMAND");
    expect_error(f->conn, ST_SERVER, true, "EVAL", "return nothing.at.all", "0");
    commands_do(f->conn, "PING");
}

static void test_permissions(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "ACL", "SETUSER", "carol", "on", ">pw", "+ping", "+get", "~mine:*");
    char url[160];
    (void)snprintf(url, sizeof url, "unix://carol:pw@%s", redis_server_socket(f->server));
    struct conn *carol = commands_connect(url);
    commands_do(carol, "GET", "mine:x");
    expect_error(carol, ST_NOPERM, true, "GET", "other");
    expect_error(carol, ST_NOPERM, true, "SET", "mine:x", "1");
    conn_close(carol);
}

/* A password that is set while we are connected concerns new links only. */
static void test_no_authentication(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "requirepass", "pw");
    conn_discard(f->conn);
    struct err err = {0};
    assert_int_equal(conn_connect(f->conn, &err), ST_NOAUTH);
    assert_false(conn_is_connected(f->conn));
    expect_error(f->control, ST_NOAUTH, false, "AUTH", "wrong");
}

static void test_out_of_memory(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "maxmemory", "1");
    expect_error(f->conn, ST_OOM, true, "LPUSH", "list", "x");
    expect_error(f->conn, ST_OOM, true, "EVAL", "return redis.call('LPUSH', KEYS[1], 'y')", "1",
                 "list");
    expect_error(f->conn, ST_OOM, true, "EVAL", "#!lua\nreturn 1", "0");
    commands_do(f->control, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(commands_int(f->conn, "LPUSH", "list", "x"), 1);
}

static void test_disk_trouble(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "save", "3600 1");
    commands_do(f->control, "SET", "x", "1");
    /* A snapshot cannot be written to where a directory has its name. */
    char path[160];
    (void)snprintf(path, sizeof path, "%s/dump.rdb", redis_server_directory(f->server));
    assert_return_code(mkdir(path, 0700), 0);
    expect_error(f->control, ST_SERVER, true, "SAVE");
    commands_do(f->control, "BGSAVE");
    struct err err = {0};
    int64_t end_ms = clock_mono_ms() + wait_patience_ms(DEADLINE_MS);
    while (commands_status(f->conn, &err, "SET", "x", "1") == ST_OK)
        assert_true(clock_mono_ms() < end_ms);
    assert_int_equal(err.status, ST_MISCONF);
    assert_true(conn_is_connected(f->conn));
}

static void test_replica(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "replica-serve-stale-data", "yes");
    commands_do(f->control, "REPLICAOF", "127.0.0.1", "1");
    expect_error(f->conn, ST_READONLY, false, "SET", "x", "1");
    commands_must_connect(f->conn);
    expect_error(f->conn, ST_READONLY, false, "EVAL", "return redis.call('SET', KEYS[1], 'y')", "1",
                 "x");
    assert_true(conn_backoff_ms(f->conn) > 0); /* connecting worked, but not the server */

    commands_do(f->control, "CONFIG", "SET", "replica-serve-stale-data", "no");
    struct err err = {0};
    assert_int_equal(conn_connect(f->conn, &err), ST_MASTERDOWN);
    expect_error(f->control, ST_MASTERDOWN, false, "GET", "x");
}

static void test_no_replicas(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "min-replicas-to-write", "1");
    expect_error(f->conn, ST_NOREPLICAS, true, "SET", "x", "1");
}

static bool is_busy(void *context)
{
    struct err err = {0};
    return commands_status(context, &err, "PING") == ST_BUSY;
}

static void test_busy_script(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "busy-reply-threshold", "1");
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    commands_fill(&request, COMMANDS_ARGS("EVAL", "while true do end", "0"));
    assert_int_equal(conn_send(f->conn, &request, &err), ST_OK);
    assert_int_equal(conn_flush(f->conn, &err), ST_OK);
    assert_true(wait_until(is_busy, f->control, DEADLINE_MS));
    expect_error(f->control, ST_BUSY, true, "SET", "x", "1");

    /* A busy server is a live one. */
    struct conn *late = commands_connect(redis_server_url(f->server));
    expect_error(late, ST_BUSY, true, "GET", "x");
    conn_close(late);

    commands_do(f->control, "SCRIPT", "KILL");
    assert_int_equal(conn_receive(f->conn, &reply, &err), ST_BUSY); /* may run again */
    assert_true(conn_is_connected(f->conn));
    request_fini(&request);
}

/* Blocks f->conn in BLPOP; its client id is put into id. */
static void block(struct fixture *f, struct request *request, char id[24])
{
    struct err err = {0};
    (void)snprintf(id, 24, "%lld", (long long)commands_int(f->conn, "CLIENT", "ID"));
    commands_fill(request, COMMANDS_ARGS("BLPOP", "list", "0"));
    assert_int_equal(conn_send(f->conn, request, &err), ST_OK);
    assert_int_equal(conn_flush(f->conn, &err), ST_OK);
}

static bool clients_info_has(struct conn *conn, const char *line)
{
    char *info = commands_text(conn, "INFO", "clients");
    bool is_there = strstr(info, line) != NULL;
    free(info);
    return is_there;
}

static bool somebody_is_blocked(void *context)
{
    return clients_info_has(context, "\nblocked_clients:1\r");
}

static bool is_alone(void *context)
{
    return clients_info_has(context, "\nconnected_clients:1\r");
}

static void test_unblocked(void **state)
{
    struct fixture *f = *state;
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    char id[24];
    block(f, &request, id);
    assert_true(wait_until(somebody_is_blocked, f->control, DEADLINE_MS));
    assert_int_equal(commands_int(f->control, "CLIENT", "UNBLOCK", id, "ERROR"), 1);
    assert_int_equal(conn_receive(f->conn, &reply, &err), ST_UNBLOCKED);
    assert_true(conn_is_connected(f->conn));

    /* The same by a failover: what listens here is no master any more. */
    block(f, &request, id);
    assert_true(wait_until(somebody_is_blocked, f->control, DEADLINE_MS));
    commands_do(f->control, "REPLICAOF", "127.0.0.1", "1");
    assert_int_equal(conn_receive(f->conn, &reply, &err), ST_UNBLOCKED);
    assert_false(conn_is_connected(f->conn));
    request_fini(&request);
}

static void test_too_many_clients(void **state)
{
    struct fixture *f = *state;
    commands_do(f->control, "CONFIG", "SET", "maxclients", "2");
    struct conn *third = commands_open(redis_server_url(f->server), (struct conn_options){0});
    struct err err = {0};
    assert_int_equal(conn_connect(third, &err), ST_UNREACHABLE);
    assert_non_null(strstr(err_text(&err), "max number of clients"));
    assert_true(conn_backoff_ms(third) > 0);
    conn_discard(f->conn);
    assert_true(wait_until(is_alone, f->control, DEADLINE_MS));
    commands_must_connect(third);
    conn_close(third);
}

static void test_cluster(void **state)
{
    (void)state;
    static const char *const args[] = {"--cluster-enabled", "yes", NULL};
    struct redis_server *server = redis_server_start_tcp(args);
    struct conn *conn = commands_connect(redis_server_url(server));
    expect_error(conn, ST_CLUSTER, true, "MSET", "a", "1", "b", "2"); /* CROSSSLOT */
    expect_error(conn, ST_CLUSTER, true, "SET", "a", "1");            /* CLUSTERDOWN */
    conn_close(conn);
    redis_server_stop(server);
}

static void test_loading(void **state)
{
    (void)state;
    static const char *const args[] = {"--key-load-delay",
                                       "1000",
                                       "--loading-process-events-"
                                       "interval-bytes",
                                       "1024",
                                       "--appendonly",
                                       "yes",
                                       NULL};
    struct redis_server *server = redis_server_start(args);
    struct conn *conn = commands_connect(redis_server_url(server));
    /* At a millisecond a key, 3 s of loading. */
    commands_do(conn, "DEBUG", "POPULATE", "3000", "key", "100");
    commands_do(conn, "BGREWRITEAOF");
    char *info = NULL;
    int64_t end_ms = clock_mono_ms() + wait_patience_ms(DEADLINE_MS);
    do {
        free(info);
        info = commands_text(conn, "INFO", "persistence");
        assert_true(clock_mono_ms() < end_ms);
    } while (strstr(info, "aof_rewrite_in_progress:0") == NULL ||
             strstr(info, "aof_rewrite_scheduled:0") == NULL);
    free(info);
    redis_server_restart_loading(server);
    conn_discard(conn);
    commands_must_connect(conn); /* a loading server is a live one */
    expect_error(conn, ST_LOADING, true, "GET", "key:1");
    conn_close(conn);
    redis_server_stop(server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_wrong_type_and_others),
        TEST(test_permissions),
        TEST(test_no_authentication),
        TEST(test_out_of_memory),
        TEST(test_disk_trouble),
        TEST(test_replica),
        TEST(test_no_replicas),
        TEST(test_busy_script),
        TEST(test_unblocked),
        TEST(test_too_many_clients),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_loading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
