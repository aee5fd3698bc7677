/* Programs that do not end as they should, and a worker that has nothing left to start them with.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "support/exec_fixture.h"
#include "worker/handler/exec.h"

static void test_killed_by_a_signal(void **state)
{
    exec_fixture_expect(*state, "sh -c 'ulimit -c 0; kill -SEGV $$'", NULL, HANDLER_RETRY,
                        "killed by signal 11 (Segmentation fault)");
    exec_fixture_expect(*state, "sh -c 'ulimit -c 0; echo x == y >&2; kill -ABRT $$'", NULL,
                        HANDLER_RETRY, "killed by signal 6 (Aborted): x == y");
    exec_fixture_expect(*state, "sh -c 'kill -40 $$'", NULL, HANDLER_RETRY,
                        "killed by signal 40 (real-time signal)");
}

/* Runs a command that never ends by itself; answers how long it took until it did. */
static int64_t expect_end(struct exec_fixture *fixture, const char *command,
                          enum handler_outcome outcome, const char *reason)
{
    int64_t start = clock_mono_ms();
    exec_fixture_expect(fixture, command, NULL, outcome, reason);
    return clock_mono_ms() - start;
}

/* What has ended the program that ran last: SIGTERM if it did as it was asked, SIGKILL if not. A
 * busy machine makes this no other, while it makes the end late. */
static void expect_signal(const struct exec_fixture *fixture, int signal_number)
{
    assert_true(fixture->result.usage.is_known);
    assert_true(WIFSIGNALED(fixture->result.usage.wait_status));
    assert_int_equal(WTERMSIG(fixture->result.usage.wait_status), signal_number);
}

/* TRAPPED_MS: long enough for a shell to have set its traps on a busy machine. */
enum { TIMEOUT_MS = 500, TRAPPED_MS = 2000, GRACE_MS = 2000, LONG_MS = 60000 };

static void test_timeout_asks_first(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = TIMEOUT_MS;
    int64_t took =
        expect_end(fixture, "sh -c 'while :; do :; done'", HANDLER_RETRY, "timed out after 500ms");
    assert_in_range(took, TIMEOUT_MS, LONG_MS);
    expect_signal(fixture, SIGTERM);
    fixture->call.timeout_ms = TRAPPED_MS;
    took = expect_end(fixture, "sh -c 'trap \"echo bye >&2; exit 0\" TERM; while :; do :; done'",
                      HANDLER_RETRY, "timed out after 2s: bye");
    assert_in_range(took, TRAPPED_MS, LONG_MS);
}

static void test_timeout_kills_what_does_not_listen(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = TRAPPED_MS;
    int64_t took = expect_end(
        fixture, "sh -c 'trap \"\" TERM; exec 3>$LC_FIFO; sleep 1000 & while :; do :; done'",
        HANDLER_RETRY, "timed out after 2s");
    assert_in_range(took, TRAPPED_MS + GRACE_MS, LONG_MS);
    expect_signal(fixture, SIGKILL);
    assert_true(exec_fixture_wait_fifo_closed(fixture));
}

static void test_timeout_of_one_that_has_stopped_itself(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = TIMEOUT_MS;
    int64_t took =
        expect_end(fixture, "sh -c 'kill -STOP $$'", HANDLER_RETRY, "timed out after 500ms");
    assert_in_range(took, TIMEOUT_MS, LONG_MS);
    expect_signal(fixture, SIGTERM);
    fixture->call.timeout_ms = TRAPPED_MS;
    took = expect_end(fixture, "sh -c 'trap \"\" TERM; while :; do kill -STOP $$; done'",
                      HANDLER_RETRY, "timed out after 2s");
    assert_in_range(took, TRAPPED_MS + GRACE_MS, LONG_MS);
    expect_signal(fixture, SIGKILL);
}

static void test_timeout_while_it_floods_the_pipes(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = TIMEOUT_MS;
    assert_int_equal(exec_fixture_run(fixture, "sh -c 'exec yes abc >&2'", NULL), HANDLER_RETRY);
    /* And what it has said: nothing, if it was not given the time to begin. */
    assert_non_null(strstr(buf_text(&fixture->result.error), "timed out after 500ms"));
}

static void test_a_timeout_that_never_comes(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = INT64_MAX;
    exec_fixture_expect(fixture, "sh -c 'echo on; sleep 0.05'", NULL, HANDLER_DONE, "on\n");
}

