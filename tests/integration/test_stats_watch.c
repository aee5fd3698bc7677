/* stats_watch; test_cli_operate.c has it as darg stats --watch shows it. */
#include "support/cmocka_all.h"

#include <stddef.h>

#include "queue/stats_watch.h"
#include "support/queue_fixture.h"

#define DONE offsetof(struct stats, counts.done)

static enum status read_both(struct queue_fixture *f, struct stats_watch *watch, const char *second)
{
    struct err err = {0};
    struct names names = {.list = mem_array(2, sizeof *names.list), .count = 2};
    names.list[0] = mem_dup("jobs");
    names.list[1] = mem_dup(second);
    enum status status = stats_watch_read(watch, f->conn, "darg", &names, &err);
    assert_null(names.list);
    return status;
}

/* As if the last reading had been a second ago. */
static void age(struct stats_watch *watch)
{
    for (size_t i = 0; i < watch->names.count; i++)
        watch->now[i].now_ms -= 1000;
}

static void count(struct queue_fixture *f, const char *by)
{
    commands_do(f->conn, "HINCRBY", f->queue.counts, "done", by);
    commands_do(f->conn, "HINCRBY", f->queue.counts, "claimed", by);
}

static void test_rate(void **state)
{
    struct queue_fixture *f = *state;
    struct stats_watch watch = {.has_before = false};
    count(f, "5");
    assert_int_equal(read_both(f, &watch, "b"), ST_OK);
    assert_int_equal(watch.now[0].counts.done, 5);
    assert_int_equal(stats_watch_rate(&watch, 0, DONE), -1);
    age(&watch);
    count(f, "1000");
    assert_int_equal(read_both(f, &watch, "b"), ST_OK);
    assert_in_range(stats_watch_rate(&watch, 0, DONE), 1, 1000);
    assert_int_equal(stats_watch_rate(&watch, 1, DONE), 0);
    /* A counter that goes back belongs to other data. */
    age(&watch);
    count(f, "-10");
    assert_int_equal(read_both(f, &watch, "b"), ST_OK);
    assert_int_equal(stats_watch_rate(&watch, 0, DONE), -1);
    stats_watch_fini(&watch);
}

/* Other queues than before, or a reading that broke off: there is nothing to compare with. */
static void test_nothing_before(void **state)
{
    struct queue_fixture *f = *state;
    struct stats_watch watch = {.has_before = false};
    assert_int_equal(read_both(f, &watch, "b"), ST_OK);
    age(&watch);
    assert_int_equal(read_both(f, &watch, "c"), ST_OK);
    assert_int_equal(stats_watch_rate(&watch, 0, DONE), -1);
    assert_int_equal(read_both(f, &watch, "no name"), ST_INVALID);
    assert_null(watch.now);
    assert_int_equal(read_both(f, &watch, "c"), ST_OK);
    assert_int_equal(stats_watch_rate(&watch, 0, DONE), -1);
    stats_watch_fini(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_rate),
        QUEUE_TEST(test_nothing_before),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
