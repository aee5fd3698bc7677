/* Calls over one connection, and what can happen to it meanwhile. Connecting is in test_connect.c,
 * error replies are in test_conn_errors.c. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "redis/conn.h"
#include "support/commands.h"
#include "support/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* DEFAULT_MS: of what is not told how long to wait, for connecting and for a command. */
enum { SHORT_MS = 300, DEFAULT_MS = 5000 };

static int setup(void **state)
{
    *state = redis_server_start_tcp(NULL);
    return 0;
}

static int teardown(void **state)
{
    redis_server_stop(*state);
    return 0;
}

static void tcp_url(const struct redis_server *server, const char *userinfo, const char *rest,
                    char out[128])
{
    int len = snprintf(out, 128, "redis://%s127.0.0.1:%u%s", userinfo,
                       (unsigned)redis_server_port(server), rest);
    assert_true(len > 0 && len < 128);
}

/* Answers in time, then not: the link is given up, and a new one works. */
static void test_command_timeout(void **state)
{
    struct conn *conn = commands_open(redis_server_url(*state),
                                      (struct conn_options){.command_timeout_ms = SHORT_MS});
    commands_must_connect(conn);
    struct err err = {0};
    redis_server_freeze(*state);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(commands_status(conn, &err, "PING"), ST_LOST_REPLY);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS, DEFAULT_MS - 1);
    redis_server_thaw(*state);
    assert_non_null(strstr(err_text(&err), "no answer in time"));
    assert_false(conn_is_connected(conn));
    assert_int_equal(commands_status(conn, &err, "PING"), ST_UNREACHABLE);
    conn_close(conn);

    conn = commands_open(redis_server_url(*state), (struct conn_options){0});
    commands_must_connect(conn);
    commands_do(conn, "PING");
    conn_close(conn);
}

/* An answer is read only up to what the caller has set: text, and elements that are only announced.
 */
static void test_reply_limit(void **state)
{
    static const char many[] = "local t = {} for i = 1, 70000 do t[i] = 1 end return t";
    struct conn *conn = commands_open(redis_server_url(*state),
                                      (struct conn_options){.max_reply_bytes = 256 << 10});
    struct err err = {0};
    commands_must_connect(conn);
    commands_do(conn, "SETRANGE", "k", "200000", "x");
    free(commands_text(conn, "GET", "k"));
    commands_do(conn, "SETRANGE", "k", "300000", "x");
    assert_int_equal(commands_status(conn, &err, "GET", "k"), ST_PROTOCOL);
    assert_non_null(strstr(err_text(&err), "an answer is longer than 262144 bytes"));
    assert_false(conn_is_connected(conn));
    commands_must_connect(conn);
    assert_int_equal(commands_status(conn, &err, "EVAL", many, "0"), ST_PROTOCOL);
    commands_must_connect(conn);
    commands_do(conn, "DEL", "k");
    conn_close(conn);
}

static struct slice ask_skipping(struct conn *conn, struct reply **reply, const char *key)
{
    struct request request = {0};
    struct err err = {0};
    request_add_text(&request, "GET");
    request_add_text(&request, key);
    assert_int_equal(conn_begin(conn, &request, &err), ST_OK);
    conn_skip_text(conn);
    if (conn_receive(conn, reply, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    request_fini(&request);
    return reply_slice(*reply);
}

/* A text that nobody wants is passed over, however long it is; no other answer is touched. */
static void test_skipped_text(void **state)
{
    static const char *const lengths[] = {"0", "1", "2000", "65536", "20000000"};
    struct conn *conn = commands_open(redis_server_url(*state),
                                      (struct conn_options){.max_reply_bytes = 256 << 10});
    struct reply *reply = NULL;
    commands_must_connect(conn);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        commands_do(conn, "SETRANGE", "k", lengths[i], "x");
        struct slice text = ask_skipping(conn, &reply, "k");
        assert_true(reply_is_string(reply));
        assert_int_equal(text.len, 0);
        reply_free(reply);
        commands_do(conn, "PING"); /* the next answer is whole */
    }
    commands_do(conn, "DEL", "k");
    assert_null(ask_skipping(conn, &reply, "k").ptr);
    assert_true(reply_is_nil(reply));
    reply_free(reply);
    struct err err = {0};
    struct request request = {0};
    request_add_text(&request, "NONSENSE");
    assert_int_equal(conn_begin(conn, &request, &err), ST_OK);
    conn_skip_text(conn);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_SERVER);
    request_fini(&request);
    conn_close(conn);
}

