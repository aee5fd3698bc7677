/* What is held, and by whom: the scripts that only `darg fsck` calls, and what all agree on. */
#include "support/cmocka_all.h"

#include <stdlib.h>

#include "queue/scripts.h"
#include "queue/settings.h"
#include "queue/stats.h"
#include "support/queue_fixture.h"

static int64_t counted(struct queue_fixture *f)
{
    const struct queue *q = &f->queue;
    struct reply *reply =
        commands_run(f->conn, "EVAL", script_balance.source, "4", q->counts, q->workers, q->reaped,
                     f->lease.claimed, "", f->lease.worker);
    int64_t difference = reply_int(reply_at(reply, 1), -1), held = reply_int(reply_at(reply, 2), 0);
    reply_free(reply);
    return difference + held;
}

/* claim, balance and stats_read() reckon from the same counters, one of which might be forgotten
 * where there is another outcome. */
static void test_all_count_alike(void **state)
{
    struct queue_fixture *f = *state;
    int64_t base = 0;
#define WORD(name) #name,
    static const char *const names[] = {STATS_COUNT_LIST(WORD) NULL};
#undef WORD
    queue_fixture_limit(f, "concurrency", 5);
    for (const char *const *name = names; *name; name++) {
        struct err err = {0};
        struct stats stats;
        commands_do(f->conn, "DEL", f->queue.counts);
        commands_do(f->conn, "HSET", f->queue.counts, "claimed", "8");
        commands_do(f->conn, "HINCRBY", f->queue.counts, *name, "4");
        assert_int_equal(stats_read(f->conn, &f->queue, &stats, &err), ST_OK);
        assert_int_equal(counted(f), stats.held);
        bool is_full = queue_fixture_outcome(f, &f->lease, base, 9) == CLAIM_WAIT;
        assert_int_equal(is_full, stats.held >= 5);
        queue_fixture_push(f, "a", "b");
        if (!is_full)
            queue_fixture_claim_these(f, &f->lease, base, 9, "a");
        base += !is_full;
        commands_do(f->conn, "DEL", f->queue.jobs);
    }
    /* The six that matter, but claimed: without them this test would say nothing. */
    assert_int_equal(base, 5);
}

static void test_adopt_lets_the_living_alone(void **state)
{
    struct queue_fixture *f = *state;
    const struct queue *q = &f->queue;
    queue_fixture_push(f, "a");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    static const char *const seen[] = {"", "17"};
    char *digest = queue_fixture_digest(f);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(commands_int(f->conn, "EVAL", script_adopt.source, "5", q->workers,
                                      q->reaped, f->lease.claimed, q->jobs, q->drained,
                                      f->lease.worker, seen[i], "odd"),
                         -1);
    queue_fixture_expect_unchanged(f, digest);
}

static int64_t receipt_fits(struct queue_fixture *f)
{
    struct reply *reply =
        commands_run(f->conn, "EVAL", script_inspect.source, "3", f->queue.workers, f->queue.reaped,
                     f->lease.claimed, f->lease.worker);
    int64_t fits = reply_int(reply_at(reply, 4), -1);
    reply_free(reply);
    return fits;
}

static void test_receipt(void **state)
{
    struct queue_fixture *f = *state;
    const char *const claimed = f->lease.claimed;
    assert_int_equal(receipt_fits(f), 1);
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "a", "b");
    assert_int_equal(receipt_fits(f), 1);
    static const char *const wrong[] = {"0:1:0", "0:1001:0", "0:2", "nonsense"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        commands_do(f->conn, "HSET", claimed, "last", wrong[i]);
        assert_int_equal(receipt_fits(f), 0);
    }
    commands_do(f->conn, "HDEL", claimed, "last");
    assert_int_equal(receipt_fits(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST_DAMAGED(test_all_count_alike),
        QUEUE_TEST(test_adopt_lets_the_living_alone),
        QUEUE_TEST(test_receipt),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