static void test_abort(void **state)
{
    struct exec_fixture *fixture = *state;
    assert_int_equal(write(fixture->abort_write_fd, "x", 1), 1);
    (void)expect_end(fixture, "sleep 1000", HANDLER_ABORTED, "told to end");
    expect_signal(fixture, SIGTERM);
    char unread;
    assert_int_equal(read(fixture->call.abort_fd, &unread, 1), 1);
}

/* A child tells the parent to end only once the program is known to run. */
static void test_abort_kills_what_does_not_listen(void **state)
{
    struct exec_fixture *fixture = *state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool runs = exec_fixture_wait_fifo_byte(fixture);
        _exit(write(fixture->abort_write_fd, "x", 1) == 1 && runs ? 0 : 1);
    }
    int64_t took = expect_end(
        fixture, "sh -c 'trap \"\" TERM; exec 3>$LC_FIFO; echo >&3; while :; do :; done'",
        HANDLER_ABORTED, "told to end");
    assert_in_range(took, 1000, LONG_MS);
    expect_signal(fixture, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_the_group_ends_with_the_program(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = 30000;
    exec_fixture_expect(fixture, "sh -c 'exec 3>$LC_FIFO; sleep 1000 & echo started'", NULL,
                        HANDLER_DONE, "started\n");
    assert_true(exec_fixture_wait_fifo_closed(fixture));
}

/* A program that moves itself out of its group; what it has left in the group holds the pipes. */
static void test_output_is_not_waited_for_after_the_end(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = 30000;
    char hold[128];
    snprintf(hold, sizeof hold, "%s.hold", fixture->fifo);
    exec_fixture_expect(fixture,
                        "sh -c 'mkfifo $LC_FIFO.hold $LC_FIFO.ready;"
                        "setsid sh -c \"echo >$LC_FIFO.ready; read line <$LC_FIFO.hold\" &"
                        "read line <$LC_FIFO.ready; echo hi'",
                        NULL, HANDLER_DONE, "hi\n");
    int fd = open(hold, O_WRONLY); /* waits for the reader, and lets it go */
    assert_true(fd >= 0);
    close(fd);
}

/* Whatever is written without end by one that has left the group does not keep us. */
static void test_floods_by_one_that_left_the_group(void **state)
{
    struct exec_fixture *fixture = *state;
    fixture->call.timeout_ms = 30000;
    assert_int_equal(exec_fixture_run(fixture,
                                      "sh -c 'mkfifo $LC_FIFO.ready;"
                                      "setsid sh -c \"echo >$LC_FIFO.ready; exec yes >&2\" &"
                                      "read line <$LC_FIFO.ready; exit 7'",
                                      NULL),
                     HANDLER_RETRY);
}

/* ---- in a process of its own, which may be spoilt ---- */

/* True if the run ended so, and said so. */
static bool run_is(struct exec_fixture *fixture, struct command *command,
                   enum handler_outcome outcome, const char *text)
{
    buf_clear(&fixture->result.output);
    buf_clear(&fixture->result.error);
    exec_run(command, &fixture->call, &fixture->result);
    const struct buf *said =
        outcome == HANDLER_DONE ? &fixture->result.output : &fixture->result.error;
    return fixture->result.outcome == outcome && strstr(buf_text(said), text);
}

static struct command *parse(const char *text)
{
    struct command *command;
    struct err err = {0};
    if (command_parse(text, &command, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return command;
}

typedef bool (*child_function)(struct exec_fixture *fixture, struct command *command);

/* Runs the function in a child, which must answer true. It may assert nothing: a failed assertion
 * would go on with the tests there. */
static void in_child(struct exec_fixture *fixture, const char *text, child_function function)
{
    struct command *command = parse(text);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(function(fixture, command) ? 0 : 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    command_free(command);
}

static bool run_without_stdio(struct exec_fixture *fixture, struct command *command)
{
    fixture->job.args = slice_of("[1]");
    close(0);
    close(1);
    close(2);
    return run_is(fixture, command, HANDLER_DONE, "[1]") && fixture->result.output.len == 3;
}

static void test_worker_has_no_stdio(void **state)
{
    in_child(*state, "sh -c 'cat; echo bad >&2'", run_without_stdio);
}

static bool limit_descriptors(rlim_t count)
{
    const struct rlimit limit = {count, 64};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Six descriptors are the pipes; a seventh would be the pidfd. */
static bool run_short_of_descriptors(struct exec_fixture *fixture, struct command *command)
{
    bool good = true;
    close_range(3, ~0U, 0);
    fixture->call.abort_fd = -1;
    fixture->call.run = 0;
    for (rlim_t count = 3; count < 3 + 6; count++)
        good = good && limit_descriptors(count) &&
               run_is(fixture, command, HANDLER_UNABLE, "cannot make a pipe");
    int64_t start = clock_mono_ms();
    fixture->call.timeout_ms = 30000;
    good = good && limit_descriptors(3 + 6) && run_is(fixture, command, HANDLER_DONE, "slept\n");
    good = good && clock_mono_ms() - start < 25000; /* its end is seen without a pidfd, too */
    fixture->call.run = 1000;
    fixture->call.timeout_ms = 50;
    good = good && run_is(fixture, command, HANDLER_RETRY, "timed out after 50ms");
    return good && limit_descriptors(64) && dup(0) == 3;
}

static void test_short_of_descriptors(void **state)
{
    /* The limit is inherited, and too low for a shell's redirections. */
    in_child(*state, "sh -c 'ulimit -S -n 64; echo slept; exec >&- 2>&-; sleep $DARG_JOB_RUN.1'",
             run_short_of_descriptors);
}

/* The limit does not hold for root. */
static bool run_short_of_processes(struct exec_fixture *fixture, struct command *command)
{
    const struct rlimit limit = {1, 1};
    if (setrlimit(RLIMIT_NPROC, &limit) != 0)
        return false;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return false;
    return run_is(fixture, command, HANDLER_UNABLE, "cannot start a process for ") &&
           run_is(fixture, command, HANDLER_UNABLE, "Resource temporarily unavailable");
}

static void test_short_of_processes(void **state)
{
    in_child(*state, "true", run_short_of_processes);
}

static bool run_with_children_ignored(struct exec_fixture *fixture, struct command *command)
{
    signal(SIGCHLD, SIG_IGN);
    return run_is(fixture, command, HANDLER_RETRY, "the exit status is lost");
}

static void test_somebody_else_reaps(void **state)
{
    in_child(*state, "true", run_with_children_ignored);
}

static void test_dies_with_the_worker(void **state)
{
    struct exec_fixture *fixture = *state;
    struct command *command = parse("sh -c 'exec 3>$LC_FIFO; echo >&3; exec sleep 1000'");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        exec_run(command, &fixture->call, &fixture->result);
        _exit(1);
    }
    command_free(command);
    assert_true(exec_fixture_wait_fifo_byte(fixture));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(exec_fixture_wait_fifo_closed(fixture));
}

/* ---- programs that have changed since the start ---- */

static void test_program_goes_away(void **state)
{
    struct exec_fixture *fixture = *state;
    char path[128], reason[200];
    snprintf(path, sizeof path, "%s.program", fixture->fifo);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_int_equal(write(fd, "#!/bin/sh\necho ran\n", 19), 19);
    close(fd);
    struct command *command = parse(path);
    assert_true(run_is(fixture, command, HANDLER_DONE, "ran\n"));
    assert_int_equal(truncate(path, 0), 0);
    snprintf(reason, sizeof reason, "cannot run %s: Exec format error", path);
    assert_true(run_is(fixture, command, HANDLER_RETRY, reason));
    assert_int_equal(unlink(path), 0);
    snprintf(reason, sizeof reason, "cannot run %s: No such file or directory", path);
    assert_true(run_is(fixture, command, HANDLER_RETRY, reason));
    command_free(command);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, exec_fixture_set_up, exec_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_killed_by_a_signal),
        TEST(test_timeout_asks_first),
        TEST(test_timeout_kills_what_does_not_listen),
        TEST(test_timeout_of_one_that_has_stopped_itself),
        TEST(test_timeout_while_it_floods_the_pipes),
        TEST(test_a_timeout_that_never_comes),
        TEST(test_abort),
        TEST(test_abort_kills_what_does_not_listen),
        TEST(test_the_group_ends_with_the_program),
        TEST(test_output_is_not_waited_for_after_the_end),
        TEST(test_floods_by_one_that_left_the_group),
        TEST(test_worker_has_no_stdio),
        TEST(test_short_of_descriptors),
        TEST(test_short_of_processes),
        TEST(test_somebody_else_reaps),
        TEST(test_dies_with_the_worker),
        TEST(test_program_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
