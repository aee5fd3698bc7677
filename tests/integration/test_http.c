/* Handlers that are URLs: what each answer of a server means for the job, what the server is told,
 * and what may never be sent or followed. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/http_server.h"
#include "support/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct http_server *server;

static int setup(void **state)
{
    char program[400];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(program, sizeof program, "%s/darg-http", build == NULL ? "build" : build);
    server = http_server_start();
    if (access(program, X_OK) != 0) {
        print_message("darg-http was not built (it wants libcurl): skipped\n");
        return 0;
    }
    return worker_fixture_setup(state);
}

static int teardown(void **state)
{
    http_server_stop(server);
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

static const char *handler_of(const char *scheme, const char *path)
{
    static char text[200];
    (void)snprintf(text, sizeof text, "t=%s://127.0.0.1:%d%s", scheme, http_server_port(server),
                   path);
    return text;
}

struct attempt {
    const char *path, *args;
    int exit_code;
    const char *out; /* all of it */
    const char *says;
};

static void try(struct worker_fixture *f, const char *scheme, const struct attempt *attempt)
{
    struct process *process = worker_fixture_run(f, "--handler", handler_of(scheme, attempt->path),
                                                 "--try", "t", attempt->args);
    int code = process_wait(process, WORKER_FIXTURE_WAIT_MS);
    if (code != attempt->exit_code || strcmp(process_stdout(process), attempt->out) != 0 ||
        strstr(process_stderr(process), attempt->says) == NULL)
        fail_msg("%s: code %d, stdout \"%s\", stderr \"%s\"", attempt->path, code,
                 process_stdout(process), process_stderr(process));
    worker_fixture_end((void **)&f);
}

static void try_all(struct worker_fixture *f)
{
    static const struct attempt attempts[] = {
        {"/echo", "{\"a\": [1, 2.50]}", 0, "{\"a\": [1, 2.50]}\n", ""},
        {"/status/200", "1", 0, "\"because 200\"\n", ""},
        {"/status/204", "1", 0, "\"\"\n", ""},
        {"/status/400", "1", 1, "", "would go to the dead jobs: HTTP 400: because 400"},
        {"/status/404", "1", 1, "", "would go to the dead jobs: HTTP 404"},
        {"/status/408", "1", 1, "", "would be retried: HTTP 408"},
        {"/status/429", "1", 1, "", "would be retried: HTTP 429"},
        {"/status/500", "1", 1, "", "would be retried: HTTP 500: because 500"},
        {"/status/503", "1", 1, "", "would be retried: HTTP 503"},
        {"/retry-after/7", "1", 1, "", "it asks for a pause of 7s"},
        {"/redirect", "1", 1, "",
         "would go to the dead jobs: HTTP 302 (redirects are not followed)"},
        {"/large/70000", "1", 1, "", "would go to the dead jobs: the answer is longer than 64KiB"},
        {"/close", "1", 1, "", "would be retried: Empty reply from server"},
    };
    int requests = http_server_requests(server);
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        try(f, "http", &attempts[i]);
    /* One for each: no redirect was followed, and nothing was sent again by itself. */
    assert_int_equal(http_server_requests(server) - requests, sizeof attempts / sizeof attempts[0]);
    /* TLS to a server without it, and nobody there at all. */
    try(f, "https", &(struct attempt){"/echo", "1", 1, "", "would be retried: "});
    struct process *process =
        worker_fixture_run(f, "--handler", "t=http://127.0.0.1:1/", "--try", "t", "1");
    worker_fixture_expect_exit(process, 1);
    assert_non_null(strstr(process_stderr(process), "would be retried: "));
    process = worker_fixture_run(f, "--handler", "t=http://[::1]:1/", "--try", "t", "1");
    worker_fixture_expect_exit(process, 1);
    assert_non_null(strstr(process_stderr(process), "would be retried: "));
}

static void test_answers(void **state)
{
    if (*state == NULL)
        skip();
    else
        try_all(*state);
}

