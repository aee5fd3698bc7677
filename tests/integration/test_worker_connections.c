/* How many connections a worker has: the formula of docs/operations.md. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <stdlib.h>
#include <string.h>

static size_t count_connections(struct worker_fixture *f)
{
    size_t count = 0;
    char *clients = commands_text(f->conn, "CLIENT", "LIST");
    for (const char *at = clients; (at = strstr(at, " name=darg-worker ")) != NULL; at++)
        count++;
    free(clients);
    return count;
}

struct expected {
    struct worker_fixture *fixture;
    size_t count;
};

static bool is_met(void *context)
{
    const struct expected *expected = context;
    /* The last to connect are those that settle, once each process has had a job. */
    worker_fixture_push(expected->fixture, "{\"type\":\"noop\"}", "{\"type\":\"noop\"}");
    return count_connections(expected->fixture) == expected->count;
}

#define expect(f, number, ...)                                                                     \
    do {                                                                                           \
        struct expected expected_ = {(f), (number)};                                               \
        worker_fixture_start((f), __VA_ARGS__);                                                    \
        if (!wait_until(is_met, &expected_, WORKER_FIXTURE_WAIT_MS))                               \
            fail_msg("%zu connections, not %zu", count_connections(f), expected_.count);           \
    } while (0)

/* processes x (queues + 2), whatever the threads. */
static void test_at_least_once(void **state)
{
    expect(*state, 1 * (1 + 2), "-q", "jobs", "-t", "10");
}

static void test_more_queues_and_processes(void **state)
{
    expect(*state, 3 * (2 + 2), "-q", "jobs", "-q", "other", "-p", "3", "-t", "50");
}

/* processes x (threads + queues + 2). */
static void test_at_most_once(void **state)
{
    expect(*state, 2 * (7 + 2 + 2), "-q", "jobs", "-q", "other", "-p", "2", "-t", "7", "--delivery",
           "at-most-once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_at_least_once),
        WORKER_TEST(test_more_queues_and_processes),
        WORKER_TEST(test_at_most_once),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
