/* The network between a worker and Redis goes down and comes back: two network namespaces, a link
 * between them, and its far end set down. Nothing is refused or closed; packets just vanish. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Redis lives in this program's namespace, the workers under test in that of `away`; both are
 * private to the test, so an address and a port of one's own choice are nobody else's. */
static struct process *away;
static const char url[] = "redis://10.77.0.1:6379";

enum { CUT_MS = 1500 }; /* a quarter of the lease that has to outlast it */

static bool run(const char *command)
{
    struct process *process =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", command)});
    int code = process_wait(process, WORKER_FIXTURE_WAIT_MS);
    if (code != 0)
        fprintf(stderr, "%s: %s", command, process_stderr(process));
    process_free(process);
    return code == 0;
}

static bool make_link(void)
{
    char command[512];
    (void)snprintf(command, sizeof command,
                   "ip link set lo up && ip link add here type veth peer name there netns %d &&"
                   "ip address add 10.77.0.1/30 dev here && ip link set here up &&"
                   "nsenter --net=/proc/%d/ns/net sh -c '"
                   "ip address add 10.77.0.2/30 dev there && ip link set there up'",
                   (int)process_pid(away), (int)process_pid(away));
    return run(command);
}

static int setup(void **state)
{
    if (unshare(CLONE_NEWNET) != 0) {
        print_message("no network namespace may be made here (%s): skipped\n", strerror(errno));
        return 0;
    }
    away = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("unshare", "--net", "sh", "-c", "echo made; exec sleep 1000")});
    process_wait_stdout(away, "made", WORKER_FIXTURE_WAIT_MS);
    assert_true(make_link());
    return worker_fixture_setup_with(
        state, COMMANDS_ARGS("--port", "6379", "--bind", "10.77.0.1", "--protected-mode", "no"));
}

static int teardown(void **state)
{
    if (*state == NULL)
        return 0;
    process_free(away);
    return worker_fixture_teardown(state);
}

static int reset(void **state)
{
    return *state == NULL ? 0 : worker_fixture_reset(state);
}

static int end(void **state)
{
    return *state == NULL ? 0 : worker_fixture_end(state);
}

/* A worker on the other side. */
static struct process *start_away(struct worker_fixture *f, const char *lease, const char *handler)
{
    char program[256], net[64], directory[160];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    (void)snprintf(net, sizeof net, "--net=/proc/%d/ns/net", (int)process_pid(away));
    (void)snprintf(directory, sizeof directory, "DIR=%s/%d", f->directory, f->test);
    struct process *worker = process_start(&(struct process_options){
        .argv =
            COMMANDS_ARGS("nsenter", net, program, "-r", url, "-q", "jobs", "-t", "2", "--ready-fd",
                          "7", "--pass-env", "DIR", "--lease", lease, "--handler", handler),
        .env = COMMANDS_ARGS(directory),
        .ready_fd = 7});
    f->workers[f->count++] = worker;
    process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
    return worker;
}

static void cut(void)
{
    assert_true(run("ip link set here down"));
}

static void heal(void)
{
    assert_true(run("ip link set here up"));
}

/* The run that is going on is not disturbed, and is acknowledged after all. */
static void cut_for_less(struct worker_fixture *f)
{
    struct process *worker =
        start_away(f, "6s",
                   worker_fixture_handler(f, "t",
                                          "echo >>\"${DIR}runs\"\n"
                                          "while ! [ -e \"${DIR}go\" ]; do sleep 0.05; done\n"));
    worker_fixture_push(f, "{\"type\":\"t\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "runs"), 1);
    cut();
    (void)usleep(CUT_MS * 1000); /* what is tested is this time, not what happens in it */
    worker_fixture_touch(worker_fixture_path(f, "go"));
    heal();
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_wait_held(f, 0);
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    assert_int_equal(faults_in_log(worker, "lease lost"), 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* Its job is run by another; what it says of it later changes nothing; it starts over. */
static void cut_for_more(struct worker_fixture *f)
{
    static const char script[] = "echo >>\"${DIR}runs\"\n"
                                 "[ $DARG_JOB_RUN -gt 1 ] && exit 0\n"
                                 "while ! [ -e \"${DIR}go\" ]; do sleep 0.05; done\n";
    char handler[256];
    (void)snprintf(handler, sizeof handler, "%s", worker_fixture_handler(f, "t", script));
    struct process *worker = start_away(f, "1s", handler);
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"j0\",\"reply\":\"r\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "runs"), 1);
    cut();
    struct process *near =
        worker_fixture_start(f, "-q", "jobs", "--lease", "1s", "--handler", handler);
    worker_fixture_wait_count(f, "done", 1); /* by the other */
    assert_int_equal(worker_fixture_count(f, "reaped"), 1);
    worker_fixture_touch(worker_fixture_path(f, "go")); /* the first run ends, too */
    process_wait_stderr(worker, "job done", WORKER_FIXTURE_WAIT_MS);
    process_signal(near, SIGTERM);
    worker_fixture_expect_exit(near, 0);
    heal();
    process_wait_stderr(worker, "lease lost", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"j1\",\"reply\":\"r\"}");
    worker_fixture_wait_count(f, "done", 2);
    assert_int_equal(worker_fixture_outcomes(f, 2).ids, 2);
    assert_int_equal(worker_fixture_outcomes(f, 2).repeats, 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_shorter_than_the_lease(void **state)
{
    if (*state == NULL)
        skip();
    else
        cut_for_less(*state);
}

static void test_longer_than_the_lease(void **state)
{
    if (*state == NULL)
        skip();
    else
        cut_for_more(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shorter_than_the_lease, reset, end),
        cmocka_unit_test_setup_teardown(test_longer_than_the_lease, reset, end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