/* A frozen server accepts connections, and that is all: the greeting finds it out. */
static void test_connect_to_frozen_server(void **state)
{
    redis_server_freeze(*state);
    struct conn *conn = commands_open(redis_server_url(*state),
                                      (struct conn_options){.connect_timeout_ms = SHORT_MS});
    struct err err = {0};
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS, DEFAULT_MS - 1);
    assert_non_null(strstr(err_text(&err), "no answer in time"));
    assert_true(conn_backoff_ms(conn) > 0);
    redis_server_thaw(*state);
    commands_must_connect(conn);
    conn_close(conn);
}

static void test_killed_in_a_call(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    commands_fill(&request, COMMANDS_ARGS("BLPOP", "nothing", "0"));
    assert_int_equal(conn_send(conn, &request, &err), ST_OK);
    assert_int_equal(conn_flush(conn, &err), ST_OK);
    assert_int_equal(conn_wait(conn, -1, 0), CONN_TIMEOUT);
    redis_server_kill(*state);
    assert_int_equal(conn_wait(conn, -1, 5000), CONN_READABLE);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_LOST_REPLY);
    assert_false(conn_is_connected(conn));
    assert_int_equal(conn_receive(conn, &reply, &err), ST_UNREACHABLE);
    assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);

    redis_server_restart(*state);
    commands_must_connect(conn);
    assert_int_equal(conn_generation(conn), 2);
    commands_do(conn, "PING");
    request_fini(&request);
    conn_close(conn);
}

/* The server closes a link that nobody uses: nothing was sent, so nothing can have been lost, and
 * it is made again in silence. */
static void test_killed_while_idle(void **state)
{
    struct conn *control = commands_connect(redis_server_url(*state));
    struct conn *conn = commands_connect(redis_server_url(*state));
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)commands_int(conn, "CLIENT", "ID"));
    /* More than a second of idleness, spent waiting for an answer that does not come. */
    assert_int_equal(conn_wait(conn, -1, 1100), CONN_TIMEOUT);
    assert_int_equal(commands_int(control, "CLIENT", "KILL", "ID", id), 1);
    assert_int_equal(commands_int(conn, "INCR", "counter"), 1);
    assert_int_equal(conn_generation(conn), 2);
    assert_int_equal(conn_backoff_ms(conn), 0);
    /* conn_connect() finds it, too. */
    (void)snprintf(id, sizeof id, "%lld", (long long)commands_int(conn, "CLIENT", "ID"));
    assert_int_equal(conn_wait(conn, -1, 1100), CONN_TIMEOUT);
    assert_int_equal(commands_int(control, "CLIENT", "KILL", "ID", id), 1);
    commands_must_connect(conn);
    assert_int_equal(conn_generation(conn), 3);
    conn_close(conn);
    conn_close(control);
}

static void test_wake(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(wake_fd >= 0);
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    commands_fill(&request, COMMANDS_ARGS("BLPOP", "list", "0"));
    assert_int_equal(conn_send(conn, &request, &err), ST_OK);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(conn_wait(conn, wake_fd, 50), CONN_TIMEOUT); /* sends, too */
    assert_true(clock_mono_ms() - start_ms >= 50);
    assert_return_code(eventfd_write(wake_fd, 1), 0);
    assert_int_equal(conn_wait(conn, wake_fd, -1), CONN_WOKEN);
    assert_int_equal(conn_wait(conn, wake_fd, -1), CONN_WOKEN); /* it was not read from */

    /* An answer comes first, so that a wake-up that stands cannot hide it. */
    struct conn *control = commands_connect(redis_server_url(*state));
    commands_do(control, "RPUSH", "list", "x");
    assert_int_equal(conn_wait(conn, -1, 5000), CONN_READABLE);
    assert_int_equal(conn_wait(conn, wake_fd, -1), CONN_READABLE);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_OK);
    assert_true(slice_is(reply_slice(reply_at(reply, 1)), "x"));
    reply_free(reply);
    request_fini(&request);
    close(wake_fd);
    conn_close(control);
    conn_close(conn);
}

/* Leaves a blocking command: the server forgets the waiter, and a later push stays in its list. */
static void test_discard(void **state)
{
    char url[128];
    tcp_url(*state, "", "", url);
    struct conn *conn = commands_open(url, (struct conn_options){.client_name = "blocked"});
    commands_must_connect(conn);
    commands_do(conn, "DEL", "list");
    struct request request = {0};
    struct err err = {0};
    commands_fill(&request, COMMANDS_ARGS("BLPOP", "list", "0"));
    assert_int_equal(conn_send(conn, &request, &err), ST_OK);
    assert_int_equal(conn_flush(conn, &err), ST_OK);
    conn_discard(conn);
    assert_false(conn_is_connected(conn));
    commands_must_connect(conn);
    assert_int_equal(conn_generation(conn), 2);
    commands_do(conn, "RPUSH", "list", "x");
    assert_int_equal(commands_int(conn, "LLEN", "list"), 1);
    request_fini(&request);
    conn_close(conn);
}

