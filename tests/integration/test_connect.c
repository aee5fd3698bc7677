/* Connecting: the greeting, refusals, the wait between attempts, and servers that are none. */
#include "support/cmocka_all.h"

#include "redis/conn.h"
#include "support/commands.h"
#include "support/redis_server.h"

#include <netdb.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHORT_MS = 300 };

static int setup(void **state)
{
    *state = redis_server_start_tcp(NULL);
    return 0;
}

static int teardown(void **state)
{
    redis_server_stop(*state);
    return 0;
}

static void tcp_url(const struct redis_server *server, const char *userinfo, const char *rest,
                    char out[128])
{
    int len = snprintf(out, 128, "redis://%s127.0.0.1:%u%s", userinfo,
                       (unsigned)redis_server_port(server), rest);
    assert_true(len > 0 && len < 128);
}

static void test_greeting(void **state)
{
    char url[128];
    tcp_url(*state, "", "/7", url);
    struct conn *conn = commands_open(url, (struct conn_options){.client_name = "tester"});
    assert_false(conn_is_connected(conn));
    assert_int_equal(conn_generation(conn), 0);
    commands_must_connect(conn);
    assert_true(conn_is_connected(conn));
    assert_int_equal(conn_generation(conn), 1);
    commands_must_connect(conn);
    assert_int_equal(conn_generation(conn), 1);

    char *info = commands_text(conn, "CLIENT", "INFO");
    assert_non_null(strstr(info, " name=tester "));
    assert_non_null(strstr(info, " db=7 "));
    free(info);
    conn_close(conn);
    conn_close(NULL);
}

static void test_host_name(void **state)
{
    char url[64];
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
        skip(); /* a system that does not know even that name, like a bare chroot */
    freeaddrinfo(found);
    (void)snprintf(url, sizeof url, "redis://localhost:%u", (unsigned)redis_server_port(*state));
    struct conn *conn = commands_open(url, (struct conn_options){0});
    commands_must_connect(conn);
    conn_close(conn);
}

