/* Links on which nothing arrives any more, and that nobody closes; and slow ones. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/wait.h"
#include "support/wire_fixture.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

static void wait_runs(struct wire_fixture *wire, size_t runs)
{
    worker_fixture_wait_lines(wire_fixture_ran_path(wire), runs);
}

/* Shorter than any deadline: work goes on where it stood. */
static void test_one_second(void **state)
{
    enum { SILENCE_MS = 1000 };
    struct wire_fixture wire = wire_fixture_begin(*state);
    struct process *worker = wire_fixture_start(&wire, "-t", "4", "--lease", "60s");
    wire_fixture_push(&wire, "note", 200);
    wait_runs(&wire, 20);
    proxy_freeze(wire.proxy, true);
    (void)poll(NULL, 0, SILENCE_MS);
    proxy_thaw(wire.proxy);
    wire_fixture_push(&wire, "note", 50);
    worker_fixture_wait_count(wire.base, "done", 250);
    assert_null(strstr(process_stderr(worker), "lease lost"));
    wire_fixture_stop(&wire, worker);
    checker_expect(wire_fixture_checker(&wire), 0, 0, "a silence of a second");
    wire_fixture_end(&wire);
}

/* The links there are stay dead. The worker's own deadlines find that out; on new links it goes on
 * within its lease. What it had sent on the old ones arrives at last, and changes nothing. */
static void test_dead_links(void **state)
{
    enum { NOTICED_MS = 15000 };
    struct wire_fixture wire = wire_fixture_begin(*state);
    struct process *worker = wire_fixture_start(&wire, "-t", "4", "--lease", "60s");
    wire_fixture_push(&wire, "note", 200);
    wait_runs(&wire, 20);
    proxy_freeze(wire.proxy, false);
    int64_t since_ms = clock_mono_ms();
    worker_fixture_wait_count(wire.base, "done", 200);
    int64_t took_ms = clock_mono_ms() - since_ms;
    print_message("dead links were left after %lld ms\n", (long long)took_ms);
    assert_true(took_ms < wait_patience_ms(NOTICED_MS));
    wire_fixture_push(&wire, "note", 50);
    proxy_thaw(wire.proxy);
    worker_fixture_wait_count(wire.base, "done", 250);
    wire_fixture_stop(&wire, worker);
    checker_expect(wire_fixture_checker(&wire), 0, 0, "dead links");
    wire_fixture_end(&wire);
}

/* Longer than the lease: another worker recovers what the silent one holds. That comes back under a
 * new name; only what it was running runs twice. */
static void test_longer_than_the_lease(void **state)
{
    struct wire_fixture wire = wire_fixture_begin(*state);
    struct process *silent = wire_fixture_start(&wire, "-t", "2", "--lease", "1s");
    wire_fixture_push(&wire, "gate", 2);
    wait_runs(&wire, 2);
    proxy_freeze(wire.proxy, true);
    struct process *other = wire_fixture_start_direct(&wire, "--lease", "1s");
    worker_fixture_wait_count(wire.base, "done", 2); /* a second run passes the gate */
    assert_int_equal(worker_fixture_count(wire.base, "reaped"), 2);
    wire_fixture_open_gate(&wire); /* now the first runs end, too */
    proxy_thaw(wire.proxy);
    process_wait_stderr(silent, "lease lost", WORKER_FIXTURE_WAIT_MS);
    process_wait_stderr(silent, "registered again", WORKER_FIXTURE_WAIT_MS);
    wire_fixture_push(&wire, "note", 50);
    worker_fixture_wait_count(wire.base, "done", 52);
    process_signal(silent, SIGTERM);
    worker_fixture_expect_exit(silent, 0);
    wire_fixture_stop(&wire, other);
    struct checker *checker = wire_fixture_checker(&wire);
    checker_expect_runs(checker, 0, 2);
    checker_expect_runs(checker, 1, 2);
    checker_expect(checker, 0, 0, "a silence longer than the lease");
    wire_fixture_end(&wire);
}

/* Every answer takes a while: slow, but nobody is taken for dead. */
static void test_slow_links(void **state)
{
    enum { DELAY_MS = 100 };
    struct wire_fixture wire = wire_fixture_begin(*state);
    proxy_delay(wire.proxy, DELAY_MS);
    struct process *workers[2];
    for (size_t i = 0; i < 2; i++)
        workers[i] = wire_fixture_start(&wire, "-t", "4", "--lease", "2s");
    for (int i = 1; i <= 10; i++) {
        wire_fixture_push(&wire, "note", 20);
        worker_fixture_wait_count(wire.base, "done", 20 * (int64_t)i);
    }
    worker_fixture_wait_renewals(wire.base);
    assert_int_equal(worker_fixture_count(wire.base, "reaped"), 0);
    process_signal(workers[0], SIGTERM);
    worker_fixture_expect_exit(workers[0], 0);
    wire_fixture_stop(&wire, workers[1]);
    checker_expect(wire_fixture_checker(&wire), 0, 0, "slow links");
    wire_fixture_end(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_one_second),
        WORKER_TEST(test_dead_links),
        WORKER_TEST(test_longer_than_the_lease),
        WORKER_TEST(test_slow_links),
    };
    return cmocka_run_group_tests(tests, wire_fixture_setup, worker_fixture_teardown);
}
