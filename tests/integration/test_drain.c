#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "job/job.h"
#include "queue/drain.h"
#include "support/queue_fixture.h"

/* Of a worker that knows of this drain as the last, "": of none. */
static enum drain_outcome tick(struct queue_fixture *f, const struct lease *lease,
                               const char *known_at)
{
    struct err err = {0};
    enum drain_outcome outcome;
    struct lease_drain known;
    lease_know_drain(&known, slice_of(known_at));
    if (drain_tick(f->conn, lease, &known, &(struct drain_look){.cursor = ""}, &outcome, &err) !=
        ST_OK)
        fail_msg("%s", err_text(&err));
    return outcome;
}

static int64_t drained_at(struct queue_fixture *f)
{
    struct reply *at = commands_run(f->conn, "HGET", f->queue.settings, "drained_at");
    int64_t at_ms = reply_int(at, 0);
    reply_free(at);
    return at_ms;
}

static void deregister(struct queue_fixture *f, const struct lease *lease)
{
    struct err err = {0};
    bool is_registered = false;
    int64_t released;
    if (lease_deregister(f->conn, lease, NULL, 0, &is_registered, &released, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_true(is_registered);
}

static void reap_blaming(struct queue_fixture *f, const struct lease *lease,
                         const struct lease_blame *blame)
{
    struct err err = {0};
    struct lease_reaped reaped;
    if (lease_reap(f->conn, &f->queue, lease->worker, NULL, blame, &reaped, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_int_equal(reaped.outcome, LEASE_REAP_ENDED);
}

static void reap(struct queue_fixture *f, const struct lease *lease)
{
    reap_blaming(f, lease, &(struct lease_blame){.is_known = false});
}

/* Nothing of it was running. */
static void reap_innocent(struct queue_fixture *f, const struct lease *lease)
{
    reap_blaming(f, lease, &(struct lease_blame){.is_known = true});
}

/* The sentinel has woken a worker and lies in the inbox while a job is given back: that job was
 * ahead of it and stays ahead of it. */
static void test_given_back_beside_a_woken_sentinel(void **state)
{
    struct queue_fixture *f = *state;
    struct lease other;
    queue_fixture_register(f, &other, "q");
    for (int way = 0; way < 2; way++) {
        struct lease *holder = way == 0 ? &f->lease : &other;
        queue_fixture_push(f, "a");
        queue_fixture_claim_these(f, holder, 0, 1, "a");
        commands_do(f->conn, "LPUSH", f->queue.inbox, JOB_SENTINEL);
        const struct settle_item item = {.number = 1};
        if (way == 0)
            assert_int_equal(queue_fixture_settle(f, SETTLE_RELEASE, holder, &item, 1).settled, 1);
        else
            reap_innocent(f, holder);
        struct reply *next = commands_run(f->conn, "LINDEX", f->queue.jobs, "-1");
        assert_false(job_is_sentinel(reply_slice(next)));
        reply_free(next);
        assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 2);
        assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.inbox), 0);
        commands_do(f->conn, "DEL", f->queue.jobs);
    }
    lease_fini(&other);
}

static void test_alone(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", JOB_SENTINEL, "b");
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WORK);
    queue_fixture_claim_these(f, &f->lease, 0, 9, "a");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 1, 9), CLAIM_DRAIN);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_HOLDING);
    queue_fixture_done(f, &f->lease, 1);
    assert_int_equal(drained_at(f), 0);
    int64_t before_ms = queue_fixture_server_ms(f);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    assert_in_range(drained_at(f), before_ms, queue_fixture_server_ms(f));
    queue_fixture_expect_line(f, f->queue.jobs, "b");
    assert_int_equal(queue_fixture_count(f, "drains"), 1);
    /* The answer was lost: it is the same again, and changes nothing. */
    char *digest = queue_fixture_digest(f);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    queue_fixture_expect_unchanged(f, digest);
    deregister(f, &f->lease);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_LOST);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.drained), 0);
}

