/* TERM, INT, TSTP, CONT, TTIN and HUP, sent to the supervisor. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "base/clock.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB(id) "{\"type\":\"noop\",\"id\":\"" id "\"}"

static struct process *start_gated(struct worker_fixture *f, const char *prefetch)
{
    const char *handler = worker_fixture_handler(
        f, "gate",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}gate\" ]; do sleep 0.02; done\n");
    return worker_fixture_start(f, "-q", "jobs", "-t", "1", "--prefetch", prefetch, "--handler",
                                handler);
}

/* The next in line. */
static char *take(struct worker_fixture *f)
{
    char *job = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_non_null(job);
    return job;
}

static void expect_line(struct worker_fixture *f, const char *const *jobs)
{
    for (; *jobs != NULL; jobs++) {
        char *job = take(f);
        assert_string_equal(job, *jobs);
        free(job);
    }
}

/* What runs is finished; what was fetched and not started goes back, in its order, unchanged. */
static void check_end(struct worker_fixture *f, int signal_number)
{
    struct process *worker = start_gated(f, "3");
    /* At once, so that one claim finds them all: the one that runs, and three ahead of it. */
    commands_do(f->conn, "LPUSH", "darg:{jobs}", "{\"type\":\"gate\"}", JOB("a"), JOB("b"),
                JOB("c"), JOB("d"), JOB("e"));
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 1);
    worker_fixture_wait_held(f, 4);
    process_signal(worker, signal_number);
    process_wait_stderr(worker, "finishing what runs", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_touch(worker_fixture_path(f, "gate"));
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "done"), 1);
    assert_int_equal(worker_fixture_count(f, "released"), 3);
    expect_line(f, COMMANDS_ARGS(JOB("a"), JOB("b"), JOB("c"), JOB("d"), JOB("e")));
    worker_fixture_expect_clean(f);
}

static void test_term(void **state)
{
    check_end(*state, SIGTERM);
}

static void test_int(void **state)
{
    check_end(*state, SIGINT);
}

static bool says_that_it_sleeps(void *context)
{
    struct process *worker = context;
    process_signal(worker, SIGTTIN);
    return strstr(process_stderr(worker), "type=sleep") != NULL;
}

static struct process *start_sleeping(struct worker_fixture *f, const char *shutdown_timeout)
{
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "2", "--shutdown-timeout", shutdown_timeout);
    worker_fixture_push(f, "{\"type\":\"sleep\",\"args\":3600000}");
    assert_true(wait_until(says_that_it_sleeps, worker, WORKER_FIXTURE_WAIT_MS));
    process_wait_stderr(worker, "thread is idle", WORKER_FIXTURE_WAIT_MS);
    return worker;
}

static void expect_given_back(struct worker_fixture *f)
{
    char *job = take(f);
    static const char head[] = "{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":0,";
    static const char tail[] = ",\"job\":{\"type\":\"sleep\",\"args\":3600000}}";
    assert_memory_equal(job, head, strlen(head));
    assert_string_equal(job + strlen(job) - strlen(tail), tail);
    free(job);
    worker_fixture_expect_clean(f);
}

/* One that comes at once after the first is the same. */
static bool hears_it_again(void *context)
{
    struct process *worker = context;
    process_signal(worker, SIGTERM);
    return strstr(process_stderr(worker), "TERM again: ending now") != NULL;
}

static void test_a_second_term_ends_it_now(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start_sleeping(f, "1h");
    process_signal(worker, SIGTERM);
    process_wait_stderr(worker, "finishing what runs", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(process_poll(worker), -1);
    assert_true(wait_until(hears_it_again, worker, WORKER_FIXTURE_WAIT_MS));
    worker_fixture_expect_exit(worker, 0);
    expect_given_back(f);
}

static void test_the_shutdown_timeout(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = start_sleeping(f, "100ms");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    expect_given_back(f);
}

static void test_tstp_and_cont(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--lease", "1s");
    process_signal(worker, SIGTSTP);
    process_wait_stderr(worker, "TSTP: quiet", WORKER_FIXTURE_WAIT_MS);
    worker_fixture_wait_renewals(f);
    worker_fixture_push(f, JOB("a"));
    worker_fixture_wait_renewals(f);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 1);
    process_signal(worker, SIGCONT);
    worker_fixture_wait_count(f, "done", 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static bool has_logged(void *context)
{
    char *text = worker_fixture_read(context);
    bool is_there = strstr(text, "log file reopened") != NULL;
    free(text);
    return is_there;
}

static void test_hup(void **state)
{
    struct worker_fixture *f = *state;
    char log[256], old[256];
    (void)snprintf(log, sizeof log, "%s", worker_fixture_path(f, "log"));
    (void)snprintf(old, sizeof old, "%s", worker_fixture_path(f, "log.1"));
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--log-file", log);
    assert_int_equal(rename(log, old), 0);
    process_signal(worker, SIGHUP);
    assert_true(wait_until(has_logged, log, WORKER_FIXTURE_WAIT_MS));
    char *text = worker_fixture_read(old);
    assert_non_null(strstr(text, "worker registered"));
    free(text);
    worker_fixture_push(f, JOB("a"));
    worker_fixture_wait_count(f, "done", 1);
}

/* No Redis at all: nothing was taken, nothing is to be given back. */
static void test_term_before_redis_answers(void **state)
{
    struct worker_fixture *f = *state;
    char url[300];
    (void)snprintf(url, sizeof url, "unix://%s", worker_fixture_path(f, "nothing.sock"));
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "-r", url);
    process_wait_stderr(worker, "cannot be reached", WORKER_FIXTURE_WAIT_MS);
    int64_t begin_ms = clock_mono_ms();
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    print_message("ended %lld ms after TERM\n", (long long)(clock_mono_ms() - begin_ms));
}

/* A server that accepts and is silent. */
static void test_term_while_redis_hangs(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    redis_server_freeze(f->server);
    int64_t begin_ms = clock_mono_ms();
    process_signal(worker, SIGTERM);
    int code = process_wait(worker, WORKER_FIXTURE_WAIT_MS);
    redis_server_thaw(f->server);
    print_message("ended %lld ms after TERM\n", (long long)(clock_mono_ms() - begin_ms));
    /* It could not deregister. A claim that was under way may have brought jobs. */
    bool held_nothing = strstr(process_stderr(worker), "could not deregister") != NULL;
    assert_int_equal(code, held_nothing ? 0 : 1);
    assert_true(held_nothing ||
                strstr(process_stderr(worker), "could not give back held jobs") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_term),
        WORKER_TEST(test_int),
        WORKER_TEST(test_a_second_term_ends_it_now),
        WORKER_TEST(test_the_shutdown_timeout),
        WORKER_TEST(test_tstp_and_cont),
        WORKER_TEST(test_hup),
        WORKER_TEST(test_term_before_redis_answers),
        WORKER_TEST(test_term_while_redis_hangs),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
