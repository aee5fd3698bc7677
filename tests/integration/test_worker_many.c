/* A hundred thousand jobs, and workers that are killed all the time. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/worker_fixture.h"

#include <signal.h>

enum { JOBS = 100000, WORKERS = 3, KILLS = 6 };

static struct process *start(struct worker_fixture *f)
{
    return worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s", "--max-crashes",
                                "1000", "--log-level", "error");
}

static void test_nothing_is_lost(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    worker_fixture_push_many(f, JOBS, "noop", "1");
    int64_t begin_ms = clock_mono_ms();
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start(f);
    for (int i = 1; i <= KILLS; i++) {
        worker_fixture_wait_above(f, "done", (int64_t)JOBS * i / (KILLS + 2));
        worker_fixture_kill(workers[i % WORKERS]);
        workers[i % WORKERS] = start(f);
    }
    worker_fixture_wait_above(f, "done", JOBS);
    worker_fixture_wait_held(f, 0);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, JOBS);
    print_message("%d jobs and %d killed workers in %lld ms: %lld recovered, %zu results repeated, "
                  "%zu runs after the first\n",
                  JOBS, KILLS, (long long)(clock_mono_ms() - begin_ms),
                  (long long)worker_fixture_count(f, "reaped"), outcomes.repeats, outcomes.reruns);
    assert_int_equal(outcomes.ids, JOBS);
    assert_int_equal(outcomes.repeats, 0);
    assert_int_equal(worker_fixture_count(f, "done"), JOBS);
    for (int i = 0; i < WORKERS; i++)
        process_signal(workers[i], SIGTERM);
    for (int i = 0; i < WORKERS; i++)
        worker_fixture_expect_exit(workers[i], 0);
    /* The registrations of those killed last may still stand: a drain waits for them. */
    struct process *last = start(f);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(last, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
