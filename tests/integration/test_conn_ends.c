/* How a connection ends: closed by the other side, given up, or limited by another thread. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "redis/conn.h"
#include "support/commands.h"
#include "support/redis_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_MS = 300, WAIT_MS = 20000 };

static int setup(void **state)
{
    *state = redis_server_start(NULL);
    return 0;
}

static int teardown(void **state)
{
    redis_server_stop(*state);
    return 0;
}

/* A link that had worked and is closed by the server, in the middle of a call, is told from one
 * that was given up. */
static void test_closed(void **state)
{
    struct conn *control = commands_connect(redis_server_url(*state));
    struct conn *conn = commands_open(redis_server_url(*state),
                                      (struct conn_options){.command_timeout_ms = SHORT_MS});
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    char id[24];
    commands_must_connect(conn);
    (void)snprintf(id, sizeof id, "%lld", (long long)commands_int(conn, "CLIENT", "ID"));
    assert_int_equal(conn_wait(conn, -1, 1100), CONN_TIMEOUT); /* it has to have lived a while */
    commands_fill(&request, COMMANDS_ARGS("BLPOP", "nothing", "0"));
    assert_int_equal(conn_begin(conn, &request, &err), ST_OK);
    assert_int_equal(commands_int(control, "CLIENT", "KILL", "ID", id), 1);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_LOST_REPLY);
    assert_true(conn_was_closed(conn));
    commands_must_connect(conn);
    commands_do(conn, "PING");
    assert_int_equal(conn_wait(conn, -1, 1100), CONN_TIMEOUT);
    assert_int_equal(commands_status(conn, &err, "BLPOP", "nothing", "0"), ST_LOST_REPLY);
    assert_false(conn_was_closed(conn));
    request_fini(&request);
    conn_close(conn);
    conn_close(control);
}

/* A limit set by another thread ends a call that waits already, and lets nothing begin any more. */
static void *set_limit(void *argument)
{
    conn_limit(argument, clock_mono_ms() + 50);
    return NULL;
}

static void test_limit(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    pthread_t thread;
    commands_fill(&request, COMMANDS_ARGS("BLPOP", "list", "0"));
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(conn_begin(conn, &request, &err), ST_OK);
    assert_int_equal(pthread_create(&thread, NULL, set_limit, conn), 0);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_LOST_REPLY);
    assert_in_range(clock_mono_ms() - start_ms, 50, WAIT_MS);
    pthread_join(thread, NULL);
    assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);
    conn_limit(conn, 0);
    commands_must_connect(conn);
    conn_limit(conn, clock_mono_ms());
    assert_int_equal(commands_status(conn, &err, "INCR", "untouched"), ST_UNREACHABLE);
    assert_non_null(strstr(err_text(&err), "no time left"));
    conn_limit(conn, 0);
    commands_must_connect(conn);
    assert_null(commands_text(conn, "GET", "untouched"));
    request_fini(&request);
    conn_close(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
