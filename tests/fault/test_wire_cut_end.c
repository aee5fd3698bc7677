/* Links that break while workers end: in a drain, when jobs are given back, and when those of a
 * dead process are recovered. */
#include "support/cmocka_all.h"

#include "queue/scripts.h"
#include "support/wire_fixture.h"

#include <signal.h>

static void test_drain(void **state)
{
    for (int way = 0; way < WIRE_FIXTURE_WAYS; way++) {
        struct wire_fixture wire = wire_fixture_begin(*state);
        wire_fixture_break(&wire, script_drain.sha1, way);
        struct process *worker = wire_fixture_start(&wire, "--lease", "60s");
        wire_fixture_push(&wire, "note", 10);
        worker_fixture_push(wire.base, "{\"darg\":\"drain\"}");
        worker_fixture_expect_exit(worker, 0);
        assert_int_equal(proxy_counts(wire.proxy).all_hit, 2);
        assert_int_equal(worker_fixture_count(wire.base, "drains"), 1);
        worker_fixture_expect_clean(wire.base);
        checker_expect(wire_fixture_checker(&wire), 0, 0, "drain");
        wire_fixture_end(&wire);
    }
}

/* A job that is interrupted by the end of its worker is given back, once. */
static void test_release(void **state)
{
    for (int way = 0; way < WIRE_FIXTURE_WAYS; way++) {
        struct wire_fixture wire = wire_fixture_begin(*state);
        wire_fixture_break(&wire, script_release.sha1, way);
        /* With a fixed prefetch nothing is given back because no thread is free for it in time. */
        struct process *worker = wire_fixture_start(&wire, "--lease", "60s", "--shutdown-timeout",
                                                    "1s", "-t", "2", "--prefetch", "0");
        wire_fixture_push(&wire, "gate", 2);
        worker_fixture_wait_lines(wire_fixture_ran_path(&wire), 2);
        wire_fixture_stop(&wire, worker);
        assert_int_equal(proxy_counts(wire.proxy).all_hit, 2);
        assert_int_equal(worker_fixture_count(wire.base, "released"), 2);
        struct checker *checker = wire_fixture_checker(&wire);
        checker_expect_runs(checker, 0, 2);
        checker_expect_runs(checker, 1, 2);
        checker_expect(checker, 2, 0, "release");
        wire_fixture_end(&wire);
    }
}

/* A process that dies is reaped by the one that follows it. */
static void test_reap(void **state)
{
    for (int way = 0; way < WIRE_FIXTURE_WAYS; way++) {
        struct wire_fixture wire = wire_fixture_begin(*state);
        wire_fixture_break(&wire, script_reap.sha1, way);
        struct process *worker = wire_fixture_start(&wire, "--lease", "60s");
        wire_fixture_push(&wire, "gate", 1);
        worker_fixture_wait_lines(wire_fixture_ran_path(&wire), 1);
        (void)kill(worker_fixture_child(worker), SIGKILL);
        worker_fixture_wait_count(wire.base, "done", 1);
        /* Where the answer was lost, it is gone from the registry: nothing is left to be repeated.
         */
        assert_int_equal(proxy_counts(wire.proxy).all_hit, wire_fixture_is_reply(way) ? 1 : 2);
        assert_int_equal(worker_fixture_count(wire.base, "reaped"), 1);
        wire_fixture_stop(&wire, worker);
        struct checker *checker = wire_fixture_checker(&wire);
        checker_expect_runs(checker, 0, 2);
        checker_expect(checker, 0, 0, "reap");
        wire_fixture_end(&wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_drain),
        WORKER_TEST(test_release),
        WORKER_TEST(test_reap),
    };
    return cmocka_run_group_tests(tests, wire_fixture_setup, worker_fixture_teardown);
}