/* A server that says nothing is waited for until shortly before the job times out. darg-http is fed
 * by hand: a worker would end it at the job's time, which a busy machine may well reach first. */
static void run_silence(struct worker_fixture *f)
{
    char program[400], jobs[300];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(program, sizeof program, "%s/darg-http", build == NULL ? "build" : build);
    (void)snprintf(jobs, sizeof jobs,
                   "{\"darg\":1,\"type\":\"t\",\"max\":2}\n"
                   "{\"id\":\"a\",\"type\":\"t\",\"queue\":\"q\",\"run\":1,\"attempt\":1,"
                   "\"deadline_ms\":%lld,\"nonce\":7,\"args\":1}\n",
                   (long long)clock_wall_ms() + 600);
    const char *url = handler_of("http", "/silence") + strlen("t=");
    struct process *process = process_start(
        &(struct process_options){.argv = COMMANDS_ARGS(program, url), .stdin_text = jobs});
    worker_fixture_expect_exit(process, 0);
    if (!strstr(process_stdout(process), "\"nonce\":7,\"retry\":\"Operation timed out after "))
        fail_msg("%s", process_stdout(process));
    process_free(process);
    /* By way of a worker: whichever of the two is first. */
    process = worker_fixture_run(f, "--handler", handler_of("http", "/silence"), "--timeout",
                                 "400ms", "--try", "t", "1");
    worker_fixture_expect_exit(process, 1);
    assert_non_null(strstr(process_stderr(process), "imed out after "));
}

static void test_silence(void **state)
{
    if (*state == NULL)
        skip();
    else
        run_silence(*state);
}

/* The server is told which job and run it is, whatever they are called. */
static void run_job(struct worker_fixture *f)
{
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler",
                                                  handler_of("http", "/request"));
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a b\\r\\nEvil: 1 %\xc3\xa9\",\"reply\":\"r\","
                           "\"args\":{\"n\":\n1}}");
    worker_fixture_wait_count(f, "done", 1);
    char *answer = commands_text(f->conn, "RPOP", "darg:{jobs}:reply:r");
    static const char *const parts[] = {
        "POST /request HTTP/1.1\\r\\n",
        "\\r\\nContent-Type: application/json\\r\\n",
        "\\r\\nIdempotency-Key: a%20b%0D%0AEvil:%201%20%25%C3%A9\\r\\n",
        "\\r\\nDarg-Job-Id: a%20b%0D%0AEvil:%201%20%25%C3%A9\\r\\n",
        "\\r\\nDarg-Job-Type: t\\r\\n",
        "\\r\\nDarg-Job-Queue: jobs\\r\\n",
        "\\r\\nDarg-Job-Run: 1\\r\\n",
        "\\r\\nDarg-Job-Attempt: 1\\r\\n",
        "\\r\\n\\r\\n{\\\"n\\\": 1}\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(answer, parts[i]) == NULL)
            fail_msg("no '%s' in %s", parts[i], answer);
    const char *result = strstr(answer, "\"result\":");
    assert_non_null(result);
    assert_null(strstr(result, "\\r\\nEvil"));
    free(answer);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_request(void **state)
{
    if (*state == NULL)
        skip();
    else
        run_job(*state);
}

/* The pause that a server asks for is kept, and its link is used again. */
static void run_later(struct worker_fixture *f)
{
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler",
                                                  handler_of("http", "/retry-after/7"));
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\"}", "{\"type\":\"t\",\"id\":\"b\"}");
    worker_fixture_wait_count(f, "retried", 2);
    process_wait_stderr(worker, "retry_in_ms=7000", WORKER_FIXTURE_WAIT_MS);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

static void test_retry_after(void **state)
{
    if (*state == NULL)
        skip();
    else
        run_later(*state);
}

/* A link that is used again, and is closed with a request on it that the server may have carried
 * out: that is a failed attempt, and the next one a run of its own. Nothing is sent again before.
 */
