/* A worker dies at each step of a job's way, on either side of each call and with the call's answer
 * unread. The job ends, and is run exactly as often as the step says. */
#include "support/cmocka_all.h"

#include "queue/push.h"
#include "queue/settings.h"
#include "support/faults.h"
#include "support/kill_points.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each run leaves a line. */
#define NOTE "echo $DARG_JOB_RUN >>\"${DIR}runs\"\n"
static const char good[] = NOTE;
static const char late[] = NOTE "[ $(wc -l <\"${DIR}runs\") -gt 1 ]\n"; /* good the second time */
static const char bad[] = NOTE "exit 65\n";

enum push_when {
    BEFORE_START,
    WHEN_WAITING,
    AFTER_KILL,
    DELAYED, /* and nobody may claim until the kill */
};

struct row {
    const char *at;
    const char *script; /* what the job does */
    enum push_when push_when;
    int runs;                    /* how often it is run */
    int reaped, retried, buried; /* the counters in the end */
};

static const struct row rows[] = {
    /* The worker comes: it holds nothing yet. */
    {"register.before", good, AFTER_KILL, 1, 0, 0, 0},
    {"register.sent", good, AFTER_KILL, 1, 0, 0, 0},
    {"register.after", good, AFTER_KILL, 1, 0, 0, 0},
    {"renew.before", good, AFTER_KILL, 1, 0, 0, 0},
    {"renew.sent", good, AFTER_KILL, 1, 0, 0, 0},
    {"renew.after", good, AFTER_KILL, 1, 0, 0, 0},
    /* It waits: Redis forgets it, or has put the job into the inbox. */
    {"wait.sent", good, AFTER_KILL, 1, 0, 0, 0},
    {"wait.after", good, WHEN_WAITING, 1, 0, 0, 0},
    /* It claims: from "sent" on the job is held by the dead. */
    {"claim.before", good, BEFORE_START, 1, 0, 0, 0},
    {"claim.sent", good, BEFORE_START, 1, 1, 0, 0},
    {"claim.after", good, BEFORE_START, 1, 1, 0, 0},
    /* It runs the job: what has run and is not acknowledged runs again. */
    {"run.before", good, BEFORE_START, 1, 1, 0, 0},
    {"run.after", good, BEFORE_START, 2, 1, 0, 0},
    {"done.before", good, BEFORE_START, 2, 1, 0, 0},
    {"done.sent", good, BEFORE_START, 1, 0, 0, 0},
    {"done.after", good, BEFORE_START, 1, 0, 0, 0},
    /* The job fails once: the second run is the retry, or the repeat in its place. */
    {"retry.before", late, BEFORE_START, 2, 1, 0, 0},
    {"retry.sent", late, BEFORE_START, 2, 0, 1, 0},
    {"retry.after", late, BEFORE_START, 2, 0, 1, 0},
    /* The job is delayed: once promoted, it waits in line. */
    {"promote.before", good, DELAYED, 1, 0, 0, 0},
    {"promote.sent", good, DELAYED, 1, 0, 0, 0},
    {"promote.after", good, DELAYED, 1, 0, 0, 0},
    /* The job is for the dead set. */
    {"bury.before", bad, BEFORE_START, 2, 1, 0, 1},
    {"bury.sent", bad, BEFORE_START, 1, 0, 0, 1},
    {"bury.after", bad, BEFORE_START, 1, 0, 0, 1},
};

static const char job[] = "{\"type\":\"t\",\"id\":\"j\",\"backoff\":\"10ms..10ms\"}";

static void push_delayed_job(struct worker_fixture *f)
{
    struct err err = {0};
    struct queue queue = {0};
    struct buf member = {0};
    push_wrap(&member, slice_of(job));
    assert_int_equal(queue_init(&queue, "darg", "jobs", &err), ST_OK);
    assert_int_equal(settings_pause(f->conn, &queue, true, &err), ST_OK);
    assert_int_equal(
        push_delayed(f->conn, &queue, 1, &(struct slice){member.ptr, member.len}, 1, &err), ST_OK);
    buf_fini(&member);
    queue_fini(&queue);
}

static void resume(struct worker_fixture *f)
{
    struct err err = {0};
    struct queue queue = {0};
    assert_int_equal(queue_init(&queue, "darg", "jobs", &err), ST_OK);
    assert_int_equal(settings_pause(f->conn, &queue, false, &err), ST_OK);
    queue_fini(&queue);
}

/* Is a worker blocked at Redis? */
static bool is_waiting(void *conn)
{
    char *clients = commands_text(conn, "INFO", "clients");
    bool is_blocked = strstr(clients, "blocked_clients:1") != NULL;
    free(clients);
    return is_blocked;
}

static size_t count_runs(struct worker_fixture *f)
{
    size_t count = 0;
    char *text = worker_fixture_read(worker_fixture_path(f, "runs"));
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    free(text);
    return count;
}

static void expect_end(struct worker_fixture *f, const struct row *row)
{
    struct {
        const char *name;
        int64_t expected;
    } const counts[] = {
        {"done", row->buried ? 0 : 1},
        {"buried", row->buried},
        {"reaped", row->reaped},
        {"retried", row->retried},
    };
    worker_fixture_wait_above(f, row->buried ? "buried" : "done", 1);
    worker_fixture_wait_held(f, 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (worker_fixture_count(f, counts[i].name) != counts[i].expected)
            fail_msg("%s: %lld %s, not %lld", row->at,
                     (long long)worker_fixture_count(f, counts[i].name), counts[i].name,
                     (long long)counts[i].expected);
    if (count_runs(f) != (size_t)row->runs)
        fail_msg("%s: %zu runs, not %d", row->at, count_runs(f), row->runs);
}

/* child: its supervisor starts another at once, though the lease lasts for an hour. Otherwise both
 * die, and the lease tells another host. */
static void die_at(struct worker_fixture *f, const struct row *row, bool takes_host)
{
    const char *lease = takes_host ? "1s" : "1h";
    char handler[256];
    (void)snprintf(handler, sizeof handler, "%s", worker_fixture_handler(f, "t", row->script));
    kill_points_arm(f, row->at, takes_host);
    if (row->push_when == BEFORE_START)
        worker_fixture_push(f, job);
    if (row->push_when == DELAYED)
        push_delayed_job(f);
    struct process *first =
        worker_fixture_launch(f, "-q", "jobs", "-t", "1", "--lease", lease, "--handler", handler);
    if (row->push_when == WHEN_WAITING) {
        assert_true(wait_until(is_waiting, f->conn, WORKER_FIXTURE_WAIT_MS));
        worker_fixture_push(f, job);
    }
    kill_points_wait(f);
    struct process *survivor = first;
    if (!takes_host)
        process_wait_stderr(first, "has died", WORKER_FIXTURE_WAIT_MS);
    if (takes_host) {
        worker_fixture_expect_exit(first, 128 + SIGKILL);
        kill_points_disarm(f);
        survivor = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--lease", lease, "--handler",
                                        handler);
    }
    if (row->push_when == AFTER_KILL)
        worker_fixture_push(f, job);
    if (row->push_when == DELAYED)
        resume(f);
    expect_end(f, row);
    process_signal(survivor, SIGTERM);
    worker_fixture_expect_exit(survivor, 0);
}

static void die_at_each(struct worker_fixture *f, bool takes_host)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        worker_fixture_reset((void **)&f);
        die_at(f, &rows[i], takes_host);
        worker_fixture_end((void **)&f);
    }
}

static void test_child(void **state)
{
    die_at_each(*state, false);
}

static void test_host(void **state)
{
    die_at_each(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_child),
        WORKER_TEST(test_host),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
