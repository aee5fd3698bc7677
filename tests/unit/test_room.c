#include "support/cmocka_all.h"

#include "base/buf.h"
#include "base/clock.h"
#include "queue/claim.h"
#include "support/asleep.h"
#include "worker/flow/room.h"
#include "worker/handler/handler.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, LONG_MS = 1000000, LONG_US = 10 * 1000 * 1000 };

static const struct load_run some_run = {.queue = 0, .generation = 1, .number = 1};
static const struct handler some_handler = {.type = "t"};

struct fixture {
    struct load *load;
    struct ring *tasks;
    struct room *room;
};

static struct fixture make(size_t threads, const int64_t *weights, size_t queues, int64_t prefetch)
{
    struct fixture fixture = {.load = load_new(threads, 1), .tasks = ring_new(16384)};
    assert_non_null(fixture.load);
    fixture.room = room_new(fixture.load, fixture.tasks, weights, queues, prefetch);
    return fixture;
}

static void discard(struct fixture *fixture)
{
    room_free(fixture->room);
    ring_free(fixture->tasks);
    load_free(fixture->load);
}

/* A claim that was granted has brought `taken` jobs. */
static void claim(struct fixture *fixture, size_t slot, int64_t granted, int64_t taken)
{
    static char item;
    for (int64_t i = 0; i < taken; i++)
        assert_true(ring_push(fixture->tasks, &item));
    room_settle_grant(fixture->room, slot, granted, taken);
}

/* The thread has been at a job for ten seconds. */
static void make_busy(struct fixture *fixture, size_t thread)
{
    load_set_busy(fixture->load, thread, true);
    load_begin(fixture->load, thread, clock_mono_us() - LONG_US, &some_run, &some_handler);
}

static void make_idle(struct fixture *fixture, size_t thread)
{
    load_end(fixture->load, thread, clock_mono_us());
    load_set_busy(fixture->load, thread, false);
}

/* Jobs of took_us each have ended on thread 0. */
static void set_pace(struct fixture *fixture, int64_t took_us)
{
    for (int i = 0; i < 100; i++) {
        load_begin(fixture->load, 0, 1000000, &some_run, &some_handler);
        load_end(fixture->load, 0, 1000000 + took_us);
    }
}

static const int64_t strict[2] = {0, 0};

static void test_idle_threads_are_room(void **state)
{
    (void)state;
    struct fixture f = make(THREADS, strict, 1, -1);
    assert_int_equal(room_try(f.room, 0), THREADS);
    assert_int_equal(room_try(f.room, 0), 0); /* in flight */
    room_settle_grant(f.room, 0, THREADS, 0); /* nothing came */
    make_busy(&f, 2);
    assert_int_equal(room_try(f.room, 0), THREADS - 1);
    claim(&f, 0, THREADS - 1, 1);
    assert_int_equal(room_try(f.room, 0), THREADS - 2); /* one waits in the ring */
    discard(&f);
}

static void test_long_jobs_are_not_fetched_ahead(void **state)
{
    (void)state;
    struct fixture f = make(THREADS, strict, 1, -1);
    for (size_t i = 0; i < THREADS; i++)
        make_busy(&f, i);
    assert_int_equal(room_try(f.room, 0), 0);
    make_idle(&f, 1);
    assert_int_equal(room_try(f.room, 0), 1);
    discard(&f);
}

/* 10 us a job, four threads, 5 ms: 2,000 ahead, in claims of at most 1,000. */
static void test_short_jobs_are_fetched_ahead(void **state)
{
    (void)state;
    struct fixture f = make(THREADS, strict, 1, -1);
    set_pace(&f, 10);
    assert_int_equal(room_try(f.room, 0), CLAIM_MAX);
    claim(&f, 0, CLAIM_MAX, CLAIM_MAX);
    assert_int_equal(room_try(f.room, 0), CLAIM_MAX);
    claim(&f, 0, CLAIM_MAX, CLAIM_MAX);
    /* And then not before half of them are used up. */
    for (int left = 2 * CLAIM_MAX; left > CLAIM_MAX; left--) {
        assert_int_equal(room_try(f.room, 0), 0);
        assert_non_null(ring_try_take(f.tasks));
    }
    assert_int_equal(room_try(f.room, 0), CLAIM_MAX);
    discard(&f);
}

/* 1 ms a job: what four threads start within 5 ms. */
static void test_prefetch_follows_the_pace(void **state)
{
    (void)state;
    struct fixture f = make(THREADS, strict, 1, -1);
    set_pace(&f, 1000);
    assert_int_equal(room_try(f.room, 0), THREADS + 5 * THREADS);
    room_settle_grant(f.room, 0, 6 * THREADS, 0);
    set_pace(&f, 50 * 1000);
    int64_t granted = room_try(f.room, 0);
    assert_in_range(granted, THREADS, THREADS + 1);
    discard(&f);
}

