#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/queue_fixture.h"

#define SENTINEL "{\"darg\":\"drain\"}"
#define CRASHED "{\"darg\":1,\"runs\":1,\"crashes\":1,\"attempt\":0,\"claim\":\"w:1\",\"job\":{}}"
#define UNHARMED "{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":1,\"claim\":\"w:2\",\"job\":{}}"

static void test_order(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "1", "2", "3", "4", "5", "6", "7", "");
    queue_fixture_claim_these(f, &f->lease, 0, 3, "1", "2", "3");
    queue_fixture_claim_these(f, &f->lease, 3, 100, "4", "5", "6", "7", "");
    char *text = commands_text(f->conn, "HGET", f->lease.claimed, "4");
    assert_string_equal(text, "4");
    free(text);
    assert_int_equal(commands_int(f->conn, "HLEN", f->lease.claimed), 9);
    assert_int_equal(queue_fixture_count(f, "claimed"), 8);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 8, 10), CLAIM_EMPTY);
}

static void test_empty_tells_next_due(void **state)
{
    struct queue_fixture *f = *state;
    struct claim claim = queue_fixture_claim(f, &f->lease, 0, 1);
    assert_int_equal(claim.outcome, CLAIM_EMPTY);
    assert_true(claim.next_due_ms == QUEUE_NEVER);
    assert_true(claim.now_ms > 1000000000000);
    claim_fini(&claim);
    commands_do(f->conn, "ZADD", f->queue.scheduled, "4000000000001", "late", "4000000000000",
                "soon");
    claim = queue_fixture_claim(f, &f->lease, 0, 1);
    assert_int_equal(claim.outcome, CLAIM_EMPTY);
    assert_int_equal(claim.next_due_ms, 4000000000000);
    claim_fini(&claim);
}

static void test_largest_numbers(void **state)
{
    struct queue_fixture *f = *state;
    const int64_t base = 900000000000000;
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, base, 2, "a", "b");
    queue_fixture_claim_these(f, &f->lease, base, 2, "a", "b");
    queue_fixture_done(f, &f->lease, base + 1);
    queue_fixture_done(f, &f->lease, base + 2);
}

/* A claim whose reply was lost is sent again and takes nothing new; an older one is refused. */
static void test_replay_and_stale(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c", "d");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "a", "b");
    char *before = queue_fixture_digest(f);
    queue_fixture_claim_these(f, &f->lease, 0, 2, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 1000, "a", "b");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 1, 2), CLAIM_STALE);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 3, 2), CLAIM_STALE);
    queue_fixture_expect_unchanged(f, before);
    queue_fixture_done(f, &f->lease, 1);
    struct claim claim = queue_fixture_claim(f, &f->lease, 0, 2);
    assert_int_equal(claim.outcome, CLAIM_JOBS);
    assert_int_equal(claim.count, 2);
    assert_null(claim_job(&claim, 0).text.ptr);
    assert_true(slice_is(claim_job(&claim, 1).text, "b"));
    assert_null(claim_job(&claim, 2).text.ptr);
    claim_fini(&claim);
    queue_fixture_claim_these(f, &f->lease, 2, 1, "c");
    before = queue_fixture_digest(f);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 2), CLAIM_STALE);
    queue_fixture_expect_unchanged(f, before);
    commands_do(f->conn, "HSET", f->lease.claimed, "last", "nonsense");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 3, 2), CLAIM_STALE);
    commands_do(f->conn, "HSET", f->lease.claimed, "last", "3:5000");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 3, 2), CLAIM_STALE);
}

/* Whatever the size of a claim, its replay is the same answer. */
static void test_full_batch_replayed(void **state)
{
    struct queue_fixture *f = *state;
    char text[32];
    for (int i = 0; i < CLAIM_MAX + 5; i++) {
        snprintf(text, sizeof text, "%d", i);
        queue_fixture_push(f, text);
    }
    for (int round = 0; round < 2; round++) {
        struct claim claim = queue_fixture_claim(f, &f->lease, 0, CLAIM_MAX);
        assert_int_equal(claim.count, CLAIM_MAX);
        for (size_t i = 0; i < claim.count; i++) {
            snprintf(text, sizeof text, "%zu", i);
            assert_true(slice_is(claim_job(&claim, i).text, text));
        }
        claim_fini(&claim);
    }
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 5);
}

