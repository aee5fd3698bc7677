/* darg cancel: jobs that wait, are delayed, are held or run, with real workers. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/cli.h"
#include "support/faults.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 3000 };

/* Says that it runs, and goes on until it is ended. */
static const char lasting[] = "echo $DARG_JOB_ID >>${DIR}started; exec sleep 1000";
/* The same, and does not mind being asked to end. */
static const char stubborn[] = "trap '' TERM; echo $DARG_JOB_ID >>${DIR}started; exec sleep 1000";

static struct cli cli_of(struct worker_fixture *f)
{
    return (struct cli){.server = f->server, .conn = f->conn};
}

static void start_worker(struct worker_fixture *f, const char *script, const char *threads)
{
    worker_fixture_start(f, "-q", "jobs", "-t", threads, "--prefetch", "5", "--lease", "2s",
                         "--handler", worker_fixture_handler(f, "last", script));
}

static void expect_dead(struct worker_fixture *f, const char *id, const char *error)
{
    struct cli cli = cli_of(f);
    struct buf text = {0};
    cli_run(&cli, 0, "dead", "list", "--id", id, "-q", "jobs", "--json");
    buf_printf(&text, "\"error\":\"%s\"", error);
    cli_expect_out_has(&cli, buf_text(&text));
    buf_fini(&text);
    process_free(cli.last);
}

static void test_waiting_and_delayed(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    worker_fixture_push(f, "{\"type\":\"noop\",\"id\":\"a\",\"reply\":\"r\",\"keep_ms\":60000}",
                        "{\"type\":\"noop\",\"id\":\"b\"}", "{\"type\":\"noop\",\"id\":\"a\"}");
    cli_run(&cli, 0, "push", "noop", "--id", "c", "--delay", "1h", "-q", "jobs");
    commands_do(f->conn, "LPUSH", "darg:{jobs}:inbox", "{\"type\":\"noop\",\"id\":\"d\"}");
    cli_run(&cli, 0, "cancel", "a", "c", "d", "-q", "jobs", "--json");
    cli_expect_out(&cli, "[{\"id\":\"a\",\"state\":\"cancelled\"},{\"id\":\"c\",\"state\":"
                         "\"cancelled\"},{\"id\":\"d\",\"state\":\"cancelled\"}]\n");
    expect_dead(f, "a", "cancelled");
    expect_dead(f, "c", "cancelled");
    assert_int_equal(worker_fixture_count(f, "cancelled"), 4);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
    assert_int_equal(commands_int(f->conn, "EXISTS", "darg:{jobs}:scheduled", "darg:{jobs}:inbox",
                                  "darg:{jobs}:cancel"),
                     0);
    /* Whoever asked how it ends is told, once. */
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:reply:r"), 1);
    cli_run(&cli, 1, "result", "a", "-q", "jobs");
    cli_expect_err_has(&cli, "a buried (run 0): cancelled");
    /* It can be taken back. */
    cli_run(&cli, 0, "dead", "retry", "--all", "-q", "jobs");
    worker_fixture_start(f, "-q", "jobs");
    worker_fixture_wait_count(f, "done", 5);
    process_free(cli.last);
}

static void test_named_twice(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    worker_fixture_push(f, "{\"type\":\"noop\",\"id\":\"a\"}");
    cli_run(&cli, 0, "cancel", "a", "a", "-q", "jobs", "--json");
    cli_expect_out(&cli, "[{\"id\":\"a\",\"state\":\"cancelled\"}]\n");
    process_free(cli.last);
}

static void test_unknown(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    worker_fixture_push(f, "{\"type\":\"noop\",\"id\":\"a\"}");
    cli_run(&cli, 1, "cancel", "x", "a", "-q", "jobs");
    cli_expect_err_has(&cli, "no job 'x' is waiting or running in queue 'jobs'");
    cli_expect_err_has(&cli, "cancelled 'a'\n");
    cli_run(&cli, 2, "cancel", "-q", "jobs");
    cli_expect_err_has(&cli, "ID is missing");
    cli_run(&cli, 2, "cancel", "", "-q", "jobs");
    cli_expect_err_has(&cli, "an ID has 1 to 128 bytes");
    process_free(cli.last);
}

/* Behind pages of others, and with every removal moving what is behind it. */
static void test_among_many(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    worker_fixture_push_many(f, MANY, "noop", "1");
    cli_run_shell(&cli, 0, "$DARG cancel -q jobs $(seq -f 'j%g' 49 60 600)");
    assert_int_equal(worker_fixture_count(f, "cancelled"), 10);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), MANY - 10);
    cli_run_shell(&cli, 0, "$DARG cancel -q jobs $(seq -f 'j%g' 0 1 39)");
    assert_int_equal(worker_fixture_count(f, "cancelled"), 50);
    process_free(cli.last);
}

static void expect_stopped(struct worker_fixture *f, const char *script)
{
    struct cli cli = cli_of(f);
    start_worker(f, script, "2");
    worker_fixture_push(f, "{\"type\":\"last\",\"id\":\"a\",\"reply\":\"r\"}",
                        "{\"type\":\"last\",\"id\":\"b\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), 2);
    cli_run(&cli, 0, "cancel", "a", "-q", "jobs", "--timeout", "40s");
    cli_expect_err_has(&cli, "cancelled 'a', which was running");
    expect_dead(f, "a", "cancelled while it ran");
    assert_int_equal(worker_fixture_count(f, "buried"), 1);
    assert_int_equal(worker_fixture_held(f), 1); /* the other one goes on */
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}:reply:r"), 1);
    /* What comes next in that thread is not stopped. */
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(faults_in_log(f->workers[0], "job cancelled"), 1);
    process_free(cli.last);
}

