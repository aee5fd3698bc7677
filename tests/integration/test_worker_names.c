/* A worker's keeper looks after the names of all queues. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

static bool is_right(void *context)
{
    struct worker_fixture *f = context;
    return commands_int(f->conn, "SISMEMBER", "darg:queues", "finished") == 0 &&
           commands_int(f->conn, "SISMEMBER", "darg:queues", "back") == 1;
}

/* One that has been empty for long leaves; one that had left, and has got a job by plain LPUSH, is
 * listed again; those in use stay. */
static void test_names(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "SADD", "darg:queues", "finished", "waiting", "fresh");
    commands_do(f->conn, "ZADD", "darg:queues:idle", "1", "finished", "1", "waiting", "1", "back");
    commands_do(f->conn, "LPUSH", "darg:{waiting}", "{\"type\":\"t\"}");
    commands_do(f->conn, "LPUSH", "darg:{back}", "{\"type\":\"t\"}");
    (void)worker_fixture_start(f, "-q", "jobs");
    assert_true(wait_until(is_right, f, WORKER_FIXTURE_WAIT_MS));
    assert_int_equal(commands_int(f->conn, "SISMEMBER", "darg:queues", "waiting"), 1);
    assert_int_equal(commands_int(f->conn, "SISMEMBER", "darg:queues", "fresh"), 1);
    assert_int_equal(commands_int(f->conn, "SISMEMBER", "darg:queues", "jobs"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORKER_TEST(test_names)};
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