static void test_fixed_prefetch(void **state)
{
    (void)state;
    struct fixture f = make(THREADS, strict, 1, 0);
    set_pace(&f, 10);
    assert_int_equal(room_try(f.room, 0), THREADS);
    discard(&f);
    f = make(THREADS, strict, 1, 10);
    assert_false(room_is_adaptive(f.room));
    for (size_t i = 0; i < THREADS; i++)
        make_busy(&f, i);
    assert_int_equal(room_try(f.room, 0), 10);
    claim(&f, 0, 10, 10);
    assert_int_equal(room_try(f.room, 0), 0);
    for (int i = 0; i < 5; i++)
        assert_non_null(ring_try_take(f.tasks));
    assert_int_equal(room_try(f.room, 0), 5);
    discard(&f);
}

/* What was fetched for being short and turns out to be long is in the wrong place. */
static void test_overfull(void **state)
{
    (void)state;
    struct fixture f = make(1, strict, 1, -1);
    assert_true(room_is_adaptive(f.room));
    set_pace(&f, 500); /* ten ahead */
    claim(&f, 0, 0, 10);
    assert_false(room_is_overfull(f.room));
    make_busy(&f, 0); /* for ten seconds, with the others behind it */
    assert_true(room_is_overfull(f.room));
    discard(&f);
}

/* A slow Redis must not make a process hold ever more: what ended counts until it is settled. */
static void test_what_is_held_is_bounded(void **state)
{
    (void)state;
    struct fixture f = make(THREADS, strict, 1, -1);
    set_pace(&f, 1);
    int64_t held = 0, granted;
    while ((granted = room_try(f.room, 0)) > 0) {
        assert_true(granted <= CLAIM_MAX);
        room_settle_grant(f.room, 0, granted, granted); /* taken from the ring at once */
        held += granted;
        assert_true(held <= ROOM_OUTSTANDING_MAX);
    }
    assert_int_equal(held, ROOM_OUTSTANDING_MAX);
    room_forget(f.room, 7);
    assert_int_equal(room_try(f.room, 0), 7);
    discard(&f);
}

/* ---- fetchers that wait ---- */

/* A fetcher that waits for room for one of the queues. */
struct waiting {
    struct fixture *fixture;
    size_t slot;
    pthread_t thread;
    _Atomic pid_t id;
    _Atomic int64_t granted; /* -1: it waits */
};

static void *waiting_main(void *argument)
{
    struct waiting *waiting = argument;
    waiting->id = gettid();
    waiting->granted = room_wait(waiting->fixture->room, waiting->slot, LONG_MS);
    return NULL;
}

static void start_waiting(struct waiting *waiting, struct fixture *fixture, size_t slot)
{
    *waiting = (struct waiting){.fixture = fixture, .slot = slot, .granted = -1};
    assert_int_equal(pthread_create(&waiting->thread, NULL, waiting_main, waiting), 0);
    asleep_wait(&waiting->id, 1);
}

static int64_t end_waiting(struct waiting *waiting)
{
    pthread_join(waiting->thread, NULL);
    return waiting->granted;
}

static struct fixture make_full(size_t queues, const int64_t *weights)
{
    struct fixture f = make(1, weights, queues, 0);
    make_busy(&f, 0);
    return f;
}

static void test_time_out(void **state)
{
    (void)state;
    struct fixture f = make_full(1, strict);
    assert_int_equal(room_wait(f.room, 0, 30), 0);
    discard(&f);
}

static void test_interrupt_ends_the_waiting(void **state)
{
    (void)state;
    struct fixture f = make_full(1, strict);
    struct waiting waiting;
    start_waiting(&waiting, &f, 0);
    room_interrupt(f.room);
    assert_int_equal(end_waiting(&waiting), 0);
    /* It is over with that: the next wait is not interrupted by it. */
    start_waiting(&waiting, &f, 0);
    make_idle(&f, 0);
    room_notice(f.room);
    assert_int_equal(end_waiting(&waiting), 1);
    discard(&f);
}

static void test_a_thread_that_becomes_idle_makes_room(void **state)
{
    (void)state;
    struct fixture f = make_full(1, strict);
    struct waiting waiting;
    start_waiting(&waiting, &f, 0);
    room_notice(f.room); /* nothing has changed: it waits on */
    make_idle(&f, 0);
    room_notice(f.room);
    assert_int_equal(end_waiting(&waiting), 1);
    discard(&f);
}

static void test_an_ended_claim_makes_room(void **state)
{
    (void)state;
    struct fixture f = make(1, strict, 2, 0);
    assert_int_equal(room_try(f.room, 0), 1);
    struct waiting waiting;
    start_waiting(&waiting, &f, 1);
    room_settle_grant(f.room, 0, 1, 0); /* the first queue was empty */
    assert_int_equal(end_waiting(&waiting), 1);
    discard(&f);
}

