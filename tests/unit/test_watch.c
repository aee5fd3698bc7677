#include "support/cmocka_all.h"

#include "worker/keeper/watch.h"

#include <stdio.h>

enum { LEASE = 1000, STEP = 250 };

/* One look at one worker. */
static bool look(struct watch *watch, int64_t now_ms, const char *run_id, int64_t score_ms)
{
    char score[32];
    (void)snprintf(score, sizeof score, "%lld", (long long)score_ms);
    watch_look(watch, now_ms, run_id);
    return watch_see(watch, "w", score);
}

/* Looks every STEP from `from` on: the first time at which the worker is to be reaped. */
static int64_t reaped_at(struct watch *watch, int64_t from, const char *run_id, int64_t score_ms)
{
    for (int64_t at = from; at < from + 100 * LEASE; at += STEP)
        if (look(watch, at, run_id, score_ms))
            return at;
    return -1;
}

static void test_a_lease_runs_out_to_the_millisecond(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    for (int64_t at = 5000; at < 6000; at += STEP)
        assert_false(look(watch, at, "r", 77));
    assert_false(look(watch, 5999, "r", 77));
    assert_true(look(watch, 6000, "r", 77));
    assert_true(look(watch, 6001, "r", 77)); /* until its registration is gone */
    watch_free(watch);
    watch_free(NULL);
}

static void test_a_renewal_starts_anew(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    for (int64_t at = 5000; at <= 5750; at += STEP)
        assert_false(look(watch, at, "r", 77));
    /* A score may also go back: a clock set back, a failover. It is compared, not reckoned with. */
    assert_int_equal(reaped_at(watch, 6000, "r", 60), 7000);
    watch_free(watch);
}

static void test_a_worker_that_renews_is_never_reaped(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    for (int64_t at = 5000; at < 100000; at += STEP)
        assert_false(look(watch, at, "r", at / 750));
    watch_free(watch);
}

static void test_a_stall_of_ours_starts_anew(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    for (int64_t at = 5000; at <= 5750; at += STEP)
        assert_false(look(watch, at, "r", 77));
    /* Half a lease without a look may still be: more is a gap. */
    assert_false(look(watch, 5750 + LEASE / 2 + 1, "r", 77));
    assert_int_equal(reaped_at(watch, 6251 + STEP, "r", 77), 6251 + LEASE);
    watch_free(watch);

    watch = watch_new(LEASE);
    assert_false(look(watch, 5000, "r", 77));
    assert_false(look(watch, 5000 + LEASE / 2, "r", 77));
    assert_true(look(watch, 5000 + LEASE, "r", 77));
    watch_free(watch);
}

static void test_another_run_of_the_server_starts_anew(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    for (int64_t at = 5000; at <= 5750; at += STEP)
        assert_false(look(watch, at, "r1", 77));
    assert_int_equal(reaped_at(watch, 6000, "r2", 77), 7000);
    watch_free(watch);
}

/* Where INFO is forbidden the rest still holds. */
static void test_unknown_run_id(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    assert_int_equal(reaped_at(watch, 5000, "", 77), 6000);
    watch_free(watch);
}

static void test_workers_are_told_apart(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    char name[16], now[32];
    for (int64_t at = 5000; at <= 6000; at += STEP) {
        watch_look(watch, at, "r");
        (void)snprintf(now, sizeof now, "%lld", (long long)at);
        for (int i = 0; i < 60; i++) {
            (void)snprintf(name, sizeof name, "w%d", i);
            /* Every third is dead; the others renew. */
            bool is_dead = watch_see(watch, name, i % 3 == 0 ? "1" : now);
            assert_int_equal(is_dead, at == 6000 && i % 3 == 0);
        }
    }
    watch_free(watch);
}

/* A registry larger than a look: each worker is seen in every third one only. */
static void test_windows(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    struct watch *watch = watch_new(LEASE);
    int64_t first_ms[3] = {0};
    for (int i = 0; i < 15; i++) {
        int64_t at = 5000 + i * STEP;
        watch_look(watch, at, "r");
        bool is_dead = watch_see(watch, names[i % 3], "1");
        if (first_ms[i % 3] == 0)
            first_ms[i % 3] = at;
        assert_int_equal(is_dead, at - first_ms[i % 3] >= LEASE);
    }
    watch_free(watch);
}

/* Who has not been seen for long is not remembered: the name may have gone and come. */
static void test_the_long_unseen_is_forgotten(void **state)
{
    (void)state;
    struct watch *watch = watch_new(LEASE);
    assert_false(look(watch, 5000, "r", 77));
    int64_t at = 5000;
    for (; at <= 5000 + 4 * LEASE; at += STEP)
        watch_look(watch, at, "r");
    assert_false(look(watch, at, "r", 77));
    assert_int_equal(reaped_at(watch, at + STEP, "r", 77), at + LEASE);
    watch_free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lease_runs_out_to_the_millisecond),
        cmocka_unit_test(test_a_renewal_starts_anew),
        cmocka_unit_test(test_a_worker_that_renews_is_never_reaped),
        cmocka_unit_test(test_a_stall_of_ours_starts_anew),
        cmocka_unit_test(test_another_run_of_the_server_starts_anew),
        cmocka_unit_test(test_unknown_run_id),
        cmocka_unit_test(test_workers_are_told_apart),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_the_long_unseen_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
