#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/asleep.h"
#include "worker/flow/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* Items are numbers from 1 on, told as pointers that nobody follows. */
static char items[1 << 20];

static void *item_of(size_t number)
{
    return &items[number];
}

static size_t number_of(const void *item)
{
    return item == NULL ? 0 : (size_t)((const char *)item - items);
}

static void test_first_in_first_out_round_and_round(void **state)
{
    (void)state;
    struct ring *ring = ring_new(4);
    size_t pushed = 0, taken = 0;
    for (int round = 0; round < 1000; round++) {
        size_t count = 1 + (size_t)round % 4;
        for (size_t i = 0; i < count; i++)
            assert_true(ring_push(ring, item_of(++pushed)));
        assert_int_equal(ring_count(ring), count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(number_of(ring_try_take(ring)), ++taken);
        assert_null(ring_try_take(ring));
        assert_int_equal(ring_count(ring), 0);
        assert_int_equal(ring_taken(ring), taken);
    }
    ring_free(ring);
}

static void test_full(void **state)
{
    (void)state;
    struct ring *ring = ring_new(3); /* rounded up to 4 */
    for (size_t i = 1; i <= 4; i++)
        assert_true(ring_push(ring, item_of(i)));
    assert_false(ring_push(ring, item_of(5)));
    assert_int_equal(number_of(ring_try_take(ring)), 1);
    assert_true(ring_push(ring, item_of(6)));
    assert_false(ring_push(ring, item_of(7)));
    static const size_t left[] = {2, 3, 4, 6};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(number_of(ring_take(ring, -1)), left[i]);
    ring_free(ring);
    ring_free(NULL);
}

static void test_timeout(void **state)
{
    (void)state;
    struct ring *ring = ring_new(2);
    assert_null(ring_take(ring, 0));
    int64_t begin_ms = clock_mono_ms();
    assert_null(ring_take(ring, 30));
    assert_true(clock_mono_ms() - begin_ms >= 29); /* the clock's fractions */
    assert_true(ring_push(ring, item_of(9)));
    assert_int_equal(number_of(ring_take(ring, 30)), 9);
    ring_free(ring);
}

static void test_closed(void **state)
{
    (void)state;
    struct ring *ring = ring_new(4);
    assert_true(ring_push(ring, item_of(1)));
    assert_true(ring_push(ring, item_of(2)));
    assert_false(ring_is_closed(ring));
    ring_close(ring);
    assert_true(ring_is_closed(ring));
    assert_int_equal(number_of(ring_take(ring, -1)), 1);
    assert_int_equal(number_of(ring_try_take(ring)), 2);
    assert_null(ring_take(ring, -1));
    assert_int_equal(ring_wait(ring, -1), RING_CLOSED);
    ring_free(ring);
}

static void test_wait(void **state)
{
    (void)state;
    struct ring *ring = ring_new(4);
    assert_int_equal(ring_wait(ring, 1), RING_TIMEOUT);
    assert_true(ring_push(ring, item_of(1)));
    assert_int_equal(ring_wait(ring, -1), RING_ITEMS);
    assert_int_equal(ring_count(ring), 1);
    ring_close(ring);
    assert_int_equal(ring_wait(ring, 0), RING_ITEMS);
    assert_int_equal(number_of(ring_try_take(ring)), 1);
    assert_int_equal(ring_wait(ring, -1), RING_CLOSED);
    ring_free(ring);
}

enum { SLEEPERS = 8 };

struct sleepers {
    struct ring *ring;
    _Atomic size_t next;
    _Atomic pid_t ids[SLEEPERS];
    _Atomic size_t got[SLEEPERS]; /* the number each has taken; 0: none */
    pthread_t threads[SLEEPERS];
};

static void *sleep_main(void *argument)
{
    struct sleepers *sleepers = argument;
    size_t index = atomic_fetch_add(&sleepers->next, 1);
    sleepers->ids[index] = gettid();
    sleepers->got[index] = number_of(ring_take(sleepers->ring, -1));
    return NULL;
}

/* The same in two steps, as the pool does it. */
static void *wait_main(void *argument)
{
    struct sleepers *sleepers = argument;
    size_t index = atomic_fetch_add(&sleepers->next, 1);
    void *item = NULL;
    sleepers->ids[index] = gettid();
    while (!item && ring_wait(sleepers->ring, -1) == RING_ITEMS)
        item = ring_try_take(sleepers->ring);
    sleepers->got[index] = number_of(item);
    return NULL;
}

static void start_sleepers(struct sleepers *sleepers, void *(*main)(void *))
{
    for (size_t i = 0; i < SLEEPERS; i++)
        assert_int_equal(pthread_create(&sleepers->threads[i], NULL, main, sleepers), 0);
    asleep_wait(sleepers->ids, SLEEPERS);
}

static size_t join_sleepers(struct sleepers *sleepers)
{
    size_t sum = 0;
    for (size_t i = 0; i < SLEEPERS; i++)
        pthread_join(sleepers->threads[i], NULL);
    for (size_t i = 0; i < SLEEPERS; i++)
        sum += sleepers->got[i];
    ring_free(sleepers->ring);
    return sum;
}

static void wake_all_by_a_batch(void *(*main)(void *))
{
    struct sleepers sleepers = {.ring = ring_new(SLEEPERS)};
    start_sleepers(&sleepers, main);
    for (size_t i = 0; i < SLEEPERS; i++)
        assert_true(ring_push(sleepers.ring, item_of((size_t)1 << i)));
    ring_wake(sleepers.ring);
    assert_int_equal(join_sleepers(&sleepers), (1 << SLEEPERS) - 1);
}

/* One wake for the whole batch: each sleeper that leaves items behind wakes the next. */
static void test_a_batch_wakes_all_sleepers(void **state)
{
    (void)state;
    wake_all_by_a_batch(sleep_main);
    wake_all_by_a_batch(wait_main);
}

static void wake_all_by_close(void *(*main)(void *))
{
    struct sleepers sleepers = {.ring = ring_new(SLEEPERS)};
    start_sleepers(&sleepers, main);
    assert_true(ring_push(sleepers.ring, item_of(77)));
    ring_close(sleepers.ring);
    assert_int_equal(join_sleepers(&sleepers), 77);
}

static void test_close_wakes_all_sleepers(void **state)
{
    (void)state;
    wake_all_by_close(sleep_main);
    wake_all_by_close(wait_main);
}

enum { PUSHERS = 4, TAKERS = 4, EACH = (1 << 20) / PUSHERS };

static _Atomic unsigned char seen[PUSHERS * EACH]; /* how often each item was taken */

struct traffic {
    struct ring *ring;
    _Atomic size_t next_pusher;
    _Atomic size_t disorders;
};

static void *push_main(void *argument)
{
    struct traffic *traffic = argument;
    size_t first = atomic_fetch_add(&traffic->next_pusher, 1) * EACH;
    for (size_t i = 0; i < EACH; i++) {
        while (!ring_push(traffic->ring, item_of(first + i)))
            sched_yield();
        ring_wake(traffic->ring);
    }
    return NULL;
}

static void *take_main(void *argument)
{
    struct traffic *traffic = argument;
    size_t above[PUSHERS] = {0}; /* what comes next from each pusher is not below this */
    for (;;) {
        const void *item = ring_take(traffic->ring, -1);
        if (item == NULL)
            return NULL;
        size_t number = number_of(item), pusher = number / EACH;
        if (number < above[pusher])
            atomic_fetch_add(&traffic->disorders, 1);
        above[pusher] = number + 1;
        atomic_fetch_add_explicit(&seen[number], 1, memory_order_relaxed);
    }
}

static void test_many_threads_lose_and_double_nothing(void **state)
{
    (void)state;
    struct traffic traffic = {.ring = ring_new(64)};
    pthread_t pushers[PUSHERS], takers[TAKERS];
    for (size_t i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take_main, &traffic), 0);
    for (size_t i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&pushers[i], NULL, push_main, &traffic), 0);
    for (size_t i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i], NULL);
    ring_close(traffic.ring);
    for (size_t i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    size_t wrong = 0;
    for (size_t i = 0; i < PUSHERS * EACH; i++)
        wrong += seen[i] != 1;
    assert_int_equal(wrong, 0);
    assert_int_equal(traffic.disorders, 0);
    assert_int_equal(ring_taken(traffic.ring), PUSHERS * EACH);
    assert_int_equal(ring_count(traffic.ring), 0);
    ring_free(traffic.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out_round_and_round),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_a_batch_wakes_all_sleepers),
        cmocka_unit_test(test_close_wakes_all_sleepers),
        cmocka_unit_test(test_many_threads_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