static void test_socket_is_not_inherited(void **state)
{
    struct conn *conn = commands_connect(redis_server_url(*state));
    for (int fd = 3; fd < 64; fd++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
    conn_close(conn);
}

static void test_bad_database(void **state)
{
    struct err err = {0};
    char url[128];
    tcp_url(*state, "", "/99", url);
    struct conn *conn = commands_open(url, (struct conn_options){0});
    assert_int_equal(conn_connect(conn, &err), ST_SERVER);
    assert_non_null(strstr(err_text(&err), "database 99"));
    assert_false(conn_is_connected(conn));
    conn_close(conn);
}

/* Connects with userinfo and expects the status; the password is in no text. */
static void expect_login(struct redis_server *server, const char *userinfo, enum status expected)
{
    char url[128];
    struct err err = {0};
    tcp_url(server, userinfo, "", url);
    struct conn *conn = commands_open(url, (struct conn_options){0});
    enum status status = conn_connect(conn, &err);
    if (status != expected)
        fail_msg("%s: %s (%s)", userinfo, status_name(status), err_text(&err));
    assert_null(strstr(err_text(&err), "S3cret"));
    assert_int_equal(conn_is_connected(conn), expected == ST_OK);
    conn_close(conn);
}

static void test_auth(void **state)
{
    (void)state;
    static const char *const args[] = {"--requirepass", "S3cret", NULL};
    struct redis_server *server = redis_server_start_tcp(args);
    expect_login(server, ":S3cret@", ST_OK);
    expect_login(server, "default:S3cret@", ST_OK);
    expect_login(server, ":S3cretx@", ST_NOAUTH);
    expect_login(server, "", ST_NOAUTH);
    expect_login(server, "alice:S3cret@", ST_NOAUTH);

    char url[128];
    tcp_url(server, ":S3cret@", "", url);
    struct conn *conn = commands_connect(url);
    commands_do(conn, "ACL", "SETUSER", "alice", "on", ">S3cret2", "+get", "~*");
    conn_close(conn);
    /* Neither PING nor CLIENT SETNAME is allowed to her: she is let in all the same. */
    expect_login(server, "alice:S3cret2@", ST_OK);
    redis_server_stop(server);
}

static void test_password_where_none_is_set(void **state)
{
    expect_login(*state, ":S3cret@", ST_NOAUTH);
}

/* A server that does not know AUTH repeats its arguments in its answer. */
static void test_server_without_auth(void **state)
{
    (void)state;
    static const char *const args[] = {"--rename-command", "AUTH", "", NULL};
    struct redis_server *server = redis_server_start_tcp(args);
    expect_login(server, ":S3cret@", ST_SERVER);
    redis_server_stop(server);
}

/* A TCP port that refuses: bound, and not listening. */
static int refusing_port(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_return_code(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_return_code(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void test_nobody_there(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = refusing_port(&port);
    char url[64], expected[160];
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", (unsigned)port);
    (void)snprintf(expected, sizeof expected, "cannot connect to Redis at %s: Connection refused",
                   url);
    struct conn *conn = commands_open(url, (struct conn_options){0});
    struct err err = {0};
    assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);
    assert_string_equal(err_text(&err), expected);

    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "PING");
    assert_int_equal(conn_call(conn, &request, &reply, &err), ST_UNREACHABLE);
    assert_int_equal(conn_send(conn, &request, &err), ST_UNREACHABLE);
    assert_int_equal(conn_flush(conn, &err), ST_UNREACHABLE);
    assert_int_equal(conn_receive(conn, &reply, &err), ST_UNREACHABLE);
    assert_int_equal(conn_wait(conn, -1, -1), CONN_READABLE);
    assert_string_equal(conn_run_id(conn), "");
    conn_discard(conn);
    request_fini(&request);
    conn_close(conn);
    close(fd);
}

static void test_backoff(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = refusing_port(&port);
    char url[64];
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", (unsigned)port);
    struct conn *conn = commands_open(url, (struct conn_options){0});
    assert_int_equal(conn_backoff_ms(conn), 0);
    int64_t limit_ms = 50;
    for (int failures = 1; failures < 40; failures++) {
        struct err err = {0};
        assert_int_equal(conn_connect(conn, &err), ST_UNREACHABLE);
        int64_t low_ms = INT64_MAX, high_ms = 0;
        for (int i = 0; i < 200; i++) {
            int64_t ms = conn_backoff_ms(conn);
            low_ms = ms < low_ms ? ms : low_ms;
            high_ms = ms > high_ms ? ms : high_ms;
        }
        assert_in_range(low_ms, limit_ms / 2, limit_ms * 3 / 4);
        assert_in_range(high_ms, limit_ms * 3 / 4, limit_ms);
        limit_ms = limit_ms * 2 < 2000 ? limit_ms * 2 : 2000;
    }
    conn_close(conn);
    close(fd);
}

static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t address_len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_return_code(bind(listener, (const struct sockaddr *)&address, address_len), 0);
    assert_return_code(getsockname(listener, (struct sockaddr *)&address, &address_len), 0);
    assert_return_code(listen(listener, 8), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

/* A server that lies: sends `answer` to whoever connects, and closes. Returns its port. */
static pid_t start_liar(const char *answer, size_t len, bool closes, uint16_t *port)
{
    int listener = listen_anywhere(port);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        close(listener);
        return pid;
    }
    int fd = accept(listener, NULL, NULL);
    char request[4096];
    if (recv(fd, request, sizeof request, 0) > 0)
        (void)send(fd, answer, len, MSG_NOSIGNAL);
    while (!closes && recv(fd, request, sizeof request, 0) > 0)
        continue;
    _exit(0);
}

struct lie {
    const char *answer;
    bool closes; /* else the liar goes on saying nothing */
    enum status status;
};

static void test_server_that_lies(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", true, ST_PROTOCOL},
        {"*2147483647\r\n*2147483647\r\n*2147483647\r\n", false, ST_PROTOCOL},
        {"*4294967297\r\n", false, ST_PROTOCOL},
        {"*-2\r\n", false, ST_PROTOCOL},
        {"$-2\r\n", false, ST_PROTOCOL},
        {"$999999999999999999999\r\n", false, ST_PROTOCOL},
        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", false, ST_PROTOCOL},
        {":12x\r\n", false, ST_PROTOCOL},
        {"$5\r\nab", true, ST_UNREACHABLE},
        {"$2147483640\r\nab", false, ST_UNREACHABLE},
        {"*3\r\n", false, ST_UNREACHABLE},
        {"", true, ST_UNREACHABLE},
        {"-ERR max number of clients reached\r\n", true, ST_UNREACHABLE},
        {"-DENIED Redis is running in protected mode\r\n", true, ST_NOAUTH},
        {"-\r\n", false, ST_OK}, /* an error that says nothing forbids nothing */
        {"$4\r\nPONG\r\n", false, ST_OK},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        uint16_t port = 0;
        pid_t liar = start_liar(lies[i].answer, strlen(lies[i].answer), lies[i].closes, &port);
        char url[64];
        (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", (unsigned)port);
        struct conn *conn =
            commands_open(url, (struct conn_options){.connect_timeout_ms = SHORT_MS});
        struct err err = {0};
        enum status status = conn_connect(conn, &err);
        if (status != lies[i].status)
            fail_msg("%s: %s (%s)", lies[i].answer, status_name(status), err_text(&err));
        conn_close(conn);
        assert_int_equal(waitpid(liar, NULL, 0), liar);
    }
}

/* What ends a link is quoted, whichever command met it. */
static void test_a_refusal_is_quoted(void **state)
{
    (void)state;
    static const char *const answers[] = {"-ERR max number of clients reached\r\n",
                                          "-DENIED Redis is running in protected mode\r\n"};
    static const char *const users[] = {"", "user:S3cret@"};
    for (size_t i = 0; i < 4; i++) {
        const char *answer = answers[i / 2];
        uint16_t port = 0;
        pid_t liar = start_liar(answer, strlen(answer), true, &port);
        char url[64];
        (void)snprintf(url, sizeof url, "redis://%s127.0.0.1:%u", users[i % 2], (unsigned)port);
        struct conn *conn = commands_open(url, (struct conn_options){.client_name = "tester"});
        struct err err = {0};
        assert_int_not_equal(conn_connect(conn, &err), ST_OK);
        if (memmem(err.text, strlen(err.text), answer + 1, strlen(answer) - 3) == NULL)
            fail_msg("%s is not in: %s", answer, err_text(&err));
        conn_close(conn);
        assert_int_equal(waitpid(liar, NULL, 0), liar);
    }
}

/* Answers PONG to everything, but closes links at CLIENT, as twemproxy does. */
static _Noreturn void serve_without_names(int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[4096];
        ssize_t len;
        while ((len = recv(fd, request, sizeof request, 0)) > 0) {
            if (memmem(request, (size_t)len, "CLIENT", 6) != NULL)
                break;
            (void)send(fd, "+PONG\r\n", 7, MSG_NOSIGNAL);
        }
        close(fd);
    }
}

static void test_no_names(void **state)
{
    (void)state;
    uint16_t port = 0;
    int listener = listen_anywhere(&port);
    pid_t proxy = fork();
    assert_true(proxy >= 0);
    if (proxy == 0)
        serve_without_names(listener);
    char url[64];
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", (unsigned)port);
    struct conn *conn = commands_open(url, (struct conn_options){.client_name = "tester"});
    commands_must_connect(conn);
    commands_do(conn, "PING");
    conn_discard(conn);
    commands_must_connect(conn);
    conn_close(conn);
    assert_return_code(kill(proxy, SIGKILL), 0);
    assert_int_equal(waitpid(proxy, NULL, 0), proxy);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting),
        cmocka_unit_test(test_host_name),
        cmocka_unit_test(test_socket_is_not_inherited),
        cmocka_unit_test(test_bad_database),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_password_where_none_is_set),
        cmocka_unit_test(test_server_without_auth),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_server_that_lies),
        cmocka_unit_test(test_a_refusal_is_quoted),
        cmocka_unit_test(test_no_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
