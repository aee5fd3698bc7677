/* A Redis that cuts links, forgets scripts, or says nothing for longer than a lease: nothing is
 * lost, nothing runs twice, and nobody is taken for dead. */
#include "support/cmocka_all.h"

#include "support/faults.h"

#include <poll.h>

enum { FAULT_EVERY_MS = 100 };

static void start_two(struct worker_fixture *f)
{
    for (int i = 0; i < 2; i++)
        worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s");
}

/* All ran once, nobody's jobs were recovered, and the workers are as able as before. */
static void expect_unharmed(struct worker_fixture *f, size_t jobs, const char *what)
{
    faults_expect_all(f, jobs, what);
    assert_int_equal(faults_in_logs(f, " job done "), jobs);
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    assert_int_equal(faults_in_logs(f, "lease lost"), 0);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    for (size_t i = 0; i < f->count; i++)
        worker_fixture_expect_exit(f->workers[i], 0);
    worker_fixture_expect_clean(f);
}

/* With the ordinary lease: between two cuts a link does not live long enough to be trusted, so
 * calls come seldom. */
static void test_links_are_cut(void **state)
{
    enum { JOBS = 1500, TIMES = 60 };
    struct worker_fixture *f = *state;
    for (int i = 0; i < 2; i++)
        worker_fixture_start(f, "-q", "jobs", "-t", "4");
    worker_fixture_push_many(f, JOBS, "sleep", "20");
    int64_t cut = 0;
    for (int i = 0; i < TIMES; i++) {
        cut += commands_int(f->conn, "CLIENT", "KILL", "TYPE", "normal");
        (void)poll(NULL, 0, FAULT_EVERY_MS);
    }
    int64_t done = worker_fixture_count(f, "done");
    print_message("%lld links cut, %lld jobs done meanwhile\n", (long long)cut, (long long)done);
    assert_true(cut >= 20 && done > 0 && done < JOBS);
    expect_unharmed(f, JOBS, "CLIENT KILL");
}

static void test_scripts_are_forgotten(void **state)
{
    enum { JOBS = 3000 };
    struct worker_fixture *f = *state;
    start_two(f);
    worker_fixture_push_many(f, JOBS, "sleep", "4");
    int times = 0;
    for (; worker_fixture_count(f, "done") < JOBS; times++) {
        commands_do(f->conn, "SCRIPT", "FLUSH");
        (void)poll(NULL, 0, 5);
    }
    print_message("scripts forgotten %d times\n", times);
    assert_true(times > 20); /* seldom enough where this loop is slow, and the jobs are not */
    expect_unharmed(f, JOBS, "SCRIPT FLUSH");
}

static void pause_clients(struct worker_fixture *f, const char *mode, const char *what)
{
    enum { JOBS = 400 };
    start_two(f);
    worker_fixture_push_many(f, JOBS, "sleep", "10");
    worker_fixture_wait_above(f, "done", JOBS / 4);
    commands_do(f->conn, "CLIENT", "PAUSE", "3000", mode);
    expect_unharmed(f, JOBS, what);
}

static void test_paused(void **state)
{
    pause_clients(*state, "ALL", "CLIENT PAUSE ALL, three leases");
}

static void test_writes_paused(void **state)
{
    pause_clients(*state, "WRITE", "CLIENT PAUSE WRITE, three leases");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_links_are_cut),
        WORKER_TEST(test_scripts_are_forgotten),
        WORKER_TEST(test_paused),
        WORKER_TEST(test_writes_paused),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