/* Three workers, one of which dies with a job in hand: the others run it before the drain ends. */
static void test_worker_dies_on_the_way(void **state)
{
    struct queue_fixture *f = *state;
    struct lease second, third;
    queue_fixture_register(f, &second, "q");
    queue_fixture_register(f, &third, "r");
    queue_fixture_push(f, "a", "b", JOB_SENTINEL);
    queue_fixture_claim_these(f, &third, 0, 1, "a");
    queue_fixture_claim_these(f, &second, 0, 1, "b");
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WAITING);
    assert_int_equal(tick(f, &second, ""), DRAIN_HOLDING);
    queue_fixture_done(f, &second, 1);
    assert_int_equal(tick(f, &second, ""), DRAIN_WAITING);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WAITING);
    reap(f, &third);
    /* Its job stands ahead of the sentinel now; the first to see it leaves the waiting. */
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WORK);
    assert_int_equal(commands_int(f->conn, "SISMEMBER", f->queue.drained, "p.1"), 0);
    struct claim claim = queue_fixture_claim(f, &f->lease, 0, 9);
    assert_int_equal(claim.count, 1);
    claim_fini(&claim);
    assert_int_equal(tick(f, &second, ""), DRAIN_WAITING);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_HOLDING);
    queue_fixture_done(f, &f->lease, 1);
    assert_int_equal(tick(f, &third, ""), DRAIN_LOST);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    assert_int_equal(tick(f, &second, ""), DRAIN_ENDED);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 0);
    lease_fini(&second);
    lease_fini(&third);
}

/* Dead while it waited, with nothing in hand. */
static void test_waiting_worker_dies(void **state)
{
    struct queue_fixture *f = *state;
    struct lease second;
    queue_fixture_register(f, &second, "q");
    queue_fixture_push(f, JOB_SENTINEL);
    assert_int_equal(tick(f, &second, ""), DRAIN_WAITING);
    reap(f, &second);
    assert_int_equal(commands_int(f->conn, "SCARD", f->queue.drained), 0);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    lease_fini(&second);
}

/* One that joins before the end is waited for; one that registers after it is told to go. */
static void test_joining_late(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct lease second, third;
    enum lease_register outcome;
    int64_t now_ms;
    queue_fixture_push(f, JOB_SENTINEL);
    queue_fixture_register(f, &second, "q");
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WAITING);
    assert_int_equal(queue_fixture_outcome(f, &second, 0, 5), CLAIM_DRAIN);
    assert_int_equal(tick(f, &second, ""), DRAIN_ENDED);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    lease_init(&third, &f->queue, "r", 1);
    assert_int_equal(
        lease_register(f->conn, &third, 60000, &(struct lease_drain){0}, &outcome, &now_ms, &err),
        ST_OK);
    assert_int_equal(outcome, LEASE_DRAINED);
    lease_fini(&second);
    lease_fini(&third);
}

/* Nothing is retired while a job may still come back ahead of the sentinel. */
static void test_not_before_all_is_back(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, JOB_SENTINEL);
    commands_do(f->conn, "SADD", f->queue.reaped, "dead.1");
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WAITING);
    commands_do(f->conn, "SREM", f->queue.reaped, "dead.1");
    commands_do(f->conn, "LPUSH", f->queue.inbox, "a");
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WORK);
    assert_int_equal(commands_int(f->conn, "SCARD", f->queue.drained), 0);
    queue_fixture_claim_these(f, &f->lease, 0, 5, "a");
    queue_fixture_done(f, &f->lease, 1);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
}