static void run_on_a_link_that_ends(struct worker_fixture *f)
{
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--backoff", "10ms..10ms", "--handler",
                             handler_of("http", "/once"));
    int requests = http_server_requests(server);
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"a\"}");
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"b\",\"reply\":\"r\"}");
    worker_fixture_wait_count(f, "done", 2);
    assert_int_equal(worker_fixture_count(f, "retried"), 1);
    assert_int_equal(http_server_requests(server) - requests, 3);
    process_wait_stderr(worker, "error=\"the server closed the connection instead of answering\"",
                        WORKER_FIXTURE_WAIT_MS);
    char *answer = commands_text(f->conn, "RPOP", "darg:{jobs}:reply:r");
    assert_non_null(strstr(answer, "\"run\":2"));
    free(answer);
}

static void test_sent_once(void **state)
{
    if (*state == NULL)
        skip();
    else
        run_on_a_link_that_ends(*state);
}

/* Sizes are those of the answer, not of what JSON makes of it. */
static void run_large(struct worker_fixture *f)
{
    static const char *const paths[] = {"/large/65536", "/quotes/65536"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct process *process =
            worker_fixture_run(f, "--handler", handler_of("http", paths[i]), "--try", "t", "1");
        if (process_wait(process, WORKER_FIXTURE_WAIT_MS) != 0)
            fail_msg("%s: %s", paths[i], process_stderr(process));
        assert_int_equal(process_stdout_len(process), strlen("\"\"\n") + (i + 1) * 65536);
        worker_fixture_end((void **)&f);
    }
    struct attempt too_large = {"/quotes/65537", "1", 1, "",
                                "would go to the dead jobs: the answer is longer than 64KiB"};
    try(f, "http", &too_large);
}

static void test_sizes(void **state)
{
    if (*state == NULL)
        skip();
    else
        run_large(*state);
}

/* Refused before the worker has begun, in words. */
static void refuse(struct worker_fixture *f)
{
    static const char *const urls[][2] = {
        {"t=https://user:s3cret@localhost/", "list processes"},
        {"t=https://token@localhost/", "list processes"},
        {"t=http://local host/", "blanks"},
        {"t=http://localhost/\"x", "quotes"},
        {"t=http://localhost/{}", "braces"},
        {"t=http://[::1]:x/", "the port in the URL must be a number from 1 to 65535"},
        {"t=http://localhost:/", "the port in the URL must be"},
        {"t=http://localhost:65536?q", "the port in the URL must be"},
        {"t=http://[::1]80/", "the port in the URL must be"},
        {"t=http://::1/", "the URL names no host: \"::1\""},
        {"t=http://1::2/", "written in brackets"},
        {"t=http://[::1/", "names no host"},
        {"t=http://[1.2.3.4]/", "names no host"},
        {"t=https:///path", "names no host"},
        {"t=https://a,b/", "names no host"},
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct process *process = worker_fixture_run(f, "--handler", urls[i][0], "--try", "t", "1");
        worker_fixture_expect_exit(process, 2);
        if (strstr(process_stderr(process), urls[i][1]) == NULL)
            fail_msg("%s: %s", urls[i][0], process_stderr(process));
        worker_fixture_end((void **)&f);
    }
    f->program = "darg-http";
    static const char *const wrong[] = {"ftp://localhost/", "file:///etc/passwd", "localhost",
                                        "https://", "https://a@localhost/"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct process *process = worker_fixture_run(f, wrong[i]);
        worker_fixture_expect_exit(process, 64);
        assert_non_null(strstr(process_stderr(process), "URL"));
        worker_fixture_end((void **)&f);
    }
}

static void test_refused(void **state)
{
    if (*state == NULL)
        skip();
    else
        refuse(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, reset, end),
        cmocka_unit_test_setup_teardown(test_silence, reset, end),
        cmocka_unit_test_setup_teardown(test_request, reset, end),
        cmocka_unit_test_setup_teardown(test_retry_after, reset, end),
        cmocka_unit_test_setup_teardown(test_sent_once, reset, end),
        cmocka_unit_test_setup_teardown(test_sizes, reset, end),
        cmocka_unit_test_setup_teardown(test_refused, reset, end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
