/* A worker process frozen beyond its lease, again and again, that wakes when its jobs are
 * another's. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <signal.h>

enum { JOBS = 400, ROUNDS = 4 };

struct saying {
    struct process *worker;
    const char *text;
    size_t count;
};

static bool is_said(void *context)
{
    const struct saying *saying = context;
    return faults_in_log(saying->worker, saying->text) >= saying->count;
}

static void wait_said(struct process *worker, const char *text, size_t count)
{
    struct saying saying = {worker, text, count};
    assert_true(wait_until(is_said, &saying, WORKER_FIXTURE_WAIT_MS));
}

static void test_zombies_change_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[2];
    for (int i = 0; i < 2; i++)
        workers[i] = worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s");
    worker_fixture_push_many(f, JOBS, "sleep", "100");
    for (int i = 0; i < ROUNDS; i++) {
        struct process *zombie = workers[i % 2];
        pid_t child = worker_fixture_child(zombie);
        worker_fixture_wait_above(f, "done", (int64_t)JOBS * (i + 1) / (ROUNDS + 2));
        assert_int_equal(kill(child, SIGSTOP), 0);
        /* The other one has seen it (it may have been frozen with nothing in hand). */
        wait_said(workers[(i + 1) % 2], "recovered the jobs", (size_t)i / 2 + 1);
        assert_int_equal(kill(child, SIGCONT), 0);
        wait_said(zombie, "worker registered again", (size_t)i / 2 + 1);
        assert_int_equal(worker_fixture_child(zombie), child); /* it did not have to die for it */
    }
    faults_expect_all(f, JOBS, "zombies");
    assert_int_equal(worker_fixture_count(f, "done"), JOBS);
    for (int i = 0; i < 2; i++) {
        process_signal(workers[i], SIGTERM);
        worker_fixture_expect_exit(workers[i], 0);
    }
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_zombies_change_nothing),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
