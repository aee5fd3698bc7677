#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "support/queue_fixture.h"

static const struct lease_blame all_blamed = {.is_known = false};

static struct lease_reaped reap_blaming(struct queue_fixture *f, const char *worker,
                                        const char *seen_score, const struct lease_blame *blame)
{
    struct err err = {0};
    struct lease_reaped step;
    if (lease_reap(f->conn, &f->queue, worker, seen_score, blame, &step, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return step;
}

static struct lease_reaped reap(struct queue_fixture *f, const char *worker, const char *seen_score)
{
    return reap_blaming(f, worker, seen_score, &all_blamed);
}

/* By the score it has now. */
static struct lease_reaped reap_seen(struct queue_fixture *f, const char *worker)
{
    char *score = commands_text(f->conn, "ZSCORE", f->queue.workers, worker);
    struct lease_reaped step = reap(f, worker, score);
    free(score);
    return step;
}

#define CRASHED(runs, crashes, claim, job)                                                         \
    "{\"darg\":1,\"runs\":" runs ",\"crashes\":" crashes ",\"attempt\":0,\"claim\":\"" claim       \
    "\",\"job\":" job "}"

static void test_order(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "{\"n\":1}", "\x01\xff", "{\"n\":3}", "next");
    queue_fixture_claim_these(f, &f->lease, 0, 3, "{\"n\":1}", "\x01\xff", "{\"n\":3}");
    commands_do(f->conn, "SADD", f->queue.drained, "p.1");
    struct lease_reaped step = reap_seen(f, "p.1");
    assert_int_equal(step.outcome, LEASE_REAP_ENDED);
    assert_int_equal(step.moved, 3);
    queue_fixture_expect_line(f, f->queue.suspects, CRASHED("1", "1", "p.1:1", "{\"n\":1}"),
                              CRASHED("1", "1", "p.1:2", "\x01\xff"),
                              CRASHED("1", "1", "p.1:3", "{\"n\":3}"));
    assert_int_equal(step.suspects, 3);
    queue_fixture_expect_line(f, f->queue.jobs, "next");
    assert_int_equal(queue_fixture_count(f, "reaped"), 3);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->lease.claimed, f->queue.workers,
                                  f->queue.reaped, f->queue.drained),
                     0);
    char *digest = queue_fixture_digest(f);
    assert_int_equal(reap(f, "p.1", NULL).outcome, LEASE_REAP_GONE);
    queue_fixture_expect_unchanged(f, digest);
}

static void test_alive_and_gone(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    char *digest = queue_fixture_digest(f);
    assert_int_equal(reap(f, "p.1", "1700000000000").outcome, LEASE_REAP_ALIVE);
    assert_int_equal(reap(f, "p.1", "0").outcome, LEASE_REAP_ALIVE);
    assert_int_equal(reap(f, "p.2", "0").outcome, LEASE_REAP_GONE);
    assert_int_equal(reap(f, "p.2", NULL).outcome, LEASE_REAP_GONE);
    queue_fixture_expect_unchanged(f, digest);
    /* Known to be dead: the score does not matter. */
    struct lease_reaped step = reap(f, "p.1", NULL);
    assert_int_equal(step.outcome, LEASE_REAP_ENDED);
    assert_int_equal(step.moved, 1);
}

/* A score is compared as it stands, whatever it is. */
static void test_any_score(void **state)
{
    struct queue_fixture *f = *state;
    const char *const scores[] = {"-1", "0", "-inf", "inf", "1.5", "1e+300"};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "odd.%zu", i); /* none comes back */
        commands_do(f->conn, "ZADD", f->queue.workers, scores[i], name);
        assert_int_equal(reap(f, name, "17").outcome, LEASE_REAP_ALIVE);
        assert_int_equal(reap_seen(f, name).outcome, LEASE_REAP_ENDED);
    }
}

static void test_nothing_held(void **state)
{
    struct queue_fixture *f = *state;
    struct lease_reaped step = reap(f, "p.1", NULL);
    assert_int_equal(step.outcome, LEASE_REAP_ENDED);
    assert_int_equal(step.moved, 0);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.workers, f->queue.reaped), 0);
}

