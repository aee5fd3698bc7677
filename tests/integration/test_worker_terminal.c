/* Workers and programs on a terminal. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* The other end of a new terminal that is the worker's, and that stops whoever writes to it from
 * the background if `stops_writers`; to be closed. */
static int open_terminal(struct worker_fixture *f, bool stops_writers)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(grantpt(fd), 0);
    assert_int_equal(unlockpt(fd), 0);
    struct termios how;
    assert_int_equal(tcgetattr(fd, &how), 0);
    if (stops_writers)
        how.c_lflag |= TOSTOP;
    assert_int_equal(tcsetattr(fd, TCSANOW, &how), 0);
    f->terminal = ptsname(fd);
    return fd;
}

/* Child processes are in the background, and log to the terminal. */
static void test_output_does_not_stop_a_worker(void **state)
{
    struct worker_fixture *f = *state;
    int terminal = open_terminal(f, true);
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
    char text[4096] = "";
    assert_true(read(terminal, text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "worker registered"));
    close(terminal);
}

/* It would be stopped for reading in the background, and its thread lost. */
static void test_a_program_has_no_terminal(void **state)
{
    struct worker_fixture *f = *state;
    int terminal = open_terminal(f, false);
    const char *handler = worker_fixture_handler(f, "ask", "read answer </dev/tty\n");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", handler,
                                                  "--log-level", "warn");
    worker_fixture_push(f, "{\"type\":\"ask\",\"max_attempts\":1}");
    worker_fixture_wait_count(f, "buried", 1);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    char *entry = slice_dup(reply_slice(reply_at(dead, 0)));
    assert_non_null(strstr(entry, "/dev/tty"));
    free(entry);
    reply_free(dead);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    close(terminal);
}

static void test_term_reaches_a_stopped_child(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    assert_int_equal(kill(worker_fixture_child(worker), SIGSTOP), 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_output_does_not_stop_a_worker),
        WORKER_TEST(test_a_program_has_no_terminal),
        WORKER_TEST(test_term_reaches_a_stopped_child),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
