/* Who recovers the jobs of the dead dies of it, and two race: each job is put back once. */
#include "support/cmocka_all.h"

#include "queue/claim.h"
#include "queue/settle.h"
#include "support/checker.h"
#include "support/faults.h"
#include "support/kill_points.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 1800 }; /* more than three calls of reap may move */

/* A worker that claims and then is never heard of again; its lease has run out. */
struct ghost {
    struct queue queue;
    struct lease lease;
    int64_t first; /* number of its first job */
};

static void haunt(struct worker_fixture *f, struct ghost *ghost, size_t jobs)
{
    struct err err = {0};
    enum lease_register outcome;
    int64_t now_ms = 0, base = 0;
    assert_int_equal(queue_init(&ghost->queue, "darg", "jobs", &err), ST_OK);
    lease_init(&ghost->lease, &ghost->queue, "ghost", 1);
    assert_int_equal(lease_register(f->conn, &ghost->lease, 0, &(struct lease_drain){0}, &outcome,
                                    &now_ms, &err),
                     ST_OK);
    for (size_t left = jobs; left > 0;) {
        struct claim claim = {0};
        struct request request = {0};
        struct claim_options options = {
            .max_bytes = 1 << 20,
            .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999}};
        size_t count = left < CLAIM_MAX ? left : CLAIM_MAX;
        claim_encode(&request, &ghost->lease, base, (int64_t)count, &options);
        if (claim_call(f->conn, &request, &claim, &err) != ST_OK)
            fail_msg("%s", err_text(&err));
        assert_int_equal(claim.outcome, CLAIM_JOBS);
        base = claim.base + (int64_t)claim.count;
        left -= claim.count;
        claim_fini(&claim);
        request_fini(&request);
    }
}

/* The ghost comes back in the middle of it: what it acknowledges was taken from it. */
static void wail(struct worker_fixture *f, struct ghost *ghost)
{
    struct err err = {0};
    struct request request = {0};
    struct settle_answer answer = {0};
    struct settle_item items[10];
    for (int i = 0; i < 10; i++)
        items[i] = (struct settle_item){.number = JOBS - i};
    settle_encode_done(&request, &ghost->lease, items, 10);
    assert_int_equal(settle_call(f->conn, SETTLE_DONE, &request, &answer, &err), ST_OK);
    assert_false(answer.is_registered);
    assert_int_equal(answer.settled, 0);
    request_fini(&request);
}

static void reap_at(struct worker_fixture *f, const char *at, bool takes_host)
{
    struct ghost ghost;
    worker_fixture_push_many(f, JOBS, "noop", "1");
    haunt(f, &ghost, JOBS);
    kill_points_arm(f, at, takes_host);
    struct process *first = worker_fixture_launch(f, "-q", "jobs", "--lease", "1s");
    kill_points_wait(f);
    if (strcmp(at, "reap.before") != 0) /* until then nobody knows that it is dead */
        wail(f, &ghost);
    struct process *second = first;
    if (takes_host) {
        worker_fixture_expect_exit(first, 128 + SIGKILL);
        kill_points_disarm(f);
        second = worker_fixture_launch(f, "-q", "jobs", "--lease", "1s");
    }
    faults_expect_all(f, JOBS, at);
    assert_true(worker_fixture_count(f, "reaped") >= JOBS);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:reply:r"), JOBS);
    process_signal(second, SIGTERM);
    worker_fixture_expect_exit(second, 0);
    lease_fini(&ghost.lease);
    queue_fini(&ghost.queue);
}

static void test_reaper_dies(void **state)
{
    static const char *const points[] = {"reap.before", "reap.sent", "reap.after", "reap.sent:2",
                                         "reap.before:3"};
    struct worker_fixture *f = *state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        worker_fixture_reset(state);
        reap_at(f, points[i], i % 2 == 0);
        worker_fixture_end(state);
    }
}

/* Eight processes see the same dead worker on the same tick, and one of them dies of it. */
static void test_reapers_race(void **state)
{
    struct worker_fixture *f = *state;
    struct ghost ghost;
    worker_fixture_push_many(f, JOBS, "noop", "1");
    haunt(f, &ghost, JOBS);
    kill_points_arm(f, "reap.after", true);
    for (int i = 0; i < 8; i++)
        worker_fixture_launch(f, "-q", "jobs", "--lease", "1s");
    kill_points_wait(f);
    faults_expect_all(f, JOBS, "eight reapers");
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:reply:r"), JOBS);
    lease_fini(&ghost.lease);
    queue_fini(&ghost.queue);
}

/* A job that Redis moved for a worker which is gone lies in the inbox; the keeper of a busy worker
 * puts it back, and dies on the way. */
static void test_unboxing(void **state)
{
    static const char *const points[] = {"unbox.before", "unbox.sent", "unbox.after"};
    static const char hold[] = "echo >>\"${DIR}runs\"\n"
                               "while ! [ -e \"${DIR}go\" ]; do sleep 0.05; done\n";
    struct worker_fixture *f = *state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        worker_fixture_reset(state);
        kill_points_arm(f, points[i], false);
        worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"busy\"}");
        struct process *worker =
            worker_fixture_start(f, "-q", "jobs", "-t", "1", "--prefetch", "0", "--lease", "2s",
                                 "--handler", worker_fixture_handler(f, "t", hold));
        worker_fixture_wait_lines(worker_fixture_path(f, "runs"), 1);
        commands_do(f->conn, "LPUSH", "darg:{jobs}:inbox", "{\"type\":\"noop\",\"id\":\"boxed\"}");
        kill_points_wait(f);
        worker_fixture_touch(worker_fixture_path(f, "go"));
        worker_fixture_wait_count(f, "done", 2);
        worker_fixture_wait_lines(worker_fixture_path(f, "runs"), 2);
        assert_int_equal(worker_fixture_count(f, "reaped"), 1);
        process_signal(worker, SIGTERM);
        worker_fixture_expect_exit(worker, 0);
        worker_fixture_expect_clean(f);
        worker_fixture_end(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_reaper_dies),
        WORKER_TEST(test_reapers_race),
        WORKER_TEST(test_unboxing),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
