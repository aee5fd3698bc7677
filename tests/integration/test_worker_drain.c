/* The sentinel, met by several workers. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "queue/drain.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdlib.h>

enum { WORKERS = 3 };

static void start_three(struct worker_fixture *f, struct process **workers)
{
    for (int i = 0; i < WORKERS; i++)
        workers[i] = worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s",
                                          "--log-level", "warn");
}

/* Jobs that stand behind the sentinel are untouched, and the queue goes on with new workers. */
static void expect_drained(struct worker_fixture *f, int64_t done, const char *left)
{
    assert_int_equal(worker_fixture_count(f, "done"), done);
    assert_int_equal(worker_fixture_count(f, "drains"), 1);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
    char *last = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_string_equal(last, left);
    worker_fixture_expect_clean(f);
    worker_fixture_push(f, last);
    free(last);
    struct process *next = worker_fixture_start(f, "-q", "jobs", "--burst");
    worker_fixture_expect_exit(next, 0);
    assert_int_equal(worker_fixture_count(f, "done"), done + 1);
    worker_fixture_expect_clean(f);
}

#define AFTER "{\"type\":\"noop\",\"id\":\"after\"}"

static void check_drain(struct worker_fixture *f, const char *sentinel)
{
    struct process *workers[WORKERS];
    start_three(f, workers);
    worker_fixture_push_many(f, 100, "sleep", "10");
    worker_fixture_push(f, sentinel, AFTER);
    for (int i = 0; i < WORKERS; i++)
        worker_fixture_expect_exit(workers[i], 0);
    expect_drained(f, 100, AFTER);
}

static void test_three_workers_drain(void **state)
{
    check_drain(*state, "{\"darg\":\"drain\"}");
}

static void test_blanks_in_the_sentinel(void **state)
{
    check_drain(*state, " {\t\"darg\" :\n\"drain\" } ");
}

static void test_sentinels_in_a_row_are_one(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    start_three(f, workers);
    /* At once: after the first alone, the drain might be over before the second comes. */
    commands_do(f->conn, "LPUSH", "darg:{jobs}", "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}",
                "{\"darg\": \"drain\"}", AFTER);
    for (int i = 0; i < WORKERS; i++)
        worker_fixture_expect_exit(workers[i], 0);
    expect_drained(f, 1, AFTER);
}

/* What a killed worker held comes back ahead of the sentinel, and is done before anybody leaves. */
static void test_a_worker_killed_on_the_way(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    start_three(f, workers);
    worker_fixture_push_many(f, 200, "sleep", "20");
    worker_fixture_push(f, "{\"darg\":\"drain\"}", AFTER);
    worker_fixture_wait_above(f, "done", 20);
    worker_fixture_kill(workers[1]);
    worker_fixture_expect_exit(workers[0], 0);
    worker_fixture_expect_exit(workers[2], 0);
    struct worker_fixture_outcomes outcomes = worker_fixture_outcomes(f, 200);
    assert_int_equal(outcomes.ids, 200);
    assert_int_equal(outcomes.repeats, 0);
    assert_true(worker_fixture_count(f, "reaped") > 0);
    assert_int_equal(outcomes.reruns, worker_fixture_count(f, "reaped"));
    expect_drained(f, 200, AFTER);
}

/* It holds nothing, but its registration stands for jobs it might have held: it is waited for. */
static void test_a_killed_worker_that_held_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[WORKERS];
    start_three(f, workers);
    worker_fixture_kill(workers[2]);
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}", AFTER);
    worker_fixture_expect_exit(workers[0], 0);
    worker_fixture_expect_exit(workers[1], 0);
    expect_drained(f, 1, AFTER);
}

struct count_wait {
    struct worker_fixture *f;
    const char *key, *name;
    int64_t value;
};

static int64_t count_of(struct worker_fixture *f, const char *key, const char *name)
{
    struct reply *reply = commands_run(f->conn, "HGET", key, name);
    int64_t count = reply_int(reply, 0);
    reply_free(reply);
    return count;
}

static bool has_count(void *context)
{
    const struct count_wait *wait = context;
    return count_of(wait->f, wait->key, wait->name) >= wait->value;
}

static void test_ignored(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_start(f, "-q", "jobs", "--ignore-sentinel");
    worker_fixture_push(f, "{\"type\":\"noop\"}", "{\"darg\":\"drain\"}", AFTER);
    worker_fixture_wait_count(f, "done", 2);
    worker_fixture_wait_count(f, "discarded", 1);
    assert_int_equal(worker_fixture_count(f, "drains"), 0);
}

static void drain_other(struct worker_fixture *f)
{
    int64_t before = count_of(f, "darg:{other}:counts", "drains");
    commands_do(f->conn, "LPUSH", "darg:{other}", "{\"darg\":\"drain\"}");
    struct count_wait wait = {f, "darg:{other}:counts", "drains", before + 1};
    assert_true(wait_until(has_count, &wait, WORKER_FIXTURE_WAIT_MS));
}

/* A worker of several queues takes the drained one up again, as one started now would, and exits
 * once each has drained. */
