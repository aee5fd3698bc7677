/* Several queues, how much is fetched ahead, and --burst. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Jobs of type note write the name of their queue, a character, to the file "order"; the first job
 * waits for the file "gate". */
static const char note[] = "[ \"$DARG_JOB_ID\" != gate ] || { echo >>\"${DIR}running\"\n"
                           "while ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done; exit 0; }\n"
                           "printf %s \"$DARG_JOB_QUEUE\" >>\"${DIR}order\"\n";

static void push(struct worker_fixture *f, const char *key, int count)
{
    for (int i = 0; i < count; i++)
        commands_do(f->conn, "LPUSH", key, "{\"type\":\"note\"}");
}

/* The one thread is at a job while both queues fill; in which order are they served then? */
static char *order_of(struct worker_fixture *f, const char *first, const char *second, int count)
{
    const char *handler = worker_fixture_handler(f, "note", note);
    struct process *worker = worker_fixture_start(f, "-q", first, "-q", second, "-t", "1",
                                                  "--prefetch", "0", "--handler", handler);
    commands_do(f->conn, "LPUSH", "darg:{h}", "{\"type\":\"note\",\"id\":\"gate\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    push(f, "darg:{l}", count);
    push(f, "darg:{h}", count);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    commands_do(f->conn, "SET", "darg:shutdown", "drain");
    worker_fixture_expect_exit(worker, 0);
    char *order = worker_fixture_read(worker_fixture_path(f, "order"));
    assert_int_equal(strlen(order), 2 * count);
    return order;
}

static void test_strict_order(void **state)
{
    char *order = order_of(*state, "h", "l", 10);
    assert_string_equal(order, "hhhhhhhhhhllllllllll");
    free(order);
}

static void test_shares_by_weight(void **state)
{
    enum { COUNT = 40 };
    char *order = order_of(*state, "l=1", "h=3", COUNT);
    int high = 0;
    for (int i = 0; i < COUNT; i++)
        high += order[i] == 'h';
    print_message("the first %d: %d of weight 3, %d of weight 1\n", COUNT, high, COUNT - high);
    assert_in_range(high, 27, 33);
    free(order);
}

static void test_no_prefetch(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(f, "note", note);
    worker_fixture_start(f, "-q", "jobs", "-t", "1", "--prefetch", "0", "--handler", handler,
                         "--lease", "1s");
    worker_fixture_push(f, "{\"type\":\"note\",\"id\":\"gate\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    worker_fixture_push_many(f, 5, "note", "1");
    worker_fixture_wait_renewals(f);
    assert_int_equal(worker_fixture_held(f), 1);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}") +
                         commands_int(f->conn, "LLEN", "darg:{jobs}:inbox"),
                     5);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_wait_count(f, "done", 6);
}

/* What one worker cannot start another one with a free thread gets, whatever was expected. */
static void test_jobs_do_not_wait_behind_a_long_one(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(f, "note", note);
    worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", handler);
    worker_fixture_push_many(f, 500, "noop", "1"); /* short ones: it fetches ahead */
    worker_fixture_wait_count(f, "done", 500);
    commands_do(f->conn, "LPUSH", "darg:{jobs}", "{\"type\":\"note\",\"id\":\"gate\"}",
                "{\"type\":\"noop\"}", "{\"type\":\"noop\"}", "{\"type\":\"noop\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    worker_fixture_start(f, "-q", "jobs", "-t", "1");
    worker_fixture_wait_count(f, "done", 503);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_wait_count(f, "done", 504);
}

static void test_burst_of_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-q", "other", "--burst");
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_burst_works_the_queue_empty(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_push_many(f, 2000, "noop", "1");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--burst", "-p", "2", "--log-level", "warn");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 2000);
    worker_fixture_expect_clean(f);
}

/* Retries that are due belong to it; those of later do not. */
static void test_burst_and_what_is_scheduled(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "ZADD", "darg:{jobs}:scheduled", "1",
                "{\"type\":\"noop\",\"id\":\"due\"}");
    commands_do(f->conn, "ZADD", "darg:{jobs}:scheduled", "99999999999999",
                "{\"type\":\"noop\",\"id\":\"later\"}");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--burst");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 1);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_strict_order),
        WORKER_TEST(test_shares_by_weight),
        WORKER_TEST(test_no_prefetch),
        WORKER_TEST(test_jobs_do_not_wait_behind_a_long_one),
        WORKER_TEST(test_burst_of_nothing),
        WORKER_TEST(test_burst_works_the_queue_empty),
        WORKER_TEST(test_burst_and_what_is_scheduled),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
