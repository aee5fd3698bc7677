/* Workers of several queues on a Redis Cluster, here of one node, where each queue is in a slot of
 * its own. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/wait.h"
#include "support/worker_fixture.h"

enum { JOBS = 50 };

static bool is_up(void *context)
{
    struct worker_fixture *f = context;
    char *info = commands_text(f->conn, "CLUSTER", "INFO");
    bool is_ok = strstr(info, "cluster_state:ok") != NULL;
    free(info);
    return is_ok;
}

static int setup(void **state)
{
    const char *const *args = COMMANDS_ARGS("--cluster-enabled", "yes");
    struct worker_fixture *f = mem_new(sizeof *f);
    f->server = redis_server_start_tcp(args);
    f->conn = commands_connect(redis_server_url(f->server));
    (void)snprintf(f->directory, sizeof f->directory, "%s", redis_server_directory(f->server));
    commands_do(f->conn, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    *state = f;
    return !wait_until(is_up, f, WORKER_FIXTURE_WAIT_MS);
}

static bool is_done(void *context)
{
    struct worker_fixture *f = context;
    static const char *const keys[] = {"darg:{jobs}:counts", "darg:{b}:counts", "darg:{c}:counts"};
    for (size_t i = 0; i < 3; i++) {
        struct reply *done = commands_run(f->conn, "HGET", keys[i], "done");
        bool is_enough = reply_int(done, 0) >= JOBS;
        reply_free(done);
        if (!is_enough)
            return false;
    }
    return true;
}

static void check(struct worker_fixture *f, const char *delivery, const char *threads)
{
    static const char *const queues[] = {"darg:{jobs}", "darg:{b}", "darg:{c}"};
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-q", "b", "-q", "c", "-t",
                                                  threads, "--delivery", delivery);
    for (int job = 0; job < JOBS; job++)
        for (size_t i = 0; i < 3; i++)
            commands_do(f->conn, "LPUSH", queues[i], "{\"type\":\"noop\"}");
    assert_true(wait_until(is_done, f, WORKER_FIXTURE_WAIT_MS));
    for (size_t i = 0; i < 3; i++)
        commands_do(f->conn, "LPUSH", queues[i], "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_at_most_once(void **state)
{
    check(*state, "at-most-once", "4");
}

/* Fewer threads than queues: each is waited at in turn. */
static void test_at_most_once_with_one_thread(void **state)
{
    check(*state, "at-most-once", "1");
}

static void test_at_least_once(void **state)
{
    check(*state, "at-least-once", "4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_at_most_once),
        WORKER_TEST(test_at_most_once_with_one_thread),
        WORKER_TEST(test_at_least_once),
    };
    return cmocka_run_group_tests(tests, setup, worker_fixture_teardown);
}