static void test_lost_lease(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    commands_do(f->conn, "ZREM", f->queue.workers, f->lease.worker);
    char *before = queue_fixture_digest(f);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 1), CLAIM_LOST);
    queue_fixture_expect_unchanged(f, before);
}

static void test_inbox_comes_first(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c", "d");
    for (int i = 0; i < 3; i++)
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    queue_fixture_expect_line(f, f->queue.inbox, "a", "b", "c");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 2, 9, "c", "d");
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.inbox), 0);
}

static void test_wait(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    bool woken = true;
    assert_int_equal(claim_wait_begin(f->conn, &f->queue, 10, &err), ST_OK);
    assert_int_equal(conn_wait(f->conn, -1, 5000), CONN_READABLE);
    assert_int_equal(claim_wait_end(f->conn, &woken, &err), ST_OK);
    assert_false(woken);

    struct conn *producer = commands_connect(redis_server_url(f->server));
    assert_int_equal(claim_wait_begin(f->conn, &f->queue, 20000, &err), ST_OK);
    assert_int_equal(conn_wait(f->conn, -1, 0), CONN_TIMEOUT);
    commands_do(producer, "LPUSH", f->queue.jobs, "a");
    assert_int_equal(conn_wait(f->conn, -1, 10000), CONN_READABLE);
    assert_int_equal(claim_wait_end(f->conn, &woken, &err), ST_OK);
    assert_true(woken);
    queue_fixture_expect_line(f, f->queue.inbox, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 5, "a");
    conn_close(producer);
}

static void test_sentinel_at_head(void **state)
{
    struct queue_fixture *f = *state;
    static const char blanks[] = " {\t\"darg\"\n:\r \"drain\" } ";
    queue_fixture_push(f, blanks, "a");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 5), CLAIM_DRAIN);
    queue_fixture_expect_line(f, f->queue.jobs, blanks, "a");
    assert_int_equal(queue_fixture_held(f), 0);
}

static void test_sentinel_in_the_middle(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c", SENTINEL, SENTINEL, "d", SENTINEL, "e");
    queue_fixture_claim_these(f, &f->lease, 0, 100, "a", "b", "c");
    queue_fixture_expect_line(f, f->queue.jobs, SENTINEL, SENTINEL, "d", SENTINEL, "e");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 3, 100), CLAIM_DRAIN);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 5);
}

/* Whatever lies in the inbox with it goes back to the line in its order. */
static void test_sentinel_in_inbox(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, SENTINEL, "a", "b");
    for (int i = 0; i < 2; i++)
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 5), CLAIM_DRAIN);
    queue_fixture_expect_line(f, f->queue.jobs, SENTINEL, "a", "b");
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.inbox), 0);
    commands_do(f->conn, "RPUSH", f->queue.jobs, "first");
    for (int i = 0; i < 3; i++)
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    queue_fixture_claim_these(f, &f->lease, 0, 5, "first");
    queue_fixture_expect_line(f, f->queue.jobs, SENTINEL, "a", "b");
}

static void test_sentinel_discarded(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, SENTINEL, SENTINEL, "a", SENTINEL, "b", SENTINEL);
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    const struct claim_options discarding = {
        .max_bytes = 1 << 20,
        .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999},
        .discard_sentinel = true};
    struct claim claim = queue_fixture_claim_with(f, &f->lease, 0, 10, &discarding);
    assert_int_equal(claim.outcome, CLAIM_JOBS);
    assert_int_equal(claim.count, 2);
    assert_true(slice_is(claim_job(&claim, 0).text, "a"));
    assert_true(slice_is(claim_job(&claim, 1).text, "b"));
    claim_fini(&claim);
    assert_int_equal(queue_fixture_count(f, "discarded"), 4);
    queue_fixture_push(f, SENTINEL);
    claim = queue_fixture_claim_with(f, &f->lease, 2, 10, &discarding);
    assert_int_equal(claim.outcome, CLAIM_EMPTY);
    claim_fini(&claim);
    assert_int_equal(queue_fixture_count(f, "discarded"), 5);
}