static void several_queues(struct worker_fixture *f, const char *delivery)
{
    struct process *worker =
        worker_fixture_start(f, "-q", "other", "-q", "jobs", "--delivery", delivery);
    for (int64_t turn = 1; turn <= 2; turn++) {
        drain_other(f);
        commands_do(f->conn, "LPUSH", "darg:{other}", AFTER);
        struct count_wait wait = {f, "darg:{other}:counts", "done", turn};
        assert_true(wait_until(has_count, &wait, WORKER_FIXTURE_WAIT_MS));
    }
    worker_fixture_push(f, AFTER);
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(process_poll(worker), -1);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
    assert_int_equal(commands_int(f->conn, "EXISTS", "darg:{other}:workers"), 0);
}

static void test_one_queue_of_two(void **state)
{
    several_queues(*state, "at-least-once");
}

static void test_one_queue_of_two_at_most_once(void **state)
{
    several_queues(*state, "at-most-once");
}

/* What still runs of a queue that drained first is finished, however long it takes. */
static void test_the_last_drain_ends_nothing(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n");
    struct process *worker = worker_fixture_start(f, "-q", "other", "-q", "jobs", "--handler",
                                                  handler, "--shutdown-timeout", "10ms");
    drain_other(f);
    commands_do(f->conn, "LPUSH", "darg:{other}", "{\"type\":\"gate\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_wait_count(f, "drains", 1);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(count_of(f, "darg:{other}:counts", "done"), 1);
}

/* A child that takes a dead one's place knows which queues had drained. */
static void test_a_child_killed_between_two_drains(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "other", "-q", "jobs");
    drain_other(f);
    pid_t child = worker_fixture_child(worker);
    assert_int_equal(kill(child, SIGKILL), 0);
    commands_do(f->conn, "LPUSH", "darg:{other}", AFTER);
    struct count_wait wait = {f, "darg:{other}:counts", "done", 1};
    assert_true(wait_until(has_count, &wait, WORKER_FIXTURE_WAIT_MS));
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
}

static void push_sentinel(struct worker_fixture *f, bool awaits_retries)
{
    struct queue queue = {0};
    struct err err = {0};
    struct drain_sentinel answer;
    assert_int_equal(queue_init(&queue, "darg", "jobs", &err), ST_OK);
    assert_int_equal(drain_push_sentinel(f->conn, &queue, NULL, awaits_retries, &answer, &err),
                     ST_OK);
    queue_fini(&queue);
}

/* A job that fails counts as finished, unless the drain waits for its retries - whoever dies. */
static void test_retries(void **state)
{
    struct worker_fixture *f = *state;
    static const char *const fails[] = {
        "{\"type\":\"fail\",\"max_attempts\":4,\"backoff\":\"1h..1h\"}",
        "{\"type\":\"fail\",\"max_attempts\":4,\"backoff\":\"300ms..300ms\"}",
    };
    for (int awaits = 0; awaits < 2; awaits++) {
        struct process *worker = worker_fixture_start(f, "-q", "jobs", "-p", "2", "--lease", "1s");
        commands_do(f->conn, "DEL", "darg:{jobs}:scheduled", "darg:{jobs}:counts");
        worker_fixture_push(f, fails[awaits], "{\"type\":\"noop\"}");
        push_sentinel(f, awaits);
        commands_do(f->conn, "ZADD", "darg:{jobs}:scheduled", "99999999999999", AFTER);
        worker_fixture_wait_above(f, "retried", 1);
        if (awaits)
            (void)kill(worker_fixture_child(worker), SIGKILL);
        worker_fixture_expect_exit(worker, 0);
        assert_int_equal(worker_fixture_count(f, "buried"), awaits);
        assert_int_equal(worker_fixture_count(f, "done"), 1);
        assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 2 - awaits);
    }
}

/* What is scheduled is looked through in many steps; a second between two would take half a minute.
 */
static void test_many_delayed_jobs_are_looked_through(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    commands_do(f->conn, "EVAL",
                "for i = 1, 60000 do redis.call('ZADD', KEYS[1], 99999999999999, 'delayed ' .. i) "
                "end",
                "1", "darg:{jobs}:scheduled");
    int64_t begun_ms = clock_mono_ms();
    push_sentinel(f, true);
    worker_fixture_expect_exit(worker, 0);
    assert_in_range(clock_mono_ms() - begun_ms, 0, 15000);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 60000);
}

/* Redis comes back as it was before its last drain, and without the worker: nobody has asked that
 * one to leave. */
static void test_a_restored_redis_is_no_drain(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "drained_at", "6", "drain_number", "6");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--lease", "1s");
    commands_do(f->conn, "MULTI");
    commands_do(f->conn, "DEL", "darg:{jobs}:workers");
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "drained_at", "5", "drain_number", "5");
    commands_do(f->conn, "EXEC");
    worker_fixture_push(f, AFTER);
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "drains"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_three_workers_drain),
        WORKER_TEST(test_blanks_in_the_sentinel),
        WORKER_TEST(test_sentinels_in_a_row_are_one),
        WORKER_TEST(test_a_worker_killed_on_the_way),
        WORKER_TEST(test_a_killed_worker_that_held_nothing),
        WORKER_TEST(test_ignored),
        WORKER_TEST(test_one_queue_of_two),
        WORKER_TEST(test_one_queue_of_two_at_most_once),
        WORKER_TEST(test_the_last_drain_ends_nothing),
        WORKER_TEST(test_a_child_killed_between_two_drains),
        WORKER_TEST(test_retries),
        WORKER_TEST(test_many_delayed_jobs_are_looked_through),
        WORKER_TEST(test_a_restored_redis_is_no_drain),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
