#include "support/cmocka_all.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_sentinel),
        QUEUE_TEST(test_sentinel_onto_empty),
        QUEUE_TEST(test_return_sentinel),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