static void test_running(void **state)
{
    expect_stopped(*state, lasting);
}

static void test_running_stubborn(void **state)
{
    expect_stopped(*state, stubborn);
}

/* Claimed ahead, behind a job that goes on: it is buried when its turn comes, unrun. */
static void test_held_unstarted(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    start_worker(f, lasting, "1");
    worker_fixture_push(f, "{\"type\":\"last\",\"id\":\"a\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), 1);
    worker_fixture_push(f, "{\"type\":\"last\",\"id\":\"b\"}");
    worker_fixture_wait_held(f, 2);
    cli_run(&cli, 1, "cancel", "b", "-q", "jobs", "--timeout", "2s");
    cli_expect_err_has(&cli, "'b' is still held by worker ");
    cli_run(&cli, 0, "cancel", "a", "b", "-q", "jobs", "--timeout", "40s");
    worker_fixture_wait_count(f, "buried", 2);
    char *started = worker_fixture_read(worker_fixture_path(f, "started"));
    assert_string_equal(started, "a\n");
    free(started);
    process_free(cli.last);
}

static bool is_stopping(void *context)
{
    return faults_in_log(context, "a job is cancelled: stopping it") > 0;
}

/* The worker dies while it stops the job: its reaper puts it back in line, where it is found. */
static void test_worker_dies_meanwhile(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    start_worker(f, stubborn, "1");
    worker_fixture_push(f, "{\"type\":\"last\",\"id\":\"a\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), 1);
    struct process *cancel = cli_start(&cli, "cancel", "a", "-q", "jobs", "--timeout", "40s");
    assert_true(wait_until(is_stopping, f->workers[0], WORKER_FIXTURE_WAIT_MS));
    worker_fixture_kill(f->workers[0]);
    worker_fixture_start(f, "-q", "jobs", "--lease", "2s");
    assert_int_equal(process_wait(cancel, WORKER_FIXTURE_WAIT_MS), 0);
    expect_dead(f, "a", "cancelled");
    assert_int_equal(worker_fixture_held(f), 0);
    process_free(cancel);
}

/* What a dead worker has held and nobody has put back in line yet. */
static void leave_held(struct worker_fixture *f)
{
    commands_do(f->conn, "SADD", "darg:{jobs}:reaped", "gone.1");
    commands_do(f->conn, "HSET", "darg:{jobs}:claimed:gone.1", "5",
                "{\"type\":\"noop\",\"id\":\"a\"}");
}

static void test_of_a_dead_worker(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    leave_held(f);
    cli_run(&cli, 1, "cancel", "a", "-q", "jobs", "--timeout", "100ms");
    cli_expect_err_has(&cli, "'a' is still held by worker gone.1 after 100ms");
    cli_run(&cli, 0, "status", "a", "-q", "jobs");
    cli_expect_out_has(&cli, "gone.1");
    process_free(cli.last);
}

static bool is_looking(void *context)
{
    const struct worker_fixture *f = context;
    char *info = commands_text(f->conn, "INFO", "commandstats");
    bool is = strstr(info, "cmdstat_hexists") != NULL;
    free(info);
    return is;
}

/* Of two jobs of one id, one was moved to the dead jobs and one ended by itself: the dead one must
 * not stand for the other. */
static void test_two_of_one_id(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    leave_held(f);
    worker_fixture_push(f, "{\"type\":\"noop\",\"id\":\"a\"}");
    commands_do(f->conn, "CONFIG", "RESETSTAT");
    struct process *cancel = cli_start(&cli, "cancel", "a", "-q", "jobs", "--timeout", "40s");
    assert_true(wait_until(is_looking, f, WORKER_FIXTURE_WAIT_MS));
    commands_do(f->conn, "HDEL", "darg:{jobs}:claimed:gone.1", "5");
    assert_int_equal(process_wait(cancel, WORKER_FIXTURE_WAIT_MS), 1);
    assert_non_null(strstr(process_stderr(cancel), "'a' ended before it could be stopped"));
    assert_int_equal(worker_fixture_count(f, "cancelled"), 1);
    process_free(cancel);
}

static void test_at_most_once(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    worker_fixture_start(f, "-q", "jobs", "--delivery", "at-most-once", "--handler",
                         worker_fixture_handler(f, "last", lasting));
    worker_fixture_push(f, "{\"type\":\"last\",\"id\":\"a\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "started"), 1);
    struct process *cancel = cli_start(&cli, "cancel", "a", "-q", "jobs");
    worker_fixture_wait_count(f, "buried", 1);
    (void)process_wait(cancel, WORKER_FIXTURE_WAIT_MS); /* which may be too early to see it */
    expect_dead(f, "a", "cancelled while it ran");
    process_free(cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_waiting_and_delayed),
        WORKER_TEST(test_named_twice),
        WORKER_TEST(test_unknown),
        WORKER_TEST(test_among_many),
        WORKER_TEST(test_running),
        WORKER_TEST(test_running_stubborn),
        WORKER_TEST(test_held_unstarted),
        WORKER_TEST(test_worker_dies_meanwhile),
        WORKER_TEST(test_of_a_dead_worker),
        WORKER_TEST(test_two_of_one_id),
        WORKER_TEST(test_at_most_once),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
