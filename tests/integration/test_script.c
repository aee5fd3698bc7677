#include "support/cmocka_all.h"

#include "redis/script.h"
#include "support/commands.h"
#include "support/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct script add = {
    .name = "add",
    .source = "return redis.call('INCRBY', KEYS[1], ARGV[1])",
    .key_count = 1,
};
static char add_sha1[41];

static int setup(void **state)
{
    struct redis_server *server = redis_server_start(NULL);
    struct conn *conn = commands_connect(redis_server_url(server));
    char *sha1 = commands_text(conn, "SCRIPT", "LOAD", add.source);
    memcpy(add_sha1, sha1, 40);
    add.sha1 = add_sha1;
    free(sha1);
    conn_close(conn);
    *state = server;
    return 0;
}

static int teardown(void **state)
{
    redis_server_stop(*state);
    return 0;
}

static void begin(struct request *request, const char *key, int64_t amount)
{
    script_start(request, &add, NULL);
    request_add_text(request, key);
    request_add_int(request, amount);
}

static void expect_call(struct conn *conn, const struct request *request, int64_t expected)
{
    struct err err = {0};
    struct reply *reply = NULL;
    if (script_call(conn, &add, request, &reply, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_int_equal(reply_int(reply, -1), expected);
    reply_free(reply);
}

/* The same request works on a server that knows the script, and on one that has forgotten it. */
static void test_reload(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct request request = {0};
    begin(&request, "n", 5);
    assert_int_equal(request.count, 5);
    commands_do(conn, "SCRIPT", "FLUSH");
    expect_call(conn, &request, 5);
    expect_call(conn, &request, 10);
    commands_do(conn, "SCRIPT", "FLUSH");
    expect_call(conn, &request, 15);
    request_fini(&request);
    conn_close(conn);
}

static void test_restart(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct request request = {0};
    begin(&request, "m", 1);
    expect_call(conn, &request, 1);
    redis_server_restart(*state); /* keeps nothing */
    conn_discard(conn);
    commands_must_connect(conn);
    expect_call(conn, &request, 1);
    request_fini(&request);
    conn_close(conn);
}

/* An error of the script's own is told as it is, and loads nothing. */
static void test_error(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    commands_do(conn, "DEL", "list");
    commands_do(conn, "LPUSH", "list", "x");
    begin(&request, "list", 1);
    assert_int_equal(script_call(conn, &add, &request, &reply, &err), ST_WRONGTYPE);
    assert_null(reply);
    assert_true(conn_is_connected(conn));
    request_fini(&request);
    conn_close(conn);
}

/* One of EVAL and SCRIPT LOAD is enough; without either it is said what is missing. */
static void test_rights(void **state)
{
    static const struct {
        const char *rules;
        enum status status;
    } cases[] = {
        {"+eval", ST_OK}, {"+script|load", ST_OK}, {"+eval +script", ST_OK}, {"+get", ST_NOPERM}};
    struct conn *control = commands_connect(redis_server_url(*state));
    commands_do(control, "DEL", "n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char rules[64], *rest = NULL, url[160];
        (void)snprintf(rules, sizeof rules, "%s", cases[i].rules);
        commands_do(control, "ACL", "SETUSER", "dave", "reset", "on", ">pw", "+evalsha", "+incrby",
                    "~*");
        for (char *rule = strtok_r(rules, " ", &rest); rule; rule = strtok_r(NULL, " ", &rest))
            commands_do(control, "ACL", "SETUSER", "dave", rule);
        commands_do(control, "SCRIPT", "FLUSH");
        (void)snprintf(url, sizeof url, "unix://dave:pw@%s", redis_server_socket(*state));
        struct conn *dave = commands_connect(url);
        struct request request = {0};
        struct reply *reply = NULL;
        struct err err = {0};
        begin(&request, "n", 1);
        assert_int_equal(script_call(dave, &add, &request, &reply, &err), cases[i].status);
        reply_free(reply);
        if (cases[i].status != ST_OK)
            assert_non_null(strstr(err_text(&err), "cannot load the script \"add\""));
        request_fini(&request);
        conn_close(dave);
    }
    assert_int_equal(commands_int(control, "INCRBY", "n", "0"), 3); /* each ran once */
    conn_close(control);
}

/* A script that is sent whole and fails is not sent again. */
static void test_error_of_a_script_that_was_not_known(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct script fails = {
        .name = "fails",
        .source = "redis.call('INCR', KEYS[1]) return redis.call('LPUSH', KEYS[1], 'x')",
        .sha1 = "0123456789012345678901234567890123456789",
        .key_count = 1};
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    commands_do(conn, "DEL", "n");
    script_start(&request, &fails, NULL);
    request_add_text(&request, "n");
    assert_int_equal(script_call(conn, &fails, &request, &reply, &err), ST_WRONGTYPE);
    assert_non_null(strstr(err_text(&err), "wrong kind of value"));
    assert_int_equal(commands_int(conn, "INCRBY", "n", "0"), 1);
    request_fini(&request);
    conn_close(conn);
}

static void test_broken_script(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct err err = {0};
    struct script broken = {.name = "broken", .source = "return (", .sha1 = add_sha1};
    assert_int_equal(script_load(conn, &broken, &err), ST_SERVER);
    /* A script that goes by another's hash would be sent for ever. */
    struct script mislabelled = {.name = "other", .source = "return 2", .sha1 = add_sha1};
    assert_int_equal(script_load(conn, &mislabelled, &err), ST_PROTOCOL);
    assert_int_equal(script_load(conn, &add, &err), ST_OK);
    conn_close(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_broken_script),
        cmocka_unit_test(test_error_of_a_script_that_was_not_known),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
