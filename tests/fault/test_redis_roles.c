/* A Redis that is, for a while, no server for writers: a replica, a replica that has lost its
 * primary, one that is busy with a script, one that still loads. Said once, retried, nothing lost.
 */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <stdio.h>

enum { JOBS = 600, WAIT_MS = 20000 };

static void start_one(struct worker_fixture *f)
{
    worker_fixture_start(f, "-q", "jobs", "-t", "4");
    worker_fixture_push_many(f, JOBS, "sleep", "5");
    worker_fixture_wait_above(f, "done", 20);
}

/* Its outage is told of once by each of fetcher, finisher and keeper, and the jobs ran once. */
static void expect_well(struct worker_fixture *f, const char *word, const char *what)
{
    faults_expect_all(f, JOBS, what);
    size_t said = faults_in_logs(f, word);
    print_message("%s: said %zu times\n", what, said);
    assert_in_range(said, 1, 3);
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    assert_true(worker_fixture_is_alive(process_pid(f->workers[0])));
}

static void test_readonly(void **state)
{
    struct worker_fixture *f = *state;
    start_one(f);
    commands_do(f->conn, "REPLICAOF", "127.0.0.1", "1"); /* nobody is there */
    process_wait_stderr(f->workers[0], "READONLY", WAIT_MS);
    commands_do(f->conn, "REPLICAOF", "NO", "ONE");
    expect_well(f, "READONLY", "READONLY");
}

static bool is_idle(void *context)
{
    struct err err = {0};
    return commands_status(context, &err, "GET", "x") == ST_OK;
}

static void test_busy(void **state)
{
    struct worker_fixture *f = *state;
    struct request request = {0};
    struct err err = {0};
    struct conn *hog = commands_connect(redis_server_url(f->server));
    start_one(f);
    commands_do(f->conn, "CONFIG", "SET", "busy-reply-threshold", "50");
    commands_fill(&request, COMMANDS_ARGS("EVAL", "while true do end", "0"));
    assert_int_equal(conn_send(hog, &request, &err), ST_OK);
    assert_int_equal(conn_flush(hog, &err), ST_OK);
    process_wait_stderr(f->workers[0], "BUSY", WAIT_MS);
    commands_do(f->conn, "SCRIPT", "KILL"); /* answered before the script has ended */
    assert_true(wait_until(is_idle, f->conn, WAIT_MS));
    request_fini(&request);
    conn_close(hog);
    expect_well(f, "BUSY", "BUSY");
}

/* At a millisecond a key, half a second of loading. The outage was told of when the link broke. */
static void test_loading(void **state)
{
    struct worker_fixture *f = *state;
    struct err err = {0};
    int refusals = 0;
    start_one(f);
    commands_do(f->conn, "DEBUG", "POPULATE", "500", "ballast", "100");
    redis_server_restart_loading(f->server);
    conn_discard(f->conn);
    commands_must_connect(f->conn);
    while (commands_status(f->conn, &err, "GET", "ballast:1") == ST_LOADING)
        refusals++;
    assert_true(refusals > 0);
    expect_well(f, "cannot claim", "LOADING");
    commands_do(f->conn, "FLUSHALL");
}

/* A server that takes its time to load. */
static int setup(void **state)
{
    int failed = worker_fixture_setup(state);
    struct worker_fixture *f = *state;
    conn_close(f->conn);
    redis_server_stop(f->server);
    f->server = redis_server_start(
        COMMANDS_ARGS("--appendonly", "yes", "--appendfsync", "always", "--key-load-delay", "1000",
                      "--loading-process-events-interval-bytes", "1024"));
    f->conn = commands_connect(redis_server_url(f->server));
    (void)snprintf(f->directory, sizeof f->directory, "%s", redis_server_directory(f->server));
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_readonly),
        WORKER_TEST(test_busy),
        WORKER_TEST(test_loading),
    };
    return cmocka_run_group_tests(tests, setup, worker_fixture_teardown);
}
