#include "support/cmocka_all.h"

#include <stdio.h>

#include "job/job.h"
#include "queue/drain.h"
#include "queue/settings.h"
#include "support/queue_fixture.h"

static struct drain_sentinel push_sentinel_again(struct queue_fixture *f, const char *known_name)
{
    struct err err = {0};
    struct drain_sentinel answer = {0};
    struct lease_drain known;
    lease_know_drain(&known, slice_of(known_name ? known_name : ""));
    if (drain_push_sentinel(f->conn, &f->queue, known_name ? &known : NULL, false, &answer, &err) !=
        ST_OK)
        fail_msg("%s", err_text(&err));
    assert_true(answer.now_ms > 1000000000000);
    return answer;
}

static struct drain_sentinel push_sentinel(struct queue_fixture *f)
{
    return push_sentinel_again(f, NULL);
}

static void test_sentinel(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    struct drain_sentinel answer = push_sentinel(f);
    assert_true(answer.was_pushed);
    assert_false(answer.is_paused);
    assert_string_equal(answer.last_drain.name, "");
    char *digest = queue_fixture_digest(f);
    assert_false(push_sentinel(f).was_pushed);
    queue_fixture_expect_unchanged(f, digest);
    queue_fixture_push(f, "b");
    assert_true(push_sentinel(f).was_pushed);
    queue_fixture_expect_line(f, f->queue.jobs, "a", JOB_SENTINEL, "b", JOB_SENTINEL);
}

static void test_sentinel_onto_empty(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    commands_do(f->conn, "HSET", f->queue.settings, "drained_at", "1234");
    assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_OK);
    struct drain_sentinel answer = push_sentinel_again(f, "1234");
    assert_true(answer.was_pushed);
    assert_true(answer.is_paused);
    assert_string_equal(answer.last_drain.name, "1234");
    commands_do(f->conn, "DEL", f->queue.jobs);
    /* A drain has ended meanwhile: it was this one. */
    assert_false(push_sentinel_again(f, "1233").was_pushed);
    assert_false(push_sentinel_again(f, "").was_pushed);
    assert_true(push_sentinel_again(f, "1234").was_pushed);
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    assert_false(push_sentinel_again(f, "1234").was_pushed);
    commands_do(f->conn, "DEL", f->queue.inbox);
    queue_fixture_push(f, "a");
    assert_false(push_sentinel_again(f, "1234").was_pushed);
    queue_fixture_expect_line(f, f->queue.jobs, "a");
}

/* Also on a full server, which has no other way to become less full. */
static void test_return_sentinel(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    queue_fixture_push(f, "a");
    queue_fixture_fill_memory(f, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(drain_return_sentinel(f->conn, &f->queue, false, &err), ST_OK);
    queue_fixture_expect_line(f, f->queue.jobs, JOB_SENTINEL, "a");
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct drain_sentinel answer;
    const char *const keys[] = {f->queue.jobs, f->queue.inbox, f->queue.settings};
    for (size_t i = 0; i < 3; i++) {
        commands_do(f->conn, "FLUSHALL");
        commands_do(f->conn, "SET", keys[i], "wrong");
        char *digest = queue_fixture_digest(f);
        assert_int_equal(drain_push_sentinel(f->conn, &f->queue, NULL, false, &answer, &err),
                         ST_WRONGTYPE);
        assert_int_equal(drain_return_sentinel(f->conn, &f->queue, false, &err), ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
}

/* So that whoever knows of one is told of the other. The clock is read until it shows the time at
 * which the last drain is said to have ended, and again after the drain: some tries are enough for
 * one that ends in that very millisecond. */
static void test_no_two_drains_at_one_time(void **state)
{
    struct queue_fixture *f = *state;
    bool was_at_one_time = false;
    for (int tries = 0; tries < 1000 && !was_at_one_time; tries++) {
        struct err err = {0};
        struct drain_look look = {.cursor = ""};
        struct lease_drain known;
        enum drain_outcome outcome;
        char at[32], name[40];
        int64_t at_ms = queue_fixture_server_ms(f) + 2;
        (void)snprintf(at, sizeof at, "%lld", (long long)at_ms);
        (void)snprintf(name, sizeof name, "1:%s", at);
        commands_do(f->conn, "HSET", f->queue.settings, "drained_at", at, "drain_number", "1");
        lease_know_drain(&known, slice_of(name));
        queue_fixture_push(f, JOB_SENTINEL);
        while (queue_fixture_server_ms(f) < at_ms)
            ;
        assert_int_equal(drain_tick(f->conn, &f->lease, &known, &look, &outcome, &err), ST_OK);
        was_at_one_time = queue_fixture_server_ms(f) == at_ms;
        assert_int_equal(outcome, DRAIN_ENDED);
        assert_string_not_equal(known.name + 2, at);
    }
    assert_true(was_at_one_time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_sentinel),
        QUEUE_TEST(test_sentinel_onto_empty),
        QUEUE_TEST(test_return_sentinel),
        QUEUE_TEST(test_no_two_drains_at_one_time),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
