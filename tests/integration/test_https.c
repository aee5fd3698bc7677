/* Handlers that are https:// URLs, with certificates of our own making: whom they trust, for which
 * name, and that nothing of a job reaches anyone else. */
#include "support/cmocka_all.h"

#include "support/certificates.h"
#include "support/http_server.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Servers, by their certificates; each says on a line what reaches it. */
enum place { SERVER, ELSEWHERE, EXPIRED, PLACES };
static struct process *places[PLACES];
static int ports[PLACES];
static struct http_server *plain; /* where a redirect leads */

static const char *program(void)
{
    static char path[400];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(path, sizeof path, "%s/darg-http", build == NULL ? "build" : build);
    return path;
}

/* Whether this can be tested here; says so if not. */
static bool is_possible(void)
{
    struct process *python = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("sh", "-c", "python3 -c 'import ssl, http.server'")});
    bool has_python = process_wait(python, WORKER_FIXTURE_WAIT_MS) == 0;
    process_free(python);
    if (!has_python)
        print_message("skipped: there is no python3 to be an HTTPS server\n");
    else if (access(program(), X_OK) != 0)
        print_message("skipped: darg-http was not built (it wants libcurl)\n");
    return has_python && access(program(), X_OK) == 0;
}

static int setup(void **state)
{
    static const char *const files[PLACES][2] = {[SERVER] = {"server.pem", "server.key"},
                                                 [ELSEWHERE] = {"elsewhere.pem", "elsewhere.key"},
                                                 [EXPIRED] = {"expired.pem", "expired.key"}};
    if (!is_possible())
        return 0;
    certificates_make();
    for (size_t i = 0; i < PLACES; i++) {
        places[i] = process_start(&(struct process_options){
            .argv = COMMANDS_ARGS("python3", "tests/support/https_server.py",
                                  certificates_path(files[i][0]), certificates_path(files[i][1]))});
        ports[i] = atoi(process_read_line(places[i], WORKER_FIXTURE_WAIT_MS));
        assert_true(ports[i] > 0);
    }
    plain = http_server_start();
    return worker_fixture_setup(state);
}

static int teardown(void **state)
{
    if (*state == NULL)
        return 0;
    for (size_t i = 0; i < PLACES; i++)
        process_free(places[i]);
    http_server_stop(plain);
    certificates_remove();
    return worker_fixture_teardown(state);
}

static int reset(void **state)
{
    if (*state == NULL)
        return 0;
    (void)worker_fixture_reset(state);
    struct worker_fixture *f = *state;
    f->env[0] = "no_proxy=*";
    f->env[1] = "SSL_CERT_FILE";
    return 0;
}

static int end(void **state)
{
    return *state == NULL ? 0 : worker_fixture_end(state);
}

static void expect_seen(enum place place, const char *line)
{
    assert_string_equal(process_read_line(places[place], WORKER_FIXTURE_WAIT_MS), line);
}

/* A TYPE=COMMAND: with an authority's file, or (NULL) the plain URL. */
static const char *handler_of(const char *authority, const char *scheme, const char *host,
                              enum place place, const char *path)
{
    static char text[800];
    char url[200];
    (void)snprintf(url, sizeof url, "%s://%s:%d%s", scheme, host, ports[place], path);
    if (authority == NULL)
        (void)snprintf(text, sizeof text, "t=%s", url);
    else
        (void)snprintf(text, sizeof text, "t=stream:%s --ca %s %s", program(),
                       certificates_path(authority), url);
    return text;
}

struct attempt {
    enum place place;
    const char *authority, *scheme, *host;
    const char *says; /* why it failed; NULL: it did not, and the server saw the job */
    const char *seen; /* by the server; NULL: "linked" */
};

static void try(struct worker_fixture *f, const struct attempt *attempt)
{
    const char *handler =
        handler_of(attempt->authority, attempt->scheme, attempt->host, attempt->place, "/echo");
    struct process *process =
        worker_fixture_run(f, "--handler", handler, "--try", "t", "{\"secret\":1}");
    int code = process_wait(process, WORKER_FIXTURE_WAIT_MS);
    const char *out = process_stdout(process), *log = process_stderr(process);
    bool is_right = attempt->says == NULL
                        ? code == 0 && strcmp(out, "{\"secret\":1}\n") == 0
                        : code == 1 && out[0] == '\0' && strstr(log, "would be retried: ") &&
                              strstr(log, attempt->says);
    if (!is_right)
        fail_msg("%s: code %d, stdout \"%s\", stderr \"%s\"", handler, code, out, log);
    expect_seen(attempt->place, attempt->seen == NULL ? "linked" : attempt->seen);
    if (attempt->says == NULL)
        expect_seen(attempt->place, "POST /echo");
    worker_fixture_end((void **)&f);
}

/* A server deals with one link after another and says what it sees in this order, so none of the
 * attempts before a server's last one has told it more than is looked for. */