static void hold_many(struct queue_fixture *f, int count)
{
    char text[32];
    for (int i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        queue_fixture_push(f, text);
    }
    for (int64_t base = 0; base < count;) {
        struct claim claim = queue_fixture_claim(f, &f->lease, base, CLAIM_MAX);
        base += (int64_t)claim.count;
        claim_fini(&claim);
    }
}

static void test_several_steps(void **state)
{
    struct queue_fixture *f = *state;
    enum { JOBS = 1250 };
    hold_many(f, JOBS);
    char *score = commands_text(f->conn, "ZSCORE", f->queue.workers, "p.1");
    int64_t moved = 0;
    for (int i = 0; i < 3; i++) {
        struct lease_reaped step = reap(f, "p.1", score);
        moved += step.moved;
        assert_int_equal(step.outcome, i < 2 ? LEASE_REAP_MORE : LEASE_REAP_ENDED);
        /* Fenced from the first step on, and to be found until the last. */
        assert_int_equal(commands_int(f->conn, "SISMEMBER", f->queue.reaped, "p.1"), i < 2);
        assert_int_equal(queue_fixture_outcome(f, &f->lease, JOBS, 1), CLAIM_LOST);
        assert_int_equal(queue_fixture_check(state), 0);
    }
    free(score);
    assert_int_equal(moved, JOBS);
    struct reply *line = commands_run(f->conn, "LRANGE", f->queue.suspects, "0", "-1");
    assert_int_equal(reply_count(line), JOBS);
    for (int i = 0; i < JOBS; i++) {
        char expected[32];
        struct job job;
        job_split(reply_slice(reply_at(line, (size_t)(JOBS - 1 - i))), &job);
        (void)snprintf(expected, sizeof expected, "%d", i);
        assert_true(slice_is(job.original, expected));
        assert_int_equal(job.history.crashes, 1);
    }
    reply_free(line);
}

/* So large a holding that sorting it would take too long comes back whole, in any order. */
static void test_enormous_holding(void **state)
{
    struct queue_fixture *f = *state;
    enum { JOBS = 12000 };
    hold_many(f, JOBS);
    int64_t moved = 0;
    struct lease_reaped step;
    do {
        step = reap(f, "p.1", NULL);
        moved += step.moved;
        assert_true(step.moved > 0);
    } while (step.outcome == LEASE_REAP_MORE);
    assert_int_equal(step.outcome, LEASE_REAP_ENDED);
    assert_int_equal(moved, JOBS);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.suspects), JOBS);
}

static void test_huge_jobs(void **state)
{
    struct queue_fixture *f = *state;
    char *text = mem_new((3 << 20) + 1);
    memset(text, 'x', 3 << 20);
    for (int64_t i = 0; i < 5; i++) {
        queue_fixture_push(f, text);
        assert_int_equal(queue_fixture_outcome(f, &f->lease, i, 1), CLAIM_JOBS);
    }
    free(text);
    struct lease_reaped step = reap(f, "p.1", NULL);
    assert_int_equal(step.outcome, LEASE_REAP_MORE);
    assert_int_equal(step.moved, 2);
    assert_int_equal(reap(f, "p.1", NULL).moved, 2);
    assert_int_equal(reap(f, "p.1", NULL).outcome, LEASE_REAP_ENDED);
}

/* A worker that wakes after it was reaped changes nothing, whatever it sends. */
static void test_zombie(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "a", "b");
    assert_int_equal(reap(f, "p.1", NULL).moved, 2);
    struct lease other;
    queue_fixture_register(f, &other, "q");
    struct claim claim = queue_fixture_claim(f, &other, 0, 1);
    assert_int_equal(claim.count, 1);
    claim_fini(&claim);
    char *digest = queue_fixture_digest(f);
    const struct settle_item item = {
        .number = 1, .head = slice_of("{\"darg\":1,\"runs\":1,\"crashes\":0,\"job\":")};
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++)
        assert_false(queue_fixture_settle(f, kind, &f->lease, &item, 1).is_registered);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 2), CLAIM_LOST);
    queue_fixture_expect_unchanged(f, digest);
    assert_int_equal(queue_fixture_held(f), 1);
    queue_fixture_done(f, &other, 1);
    lease_fini(&other);
}

/* A late register must not bring a dead name back: a late claim behind it would fill numbers that
 * the old owner, who may not know yet, still means to report as done. */
