/* Name servers that do not answer: a name server of our own that is mute, in a network and with a
 * resolv.conf that only this test and its programs see. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char url[] = "redis://redis.example.net:6379";
/* DEFAULT_MS: how long connecting may take if nothing else is said. */
enum { SHORT_MS = 300, DEFAULT_MS = 5000, SLACK_MS = 1500 };

static bool run(const char *command)
{
    struct process *process =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", command)});
    int code = process_wait(process, WORKER_FIXTURE_WAIT_MS);
    process_free(process);
    return code == 0;
}

static bool make_mute_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

static int setup(void **state)
{
    bool is_made =
        unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 && run("ip link set lo up") &&
        run("mount --make-rprivate / && d=$(mktemp -d) && "
            "echo nameserver 127.0.0.1 >\"$d/conf\" && echo hosts: files dns >\"$d/nss\" && "
            "mount --bind \"$d/conf\" \"$(readlink -f /etc/resolv.conf)\" && "
            "mount --bind \"$d/nss\" \"$(readlink -f /etc/nsswitch.conf)\"; "
            "s=$?; rm -rf \"$d\"; exit $s") &&
        make_mute_server();
    if (!is_made) {
        print_message("no namespaces may be made here: skipped\n");
        return 0;
    }
    return worker_fixture_setup(state);
}

static int teardown(void **state)
{
    return *state == NULL ? 0 : worker_fixture_teardown(state);
}

static int reset(void **state)
{
    return *state == NULL ? 0 : worker_fixture_reset(state);
}

static int end(void **state)
{
    return *state == NULL ? 0 : worker_fixture_end(state);
}

static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* Each try takes as long as it may, and they share one look-up. */
static void test_a_conn(void **state)
{
    if (*state == NULL)
        skip();
    int threads = 0;
    struct conn *conn = commands_open(url, (struct conn_options){.connect_timeout_ms = SHORT_MS});
    for (int i = 0; i < 4; i++) {
        struct err err = {0};
        int64_t start_ms = clock_mono_ms();
        assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);
        assert_in_range(clock_mono_ms() - start_ms, SHORT_MS - 50, DEFAULT_MS - 1);
        assert_non_null(strstr(err_text(&err), "name servers"));
        if (i == 0)
            threads = count_threads();
        assert_int_equal(count_threads(), threads);
    }
    conn_close(conn); /* does not wait for it */
}

/* What needs no name server is not held up. */
static void test_other_names(void **state)
{
    if (*state == NULL)
        skip();
    struct err err = {0};
    struct conn *conn = commands_open("redis://127.0.0.1:1", (struct conn_options){0});
    assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);
    assert_non_null(strstr(err_text(&err), "refused"));
    conn_close(conn);
}

static void test_a_command(void **state)
{
    struct worker_fixture *f = *state;
    if (f == NULL) {
        skip();
        return;
    }
    f->program = "darg";
    int64_t start_ms = clock_mono_ms();
    struct process *process = worker_fixture_run(f, "stats", "-r", url, "--connect-timeout", "1s");
    worker_fixture_expect_exit(process, 3);
    assert_in_range(clock_mono_ms() - start_ms, 0, DEFAULT_MS - 1);
}

static void test_a_worker(void **state)
{
    struct worker_fixture *f = *state;
    if (f == NULL) {
        skip();
        return;
    }
    struct process *worker = worker_fixture_launch(f, "-q", "a", "-q", "b", "-q", "c", "-r", url,
                                                   "--shutdown-timeout", "1s");
    process_wait_stderr(worker, "name servers", WORKER_FIXTURE_WAIT_MS);
    int64_t start_ms = clock_mono_ms();
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_in_range(clock_mono_ms() - start_ms, 0, 1000 + 5000 + wait_patience_ms(SLACK_MS));
}

#define DNS_TEST(function) cmocka_unit_test_setup_teardown(function, reset, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DNS_TEST(test_a_conn),
        DNS_TEST(test_other_names),
        DNS_TEST(test_a_command),
        DNS_TEST(test_a_worker),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