static void test_settled_jobs_make_room(void **state)
{
    (void)state;
    struct fixture f = make(1, strict, 1, 0);
    struct waiting waiting;
    room_settle_grant(f.room, 0, 0, ROOM_OUTSTANDING_MAX);
    start_waiting(&waiting, &f, 0);
    room_forget(f.room, 5);
    assert_int_equal(end_waiting(&waiting), 1);
    discard(&f);
}

static void test_strict_order(void **state)
{
    (void)state;
    struct fixture f = make_full(2, strict);
    struct waiting first;
    start_waiting(&first, &f, 0);
    make_idle(&f, 0);
    /* There is room, but it is not this queue's while the one before it waits. */
    assert_int_equal(room_try(f.room, 1), 0);
    assert_int_equal(end_waiting(&first), 1);
    room_settle_grant(f.room, 0, 1, 0);
    assert_int_equal(room_try(f.room, 1), 1);
    room_settle_grant(f.room, 1, 1, 0);

    make_busy(&f, 0);
    struct waiting second;
    start_waiting(&second, &f, 1);
    make_idle(&f, 0);
    assert_int_equal(room_try(f.room, 0), 1); /* goes before the one that waits */
    room_interrupt(f.room);
    assert_int_equal(end_waiting(&second), 0);
    discard(&f);
}

/* Gives one thread's worth of room after the other to two queues that both wait all the time, and
 * counts the turns. */
static void share(const int64_t *weights, int rounds, int *turns)
{
    struct fixture f = make_full(2, weights);
    struct waiting waiting[2];
    start_waiting(&waiting[0], &f, 0);
    start_waiting(&waiting[1], &f, 1);
    for (int i = 0; i < rounds; i++) {
        make_idle(&f, 0);
        room_notice(f.room);
        while (waiting[0].granted < 0 && waiting[1].granted < 0)
            sched_yield();
        size_t slot = waiting[0].granted < 0 ? 1 : 0;
        assert_int_equal(end_waiting(&waiting[slot]), 1);
        turns[slot]++;
        make_busy(&f, 0); /* with the job that was claimed */
        room_settle_grant(f.room, slot, 1, 1);
        room_forget(f.room, 1);
        start_waiting(&waiting[slot], &f, slot);
    }
    room_interrupt(f.room);
    assert_int_equal(end_waiting(&waiting[0]) + end_waiting(&waiting[1]), 0);
    discard(&f);
}

static void test_shares(void **state)
{
    (void)state;
    int turns[2] = {0};
    share((const int64_t[]){3, 1}, 40, turns);
    assert_in_range(turns[0], 29, 31); /* ties fall either way */
    assert_int_equal(turns[0] + turns[1], 40);
}

static void test_strict_order_starves_the_second(void **state)
{
    (void)state;
    int turns[2] = {0};
    share(strict, 20, turns);
    assert_int_equal(turns[0], 20);
}

/* A queue that was empty for long has no claim on the past. */
static void test_a_queue_that_comes_back_starts_level(void **state)
{
    (void)state;
    struct fixture f = make_full(2, (const int64_t[]){1, 1});
    room_settle_grant(f.room, 0, 0, 1000);
    room_forget(f.room, 1000);
    room_settle_grant(f.room, 1, 0, 0); /* it was empty */
    struct waiting first;
    start_waiting(&first, &f, 0);
    make_idle(&f, 0);
    assert_int_equal(room_try(f.room, 1), 1); /* level: it may go ... */
    room_settle_grant(f.room, 1, 1, 1);       /* ... once: now it is behind */
    assert_int_equal(end_waiting(&first), 1);
    room_settle_grant(f.room, 0, 1, 0);

    make_busy(&f, 0);
    start_waiting(&first, &f, 0);
    make_idle(&f, 0);
    assert_int_equal(room_try(f.room, 1), 0);
    assert_int_equal(end_waiting(&first), 1);
    discard(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_threads_are_room),
        cmocka_unit_test(test_long_jobs_are_not_fetched_ahead),
        cmocka_unit_test(test_short_jobs_are_fetched_ahead),
        cmocka_unit_test(test_prefetch_follows_the_pace),
        cmocka_unit_test(test_fixed_prefetch),
        cmocka_unit_test(test_overfull),
        cmocka_unit_test(test_what_is_held_is_bounded),
        cmocka_unit_test(test_time_out),
        cmocka_unit_test(test_interrupt_ends_the_waiting),
        cmocka_unit_test(test_a_thread_that_becomes_idle_makes_room),
        cmocka_unit_test(test_an_ended_claim_makes_room),
        cmocka_unit_test(test_settled_jobs_make_room),
        cmocka_unit_test(test_strict_order),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_strict_order_starves_the_second),
        cmocka_unit_test(test_a_queue_that_comes_back_starts_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
