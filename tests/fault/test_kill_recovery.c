/* Who is killed, supervisor, child or both: no process is left over, and how soon its jobs run
 * again. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HANDLER_MAX = 256,
    CHILDREN = 3,
    PIDS_MAX = 16,
    CHILD_ROUNDS = 10,
    HOST_ROUNDS = 5,
    LEASE_MS = 1000
};

/* Its first run tells its pid and its worker's, and does not end by itself. */
static const char hold[] = "echo $$ $PPID >>\"${DIR}runs\"\n"
                           "[ $DARG_JOB_RUN -gt 1 ] || exec sleep 1000\n";

struct run {
    pid_t program, worker;
};

/* What line number `line` of the file says, once it is there. */
static struct run wait_run(struct worker_fixture *f, size_t line)
{
    int program = 0, worker = 0;
    worker_fixture_wait_lines(worker_fixture_path(f, "runs"), line + 1);
    char *text = worker_fixture_read(worker_fixture_path(f, "runs"));
    const char *at = text;
    for (size_t i = 0; i < line; i++)
        at = strchr(at, '\n') + 1;
    assert_int_equal(sscanf(at, "%d %d", &program, &worker), 2);
    free(text);
    return (struct run){program, worker};
}

static void test_a_killed_child(void **state)
{
    struct worker_fixture *f = *state;
    int64_t times_ms[CHILD_ROUNDS];
    const char *handler = worker_fixture_handler(f, "hold", hold);
    worker_fixture_start(f, "-q", "jobs", "-p", "2", "--lease", "1h", "--handler", handler);
    for (size_t i = 0; i < CHILD_ROUNDS; i++) {
        worker_fixture_push(f, "{\"type\":\"hold\"}");
        struct run run = wait_run(f, 2 * i);
        int64_t killed_ms = clock_mono_ms();
        assert_int_equal(kill(run.worker, SIGKILL), 0);
        (void)wait_run(f, 2 * i + 1); /* though the lease lasts for an hour */
        times_ms[i] = clock_mono_ms() - killed_ms;
        faults_wait_gone(&run.program, 1);
        worker_fixture_wait_count(f, "done", (int64_t)i + 1);
    }
    int64_t p50 = faults_print_times("killed child: its job runs again", times_ms, CHILD_ROUNDS);
    assert_true(p50 < 1000); /* some 20 ms on a machine that has nothing else to do */
    assert_int_equal(worker_fixture_count(f, "reaped"), CHILD_ROUNDS);
}

/* The fixture's worker that has this child; NULL: none. */
static struct process *host_of(struct worker_fixture *f, pid_t child)
{
    pid_t children[CHILDREN];
    for (size_t i = 0; i < f->count; i++) {
        size_t count = process_poll(f->workers[i]) >= 0
                           ? 0
                           : worker_fixture_children(f->workers[i], children, CHILDREN);
        for (size_t k = 0; k < count; k++)
            if (children[k] == child)
                return f->workers[i];
    }
    return NULL;
}

static void test_a_lost_host(void **state)
{
    struct worker_fixture *f = *state;
    int64_t times_ms[HOST_ROUNDS];
    char handler[HANDLER_MAX]; /* the fixture's would not last */
    (void)snprintf(handler, sizeof handler, "%s", worker_fixture_handler(f, "hold", hold));
    worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
    for (size_t i = 0; i < HOST_ROUNDS; i++) {
        worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
        worker_fixture_push(f, "{\"type\":\"hold\"}");
        struct run run = wait_run(f, 2 * i);
        struct process *host = host_of(f, run.worker);
        assert_non_null(host);
        int64_t killed_ms = clock_mono_ms();
        worker_fixture_kill(host);
        (void)wait_run(f, 2 * i + 1);
        times_ms[i] = clock_mono_ms() - killed_ms;
        faults_wait_gone(&run.program, 1);
        worker_fixture_wait_count(f, "done", (int64_t)i + 1);
        assert_true(times_ms[i] >= LEASE_MS / 2); /* not before its lease can have run out */
    }
    int64_t p50 = faults_print_times("lost host: its job runs again", times_ms, HOST_ROUNDS);
    assert_true(p50 <= LEASE_MS + 2000);
}

enum victims { SUPERVISOR, CHILD, BOTH };

static void kill_victims(struct process *host, const pid_t *children, enum victims victims)
{
    if (victims == BOTH) {
        worker_fixture_kill(host);
    } else if (victims == SUPERVISOR) {
        process_signal(host, SIGKILL);
    } else {
        for (size_t i = 0; i < CHILDREN; i++)
            assert_int_equal(kill(children[i], SIGKILL), 0);
    }
}

/* All that belonged to the killed is gone, down to the programs that ran the jobs, which are done
 * by others. */
static void expect_no_process_left(struct worker_fixture *f, enum victims victims)
{
    pid_t pids[PIDS_MAX];
    char handler[HANDLER_MAX];
    (void)snprintf(handler, sizeof handler, "%s", worker_fixture_handler(f, "hold", hold));
    struct process *host =
        worker_fixture_start(f, "-q", "jobs", "-p", "3", "-t", "1", "--prefetch", "0", "--lease",
                             "1s", "--shutdown-timeout", "1s", "--handler", handler);
    assert_int_equal(worker_fixture_children(host, pids, CHILDREN), CHILDREN);
    worker_fixture_push(f, "{\"type\":\"hold\"}", "{\"type\":\"hold\"}", "{\"type\":\"hold\"}");
    for (size_t i = 0; i < CHILDREN; i++)
        pids[CHILDREN + i] = wait_run(f, i).program;
    kill_victims(host, pids, victims);
    faults_wait_gone(pids, (size_t)2 * CHILDREN);
    if (victims != CHILD)
        worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
    worker_fixture_wait_count(f, "done", CHILDREN);
    assert_int_equal(worker_fixture_held(f), 0);
    /* Children that lose their supervisor still give back what they hold. */
    assert_int_equal(worker_fixture_count(f, victims == SUPERVISOR ? "released" : "reaped"),
                     CHILDREN);
}

static void test_supervisor_killed(void **state)
{
    expect_no_process_left(*state, SUPERVISOR);
}

static void test_children_killed(void **state)
{
    expect_no_process_left(*state, CHILD);
}

static void test_both_killed(void **state)
{
    expect_no_process_left(*state, BOTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_killed_child),    WORKER_TEST(test_a_lost_host),
        WORKER_TEST(test_supervisor_killed), WORKER_TEST(test_children_killed),
        WORKER_TEST(test_both_killed),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