static void try_all(struct worker_fixture *f)
{
    static const struct attempt attempts[] = {
        {SERVER, "ca.pem", "https", "localhost", NULL, NULL},
        {SERVER, "ca.pem", "https", "127.0.0.1", NULL, NULL},
        /* Nobody whom we trust says who it is: the system's authorities, another one, no file. */
        {SERVER, NULL, "https", "localhost", "SSL certificate problem", "refused"},
        {SERVER, "stranger.pem", "https", "localhost", "SSL certificate problem", "refused"},
        {SERVER, "none.pem", "https", "localhost", "none.pem", "refused"},
        /* We speak no TLS. */
        {SERVER, "ca.pem", "http", "localhost", "", "refused"},
        {SERVER, "ca.pem", "https", "localhost", NULL, NULL},
        /* It was itself once. */
        {EXPIRED, "ca.pem", "https", "localhost", "expired", "refused"},
        {EXPIRED, "ca.pem", "https", "127.0.0.1", "expired", "refused"},
        /* It is another one. libcurl looks at the name when the link stands, and then says no more.
         */
        {ELSEWHERE, "ca.pem", "https", "localhost", "subject name matches target", NULL},
        {ELSEWHERE, "ca.pem", "https", "127.0.0.1", "subject name matches target", NULL},
        {ELSEWHERE, "stranger.pem", "https", "localhost", "SSL certificate problem", "refused"},
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

/* The environment's authorities hold for a handler that is no more than a URL; --ca goes first. */
static void try_environment(struct worker_fixture *f)
{
    char trusted[100];
    (void)snprintf(trusted, sizeof trusted, "SSL_CERT_FILE=%s", certificates_path("ca.pem"));
    f->env[1] = trusted;
    try(f, &(struct attempt){SERVER, NULL, "https", "localhost", NULL, NULL});
    try(f, &(struct attempt){SERVER, "stranger.pem", "https", "localhost",
                             "SSL certificate problem", "refused"});
}

static void test_environment(void **state)
{
    if (*state == NULL)
        skip();
    else
        try_environment(*state);
}

/* From https to http: dead, and nobody there has been asked. */
static void try_redirect(struct worker_fixture *f)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/redirect/%d", http_server_port(plain));
    struct process *process =
        worker_fixture_run(f, "--handler", handler_of("ca.pem", "https", "localhost", SERVER, path),
                           "--try", "t", "1");
    worker_fixture_expect_exit(process, 1);
    assert_non_null(strstr(process_stderr(process),
                           "would go to the dead jobs: HTTP 302 (redirects are not followed)"));
    expect_seen(SERVER, "linked");
    char request[48];
    (void)snprintf(request, sizeof request, "POST %s", path);
    expect_seen(SERVER, request);
    assert_int_equal(http_server_requests(plain), 0);
}

static void test_redirect(void **state)
{
    if (*state == NULL)
        skip();
    else
        try_redirect(*state);
}

/* Real jobs: those for a server that is not trusted stay in the queue, with the reason in the log;
 * those for one that is go through one link. */
static void run_jobs(struct worker_fixture *f)
{
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler",
                             handler_of("stranger.pem", "https", "localhost", SERVER, "/echo"));
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\",\"args\":1}");
    worker_fixture_wait_count(f, "retried", 1);
    process_wait_stderr(worker, "job failed, will be retried", WORKER_FIXTURE_WAIT_MS);
    process_wait_stderr(worker, "error=\"SSL certificate problem: ", WORKER_FIXTURE_WAIT_MS);
    expect_seen(SERVER, "refused");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(worker_fixture_count(f, "buried"), 0);

    commands_do(f->conn, "FLUSHALL");
    worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler",
                                  handler_of("ca.pem", "https", "localhost", SERVER, "/echo"));
    worker_fixture_push_many(f, 3, "t", "{}");
    worker_fixture_wait_count(f, "done", 3);
    expect_seen(SERVER, "linked");
    for (int i = 0; i < 3; i++)
        expect_seen(SERVER, "POST /echo");
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

static void trust(const char *authority)
{
    struct process *copy = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("cp", certificates_path(authority), certificates_path("trusted"))});
    assert_int_equal(process_wait(copy, WORKER_FIXTURE_WAIT_MS), 0);
    process_free(copy);
}

/* An authority's file that is replaced while the handler runs. */
static void replace_authority(struct worker_fixture *f)
{
    char line[32] = "";
    trust("stranger.pem");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--backoff", "100ms..100ms", "--handler",
                             handler_of("trusted", "https", "localhost", SERVER, "/echo"));
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\",\"args\":1}");
    worker_fixture_wait_above(f, "retried", 1);
    trust("ca.pem");
    worker_fixture_wait_count(f, "done", 1);
    while (strcmp(line, "linked") != 0)
        (void)snprintf(line, sizeof line, "%s",
                       process_read_line(places[SERVER], WORKER_FIXTURE_WAIT_MS));
    expect_seen(SERVER, "POST /echo");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
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
        cmocka_unit_test_setup_teardown(test_environment, reset, end),
        cmocka_unit_test_setup_teardown(test_redirect, reset, end),
        cmocka_unit_test_setup_teardown(test_jobs, reset, end),
        cmocka_unit_test_setup_teardown(test_a_new_authority, reset, end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
