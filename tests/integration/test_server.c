/* Servers that lack what the scripts need: said in words, at the start of a worker with exit code
 * 3, and by darg doctor. One that says it is Redis 6.2.6 is a process of our own. */
#include "support/cmocka_all.h"

#include "redis/server.h"
#include "support/resp.h"
#include "support/worker_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct fake {
    const char *info; /* the answer to INFO, as a bulk string */
    pid_t pid;
    char url[64];
};

static const char *answer_to(const struct fake *fake, struct slice message)
{
    if (memmem(message.ptr, message.len, "INFO", 4) != NULL)
        return fake->info;
    if (memmem(message.ptr, message.len, "TIME", 4) != NULL)
        return "*2\r\n$1\r\n1\r\n$1\r\n1\r\n";
    return "+OK\r\n";
}

/* One client after another. */
static _Noreturn void serve(const struct fake *fake, int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        char bytes[65536];
        size_t len = 0;
        ssize_t n;
        int fd = accept(listener, NULL, NULL);
        while ((n = recv(fd, bytes + len, sizeof bytes - len, 0)) > 0) {
            size_t used;
            len += (size_t)n;
            while ((used = resp_length((struct slice){bytes, len})) > 0) {
                const char *answer = answer_to(fake, (struct slice){bytes, used});
                (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
                memmove(bytes, bytes + used, len -= used);
            }
        }
        close(fd);
    }
}

static struct fake *start_fake(struct fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(listener, (const struct sockaddr *)&address, len), 0);
    assert_return_code(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_return_code(listen(listener, 16), 0);
    (void)snprintf(fake->url, sizeof fake->url, "redis://127.0.0.1:%d", ntohs(address.sin_port));
    fake->pid = fork();
    assert_true(fake->pid >= 0);
    if (fake->pid == 0)
        serve(fake, listener);
    close(listener);
    return fake;
}

static void stop_fake(const struct fake *fake)
{
    assert_return_code(kill(fake->pid, SIGKILL), 0);
    assert_int_equal(waitpid(fake->pid, NULL, 0), fake->pid);
}

static void expect_verdict(const char *url, enum status expected, const char *says)
{
    struct err err = {0};
    struct conn *conn = commands_connect(url);
    assert_int_equal(server_check(conn, &err), expected);
    if (strstr(err_text(&err), says) == NULL)
        fail_msg("not '%s' but: %s", says, err_text(&err));
    conn_close(conn);
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        const char *info;
        enum status status;
        const char *says;
    } cases[] = {
        {"$31\r\n# Server\r\nredis_version:6.2.6\r\n\r\n", ST_UNSUPPORTED, "this is Redis 6.2.6"},
        {"$31\r\n# Server\r\nredis_version:7.0.0\r\n\r\n", ST_OK, ""},
        {"$32\r\n# Server\r\nredis_version:10.0.0\r\n\r\n", ST_OK, ""},
        {"$53\r\n# Server\r\nredis_version:6.2.6\r\nvalkey_version:8.1.0\r\n\r\n", ST_OK, ""},
        {"$10\r\n# Server\r\n\r\n", ST_OK, ""},
        {"-NOPERM no\r\n", ST_OK, ""},
        {"-ERR unknown command 'INFO'\r\n", ST_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake fake = {.info = cases[i].info};
        expect_verdict(start_fake(&fake)->url, cases[i].status, cases[i].says);
        stop_fake(&fake);
    }
}

static void test_a_worker_on_an_old_server(void **state)
{
    struct worker_fixture *f = *state;
    struct fake fake = {.info = "$31\r\n# Server\r\nredis_version:6.2.6\r\n\r\n"};
    struct process *worker =
        worker_fixture_launch(f, "-q", "jobs", "-p", "2", "-r", start_fake(&fake)->url);
    worker_fixture_expect_exit(worker, 3);
    assert_non_null(strstr(process_stderr(worker), "this is Redis 6.2.6, and darg needs 7.0"));
    stop_fake(&fake);
}

static void test_no_time(void **state)
{
    struct worker_fixture *f = *state;
    struct redis_server *server = redis_server_start(COMMANDS_ARGS("--rename-command", "TIME", ""));
    expect_verdict(redis_server_url(server), ST_UNSUPPORTED, "needs the command TIME");
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "-r", redis_server_url(server));
    worker_fixture_expect_exit(worker, 3);
    assert_non_null(strstr(process_stderr(worker), "needs the command TIME"));
    redis_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_versions),
        WORKER_TEST(test_a_worker_on_an_old_server),
        WORKER_TEST(test_no_time),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
