#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/schedule.h"
#include "support/queue_fixture.h"
#include "support/wait.h"

static int64_t promote(struct queue_fixture *f, int64_t limit, int64_t *next_due_ms)
{
    struct err err = {0};
    struct schedule_promoted promoted;
    if (schedule_promote(f->conn, &f->queue, limit, &promoted, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    *next_due_ms = promoted.next_due_ms;
    return promoted.count;
}

static int64_t unbox(struct queue_fixture *f, int64_t limit)
{
    struct err err = {0};
    int64_t moved = -1;
    if (schedule_unbox(f->conn, &f->queue, limit, &moved, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return moved;
}

static void test_order_and_next(void **state)
{
    struct queue_fixture *f = *state;
    int64_t next_due_ms;
    assert_int_equal(promote(f, 10, &next_due_ms), 0);
    assert_true(next_due_ms == QUEUE_NEVER);
    commands_do(f->conn, "ZADD", f->queue.scheduled, "30", "c", "10", "a", "20", "b",
                "4000000000000", "later");
    queue_fixture_push(f, "first");
    assert_int_equal(promote(f, 2, &next_due_ms), 2);
    assert_int_equal(next_due_ms, 30);
    assert_int_equal(promote(f, 2, &next_due_ms), 1);
    assert_int_equal(next_due_ms, 4000000000000);
    char *digest = queue_fixture_digest(f);
    assert_int_equal(promote(f, 2, &next_due_ms), 0);
    queue_fixture_expect_unchanged(f, digest);
    queue_fixture_expect_line(f, f->queue.jobs, "first", "a", "b", "c");
    assert_int_equal(queue_fixture_count(f, "promoted"), 3);
}

static bool is_promoted(void *context)
{
    struct queue_fixture *f = context;
    int64_t next_due_ms, before_ms = queue_fixture_server_ms(f);
    if (promote(f, 1, &next_due_ms) == 0) {
        /* It was not due yet when the call began. */
        assert_true(next_due_ms > before_ms);
        return false;
    }
    return true;
}

static void test_never_early(void **state)
{
    struct queue_fixture *f = *state;
    char due[32];
    int64_t due_ms = queue_fixture_server_ms(f) + 60;
    (void)snprintf(due, sizeof due, "%lld", (long long)due_ms);
    commands_do(f->conn, "ZADD", f->queue.scheduled, due, "a");
    assert_true(wait_until(is_promoted, f, 10000));
    assert_true(queue_fixture_server_ms(f) >= due_ms);
}

static void test_many(void **state)
{
    struct queue_fixture *f = *state;
    char score[32], text[32];
    for (int i = 0; i < 1100; i++) {
        (void)snprintf(score, sizeof score, "%d", i);
        (void)snprintf(text, sizeof text, "job %d", i);
        commands_do(f->conn, "ZADD", f->queue.scheduled, score, text);
    }
    int64_t next_due_ms;
    assert_int_equal(promote(f, 5000, &next_due_ms), 1000);
    assert_int_equal(next_due_ms, 1000);
    assert_int_equal(promote(f, 5000, &next_due_ms), 100);
    char *head = commands_text(f->conn, "LINDEX", f->queue.jobs, "-1");
    char *last = commands_text(f->conn, "LINDEX", f->queue.jobs, "0");
    assert_string_equal(head, "job 0");
    assert_string_equal(last, "job 1099");
    free(head);
    free(last);
}

/* A step stops after a few megabytes, and never splits or drops one. */
static void test_huge(void **state)
{
    struct queue_fixture *f = *state;
    char *text = mem_new((1 << 20) + 1);
    memset(text, 'x', 1 << 20);
    for (int i = 0; i < 40; i++) {
        text[0] = (char)('A' + i);
        commands_do(f->conn, "ZADD", f->queue.scheduled, "1", text);
    }
    free(text);
    int64_t next_due_ms, first = promote(f, 1000, &next_due_ms);
    assert_in_range(first, 4, 16);
    while (next_due_ms != QUEUE_NEVER)
        (void)promote(f, 1000, &next_due_ms);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 40);
}

static void test_unbox(void **state)
{
    struct queue_fixture *f = *state;
    assert_int_equal(unbox(f, 10), 0);
    queue_fixture_push(f, "a", "b", "c", "d");
    for (int i = 0; i < 3; i++)
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    assert_int_equal(unbox(f, 10), 3);
    queue_fixture_expect_line(f, f->queue.jobs, "a", "b", "c", "d");
    for (int i = 0; i < 3; i++)
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    assert_int_equal(unbox(f, 2), 2);
    assert_int_equal(unbox(f, 2), 1);
    queue_fixture_expect_line(f, f->queue.jobs, "a", "b", "c", "d");
}

static int64_t tend(struct queue_fixture *f, int64_t limit)
{
    struct err err = {0};
    int64_t trimmed = -1;
    if (schedule_tend(f->conn, &f->queue, limit, &trimmed, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return trimmed;
}

static void add_dead(struct queue_fixture *f, int64_t age_ms, const char *member)
{
    char score[32];
    (void)snprintf(score, sizeof score, "%lld", (long long)(queue_fixture_server_ms(f) - age_ms));
    commands_do(f->conn, "ZADD", f->queue.dead, score, member);
}

/* The dead set comes within its limits though nothing dies, in steps. */
static void test_tend_trims(void **state)
{
    struct queue_fixture *f = *state;
    char name[32];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "dead %d", i);
        add_dead(f, 100000 - i * 1000, name);
    }
    assert_int_equal(tend(f, 60), 0);
    queue_fixture_limit(f, "dead_max", 20);
    assert_int_equal(tend(f, 60), 60);
    assert_int_equal(tend(f, 60), 20);
    assert_int_equal(tend(f, 60), 0);
    queue_fixture_limit(f, "dead_age_ms", 10500);
    assert_int_equal(tend(f, 60), 10);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 10);
    assert_int_equal(commands_int(f->conn, "ZRANK", f->queue.dead, "dead 90"), 0);
    assert_int_equal(queue_fixture_count(f, "trimmed"), 90);
}

/* What died before the clock was set back is no newer than what dies now. */
static void test_trimming_after_the_clock_went_back(void **state)
{
    struct queue_fixture *f = *state;
    add_dead(f, -3600000, "x");
    add_dead(f, -3600001, "y");
    queue_fixture_limit(f, "dead_max", 2);
    queue_fixture_push(f, "{}");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "{}");
    const struct settle_item item = {.number = 1, .head = slice_of("{\"darg\":1,\"job\":")};
    assert_int_equal(queue_fixture_settle(f, SETTLE_BURY, &f->lease, &item, 1).settled, 1);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 2);
    assert_int_equal(commands_int(f->conn, "ZRANK", f->queue.dead, "y"), 0);
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    int64_t next_due_ms;
    queue_fixture_push(f, "a");
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    commands_do(f->conn, "ZADD", f->queue.scheduled, "1", "b");
    commands_do(f->conn, "SCRIPT", "FLUSH");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(unbox(f, 10), 1);
    assert_int_equal(promote(f, 10, &next_due_ms), 1);
    queue_fixture_expect_line(f, f->queue.jobs, "a", "b");
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct schedule_promoted promoted;
    int64_t n;
    const char *const keys[] = {f->queue.jobs, f->queue.scheduled, f->queue.inbox};
    for (size_t i = 0; i < 3; i++) {
        commands_do(f->conn, "FLUSHALL");
        commands_do(f->conn, "ZADD", f->queue.scheduled, "1", "a");
        commands_do(f->conn, "LPUSH", f->queue.inbox, "b");
        commands_do(f->conn, "SET", keys[i], "wrong");
        char *digest = queue_fixture_digest(f);
        if (i < 2)
            assert_int_equal(schedule_promote(f->conn, &f->queue, 5, &promoted, &err),
                             ST_WRONGTYPE);
        if (i != 1)
            assert_int_equal(schedule_unbox(f->conn, &f->queue, 5, &n, &err), ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_order_and_next),
        QUEUE_TEST(test_never_early),
        QUEUE_TEST(test_many),
        QUEUE_TEST(test_huge),
        QUEUE_TEST(test_unbox),
        QUEUE_TEST(test_tend_trims),
        QUEUE_TEST(test_trimming_after_the_clock_went_back),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
