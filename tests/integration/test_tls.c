/* rediss:// with certificates of our own making: whom we trust, for which name, who we are, and
 * that jobs go through it like through any other link. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "redis/tls.h"
#include "support/certificates.h"
#include "support/worker_fixture.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct redis_server *plain_name; /* wants no certificate of its clients */
static struct redis_server *other_name; /* its certificate is for another host */
static struct redis_server *expired;

static struct redis_server *start_server(const char *certificate, const char *key, const char *asks)
{
    return redis_server_start_tls(COMMANDS_ARGS(
        "--tls-cert-file", certificates_path(certificate), "--tls-key-file", certificates_path(key),
        "--tls-ca-cert-file", certificates_path("ca.pem"), "--tls-auth-clients", asks));
}

static int setup(void **state)
{
    if (!tls_is_supported()) {
        print_message("this build has no TLS (it wants hiredis_ssl): skipped\n");
        return 0;
    }
    certificates_make();
    plain_name = start_server("server.pem", "server.key", "no");
    other_name = start_server("elsewhere.pem", "elsewhere.key", "no");
    expired = start_server("expired.pem", "expired.key", "no");
    struct worker_fixture *f = mem_new(sizeof *f);
    f->server = start_server("server.pem", "server.key", "yes");
    f->conn = commands_connect(redis_server_url(f->server)); /* by its socket */
    (void)snprintf(f->directory, sizeof f->directory, "%s", redis_server_directory(f->server));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    if (*state == NULL)
        return 0;
    redis_server_stop(plain_name);
    redis_server_stop(other_name);
    redis_server_stop(expired);
    certificates_remove();
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

static const char *url_of(const struct redis_server *server, const char *scheme, const char *host)
{
    static char urls[4][64];
    static unsigned next;
    char *url = urls[next++ % 4];
    (void)snprintf(url, sizeof urls[0], "%s://%s:%u", scheme, host,
                   (unsigned)redis_server_port(server));
    return url;
}

struct attempt {
    const struct redis_server *server;
    const char *scheme, *host;
    const char *ca, *cert, *key; /* files; NULL: not given */
    int exit_code;
    const char *says;
};

static void try(struct worker_fixture *f, const struct attempt *attempt)
{
    const char *args[16] = {"stats", "--connect-timeout", "300ms", "-r",
                            url_of(attempt->server, attempt->scheme, attempt->host)};
    size_t count = 5;
    const char *const options[][2] = {
        {"--tls-ca", attempt->ca}, {"--tls-cert", attempt->cert}, {"--tls-key", attempt->key}};
    for (size_t i = 0; i < 3; i++) {
        if (options[i][1] == NULL)
            continue;
        args[count++] = options[i][0];
        args[count++] = certificates_path(options[i][1]);
    }
    f->program = "darg";
    struct process *process = worker_fixture_run_args(f, args, 0);
    worker_fixture_expect_exit(process, attempt->exit_code);
    if (strstr(process_stderr(process), attempt->says) == NULL)
        fail_msg("not '%s' but: %s", attempt->says, process_stderr(process));
    worker_fixture_end((void **)&f);
}

static void try_all(struct worker_fixture *f)
{
    const struct attempt attempts[] = {
        {f->server, "rediss", "localhost", "ca.pem", "client.pem", "client.key", 0, ""},
        {f->server, "rediss", "127.0.0.1", "ca.pem", "client.pem", "client.key", 0, ""},
        {plain_name, "rediss", "localhost", "ca.pem", NULL, NULL, 0, ""},
        /* We do not trust it: no authority, another one, another name, too old. */
        {plain_name, "rediss", "localhost", NULL, NULL, NULL, 3, "TLS: "},
        {plain_name, "rediss", "localhost", "stranger.pem", NULL, NULL, 3, "TLS: "},
        {other_name, "rediss", "localhost", "ca.pem", NULL, NULL, 3, "mismatch"},
        {other_name, "rediss", "127.0.0.1", "ca.pem", NULL, NULL, 3, "mismatch"},
        {expired, "rediss", "localhost", "ca.pem", NULL, NULL, 3, "expired"},
        /* It does not trust us. */
        {f->server, "rediss", "localhost", "ca.pem", NULL, NULL, 3, ""},
        {f->server, "rediss", "localhost", "ca.pem", "stranger.pem", "stranger.key", 3, ""},
        /* One of the two speaks no TLS. */
        {plain_name, "redis", "localhost", NULL, NULL, NULL, 3, "cannot"},
        /* Files that are not what they should be. */
        {plain_name, "rediss", "localhost", "none.pem", NULL, NULL, 3, "CA file"},
        {f->server, "rediss", "localhost", "ca.pem", "client.pem", "server.key", 3, "key file"},
        {f->server, "rediss", "localhost", "ca.pem", "none.pem", NULL, 3, "certificate file"},
    };
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        try(f, &attempts[i]);
}

static void test_trust(void **state)
{
    if (*state == NULL)
        skip();
    else
        try_all(*state);
}

/* Many jobs, some of them large, with links that are cut meanwhile. */
static void run_jobs(struct worker_fixture *f)
{
    enum { SMALL = 20000, LARGE = 5 };
    char line[1024];
    const char *build = getenv("DARG_BUILD_DIR");
    const char *url = url_of(f->server, "rediss", "localhost");
    const char *const tls[] = {certificates_path("ca.pem"), certificates_path("client.pem"),
                               certificates_path("client.key")};
    (void)snprintf(line, sizeof line,
                   "{ seq %d; for i in $(seq %d); do head -c 3000000 /dev/zero | tr '\\0' x; echo; "
                   "done; } | %s/darg push noop --lines --quiet -q jobs --max-job-size 4MiB -r %s "
                   "--tls-ca %s --tls-cert %s --tls-key %s",
                   SMALL, LARGE, build == NULL ? "build" : build, url, tls[0], tls[1], tls[2]);
    struct process *push =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", line)});
    worker_fixture_expect_exit(push, 0);
    process_free(push);
    struct process *worker = worker_fixture_run(
        f, "-r", url, "-q", "jobs", "-t", "4", "--max-job-size", "4MiB", "--log-level", "warn",
        "--tls-ca", tls[0], "--tls-cert", tls[1], "--tls-key", tls[2]);
    worker_fixture_wait_above(f, "done", 1);
    commands_do(f->conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    worker_fixture_wait_count(f, "done", SMALL + LARGE);
    worker_fixture_wait_held(f, 0);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 0);
    assert_int_equal(worker_fixture_count(f, "buried"), 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_jobs(void **state)
{
    if (*state == NULL)
        skip();
    else
        run_jobs(*state);
}

/* Who accepts and is silent, at least in TLS: the handshake has the deadline of all connecting. */
static void shake_hands_with_nobody(struct worker_fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    char url[64];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(listener, (const struct sockaddr *)&address, len), 0);
    assert_return_code(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_return_code(listen(listener, 8), 0);
    (void)snprintf(url, sizeof url, "rediss://localhost:%d", ntohs(address.sin_port));
    f->program = "darg";
    int64_t start_ms = clock_mono_ms();
    struct process *process =
        worker_fixture_run(f, "stats", "-r", url, "--connect-timeout", "500ms");
    worker_fixture_expect_exit(process, 3);
    assert_in_range(clock_mono_ms() - start_ms, 500, 4999); /* 5 s would be the default */
    assert_non_null(strstr(process_stderr(process), "TLS: no answer in time"));
    close(listener);
}

static void test_silence(void **state)
{
    if (*state == NULL)
        skip();
    else
        shake_hands_with_nobody(*state);
}

static void trust(const char *authority)
{
    struct process *copy = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("cp", certificates_path(authority), certificates_path("trusted"))});
    assert_int_equal(process_wait(copy, WORKER_FIXTURE_WAIT_MS), 0);
    process_free(copy);
}

/* Authorities that are replaced while a worker runs count from its next connection on; and one that
 * it cannot make meanwhile is no reason to end. */
static void replace_authority(struct worker_fixture *f)
{
    trust("ca.pem");
    struct process *worker = worker_fixture_run_args(
        f,
        COMMANDS_ARGS("-r", url_of(plain_name, "rediss", "localhost"), "-q", "jobs", "--tls-ca",
                      certificates_path("trusted"), "--ready-fd", "7"),
        7);
    process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
    struct conn *conn = commands_connect(redis_server_url(plain_name));
    trust("stranger.pem");
    commands_do(conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    process_wait_stderr(worker, "TLS: ", WORKER_FIXTURE_WAIT_MS);
    trust("ca.pem");
    process_wait_stderr(worker, "Redis answers again", WORKER_FIXTURE_WAIT_MS);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    conn_close(conn);
}

static void test_a_new_authority(void **state)
{
    if (*state == NULL)
        skip();
    else
        replace_authority(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trust, reset, end),
        cmocka_unit_test_setup_teardown(test_jobs, reset, end),
        cmocka_unit_test_setup_teardown(test_silence, reset, end),
        cmocka_unit_test_setup_teardown(test_a_new_authority, reset, end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