/* A late tick that puts a worker among the waiting again is undone by its next claim. */
static void test_holder_is_not_waiting(void **state)
{
    struct queue_fixture *f = *state;
    struct lease second;
    queue_fixture_register(f, &second, "q");
    queue_fixture_push(f, JOB_SENTINEL);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WAITING);
    commands_do(f->conn, "RPUSH", f->queue.jobs, "back again");
    queue_fixture_claim_these(f, &f->lease, 0, 5, "back again");
    assert_int_equal(tick(f, &second, ""), DRAIN_WAITING);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 1);
    lease_fini(&second);
}

static void test_several_sentinels(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, JOB_SENTINEL, " { \"darg\" : \"drain\" } ", JOB_SENTINEL, "a",
                       JOB_SENTINEL);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    queue_fixture_expect_line(f, f->queue.jobs, "a", JOB_SENTINEL);
    assert_int_equal(queue_fixture_count(f, "drains"), 1);
}

static void test_sentinel_gone(void **state)
{
    struct queue_fixture *f = *state;
    struct lease second;
    queue_fixture_register(f, &second, "q");
    queue_fixture_push(f, JOB_SENTINEL);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WAITING);
    commands_do(f->conn, "DEL", f->queue.jobs);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_WORK);
    assert_int_equal(commands_int(f->conn, "SCARD", f->queue.drained), 0);
    lease_fini(&second);
}

/* A new worker is none of an older drain's business. */
static void test_older_drain(void **state)
{
    struct queue_fixture *f = *state;
    struct lease second;
    char then[32];
    queue_fixture_register(f, &second, "q");
    (void)snprintf(then, sizeof then, "%lld", (long long)queue_fixture_server_ms(f) - 60000);
    commands_do(f->conn, "HSET", f->queue.settings, "drained_at", then);
    queue_fixture_push(f, JOB_SENTINEL);
    assert_int_equal(tick(f, &f->lease, then), DRAIN_WAITING);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
    lease_fini(&second);
}

/* No clock is asked whether a drain is another one: it may have been set meanwhile, either way. */
static void test_drains_are_told_apart_whatever_the_clock_says(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const times[] = {"5", "99999999999999"};
    for (size_t i = 0; i < 2; i++) {
        commands_do(f->conn, "HSET", f->queue.settings, "drained_at", times[i]);
        assert_int_equal(tick(f, &f->lease, times[i]), DRAIN_WORK);
        assert_int_equal(tick(f, &f->lease, "7"), DRAIN_ENDED);
    }
}

/* A process that was answered before is told of each later drain once, whatever its age. */
static void test_register_again_after_drain(void **state)
{
    struct queue_fixture *f = *state;
    struct lease lease;
    struct err err = {0};
    enum lease_register outcome;
    struct lease_drain known = {.is_known = false};
    int64_t now_ms;
    lease_init(&lease, &f->queue, "q", 1);
    static const char *const times[] = {"5", "99999999999999", "6"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(lease_register(f->conn, &lease, 3600000, &known, &outcome, &now_ms, &err),
                         ST_OK);
        assert_int_equal(outcome, LEASE_REGISTERED);
        commands_do(f->conn, "HSET", f->queue.settings, "drained_at", times[i]);
        assert_int_equal(lease_register(f->conn, &lease, 1, &known, &outcome, &now_ms, &err),
                         ST_OK);
        assert_int_equal(outcome, LEASE_DRAINED);
        assert_string_equal(known.name, times[i]);
    }
    lease_fini(&lease);
}

static void set_last_drain(struct queue_fixture *f, const char *number, const char *at)
{
    commands_do(f->conn, "HSET", f->queue.settings, "drained_at", at, "drain_number", number);
}

/* Redis was restored, or a replica took over that lagged behind: an older drain than the one that a
 * worker knows is none that it takes part in. It is known from then on. */
