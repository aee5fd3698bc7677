/* What a service manager hears from darg-worker, on a socket as systemd's, and what systemd thinks
 * of the unit. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/script.h"
#include "support/wait.h"
#include "support/worker_fixture.h"
#include "worker/process/notify.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char variable[160], watchdog[64];

/* The manager's socket; NOTIFY_SOCKET names it to the workers started from now on. */
static int listen_as_manager(struct worker_fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len =
        snprintf(address.sun_path, sizeof address.sun_path, "%s/notify.%d", f->directory, f->test);
    assert_in_range(len, 1, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)snprintf(variable, sizeof variable, "NOTIFY_SOCKET=%s", address.sun_path);
    f->env[0] = variable;
    return fd;
}

/* The next message, or false when none has come in time. Borrowed until the next call. */
static bool hear(int fd, const char **message, int64_t timeout_ms)
{
    static char text[1024];
    struct pollfd item = {.fd = fd, .events = POLLIN};
    if (poll(&item, 1, (int)(timeout_ms > 0 ? timeout_ms : 0)) != 1)
        return false;
    ssize_t len = recv(fd, text, sizeof text - 1, 0);
    assert_true(len > 0);
    text[len] = 0;
    *message = text;
    return true;
}

static bool has_line(const char *message, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = message; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, line, len) == 0 && (at[len] == '\n' || at[len] == 0))
            return true;
    }
    return false;
}

/* Reads until this line comes, before which `never` must not have been said. */
static void expect_before(int fd, const char *line, const char *never)
{
    const char *message = "";
    int64_t deadline_ms = clock_mono_ms() + wait_patience_ms(WORKER_FIXTURE_WAIT_MS);
    while (!has_line(message, line)) {
        if (!hear(fd, &message, deadline_ms - clock_mono_ms()))
            fail_msg("'%s' was never said", line);
        if (never != NULL && has_line(message, never))
            fail_msg("'%s' was said before '%s'", never, line);
    }
}

static void skip_without_systemd(void)
{
    if (notify_is_supported())
        return;
    print_message("skipped: built without libsystemd\n");
    skip();
}

static void test_ready_and_stopping(void **state)
{
    struct worker_fixture *f = *state;
    skip_without_systemd();
    int manager = listen_as_manager(f);
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-p", "3", "--shutdown-timeout", "100s");
    expect_before(manager, "READY=1", "STOPPING=1");
    process_signal(worker, SIGTERM);
    expect_before(manager, "STOPPING=1", "READY=1");
    worker_fixture_expect_exit(worker, 0);
    close(manager);
}

/* A unit's TimeoutStopSec cannot know of the option. */
static void test_a_longer_end_is_asked_for(void **state)
{
    struct worker_fixture *f = *state;
    skip_without_systemd();
    int manager = listen_as_manager(f);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--shutdown-timeout", "100s");
    process_signal(worker, SIGTERM);
    expect_before(manager, "EXTEND_TIMEOUT_USEC=115000000", NULL);
    worker_fixture_expect_exit(worker, 0);
    close(manager);
}

static void test_not_ready_without_redis(void **state)
{
    struct worker_fixture *f = *state;
    skip_without_systemd();
    int manager = listen_as_manager(f);
    char url[300];
    (void)snprintf(url, sizeof url, "unix://%s", worker_fixture_path(f, "nothing.sock"));
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "-r", url);
    process_wait_stderr(worker, "cannot be reached", WORKER_FIXTURE_WAIT_MS);
    process_signal(worker, SIGTERM);
    expect_before(manager, "STOPPING=1", "READY=1");
    worker_fixture_expect_exit(worker, 0);
    close(manager);
}

/* One process of two hangs: the manager hears no more of a worker whose supervisor is well. */
static void test_the_watchdog_follows_the_fetch_loop(void **state)
{
    struct worker_fixture *f = *state;
    skip_without_systemd();
    int manager = listen_as_manager(f);
    (void)snprintf(watchdog, sizeof watchdog, "WATCHDOG_USEC=200000");
    f->env[1] = watchdog;
    char name[32];
    (void)snprintf(name, sizeof name, "systemd-%d", (int)getpid());
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-p", "2", "--health-age", "7s",
                                                  "--health-name", name);
    pid_t children[2];
    assert_int_equal(worker_fixture_children(worker, children, 2), 2);
    expect_before(manager, "WATCHDOG=1", NULL);
    assert_int_equal(kill(children[1], SIGSTOP), 0);
    /* Ten beats' time of silence begins when its loop has not turned for 7 s. */
    const char *message;
    int64_t deadline_ms = clock_mono_ms() + wait_patience_ms(WORKER_FIXTURE_WAIT_MS);
    while (hear(manager, &message, 1000))
        assert_true(clock_mono_ms() < deadline_ms);
    assert_int_equal(kill(children[1], SIGCONT), 0);
    expect_before(manager, "WATCHDOG=1", NULL);
    close(manager);
}

/* A job's program is no business of the manager's, and must not speak for the worker. */
static void test_handlers_are_kept_out(void **state)
{
    struct worker_fixture *f = *state;
    int manager = listen_as_manager(f);
    f->env[1] = "WATCHDOG_USEC=60000000";
    const char *handler =
        worker_fixture_handler(f, "look", "env | grep -cE '^(NOTIFY|WATCHDOG)' >\"${DIR}seen\"\n:");
    worker_fixture_start(f, "-q", "jobs", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"look\"}");
    worker_fixture_wait_count(f, "done", 1);
    char *seen = worker_fixture_read(worker_fixture_path(f, "seen"));
    assert_string_equal(seen, "0\n");
    free(seen);
    close(manager);
}

static void test_the_unit(void **state)
{
    (void)state;
    script_run("unit", NULL, WORKER_FIXTURE_WAIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_ready_and_stopping),
        WORKER_TEST(test_a_longer_end_is_asked_for),
        WORKER_TEST(test_not_ready_without_redis),
        WORKER_TEST(test_the_watchdog_follows_the_fetch_loop),
        WORKER_TEST(test_handlers_are_kept_out),
        WORKER_TEST(test_the_unit),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
