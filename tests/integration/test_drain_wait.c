/* drain_wait, called as whoever is no command calls it. test_worker_drain.c has the cases. */
#include "support/cmocka_all.h"

#include "queue/drain_wait.h"
#include "support/queue_fixture.h"

static void drain(struct queue_fixture *f)
{
    struct err err = {0};
    enum drain_outcome outcome;
    struct lease_drain known = {.is_known = true};
    struct drain_look look = {.cursor = ""};
    assert_int_equal(drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err), ST_OK);
    assert_int_equal(outcome, DRAIN_ENDED);
}

static void leave(struct queue_fixture *f)
{
    struct err err = {0};
    bool is_registered;
    int64_t released;
    assert_int_equal(lease_deregister(f->conn, &f->lease, NULL, 0, &is_registered, &released, &err),
                     ST_OK);
}

/* What happens while we wait: the only worker drains the queue, stays for a while, and leaves. */
struct events {
    struct queue_fixture *f;
    int waits, last; /* 0: no end to it */
};

static bool wait_and_do(void *context, int64_t duration_ms)
{
    struct events *events = context;
    (void)duration_ms;
    if (++events->waits == events->last)
        return false;
    if (events->waits == 2)
        drain(events->f);
    if (events->waits == 5)
        leave(events->f);
    return true;
}

static enum status run(struct queue_fixture *f, struct events *events, struct err *err)
{
    struct drain_sentinel answer;
    struct drain_wait wait = {.patience = {wait_and_do, events}};
    events->f = f;
    assert_int_equal(drain_push_sentinel(f->conn, &f->queue, NULL, false, &answer, err), ST_OK);
    wait.known = answer.last_drain;
    return drain_wait_run(f->conn, &f->queue, &wait, err);
}

static void test_until_all_have_left(void **state)
{
    struct err err = {0};
    struct events events = {.waits = 0};
    assert_int_equal(run(*state, &events, &err), ST_OK);
    assert_int_equal(events.waits, 5);
}

static void test_ended_early(void **state)
{
    for (int last = 1; last < 5; last += 3) {
        struct err err = {0};
        struct events events = {.last = last};
        assert_int_equal(run(*state, &events, &err), ST_TIMED_OUT);
        assert_string_equal(err_text(&err), "interrupted: the drain goes on");
    }
}

/* Nobody drains it. */
static void test_timeout(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct events events = {.f = f, .waits = 5};
    const struct drain_wait wait = {
        .timeout_ms = 1, .known = {.is_known = true}, .patience = {wait_and_do, &events}};
    assert_int_equal(drain_wait_run(f->conn, &f->queue, &wait, &err), ST_TIMED_OUT);
    assert_string_equal(err_text(&err), "the drain is not complete after 1ms; it goes on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_until_all_have_left),
        QUEUE_TEST(test_ended_early),
        QUEUE_TEST(test_timeout),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
