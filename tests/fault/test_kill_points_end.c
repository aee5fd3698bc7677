/* A worker dies at each step of its own end (jobs given back, leaving, drain) and of a job that may
 * run at most once; a producer at each step of its push. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/kill_points.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs until it is told to end; its first line tells that it runs. */
static const char hold[] = "echo $DARG_JOB_ID >>\"${DIR}runs\"\n"
                           "[ -e \"${DIR}go\" ] || exec sleep 1000\n";
static const char note[] = "echo $DARG_JOB_ID >>\"${DIR}runs\"\n";

static size_t count_lines(struct worker_fixture *f)
{
    size_t count = 0;
    char *text = worker_fixture_read(worker_fixture_path(f, "runs"));
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    free(text);
    return count;
}

struct end {
    const char *at;
    int reaped;
};

/* Told to end while it runs one job and holds two more: the one is given back by `release`, the
 * others as it leaves. Each is run again, or for the first time, by another. */
static void leave_at(struct worker_fixture *f, const struct end *end)
{
    char handler[256];
    (void)snprintf(handler, sizeof handler, "%s", worker_fixture_handler(f, "t", hold));
    kill_points_arm(f, end->at, false);
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\"}", "{\"type\":\"t\",\"id\":\"b\"}",
                        "{\"type\":\"t\",\"id\":\"c\"}");
    struct process *first =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--prefetch", "2", "--lease", "1s",
                             "--shutdown-timeout", "50ms", "--handler", handler);
    worker_fixture_wait_held(f, 3);
    worker_fixture_wait_lines(worker_fixture_path(f, "runs"), 1);
    process_signal(first, SIGTERM);
    kill_points_wait(f);
    process_wait(first, WORKER_FIXTURE_WAIT_MS);
    worker_fixture_touch(worker_fixture_path(f, "go"));
    kill_points_disarm(f);
    struct process *second =
        worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
    worker_fixture_wait_count(f, "done", 3);
    if (worker_fixture_count(f, "reaped") != end->reaped)
        fail_msg("%s: %lld reaped, not %d", end->at, (long long)worker_fixture_count(f, "reaped"),
                 end->reaped);
    assert_int_equal(count_lines(f), 4);
    process_signal(second, SIGTERM);
    worker_fixture_expect_exit(second, 0);
    worker_fixture_expect_clean(f);
}

static void test_leaving(void **state)
{
    static const struct end ends[] = {
        {"release.before", 3},    {"release.sent", 2},    {"release.after", 2},
        {"deregister.before", 2}, {"deregister.sent", 0}, {"deregister.after", 0},
    };
    struct worker_fixture *f = *state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        worker_fixture_reset(state);
        leave_at(f, &ends[i]);
        worker_fixture_end(state);
    }
}

/* Two workers drain; a process of the first dies in each of its steps. All that was pushed before
 * the sentinel is run once, the sentinel goes, and both end well. */
static void drain_at(struct worker_fixture *f, const char *at)
{
    enum { JOBS = 20 };
    char handler[256];
    (void)snprintf(handler, sizeof handler, "%s", worker_fixture_handler(f, "t", note));
    for (size_t i = 0; i < JOBS; i++)
        worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\"}");
    kill_points_arm(f, at, false);
    struct process *first =
        worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
    kill_points_disarm(f);
    struct process *second =
        worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    kill_points_wait(f);
    worker_fixture_expect_exit(first, 0);
    worker_fixture_expect_exit(second, 0);
    assert_int_equal(worker_fixture_count(f, "done"), JOBS);
    assert_int_equal(count_lines(f), JOBS);
    worker_fixture_expect_clean(f);
}

static void test_draining(void **state)
{
    static const char *const points[] = {"drain.before", "drain.sent", "drain.after",
                                         "deregister.before", "deregister.sent"};
    struct worker_fixture *f = *state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        worker_fixture_reset(state);
        drain_at(f, points[i]);
        worker_fixture_end(state);
    }
}

/* At most once: whatever happens, never twice; from the pop on a death loses the job. */
static void test_at_most_once(void **state)
{
    static const struct {
        const char *at;
        size_t runs;
        int64_t done;
    } ends[] = {
        {"run.before", 0, 0},         {"run.after", 1, 0},           {"settle_popped.before", 1, 0},
        {"settle_popped.sent", 1, 1}, {"settle_popped.after", 1, 1},
    };
    struct worker_fixture *f = *state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        worker_fixture_reset(state);
        kill_points_arm(f, ends[i].at, false);
        worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\"}");
        struct process *worker =
            worker_fixture_launch(f, "-q", "jobs", "--delivery", "at-most-once", "--handler",
                                  worker_fixture_handler(f, "t", note));
        /* Until it is gone, Redis may pop the next job for it, too. */
        process_wait_stderr(worker, "has died", WORKER_FIXTURE_WAIT_MS);
        worker_fixture_push(f, "{\"type\":\"noop\"}");
        worker_fixture_wait_count(f, "done", ends[i].done + 1);
        if (count_lines(f) != ends[i].runs)
            fail_msg("%s: %zu runs, not %zu", ends[i].at, count_lines(f), ends[i].runs);
        process_signal(worker, SIGTERM);
        worker_fixture_expect_exit(worker, 0);
        worker_fixture_end(state);
    }
}

/* Once its clients are gone, the server has read all that they sent. */
static bool is_alone(void *context)
{
    const struct worker_fixture *f = context;
    char *clients = commands_text(f->conn, "CLIENT", "LIST", "TYPE", "normal");
    const char *end = strchr(clients, '\n');
    bool is_one = end != NULL && end[1] == '\0';
    free(clients);
    return is_one;
}

/* The push has happened, or it has not: nothing in between, and a repeat under the same id is for
 * the producer to make. */
static void test_producer(void **state)
{
    static const struct {
        const char *at, *delay;
        int64_t pushed, scheduled;
    } ends[] = {
        {"push.before", "0", 0, 0},      {"push.after", "0", 1, 0},
        {"schedule.before", "1h", 0, 0}, {"schedule.sent", "1h", 0, 1},
        {"schedule.after", "1h", 0, 1},
    };
    struct worker_fixture *f = *state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        worker_fixture_reset(state);
        kill_points_arm(f, ends[i].at, false);
        f->program = "kill/darg";
        struct process *push =
            worker_fixture_run(f, "push", "t", "1", "-q", "jobs", "-r", redis_server_url(f->server),
                               "--delay", ends[i].delay);
        worker_fixture_expect_exit(push, 128 + SIGKILL);
        assert_true(wait_until(is_alone, f, WORKER_FIXTURE_WAIT_MS));
        assert_string_equal(process_stdout(push), "");
        assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), ends[i].pushed);
        assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"),
                         ends[i].scheduled);
        worker_fixture_end(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_leaving),
        WORKER_TEST(test_draining),
        WORKER_TEST(test_at_most_once),
        WORKER_TEST(test_producer),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
