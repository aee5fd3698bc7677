/* canceller, called as whoever is no command calls it. test_cli_cancel.c has the cases. */
#include "support/cmocka_all.h"

#include "queue/canceller.h"
#include "support/queue_fixture.h"

/* Lets `waits` waits pass, then ends what waits. */
static bool wait_counted(void *context, int64_t duration_ms)
{
    int *waits = context;
    if (duration_ms == 0)
        return *waits > 0;
    return (*waits)-- > 0;
}

static void run(struct queue_fixture *f, struct canceller *canceller, int waits)
{
    struct err err = {0};
    canceller->patience = (struct patience){wait_counted, &waits};
    canceller->timeout_ms = 60000;
    if (canceller_run(f->conn, &f->queue, canceller, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static void test_waiting(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const ids[] = {"a", "x"};
    struct canceller canceller = {.ids = ids, .count = 2};
    queue_fixture_push(f, "{\"type\":\"t\",\"id\":\"b\"}", "{\"type\":\"t\",\"id\":\"a\"}");
    run(f, &canceller, 1);
    assert_int_equal(canceller.jobs[0].state, CANCELLER_CANCELLED);
    assert_string_equal(canceller.jobs[0].worker, "");
    assert_int_equal(canceller.jobs[1].state, CANCELLER_UNKNOWN);
    queue_fixture_expect_line(f, f->queue.jobs, "{\"type\":\"t\",\"id\":\"b\"}");
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.cancel), 0);
}

/* Whoever waits may end it: the mark stays for the worker to see. */
static void test_ended_while_held(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const ids[] = {"a"};
    struct canceller canceller = {.ids = ids, .count = 1};
    queue_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\"}");
    struct claim claim = queue_fixture_claim(f, &f->lease, 1, 1);
    run(f, &canceller, 2);
    assert_int_equal(canceller.jobs[0].state, CANCELLER_HELD);
    assert_string_equal(canceller.jobs[0].worker, f->lease.worker);
    assert_int_equal(canceller.jobs[0].number, 2);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.cancel), 1);
    claim_fini(&claim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_waiting),
        QUEUE_TEST(test_ended_while_held),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
