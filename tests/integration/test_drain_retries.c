/* Drains that wait for retries, too. */
#include "support/cmocka_all.h"

#include "job/job.h"
#include "queue/drain.h"
#include "queue/schedule.h"
#include "support/queue_fixture.h"

static enum drain_outcome tick(struct queue_fixture *f)
{
    struct err err = {0};
    enum drain_outcome outcome;
    struct lease_drain known = {.is_known = true};
    struct drain_look look = {.cursor = ""};
    if (drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return outcome;
}

static void push_awaiting(struct queue_fixture *f)
{
    struct err err = {0};
    struct drain_sentinel answer;
    assert_int_equal(drain_push_sentinel(f->conn, &f->queue, NULL, true, &answer, &err), ST_OK);
}

static int64_t promote(struct queue_fixture *f)
{
    struct err err = {0};
    struct schedule_promoted promoted;
    if (schedule_promote(f->conn, &f->queue, 1000, &promoted, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return promoted.count;
}

#define HEAD "{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":1,\"job\":"
#define RETRY HEAD "a}"
#define PUT_OFF_HEAD "{\"darg\":1,\"runs\":0,\"crashes\":0,\"attempt\":0,\"failed_at\":1,\"job\":"
#define DELAYED "{\"darg\":1,\"runs\":0,\"crashes\":0,\"attempt\":0,\"job\":d}"

static void expect_awaited(struct queue_fixture *f, const char *head, const char *element)
{
    queue_fixture_push(f, "a");
    push_awaiting(f);
    push_awaiting(f); /* stands there already */
    queue_fixture_claim_these(f, &f->lease, 0, 9, "a");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 1, 9), CLAIM_DRAIN);
    for (int64_t run = 1; run <= 2; run++) {
        const struct settle_item item = {
            .number = run, .delay_ms = 3600000, .head = slice_of(head), .is_whole = run == 1};
        assert_int_equal(queue_fixture_settle(f, SETTLE_RETRY, &f->lease, &item, 1).settled, 1);
        queue_fixture_push(f, "behind");
        assert_int_equal(tick(f), DRAIN_WAITING);
        /* Both are due; the sentinel has woken a worker, and lies in the inbox. */
        commands_do(f->conn, "ZADD", f->queue.scheduled, "1", element, "1", DELAYED);
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
        assert_int_equal(promote(f), 2);
        assert_int_equal(tick(f), DRAIN_WORK);
        queue_fixture_claim_these(f, &f->lease, run, 9, element);
        assert_int_equal(tick(f), DRAIN_HOLDING);
    }
    queue_fixture_done(f, &f->lease, 3);
    commands_do(f->conn, "ZADD", f->queue.scheduled, "99999999999999", DELAYED);
    assert_int_equal(tick(f), DRAIN_ENDED);
    queue_fixture_expect_line(f, f->queue.jobs, "behind", DELAYED, "behind", DELAYED);
}

static void test_retries_are_awaited(void **state)
{
    expect_awaited(*state, HEAD, RETRY);
}

/* They have not run, but were pushed before the sentinel as much as those that have. */
static void test_what_could_not_be_begun_is_awaited(void **state)
{
    expect_awaited(*state, PUT_OFF_HEAD, PUT_OFF_HEAD "a}");
}

/* What is scheduled is looked through in steps, and anew if a job was retried meanwhile. */
static void test_many_are_scheduled(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct lease_drain known = {.is_known = true};
    struct drain_look look = {.cursor = ""};
    enum drain_outcome outcome = DRAIN_LOST;
    commands_do(f->conn, "EVAL",
                "for i = 1, 5000 do redis.call('ZADD', KEYS[1], 99999999999999, 'delayed ' .. i) "
                "end",
                "1", f->queue.scheduled);
    push_awaiting(f);
    int looks = 0;
    for (; outcome == DRAIN_LOST || outcome == DRAIN_LOOKING; looks++) {
        if (looks == 1) {
            commands_do(f->conn, "ZADD", f->queue.scheduled, "99999999999999", RETRY);
            commands_do(f->conn, "HINCRBY", f->queue.counts, "retried", "1");
            commands_do(f->conn, "HINCRBY", f->queue.counts, "claimed", "1");
        }
        assert_int_equal(drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err), ST_OK);
    }
    assert_int_equal(outcome, DRAIN_WAITING);
    commands_do(f->conn, "ZREM", f->queue.scheduled, RETRY);
    for (looks = 0; outcome != DRAIN_ENDED; looks++)
        assert_int_equal(drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err), ST_OK);
    assert_in_range(looks, 3, 5);
}

/* One that is asked for behind a plain one is one with it, and one that has another job between
 * them is not. */
static void test_plain_before_awaiting(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "ZADD", f->queue.scheduled, "99999999999999", RETRY);
    queue_fixture_push(f, JOB_SENTINEL);
    push_awaiting(f);
    push_awaiting(f);
    queue_fixture_expect_line(f, f->queue.jobs, JOB_SENTINEL, JOB_SENTINEL_RETRIES);
    assert_int_equal(tick(f), DRAIN_WAITING);
    commands_do(f->conn, "DEL", f->queue.jobs);
    queue_fixture_push(f, JOB_SENTINEL, "a");
    push_awaiting(f);
    assert_int_equal(tick(f), DRAIN_ENDED);
    queue_fixture_expect_line(f, f->queue.jobs, "a", JOB_SENTINEL_RETRIES);
    /* Once it is gone, retries wait in line like all others again. */
    commands_do(f->conn, "DEL", f->queue.jobs);
    assert_int_equal(promote(f), 0);
    queue_fixture_push(f, "b");
    commands_do(f->conn, "ZADD", f->queue.scheduled, "1", RETRY);
    assert_int_equal(promote(f), 1);
    queue_fixture_expect_line(f, f->queue.jobs, "b", RETRY);
}

/* Pushed by a plain LPUSH, of which promote has not been told: the first tick does. */
static void test_pushed_without_the_script(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "ZADD", f->queue.scheduled, "99999999999999", RETRY);
    queue_fixture_push(f, JOB_SENTINEL_RETRIES, "behind");
    assert_int_equal(tick(f), DRAIN_WAITING);
    commands_do(f->conn, "ZADD", f->queue.scheduled, "1", RETRY);
    assert_int_equal(promote(f), 1);
    queue_fixture_expect_line(f, f->queue.jobs, RETRY, JOB_SENTINEL_RETRIES, "behind");
}

/* A damaged key is met before anything is written; damaged counters stand in no drain's way. */
static void test_damaged_keys(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct drain_look look = {.cursor = ""};
    struct lease_drain known = {.is_known = true};
    enum drain_outcome outcome;
    push_awaiting(f);
    commands_do(f->conn, "SET", f->queue.scheduled, "wrong");
    char *digest = queue_fixture_digest(f);
    assert_int_equal(drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err), ST_WRONGTYPE);
    queue_fixture_expect_unchanged(f, digest);
    commands_do(f->conn, "DEL", f->queue.scheduled);
    commands_do(f->conn, "SET", f->queue.counts, "wrong");
    assert_int_equal(tick(f), DRAIN_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_retries_are_awaited),
        QUEUE_TEST(test_what_could_not_be_begun_is_awaited),
        QUEUE_TEST(test_many_are_scheduled),
        QUEUE_TEST(test_plain_before_awaiting),
        QUEUE_TEST(test_pushed_without_the_script),
        QUEUE_TEST_DAMAGED(test_damaged_keys),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