static void test_an_older_drain_is_not_another_one(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct lease lease;
    struct lease_drain known;
    struct drain_look look = {.cursor = ""};
    enum lease_register registered;
    enum drain_outcome outcome;
    int64_t now_ms;
    set_last_drain(f, "4", "500");
    lease_know_drain(&known, slice_of("5:600"));
    assert_int_equal(drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err), ST_OK);
    assert_int_equal(outcome, DRAIN_WORK);
    assert_string_equal(known.name, "4:500");
    lease_init(&lease, &f->queue, "q", 1);
    lease_know_drain(&known, slice_of("5:600"));
    assert_int_equal(lease_register(f->conn, &lease, 1, &known, &registered, &now_ms, &err), ST_OK);
    assert_int_equal(registered, LEASE_REGISTERED);
    assert_string_equal(known.name, "4:500");
    /* And what was lost may be asked for again: the number is the one it had, or a greater one. */
    set_last_drain(f, "5", "700");
    assert_int_equal(tick(f, &f->lease, "5:600"), DRAIN_ENDED);
    assert_int_equal(tick(f, &f->lease, known.name), DRAIN_ENDED);
    commands_do(f->conn, "HDEL", f->queue.settings, "drained_at", "drain_number");
    assert_int_equal(tick(f, &f->lease, "5:600"), DRAIN_WORK);
    deregister(f, &lease);
    lease_fini(&lease);
}

/* The number grows with each drain; a version that did not count leaves it as it is. */
static void test_drains_are_counted(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const known[] = {"", "1:7", "9:7"};
    static const int64_t numbers[] = {1, 2, 10};
    for (size_t i = 0; i < 3; i++) {
        queue_fixture_push(f, JOB_SENTINEL);
        if (i > 0)
            commands_do(f->conn, "HSET", f->queue.settings, "drained_at", "7");
        assert_int_equal(tick(f, &f->lease, known[i]), DRAIN_ENDED);
        assert_int_equal(commands_int(f->conn, "HGET", f->queue.settings, "drain_number"),
                         numbers[i]);
        assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 0);
    }
    set_last_drain(f, "10", "8");
    assert_int_equal(tick(f, &f->lease, "10:7"), DRAIN_ENDED);
    assert_int_equal(tick(f, &f->lease, "8"), DRAIN_WORK);
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct drain_sentinel answer;
    commands_do(f->conn, "SCRIPT", "FLUSH");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(drain_push_sentinel(f->conn, &f->queue, NULL, false, &answer, &err), ST_OK);
    assert_true(answer.was_pushed);
    assert_int_equal(tick(f, &f->lease, ""), DRAIN_ENDED);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    const char *const keys[] = {f->queue.jobs,     f->queue.inbox,   f->lease.claimed,
                                f->queue.workers,  f->queue.drained, f->queue.reaped,
                                f->queue.settings, f->queue.suspects};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        queue_fixture_reset(state);
        queue_fixture_push(f, JOB_SENTINEL);
        commands_do(f->conn, "SET", keys[i], "wrong");
        char *digest = queue_fixture_digest(f);
        struct err err = {0};
        enum drain_outcome outcome;
        struct lease_drain known = {.is_known = true};
        assert_int_equal(drain_tick(f->conn, &f->lease, &known, &(struct drain_look){.cursor = ""},
                                    &outcome, &err),
                         ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_given_back_beside_a_woken_sentinel),
        QUEUE_TEST(test_alone),
        QUEUE_TEST(test_worker_dies_on_the_way),
        QUEUE_TEST(test_waiting_worker_dies),
        QUEUE_TEST(test_joining_late),
        QUEUE_TEST(test_not_before_all_is_back),
        QUEUE_TEST(test_holder_is_not_waiting),
        QUEUE_TEST(test_several_sentinels),
        QUEUE_TEST(test_sentinel_gone),
        QUEUE_TEST(test_older_drain),
        QUEUE_TEST(test_register_again_after_drain),
        QUEUE_TEST(test_drains_are_told_apart_whatever_the_clock_says),
        QUEUE_TEST(test_an_older_drain_is_not_another_one),
        QUEUE_TEST(test_drains_are_counted),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
