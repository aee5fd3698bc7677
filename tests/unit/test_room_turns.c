/* Many queues wait for room at once: each room that is made wakes the one whose turn it is, and the
 * turn never stays with one that sleeps on. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/asleep.h"
#include "worker/flow/room.h"
#include "worker/handler/handler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { QUEUES = 20, LONG_MS = 1000000 };

static const struct load_run some_run = {.queue = 0, .generation = 1, .number = 1};
static const struct handler some_handler = {.type = "t"};

struct fixture;

struct waiter {
    struct fixture *fixture;
    size_t slot;
    pthread_t thread;
};

/* One thread that is busy, and nothing fetched ahead: room is made by ending its job. */
struct fixture {
    struct load *load;
    struct ring *tasks;
    struct room *room;
    struct waiter waiters[QUEUES];
    _Atomic pid_t ids[QUEUES];
    size_t served[QUEUES]; /* slots, in their order; each written by the one who holds the room */
    _Atomic size_t count;
};

static void *waiter_main(void *argument)
{
    struct waiter *waiter = argument;
    struct fixture *f = waiter->fixture;
    f->ids[waiter->slot] = gettid();
    int64_t granted = room_wait(f->room, waiter->slot, LONG_MS);
    if (granted == 0) /* interrupted */
        return NULL;
    f->served[f->count] = waiter->slot;
    f->count++;
    /* Its queue was empty: the room is the next one's. */
    room_settle_grant(f->room, waiter->slot, granted, 0);
    return NULL;
}

static void start(struct fixture *f, const int64_t *weights)
{
    *f = (struct fixture){.load = load_new(1, 1), .tasks = ring_new(64)};
    assert_non_null(f->load);
    f->room = room_new(f->load, f->tasks, weights, QUEUES, 0);
    load_set_busy(f->load, 0, true);
    load_begin(f->load, 0, clock_mono_us(), &some_run, &some_handler);
    /* The last queue comes first: waiting longest gives no right. */
    for (size_t i = QUEUES; i-- > 0;) {
        f->waiters[i] = (struct waiter){.fixture = f, .slot = i};
        assert_int_equal(pthread_create(&f->waiters[i].thread, NULL, waiter_main, &f->waiters[i]),
                         0);
    }
    asleep_wait(f->ids, QUEUES);
}

static void end(struct fixture *f)
{
    for (size_t i = 0; i < QUEUES; i++)
        pthread_join(f->waiters[i].thread, NULL);
    room_free(f->room);
    ring_free(f->tasks);
    load_free(f->load);
}

static void make_room(struct fixture *f)
{
    load_end(f->load, 0, clock_mono_us());
    load_set_busy(f->load, 0, false);
    room_notice(f->room);
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    static const int64_t strict[QUEUES] = {0};
    struct fixture f;
    start(&f, strict);
    make_room(&f);
    end(&f);
    assert_int_equal(f.count, QUEUES);
    for (size_t i = 0; i < QUEUES; i++)
        assert_int_equal(f.served[i], i);
}

static void test_all_shares_are_served(void **state)
{
    (void)state;
    static int64_t weights[QUEUES];
    size_t sum = 0;
    struct fixture f;
    for (size_t i = 0; i < QUEUES; i++)
        weights[i] = (int64_t)i + 1;
    start(&f, weights);
    make_room(&f);
    end(&f);
    assert_int_equal(f.count, QUEUES);
    for (size_t i = 0; i < QUEUES; i++)
        sum += f.served[i];
    assert_int_equal(sum, QUEUES * (QUEUES - 1) / 2);
}

static void test_an_interrupt_wakes_all(void **state)
{
    (void)state;
    static const int64_t strict[QUEUES] = {0};
    struct fixture f;
    start(&f, strict);
    room_interrupt(f.room);
    end(&f);
    assert_int_equal(f.count, 0);
}

/* One that has brought jobs is on its way back, and keeps its turn; but not for ever. */
static void test_between_two_claims(void **state)
{
    (void)state;
    struct load *load = load_new(2, 1);
    struct ring *tasks = ring_new(64);
    struct room *room = room_new(load, tasks, (const int64_t[]){0, 0}, 2, 0);
    assert_int_equal(room_try(room, 0), 2);
    room_settle_grant(room, 0, 2, 1);
    assert_int_equal(room_try(room, 1), 0);
    assert_int_equal(room_try(room, 0), 2); /* it is back */
    room_settle_grant(room, 0, 2, 0);       /* and its queue is empty */
    assert_int_equal(room_try(room, 1), 2);
    room_settle_grant(room, 1, 2, 2);
    assert_int_equal(room_try(room, 0),
                     2); /* which the second one's way back is no reason against */
    room_settle_grant(room, 0, 2, 1);
    assert_int_equal(room_wait(room, 1, LONG_MS), 2); /* the first has not come back */
    room_free(room);
    ring_free(tasks);
    load_free(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_two_claims),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_all_shares_are_served),
        cmocka_unit_test(test_an_interrupt_wakes_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
