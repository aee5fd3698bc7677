/* TERM ends a worker within its shutdown timeout and five seconds, whatever Redis does, and however
 * many queues it has. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/faults.h"
#include "support/wait.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MS = 1000, END_MS = 5000, SLACK_MS = 1500 };
#define TEN_QUEUES                                                                                 \
    "-q", "jobs", "-q", "b", "-q", "c", "-q", "d", "-q", "e", "-q", "f", "-q", "g", "-q", "h",     \
        "-q", "i", "-q", "j", "--shutdown-timeout", "1s", "-t", "2"

/* The exit code of one that was sent TERM then. */
static int expect_end(struct process *worker, int64_t begin_ms)
{
    int code = process_wait(worker, WORKER_FIXTURE_WAIT_MS);
    int64_t took_ms = clock_mono_ms() - begin_ms;
    print_message("ended with %d, %lld ms after TERM\n", code, (long long)took_ms);
    if (took_ms > TIMEOUT_MS + END_MS + wait_patience_ms(SLACK_MS))
        fail_msg("that is too late: %s", process_stderr(worker));
    return code;
}

static int end_in_time(struct process *worker)
{
    int64_t begin_ms = clock_mono_ms();
    process_signal(worker, SIGTERM);
    return expect_end(worker, begin_ms);
}

static bool are_all_waiting(void *context)
{
    const struct worker_fixture *f = context;
    char *info = commands_text(f->conn, "INFO", "clients");
    bool are = strstr(info, "\nblocked_clients:10\r") != NULL;
    free(info);
    return are;
}

/* Three workers fall upon a silent Redis: one that holds nothing, one with a job that runs and one
 * that has just ended, and one that pops. */
static void test_frozen(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "t",
        "echo >>\"${DIR}running\"\nwhile ! [ -e \"${DIR}$DARG_JOB_ID\" ]; do sleep 0.02; done\n"
        "echo >>\"${DIR}ended\"\n");
    struct process *busy = worker_fixture_start(f, TEN_QUEUES, "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"one\"}", "{\"type\":\"t\",\"id\":\"two\"}");
    worker_fixture_wait_lines(worker_fixture_path(f, "running"), 2);
    struct process *idle = worker_fixture_start(f, TEN_QUEUES);
    struct process *popper = worker_fixture_start(f, TEN_QUEUES, "--delivery", "at-most-once");
    redis_server_freeze(f->server);
    worker_fixture_touch(worker_fixture_path(f, "one"));
    worker_fixture_wait_lines(worker_fixture_path(f, "ended"), 1);
    int64_t begin_ms = clock_mono_ms();
    process_signal(busy, SIGTERM);
    process_signal(idle, SIGTERM);
    process_signal(popper, SIGTERM);
    int code = expect_end(busy, begin_ms);
    assert_in_range(expect_end(idle, begin_ms), 0, 1); /* a claim may have been under way */
    (void)expect_end(popper, begin_ms);
    redis_server_thaw(f->server);
    assert_int_equal(code, 1);
    assert_int_equal(faults_in_log(busy, "could not be settled"), 1);
    /* As many other queues may say so as had a claim under way. */
    assert_int_equal(faults_in_log(busy, "when the lease expires  queue=jobs "), 1);
}

static void test_dead(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, TEN_QUEUES);
    assert_true(wait_until(are_all_waiting, f, WORKER_FIXTURE_WAIT_MS));
    redis_server_kill(f->server);
    int code = end_in_time(worker);
    redis_server_restart(f->server);
    conn_discard(f->conn);
    commands_must_connect(f->conn);
    assert_in_range(code, 0, 1);
}

/* Something that accepts, and says nothing. */
static int start_mute(char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(listener, (const struct sockaddr *)&address, len), 0);
    assert_return_code(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_return_code(listen(listener, 64), 0);
    (void)snprintf(url, 64, "redis://127.0.0.1:%d", ntohs(address.sin_port));
    return listener;
}

static void test_mute(void **state)
{
    struct worker_fixture *f = *state;
    char url[64];
    int listener = start_mute(url);
    struct process *worker = worker_fixture_launch(f, TEN_QUEUES, "-r", url);
    process_wait_stderr(worker, "cannot be reached", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(end_in_time(worker), 0);
    close(listener);
    /* In its very first try. */
    listener = start_mute(url);
    worker = worker_fixture_launch(f, TEN_QUEUES, "-r", url);
    int accepted = accept(listener, NULL, NULL);
    assert_int_equal(end_in_time(worker), 0);
    close(accepted);
    close(listener);
}

/* A replica refuses to register a worker, which is as definite as it can be. */
static void test_read_only(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "REPLICAOF", "127.0.0.1", "1");
    struct process *worker = worker_fixture_launch(f, TEN_QUEUES);
    process_wait_stderr(worker, "READONLY", WORKER_FIXTURE_WAIT_MS);
    int64_t begin_ms = clock_mono_ms();
    assert_int_equal(end_in_time(worker), 0);
    assert_in_range(clock_mono_ms() - begin_ms, 0, TIMEOUT_MS + wait_patience_ms(SLACK_MS));
    commands_do(f->conn, "REPLICAOF", "NO", "ONE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_frozen),
        WORKER_TEST(test_dead),
        WORKER_TEST(test_mute),
        WORKER_TEST(test_read_only),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
