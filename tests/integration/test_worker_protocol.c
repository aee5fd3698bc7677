/* Workers of two versions of the protocol side by side: the older one says that it has met a newer.
 */
#include "support/cmocka_all.h"

#include "support/worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char words[] = "uses a newer protocol";

/* A worker of another release, as its registration has it. It is taken for dead after the lease. */
static void enter(struct worker_fixture *f, const char *process, const char *protocol)
{
    char worker[64], info[64];
    (void)snprintf(worker, sizeof worker, "%s.1", process);
    (void)snprintf(info, sizeof info, "darg:worker:%s", process);
    commands_do(f->conn, "ZADD", "darg:{jobs}:workers", "4102444800000", worker);
    commands_do(f->conn, "HSET", info, "protocol", protocol);
}

static void test_a_newer_one_is_named(void **state)
{
    struct worker_fixture *f = *state;
    enter(f, "newer-7-abc", "3");
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    process_wait_stderr(worker, words, WORKER_FIXTURE_WAIT_MS);
    assert_non_null(
        strstr(process_stderr(worker), "process=newer-7-abc its_protocol=3 protocol=2"));
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
}

/* An older one, an equal one, one that says nothing and two that say nonsense, all asked before the
 * newer one. */
static void test_others_are_not(void **state)
{
    struct worker_fixture *f = *state;
    enter(f, "older-7-abc", "1");
    enter(f, "equal-7-abc", "2");
    enter(f, "vague-7-abc", "new");
    commands_do(f->conn, "ZADD", "darg:{jobs}:workers", "4102444800000", "silent-7-abc.1");
    commands_do(f->conn, "ZADD", "darg:{jobs}:workers", "4102444800000", "nodot");
    enter(f, "zz-newer-7-abc", "3");
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    process_wait_stderr(worker, "process=zz-newer-7-abc", WORKER_FIXTURE_WAIT_MS);
    const char *first = strstr(process_stderr(worker), words);
    assert_non_null(first);
    assert_null(strstr(first + 1, words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_newer_one_is_named),
        WORKER_TEST(test_others_are_not),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
