/* Whom a reap blames: what was running, was being read, or all. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "queue/presence.h"
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

#define CRASHED(runs, crashes, claim, job)                                                         \
    "{\"darg\":1,\"runs\":" runs ",\"crashes\":" crashes ",\"attempt\":0,\"claim\":\"" claim       \
    "\",\"job\":" job "}"

/* Where it is known what was running, only that is blamed; its neighbours have one more run, for
 * who knows whether they had one. */
static void test_blame(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c");
    queue_fixture_claim_these(f, &f->lease, 0, 3, "a", "b", "c");
    const int64_t numbers[] = {2, 9};
    const struct lease_blame blame = {.is_known = true, .numbers = numbers, .count = 2};
    assert_int_equal(reap_blaming(f, "p.1", NULL, &blame).moved, 3);
    queue_fixture_expect_line(f, f->queue.jobs, CRASHED("1", "0", "p.1:1", "a"),
                              CRASHED("1", "0", "p.1:3", "c"));
    queue_fixture_expect_line(f, f->queue.suspects, CRASHED("1", "1", "p.1:2", "b"));
}

/* So large that who reads it may die of it. */
static void push_large(struct queue_fixture *f)
{
    char *text = mem_new((100 << 10) + 1);
    memset(text, 'x', 100 << 10);
    queue_fixture_push(f, text);
    free(text);
}

static void claim_some(struct queue_fixture *f, int64_t base, int64_t n)
{
    struct claim claim = queue_fixture_claim(f, &f->lease, base, n);
    assert_int_equal(claim.count, n);
    claim_fini(&claim);
}

static void expect_suspect(struct queue_fixture *f, const char *number)
{
    struct reply *reply = commands_run(f->conn, "LRANGE", f->queue.suspects, "0", "-1");
    struct job job;
    char claim[32];
    assert_int_equal(reply_count(reply), 1);
    job_split(reply_slice(reply_at(reply, 0)), &job);
    (void)snprintf(claim, sizeof claim, "\"p.1:%s\"", number);
    assert_true(slice_is(job.history.claim, claim));
    reply_free(reply);
}

/* Who dies as it reads a claim of one large job has died of that one, whatever ran beside it. Where
 * there were several nobody knows; and of a small one nobody dies. */
static void test_blame_of_an_open_claim(void **state)
{
    struct queue_fixture *f = *state;
    const int64_t running[] = {1};
    const struct lease_blame blame = {
        .is_known = true, .has_open_claim = true, .open_base = 1, .numbers = running, .count = 1};
    queue_fixture_push(f, "a");
    push_large(f);
    claim_some(f, 0, 1);
    claim_some(f, 1, 1);
    assert_int_equal(reap_blaming(f, "p.1", NULL, &blame).moved, 2);
    expect_suspect(f, "2");

    assert_int_equal(queue_fixture_reset(state), 0);
    queue_fixture_push(f, "a");
    push_large(f);
    push_large(f);
    claim_some(f, 0, 1);
    claim_some(f, 1, 2);
    assert_int_equal(reap_blaming(f, "p.1", NULL, &blame).moved, 3);
    expect_suspect(f, "1");

    assert_int_equal(queue_fixture_reset(state), 0);
    queue_fixture_push(f, "a", "b");
    claim_some(f, 0, 1);
    claim_some(f, 1, 1);
    assert_int_equal(reap_blaming(f, "p.1", NULL, &blame).moved, 2);
    expect_suspect(f, "1");
}

/* A reap of several steps that is gone on with by somebody who knows nothing - its reaper was
 * killed, or an answer was lost - blames whom the first step blamed. */
static void test_blame_outlives_the_reaper(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    const int64_t running[] = {2};
    const struct lease_blame blame = {.is_known = true, .numbers = running, .count = 1};
    const struct lease_blame nobody = {.is_known = true};
    for (int way = 0; way < 2; way++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        for (int i = 0; i < 502; i++)
            queue_fixture_push(f, "a");
        assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 502), CLAIM_JOBS);
        assert_int_equal(reap_blaming(f, "p.1", NULL, way == 0 ? &blame : &all_blamed).outcome,
                         LEASE_REAP_MORE);
        int64_t held = -1;
        assert_int_equal(presence_held_by(f->conn, &f->queue, "p.1", &held, &err), ST_OK);
        assert_int_equal(held, 2);
        struct lease_reaped step = reap_blaming(f, "p.1", NULL, way == 0 ? &all_blamed : &nobody);
        assert_int_equal(step.outcome, LEASE_REAP_ENDED);
        assert_int_equal(step.moved, 2);
        assert_int_equal(step.suspects, way == 0 ? 1 : 502);
        assert_int_equal(commands_int(f->conn, "EXISTS", f->lease.claimed), 0);
    }
}

/* A suspect that nobody blames this time stays one. */
static void test_given_back_suspect(void **state)
{
    struct queue_fixture *f = *state;
    struct lease other;
    static const char suspect[] = CRASHED("3", "1", "p.1:2", "b");
    static const char reaped[] = CRASHED("4", "1", "p.1:2", "b");
    const struct settle_item item = {.number = 1};
    const struct lease_blame nobody = {.is_known = true};
    bool is_registered;
    int64_t released;
    commands_do(f->conn, "LPUSH", f->queue.suspects, suspect);
    queue_fixture_push(f, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 5, suspect);
    assert_int_equal(queue_fixture_settle(f, SETTLE_RELEASE, &f->lease, &item, 1).settled, 1);
    queue_fixture_expect_line(f, f->queue.suspects, suspect);
    queue_fixture_claim_these(f, &f->lease, 1, 5, suspect);
    assert_int_equal(reap_blaming(f, "p.1", NULL, &nobody).moved, 1);
    queue_fixture_register(f, &other, "q");
    queue_fixture_claim_these(f, &other, 0, 5, reaped);
    assert_int_equal(lease_deregister(f->conn, &other, NULL, 0, &is_registered, &released, NULL),
                     ST_OK);
    assert_int_equal(released, 1);
    queue_fixture_expect_line(f, f->queue.suspects, reaped);
    queue_fixture_expect_line(f, f->queue.jobs, "a");
    lease_fini(&other);
}

static void test_nobody_is_to_blame(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    const struct lease_blame nobody = {.is_known = true};
    assert_int_equal(reap_blaming(f, "p.1", NULL, &nobody).moved, 1);
    queue_fixture_expect_line(f, f->queue.jobs, CRASHED("1", "0", "p.1:1", "a"));
}

/* Crash after crash: the counts grow, nothing else changes, also in an envelope without a claim. */
static void test_crashes_add_up(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f,
                       "{\"darg\":1,\"runs\":7,\"crashes\":4,\"job\":{\"b\":1,\"claim\":\"z\"}}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 1), CLAIM_JOBS);
        assert_int_equal(reap_blaming(f, "p.1", NULL, &all_blamed).moved, 1);
        commands_do(f->conn, "ZADD", f->queue.workers, "1", "p.1");
    }
    queue_fixture_expect_line(
        f, f->queue.suspects,
        "{\"darg\":1,\"runs\":10,\"crashes\":7,\"job\":{\"b\":1,\"claim\":\"z\"}}");
    assert_int_equal(queue_fixture_count(f, "reaped"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_blame),
        QUEUE_TEST(test_blame_of_an_open_claim),
        QUEUE_TEST(test_blame_outlives_the_reaper),
        QUEUE_TEST(test_given_back_suspect),
        QUEUE_TEST(test_nobody_is_to_blame),
        QUEUE_TEST(test_crashes_add_up),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
