/* Times that stand in Redis, as anybody may have put them there: a real worker reads each for what
 * it is, and waits no longer than it has to. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/stats.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#define JOB(id) "{\"type\":\"noop\",\"id\":\"" id "\"}"

static void add(struct worker_fixture *f, const char *key, const char *score, const char *member)
{
    commands_do(f->conn, "ZADD", key, score, member);
}

static void limit(struct worker_fixture *f, const char *rate, const char *rate_ms)
{
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "rate", rate, "rate_ms", rate_ms);
}

/* The server's clock, `ahead` seconds later, in ms as text; borrowed until the next call. */
static const char *server_time(struct worker_fixture *f, long long ahead)
{
    static char text[32];
    struct reply *now = commands_run(f->conn, "TIME");
    (void)snprintf(text, sizeof text, "%lld",
                   ((long long)reply_int(reply_at(now, 0), 0) + ahead) * 1000);
    reply_free(now);
    return text;
}

/* What is due before 1970 stands for nothing else, and hides nothing that is due behind it. */
static void test_due_long_ago(void **state)
{
    struct worker_fixture *f = *state;
    add(f, "darg:{jobs}:scheduled", "-inf", JOB("a"));
    add(f, "darg:{jobs}:scheduled", "-1", JOB("b"));
    add(f, "darg:{jobs}:scheduled", "0", JOB("c"));
    add(f, "darg:{jobs}:scheduled", "1.5", JOB("d"));
    add(f, "darg:{jobs}:scheduled", server_time(f, 1), JOB("e"));
    add(f, "darg:{jobs}:scheduled", "inf", JOB("never"));
    worker_fixture_start(f, "-q", "jobs");
    worker_fixture_wait_count(f, "done", 5);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 1);
}

/* A burst waits for it, too. */
static void test_burst_and_due_long_ago(void **state)
{
    struct worker_fixture *f = *state;
    add(f, "darg:{jobs}:scheduled", "-inf", JOB("a"));
    add(f, "darg:{jobs}:scheduled", "-1", JOB("b"));
    add(f, "darg:{jobs}:scheduled", "1e+300", JOB("never"));
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--burst");
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 2);
}

/* A dead worker's score is compared, whatever it is. */
static void test_dead_workers_with_odd_scores(void **state)
{
    struct worker_fixture *f = *state;
    static const char *const scores[] = {"-1", "-inf", "inf", "1.5", "0"};
    enum { DEAD = sizeof scores / sizeof scores[0] };
    char name[64];
    for (int i = 0; i < DEAD; i++) {
        (void)snprintf(name, sizeof name, "dead%d.1", i);
        add(f, "darg:{jobs}:workers", scores[i], name);
        (void)snprintf(name, sizeof name, "darg:{jobs}:claimed:dead%d.1", i);
        commands_do(f->conn, "HSET", name, "1", JOB("a"), "last", "0:1:0");
    }
    commands_do(f->conn, "HSET", "darg:{jobs}:counts", "claimed", "5");
    worker_fixture_start(f, "-q", "jobs", "--lease", "1s");
    worker_fixture_wait_count(f, "reaped", DEAD);
    worker_fixture_wait_count(f, "done", DEAD);
}

/* The allowance was used up by a time that lies ahead: the clock was set back since. */
static void test_a_rate_after_the_clock_went_back(void **state)
{
    struct worker_fixture *f = *state;
    limit(f, "10", "1000");
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "rate_at", server_time(f, 3600));
    worker_fixture_push(f, JOB("a"), JOB("b"));
    worker_fixture_start(f, "-q", "jobs");
    worker_fixture_wait_count(f, "done", 2);
}

/* A worker that waits for a rate looks around all the while. */
static void test_a_rate_that_is_lifted(void **state)
{
    struct worker_fixture *f = *state;
    limit(f, "1", "3600000");
    worker_fixture_push(f, JOB("a"), JOB("b"));
    worker_fixture_start(f, "-q", "jobs");
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_wait_renewals(f);
    commands_do(f->conn, "HDEL", "darg:{jobs}:settings", "rate", "rate_ms");
    worker_fixture_wait_count(f, "done", 2); /* far sooner than in an hour */
}

static bool has_ten_dead(void *context)
{
    struct worker_fixture *f = context;
    return commands_int(f->conn, "ZCARD", "darg:{jobs}:dead") == 10;
}

/* A limit of the dead set is kept though nothing dies. */
static void test_a_limit_for_those_that_are_dead(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "EVAL",
                "for i = 1, 5000 do redis.call('ZADD', KEYS[1], i, 'dead ' .. i) end", "1",
                "darg:{jobs}:dead");
    worker_fixture_start(f, "-q", "jobs");
    worker_fixture_wait_renewals(f);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:dead"), 5000);
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "dead_max", "10");
    assert_true(wait_until(has_ten_dead, f, WORKER_FIXTURE_WAIT_MS));
}

static bool is_noted(void *context)
{
    struct worker_fixture *f = context;
    return commands_int(f->conn, "LLEN", "darg:{jobs}:waits") == 1;
}

/* A delayed job waits from when it was due, whatever its id says of when it was made. */
static void test_a_delay_is_no_waiting(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "paused", "1");
    add(f, "darg:{jobs}:scheduled", server_time(f, 1),
        "{\"type\":\"noop\",\"id\":\"01800000-0000-7000-8000-000000000000\"}");
    worker_fixture_start(f, "-q", "jobs");
    assert_true(wait_until(is_noted, f, WORKER_FIXTURE_WAIT_MS));
    struct queue queue = {0};
    struct stats stats;
    struct err err = {0};
    assert_int_equal(queue_init(&queue, "darg", "jobs", &err), ST_OK);
    assert_int_equal(stats_read(f->conn, &queue, &stats, &err), ST_OK);
    queue_fini(&queue);
    assert_in_range(stats.oldest_age_ms, 0, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_due_long_ago),
        WORKER_TEST(test_burst_and_due_long_ago),
        WORKER_TEST(test_dead_workers_with_odd_scores),
        WORKER_TEST(test_a_rate_after_the_clock_went_back),
        WORKER_TEST(test_a_rate_that_is_lifted),
        WORKER_TEST(test_a_limit_for_those_that_are_dead),
        WORKER_TEST(test_a_delay_is_no_waiting),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
