#include "support/cmocka_all.h"

#include "worker/handler/handler.h"
#include "worker/shared/load.h"

#include <sys/wait.h>
#include <unistd.h>

enum { START = 1000000 };

static const struct load_run some_run = {.queue = 2, .generation = 3, .number = 17};
static const struct handler some_handler = {.type = "t"};

/* One job on thread 0 that ends at end_us. */
static void run_job(struct load *load, int64_t end_us, int64_t took_us)
{
    load_begin(load, 0, end_us - took_us, &some_run, &some_handler);
    load_end(load, 0, end_us);
}

static void assert_pace(struct load *load, int64_t now_us, double low, double high)
{
    double pace = load_pace_us(load, now_us);
    if (pace < low || pace > high)
        fail_msg("pace %f is not in [%f, %f]", pace, low, high);
}

static void test_idle_and_activity(void **state)
{
    (void)state;
    struct load *load = load_new(3, 1);
    assert_non_null(load);
    assert_int_equal(load_thread_count(load), 3);
    assert_int_equal(load_idle_count(load), 3);
    assert_false(load_activity(load, 1).is_running);
    load_set_busy(load, 1, true);
    assert_int_equal(load_idle_count(load), 2);
    assert_false(load_activity(load, 1).is_running); /* it has not begun yet */
    load_begin(load, 1, 500, &some_run, &some_handler);
    struct load_activity activity = load_activity(load, 1);
    assert_true(activity.is_running);
    assert_int_equal(activity.run.queue, 2);
    assert_int_equal(activity.run.generation, 3);
    assert_int_equal(activity.run.number, 17);
    assert_int_equal(activity.started_us, 500);
    assert_ptr_equal(activity.handler, &some_handler);
    assert_false(load_activity(load, 0).is_running);
    load_end(load, 1, 600);
    assert_false(load_activity(load, 1).is_running);
    assert_int_equal(load_idle_count(load), 2);
    load_set_busy(load, 1, false);
    assert_int_equal(load_idle_count(load), 3);
    load_free(load);
    load_free(NULL);
}

static void test_a_job_started_at_the_clock_s_zero_runs(void **state)
{
    (void)state;
    struct load *load = load_new(1, 1);
    load_begin(load, 0, 0, &some_run, &some_handler);
    assert_true(load_activity(load, 0).is_running);
    load_free(load);
}

static void test_pace_is_the_mean(void **state)
{
    (void)state;
    struct load *load = load_new(2, 1);
    assert_pace(load, START, -1, -1);
    run_job(load, START + 100, 100);
    run_job(load, START + 400, 300);
    assert_pace(load, START + 400, 200, 200);
    load_free(load);
}

/* A long job tells before it ends that jobs are long; a job that has just begun tells nothing. */
static void test_jobs_that_run_longer_count_as_if_they_ended_now(void **state)
{
    (void)state;
    struct load *load = load_new(2, 1);
    load_begin(load, 1, START, &some_run, &some_handler);
    assert_pace(load, START + 5000, -1, -1);
    run_job(load, START + 500, 1000);
    assert_pace(load, START + 500, 1000, 1000);
    assert_pace(load, START + 1000, 1000, 1000);
    assert_pace(load, START + 5000, 3000, 3000);
    load_free(load);
}

static void test_what_was_long_ago_fades(void **state)
{
    (void)state;
    struct load *load = load_new(1, 1);
    int64_t now_us = START;
    for (int i = 0; i < 100; i++)
        run_job(load, now_us += 10000, 10000);
    assert_pace(load, now_us, 10000, 10000);
    for (int i = 0; i < 20; i++) {
        now_us += 200 * 1000;
        run_job(load, now_us, 10);
        (void)load_pace_us(load, now_us);
    }
    assert_pace(load, now_us, 10, 20);
    load_free(load);
}

/* A supervisor reads what a child's threads ran when it died. */
static void test_it_outlives_the_process_that_wrote_it(void **state)
{
    (void)state;
    struct load *load = load_new(2, 3);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        load_begin(load, 1, 123, &some_run, &some_handler);
        load_name_claim(load, 2, 5, 40);
        atomic_store(load_reading_flag(load, 2), true);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(load_activity(load, 1).is_running);
    assert_int_equal(load_activity(load, 1).run.number, 17);
    assert_false(load_activity(load, 0).is_running);
    struct load_claim claim = load_claim(load, 2);
    assert_true(claim.is_being_read);
    assert_int_equal(claim.generation, 5);
    assert_int_equal(claim.base, 40);
    assert_false(load_claim(load, 1).is_being_read);
    load_free(load);
}

/* A job that is read is told from one that runs: nobody may look at it as at a running one. */
static void test_reading_is_not_running(void **state)
{
    (void)state;
    struct load *load = load_new(1, 1);
    load_begin_reading(load, 0, &some_run);
    assert_false(load_activity(load, 0).is_running);
    assert_true(load_activity(load, 0).is_reading);
    assert_int_equal(load_activity(load, 0).run.number, 17);
    load_end_reading(load, 0);
    assert_false(load_activity(load, 0).is_reading);
    load_name_claim(load, 0, 1, 0);
    assert_false(load_claim(load, 0).is_being_read);
    load_free(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_and_activity),
        cmocka_unit_test(test_a_job_started_at_the_clock_s_zero_runs),
        cmocka_unit_test(test_pace_is_the_mean),
        cmocka_unit_test(test_jobs_that_run_longer_count_as_if_they_ended_now),
        cmocka_unit_test(test_what_was_long_ago_fades),
        cmocka_unit_test(test_it_outlives_the_process_that_wrote_it),
        cmocka_unit_test(test_reading_is_not_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