static void test_a_name_never_returns(void **state)
{
    struct queue_fixture *f = *state;
    enum lease_register outcome;
    int64_t now_ms;
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    assert_int_equal(reap(f, "p.1", NULL).moved, 1);
    assert_int_equal(
        lease_register(f->conn, &f->lease, 0, &(struct lease_drain){0}, &outcome, &now_ms, NULL),
        ST_OK);
    assert_int_equal(outcome, LEASE_FENCED);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 1), CLAIM_LOST);
    queue_fixture_reset(state);
    assert_int_equal(
        lease_register(f->conn, &f->lease, 0, &(struct lease_drain){0}, &outcome, &now_ms, NULL),
        ST_OK);
    assert_int_equal(outcome, LEASE_REGISTERED); /* nothing but the memory of it keeps it out */
}

/* What is only remembered must not stand in the way of what is to be done. */
static void test_gone_of_the_wrong_type(void **state)
{
    struct queue_fixture *f = *state;
    enum lease_register outcome;
    int64_t now_ms;
    struct lease next;
    commands_do(f->conn, "SET", f->queue.gone, "wrong");
    assert_int_equal(reap(f, "p.1", NULL).outcome, LEASE_REAP_ENDED);
    lease_init(&next, &f->queue, "p", 2);
    assert_int_equal(
        lease_register(f->conn, &next, 0, &(struct lease_drain){0}, &outcome, &now_ms, NULL),
        ST_OK);
    assert_int_equal(outcome, LEASE_REGISTERED);
    lease_fini(&next);
}

/* Fields that are no claim numbers are nobody's: they stand in no job's way. */
static void test_odd_fields(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    commands_do(f->conn, "HSET", f->lease.claimed, "12345678901234567", "x", "", "y", "-1", "z");
    struct lease_reaped step = reap(f, "p.1", NULL);
    assert_int_equal(step.moved, 1);
    assert_int_equal(step.outcome, LEASE_REAP_ENDED);
    queue_fixture_expect_line(f, f->queue.suspects, CRASHED("1", "1", "p.1:1", "a"));
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    commands_do(f->conn, "SCRIPT", "FLUSH");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(reap(f, "p.1", NULL).moved, 1);
    queue_fixture_expect_line(f, f->queue.suspects, CRASHED("1", "1", "p.1:1", "a"));
}

/* Names are remembered for an hour. */
static void test_old_names_are_forgotten(void **state)
{
    struct queue_fixture *f = *state;
    char recent[32];
    (void)snprintf(recent, sizeof recent, "%lld", (long long)queue_fixture_server_ms(f) - 3500000);
    commands_do(f->conn, "ZADD", f->queue.gone, "1", "old.1", recent, "recent.1");
    struct err err = {0};
    struct lease_reaped step;
    assert_int_equal(lease_reap(f->conn, &f->queue, "p.1", NULL, &all_blamed, &step, &err), ST_OK);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.gone), 2);
    char *old = commands_text(f->conn, "ZSCORE", f->queue.gone, "old.1");
    assert_null(old);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    const char *const keys[] = {f->lease.claimed, f->queue.jobs,   f->queue.workers,
                                f->queue.drained, f->queue.reaped, f->queue.suspects};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        queue_fixture_reset(state);
        queue_fixture_push(f, "a", "b");
        queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
        commands_do(f->conn, "SET", keys[i], "wrong");
        char *digest = queue_fixture_digest(f);
        struct err err = {0};
        struct lease_reaped step;
        assert_int_equal(lease_reap(f->conn, &f->queue, "p.1", NULL, &all_blamed, &step, &err),
                         ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_order),
        QUEUE_TEST(test_alive_and_gone),
        QUEUE_TEST(test_any_score),
        QUEUE_TEST(test_nothing_held),
        QUEUE_TEST(test_several_steps),
        QUEUE_TEST(test_enormous_holding),
        QUEUE_TEST(test_huge_jobs),
        QUEUE_TEST(test_zombie),
        QUEUE_TEST(test_a_name_never_returns),
        QUEUE_TEST(test_odd_fields),
        QUEUE_TEST(test_old_names_are_forgotten),
        QUEUE_TEST_DAMAGED(test_gone_of_the_wrong_type),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