/* What only looks like a sentinel is a job. */
static void test_near_sentinels(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const texts[] = {"{\"darg\":\"drain\"}x",        "{\"darg\":\"drain\"",
                                        "{\"darg\":\"drain\",\"a\":1}", "{\"darg\" \"drain\"}",
                                        "{\"darg\":\"drains\"}",        "\v{\"darg\":\"drain\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        queue_fixture_push(f, texts[i]);
        queue_fixture_claim_these(f, &f->lease, (int64_t)i, 5, texts[i]);
    }
}

/* A suspect is answered alone, before the others, and the next one not before it has ended. What
 * stands in line behind one does not wait for it. */
static void test_one_suspect_at_a_time(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", CRASHED, "b", UNHARMED, CRASHED, "c");
    queue_fixture_claim_these(f, &f->lease, 0, 3, "a", "b", UNHARMED);
    queue_fixture_expect_line(f, f->queue.suspects, CRASHED);
    queue_fixture_push(f, "d");
    queue_fixture_claim_these(f, &f->lease, 3, 10, CRASHED);
    queue_fixture_claim_these(f, &f->lease, 4, 10, "c", "d");
    queue_fixture_expect_line(f, f->queue.suspects, CRASHED);
    char *digest = queue_fixture_digest(f);
    struct claim claim = queue_fixture_claim(f, &f->lease, 6, 10);
    assert_int_equal(claim.outcome, CLAIM_WAIT);
    assert_true(claim.wait_ms > 0);
    claim_fini(&claim);
    queue_fixture_expect_unchanged(f, digest);
    queue_fixture_done(f, &f->lease, 3);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 6, 10), CLAIM_WAIT);
    queue_fixture_done(f, &f->lease, 4);
    queue_fixture_claim_these(f, &f->lease, 6, 10, CRASHED);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 7, 10), CLAIM_EMPTY);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.suspects), 0);
}

/* One that comes last in line is claimed at once, if no other is held. */
static void test_last_suspect(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, CRASHED);
    queue_fixture_claim_these(f, &f->lease, 0, 10, CRASHED);
    queue_fixture_claim_these(f, &f->lease, 0, 10, CRASHED);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 1, 10), CLAIM_EMPTY);
}

/* Suspects were pushed before the sentinel: they come ahead of it. */
static void test_suspects_before_the_sentinel(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, SENTINEL, "b");
    commands_do(f->conn, "LPUSH", f->queue.suspects, CRASHED, CRASHED);
    queue_fixture_claim_these(f, &f->lease, 0, 10, CRASHED);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 1, 10), CLAIM_DRAIN);
    queue_fixture_done(f, &f->lease, 1);
    queue_fixture_claim_these(f, &f->lease, 1, 10, CRASHED);
    queue_fixture_done(f, &f->lease, 2);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 2, 10), CLAIM_DRAIN);
}

static void test_suspects_of_two_workers(void **state)
{
    struct queue_fixture *f = *state;
    struct lease other;
    queue_fixture_register(f, &other, "q");
    queue_fixture_push(f, CRASHED, CRASHED);
    queue_fixture_claim_these(f, &f->lease, 0, 10, CRASHED);
    queue_fixture_claim_these(f, &other, 0, 10, CRASHED);
    lease_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_order),
        QUEUE_TEST(test_empty_tells_next_due),
        QUEUE_TEST(test_largest_numbers),
        QUEUE_TEST(test_replay_and_stale),
        QUEUE_TEST(test_full_batch_replayed),
        QUEUE_TEST(test_lost_lease),
        QUEUE_TEST(test_inbox_comes_first),
        QUEUE_TEST(test_wait),
        QUEUE_TEST(test_sentinel_at_head),
        QUEUE_TEST(test_sentinel_in_the_middle),
        QUEUE_TEST(test_sentinel_in_inbox),
        QUEUE_TEST(test_sentinel_discarded),
        QUEUE_TEST(test_near_sentinels),
        QUEUE_TEST(test_one_suspect_at_a_time),
        QUEUE_TEST(test_last_suspect),
        QUEUE_TEST(test_suspects_before_the_sentinel),
        QUEUE_TEST(test_suspects_of_two_workers),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