static void test_pipeline(void **state)
{
    enum { COUNT = 20000 };
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct err err = {0};
    struct request request = {0};
    commands_do(conn, "DEL", "n");
    commands_fill(&request, COMMANDS_ARGS("INCR", "n"));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(conn_send(conn, &request, &err), ST_OK);
    for (int i = 1; i <= COUNT; i++) {
        struct reply *reply = NULL;
        if (i == COUNT) /* its bytes were read long ago */
            assert_int_equal(conn_wait(conn, -1, 0), CONN_READABLE);
        assert_int_equal(conn_receive(conn, &reply, &err), ST_OK);
        assert_int_equal(reply_int(reply, -1), i);
        reply_free(reply);
    }
    assert_int_equal(conn_wait(conn, -1, 0), CONN_TIMEOUT);
    request_fini(&request);
    conn_close(conn);
}

/* An error in the middle concerns its own request alone. */
static void test_error_in_pipeline(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct err err = {0};
    struct request request = {0};
    struct reply *reply = NULL;
    commands_do(conn, "DEL", "text", "list");
    commands_do(conn, "SET", "text", "x");
    static const char *const commands[][3] = {
        {"LPUSH", "list", "a"}, {"LPUSH", "text", "a"}, {"LPUSH", "list", "b"}};
    for (size_t i = 0; i < 3; i++) {
        commands_fill(&request, COMMANDS_ARGS(commands[i][0], commands[i][1], commands[i][2]));
        assert_int_equal(conn_send(conn, &request, &err), ST_OK);
    }
    assert_int_equal(conn_receive(conn, &reply, &err), ST_OK);
    reply_free(reply);
    reply = NULL;
    assert_int_equal(conn_receive(conn, &reply, &err), ST_WRONGTYPE);
    assert_null(reply);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_OK);
    assert_int_equal(reply_int(reply, 0), 2);
    reply_free(reply);
    request_fini(&request);
    conn_close(conn);
}

/* Many elements, and bytes of every value, there and back. */
static void test_large_and_binary(void **state)
{
    enum { ELEMENTS = 1000, BYTES = 20000 };
    struct conn *conn = commands_connect(redis_server_url(*state));
    commands_do(conn, "DEL", "big");
    char *bytes = malloc(BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 7);
    struct err err = {0};
    struct request request = {0};
    struct reply *reply = NULL;
    commands_fill(&request, COMMANDS_ARGS("RPUSH", "big"));
    for (int i = 0; i < ELEMENTS; i++)
        request_add(&request, (struct slice){bytes, BYTES});
    assert_int_equal(conn_call(conn, &request, &reply, &err), ST_OK);
    assert_int_equal(reply_int(reply, 0), ELEMENTS);
    reply_free(reply);
    commands_fill(&request, COMMANDS_ARGS("LRANGE", "big", "0", "-1"));
    assert_int_equal(conn_call(conn, &request, &reply, &err), ST_OK);
    assert_int_equal(reply_count(reply), ELEMENTS);
    for (size_t i = 0; i < ELEMENTS; i++)
        assert_true(slice_equal(reply_slice(reply_at(reply, i)), (struct slice){bytes, BYTES}));
    reply_free(reply);
    request_fini(&request);
    free(bytes);
    conn_close(conn);
}

static void test_run_id(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    char first[64];
    assert_int_equal(strlen(conn_run_id(conn)), 40);
    (void)snprintf(first, sizeof first, "%s", conn_run_id(conn));
    conn_discard(conn);
    commands_must_connect(conn);
    assert_string_equal(conn_run_id(conn), first);
    redis_server_restart(*state);
    conn_discard(conn);
    commands_must_connect(conn);
    assert_int_equal(strlen(conn_run_id(conn)), 40);
    assert_string_not_equal(conn_run_id(conn), first);

    commands_do(conn, "ACL", "SETUSER", "bob", "on", ">pw", "+ping");
    char url[128];
    tcp_url(*state, "bob:pw@", "", url);
    struct conn *bob = commands_open(url, (struct conn_options){0});
    commands_must_connect(bob);
    assert_string_equal(conn_run_id(bob), "");
    assert_true(conn_is_connected(bob));
    conn_close(bob);
    conn_close(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_limit),
        cmocka_unit_test(test_skipped_text),
        cmocka_unit_test(test_command_timeout),
        cmocka_unit_test(test_connect_to_frozen_server),
        cmocka_unit_test(test_killed_in_a_call),
        cmocka_unit_test(test_killed_while_idle),
        cmocka_unit_test(test_wake),
        cmocka_unit_test(test_discard),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_error_in_pipeline),
        cmocka_unit_test(test_large_and_binary),
        cmocka_unit_test(test_run_id),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
