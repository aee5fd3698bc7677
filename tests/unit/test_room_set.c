/* What room_set() changes for fetchers that wait already. */
#include "support/cmocka_all.h"

#include "support/asleep.h"
#include "worker/flow/room.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONG_MS = 1000000 };

static const int64_t strict[2] = {0, 0}, equal[2] = {1, 1};

/* One thread, which is busy, and two queues; the first one's fetcher waits for room. */
struct fixture {
    struct load *load;
    struct ring *tasks;
    struct room *room;
    pthread_t thread;
    _Atomic pid_t id;
    int64_t granted; /* once it is joined */
};

static void *wait_main(void *argument)
{
    struct fixture *fixture = argument;
    fixture->id = gettid();
    fixture->granted = room_wait(fixture->room, 0, LONG_MS);
    return NULL;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->load = load_new(1, 1);
    fixture->tasks = ring_new(64);
    fixture->room = room_new(fixture->load, fixture->tasks, strict, 2, 0);
    load_set_busy(fixture->load, 0, true);
    room_settle_grant(fixture->room, 0, 0, 10); /* the first queue has had ten jobs */
    assert_int_equal(pthread_create(&fixture->thread, NULL, wait_main, fixture), 0);
    asleep_wait(&fixture->id, 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    room_free(fixture->room);
    ring_free(fixture->tasks);
    load_free(fixture->load);
    free(fixture);
    return 0;
}

static void test_more_prefetch(void **state)
{
    struct fixture *fixture = *state;
    room_set(fixture->room, strict, 3);
    pthread_join(fixture->thread, NULL);
    assert_int_equal(fixture->granted, 3);
}

/* The first queue would go first as long as the order is strict; by weights, it has had its share.
 */
static void test_weights(void **state)
{
    struct fixture *fixture = *state;
    room_set(fixture->room, equal, 0);
    asleep_wait(&fixture->id, 1);
    load_set_busy(fixture->load, 0, false);
    assert_int_equal(room_try(fixture->room, 1), 1);
    room_interrupt(fixture->room);
    pthread_join(fixture->thread, NULL);
    assert_int_equal(fixture->granted, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_more_prefetch), TEST(test_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
