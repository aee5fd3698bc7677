/* The shutdown keys, set by hand: of all, of a queue, of a worker. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOOP "{\"type\":\"noop\"}"

static struct process *start(struct worker_fixture *f)
{
    return worker_fixture_start(f, "-q", "jobs", "--lease", "1s");
}

/* The shutdown key of the one worker there is: its name less the generation. */
static void process_key(struct worker_fixture *f, char *out, size_t size)
{
    struct reply *workers = commands_run(f->conn, "ZRANGE", "darg:{jobs}:workers", "0", "-1");
    assert_int_equal(reply_count(workers), 1);
    char *name = slice_dup(reply_slice(reply_at(workers, 0)));
    *strrchr(name, '.') = 0;
    (void)snprintf(out, size, "darg:worker:%s:shutdown", name);
    free(name);
    reply_free(workers);
}

/* Nothing is taken for two renewals. */
static void expect_untouched(struct worker_fixture *f, int64_t waiting)
{
    worker_fixture_wait_renewals(f);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), waiting);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:inbox"), 0);
    assert_int_equal(worker_fixture_held(f), 0);
}

static void check_key(struct worker_fixture *f, struct process *worker, const char *key)
{
    commands_do(f->conn, "SET", key, "quiet");
    process_wait_stderr(worker, "order=quiet", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_wait_renewals(f);
    worker_fixture_push(f, NOOP);
    expect_untouched(f, 1);
    commands_do(f->conn, "DEL", key);
    worker_fixture_wait_count(f, "done", 1);
    commands_do(f->conn, "SET", key, "drain");
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_all_workers(void **state)
{
    check_key(*state, start(*state), "darg:shutdown");
}

static void test_one_queue(void **state)
{
    check_key(*state, start(*state), "darg:{jobs}:shutdown");
}

static void test_one_worker(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f);
    char key[256];
    process_key(f, key, sizeof key);
    check_key(f, worker, key);
}

/* drain: what is there is done, then the worker leaves; stop: what runs is finished. */
static void test_drain_works_the_queue_empty(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2", "--lease", "1s");
    worker_fixture_push_many(f, 100, "sleep", "10");
    commands_do(f->conn, "SET", "darg:{jobs}:shutdown", "drain");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 100);
    worker_fixture_expect_clean(f);
}

static void check_stop(struct worker_fixture *f, struct process *worker, const char *key)
{
    worker_fixture_push(f, "{\"type\":\"gate\",\"id\":\"first\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    worker_fixture_push(f, "{\"type\":\"noop\",\"id\":\"second\"}");
    commands_do(f->conn, "SET", key, "stop");
    process_wait_stderr(worker, "order=stop", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 1);
    char *left = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_string_equal(left, "{\"type\":\"noop\",\"id\":\"second\"}");
    free(left);
    worker_fixture_expect_clean(f);
}

static struct process *start_gated(struct worker_fixture *f)
{
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n");
    return worker_fixture_start(f, "-q", "jobs", "-t", "1", "--prefetch", "0", "--lease", "1s",
                                "--handler", handler);
}

static void test_stop_all(void **state)
{
    check_stop(*state, start_gated(*state), "darg:shutdown");
}

static void test_stop_one_queue(void **state)
{
    check_stop(*state, start_gated(*state), "darg:{jobs}:shutdown");
}

static void test_stop_one_worker(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start_gated(f);
    char key[256];
    process_key(f, key, sizeof key);
    check_stop(f, worker, key);
}

static void test_nonsense_is_said_and_ignored(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f);
    commands_do(f->conn, "SET", "darg:{jobs}:shutdown", "perhaps");
    process_wait_stderr(worker, "neither stop, drain nor quiet", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_wait_renewals(f);
    worker_fixture_push(f, NOOP);
    worker_fixture_wait_count(f, "done", 1);
    const char *said = strstr(process_stderr(worker), "neither stop, drain nor quiet");
    assert_null(strstr(said + 1, "neither stop, drain nor quiet")); /* once */
}

static void test_started_while_stop_stands(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "SET", "darg:{jobs}:shutdown", "stop");
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "--lease", "1s");
    worker_fixture_expect_exit(worker, 0);
    process_wait_stderr(worker, "order=stop", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_expect_clean(f);
}

static void test_started_while_quiet_stands(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "SET", "darg:shutdown", "quiet");
    struct process *worker = start(f);
    process_wait_stderr(worker, "order=quiet", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_wait_renewals(f);
    worker_fixture_push(f, NOOP);
    expect_untouched(f, 1);
    commands_do(f->conn, "DEL", "darg:shutdown");
    worker_fixture_wait_count(f, "done", 1);
}

/* The sentinel goes before quiet. */
static void test_a_quiet_worker_drains(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start(f);
    commands_do(f->conn, "SET", "darg:shutdown", "quiet");
    process_wait_stderr(worker, "order=quiet", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_all_workers),
        WORKER_TEST(test_one_queue),
        WORKER_TEST(test_one_worker),
        WORKER_TEST(test_drain_works_the_queue_empty),
        WORKER_TEST(test_stop_all),
        WORKER_TEST(test_stop_one_queue),
        WORKER_TEST(test_stop_one_worker),
        WORKER_TEST(test_nonsense_is_said_and_ignored),
        WORKER_TEST(test_started_while_stop_stands),
        WORKER_TEST(test_started_while_quiet_stands),
        WORKER_TEST(test_a_quiet_worker_drains),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
