/* The password of Redis, wherever it is given: it stands in no command line, log, error, list of
 * clients or of options, and the programs that run jobs cannot get at it. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char secret[] = "s3cret-Wort";
static char url[300], file[200], config[200];

static void write_file(const char *path, const char *before, const char *value)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    (void)fprintf(out, "%s%s\n", before, value);
    (void)fclose(out);
    assert_int_equal(chmod(path, 0644), 0); /* also for the user of test_handlers() */
}

static int setup(void **state)
{
    int failed = worker_fixture_setup(state);
    struct worker_fixture *f = *state;
    const char *socket = redis_server_socket(f->server);
    (void)snprintf(url, sizeof url, "unix://worker:%s@%s", secret, socket);
    (void)snprintf(file, sizeof file, "%s/password", f->directory);
    (void)snprintf(config, sizeof config, "%s/config", f->directory);
    write_file(file, "", secret);
    write_file(config, "redis = ", url);
    assert_int_equal(chmod(config, 0600), 0);
    commands_do(f->conn, "ACL", "SETUSER", "worker", "on", ">s3cret-Wort", "~*", "+@all");
    return failed;
}

static void expect_absent(const char *where, const char *text, size_t len)
{
    if (memmem(text, len, secret, strlen(secret)) != NULL)
        fail_msg("%s holds the password", where);
}

static void expect_absent_in_file(const char *path)
{
    char text[65536];
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof text, in);
    (void)fclose(in);
    assert_true(len > 0);
    expect_absent(path, text, len);
}

static void expect_clean_output(struct process *process)
{
    expect_absent("stdout", process_stdout(process), process_stdout_len(process));
    const char *errors = process_stderr(process);
    expect_absent("stderr", errors, strlen(errors));
}

static void expect_clean_command_lines(struct process *worker)
{
    char path[64];
    pid_t pids[9] = {process_pid(worker)};
    size_t count = 1 + worker_fixture_children(worker, pids + 1, 8);
    assert_true(count > 1);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pids[i]);
        expect_absent_in_file(path);
    }
}

static void expect_clean_redis(struct worker_fixture *f)
{
    char *clients = commands_text(f->conn, "CLIENT", "LIST");
    assert_non_null(strstr(clients, "darg-worker"));
    expect_absent("CLIENT LIST", clients, strlen(clients));
    free(clients);
    struct reply *workers = commands_run(f->conn, "ZRANGE", "darg:{jobs}:workers", "0", "-1");
    assert_int_equal(reply_count(workers), 1);
    struct slice name = reply_slice(reply_at(workers, 0));
    expect_absent("the registry", name.ptr, name.len);
    reply_free(workers);
}

/* Runs a job that fails, at the finest log level, and looks at everything that anybody may see. */
static void run_worker(struct worker_fixture *f, const char *const *env, const char *const *args)
{
    const char *all[32] = {
        "-q",          "jobs",
        "--log-level", "debug",
        "--ready-fd",  "7",
        "--handler",   "t=sh -c 'tr \\\\0 \\\\n </proc/$PPID/cmdline >&2; env >&2; exit 65'"};
    for (size_t i = 0; args[i] != NULL; i++)
        all[8 + i] = args[i];
    memcpy(f->env, env, 2 * sizeof env[0]);
    struct process *worker = worker_fixture_run_args(f, all, 7);
    process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
    worker_fixture_push(f, "{\"type\":\"t\"}");
    worker_fixture_wait_count(f, "buried", 1);
    expect_clean_command_lines(worker);
    expect_clean_redis(f);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "0");
    struct slice text = reply_slice(reply_at(dead, 0));
    assert_non_null(memmem(text.ptr, text.len, "DARG_JOB_ID", 11)); /* it did print all that */
    expect_absent("what the job's program saw", text.ptr, text.len);
    reply_free(dead);
    /* An outage, and its end: what is said of the server is without it, too. */
    redis_server_freeze(f->server);
    redis_server_thaw(f->server);
    commands_do(f->conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    expect_clean_output(worker);
}

static void test_worker(void **state)
{
    struct worker_fixture *f = *state;
    char variable[400], plain[300];
    (void)snprintf(variable, sizeof variable, "DARG_REDIS_URL=%s", url);
    (void)snprintf(plain, sizeof plain, "unix://worker:x@%s", redis_server_socket(f->server));
    const char *const none[2] = {NULL, NULL}, *const given[2] = {variable, NULL};
    const char *const *const cases[][2] = {
        {none, COMMANDS_ARGS("-r", url)},
        {none, COMMANDS_ARGS("-r", plain, "--redis-password-file", file)},
        {none, COMMANDS_ARGS("--config", config)},
        {given, COMMANDS_ARGS("-t", "2")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(worker_fixture_reset(state), 0);
        run_worker(f, cases[i][0], cases[i][1]);
        worker_fixture_end(state);
    }
}

/* A refused password, a server that is not there, and the list of options. */
static void test_words(void **state)
{
    struct worker_fixture *f = *state;
    char wrong[300], nowhere[300];
    (void)snprintf(wrong, sizeof wrong, "unix://nobody:%s@%s", secret,
                   redis_server_socket(f->server));
    (void)snprintf(nowhere, sizeof nowhere, "redis://worker:%s@127.0.0.1:1", secret);
    const struct {
        const char *program;
        const char *const *args;
        int exit_code;
    } cases[] = {
        {"darg", COMMANDS_ARGS("stats", "-r", wrong), 3},
        {"darg", COMMANDS_ARGS("stats", "-r", nowhere, "--connect-timeout", "10ms"), 3},
        {"darg", COMMANDS_ARGS("doctor", "-r", url), 1},
        {"darg", COMMANDS_ARGS("stats", "-r", url, "--print-config"), 0},
        {"darg", COMMANDS_ARGS("stats", "-r", url, "--print-config=json"), 0},
        {"darg", COMMANDS_ARGS("stats", "--config", config, "--print-config"), 0},
        {"darg", COMMANDS_ARGS("workers", "-r", url, "--json"), 0},
        {"darg-worker", COMMANDS_ARGS("-r", wrong), 3},
        {"darg-worker", COMMANDS_ARGS("-r", url, "--print-config"), 0},
        {"darg-worker", COMMANDS_ARGS("-r", url, "--threads", "none"), 2},
        {"darg-worker", COMMANDS_ARGS("-r", "redis://:s3cret-Wort@[bad"), 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->program = cases[i].program;
        struct process *process = worker_fixture_run_args(f, cases[i].args, 0);
        worker_fixture_expect_exit(process, cases[i].exit_code);
        assert_true(process_stdout_len(process) + strlen(process_stderr(process)) > 0);
        expect_clean_output(process);
    }
}

/* Wherever the URL stands among the words. */
static void test_command_line(void **state)
{
    struct worker_fixture *f = *state;
    char joined[320];
    (void)snprintf(joined, sizeof joined, "--redis=%s", url);
    const char *const *const cases[] = {
        COMMANDS_ARGS("stats", "--watch", "-r", url),
        COMMANDS_ARGS("--redis", url, "stats", "--watch"),
        COMMANDS_ARGS("--json", joined, "stats", "--watch"),
    };
    f->program = "darg";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[64];
        struct process *stats = worker_fixture_run_args(f, cases[i], 0);
        process_wait_stdout(stats, "\n", WORKER_FIXTURE_WAIT_MS);
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)process_pid(stats));
        expect_absent_in_file(path);
        process_signal(stats, SIGKILL);
    }
}

/* Programs that run jobs are of the worker's user; still they can neither trace it nor read its
 * environment. Without a password there is nothing to hide. */
static void try_to_read(struct worker_fixture *f, const char *redis, const char *expected)
{
    char variable[400];
    (void)snprintf(variable, sizeof variable, "DARG_REDIS_URL=%s", redis);
    f->env[0] = variable;
    const char *build = getenv("DARG_BUILD_DIR");
    char program[400];
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    /* Where the test is root's, both are to be root without its rights. */
    struct process *worker = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("setpriv", "--bounding-set=-all", "--inh-caps=-all", program, "-q",
                              "jobs", "--ready-fd", "7", "--handler",
                              "t=sh -c 'cat /proc/$PPID/environ >/dev/null 2>&1 && echo read || "
                              "echo refused'"),
        .env = f->env,
        .ready_fd = 7});
    f->workers[f->count++] = worker;
    process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
    worker_fixture_push(f, "{\"type\":\"t\",\"reply\":\"x\"}");
    worker_fixture_wait_above(f, "done", 1);
    char *answer = commands_text(f->conn, "RPOP", "darg:{jobs}:reply:x");
    if (answer == NULL || strstr(answer, expected) == NULL)
        fail_msg("not '%s' but: %s", expected, answer == NULL ? "nothing" : answer);
    free(answer);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

static void test_handlers(void **state)
{
    struct worker_fixture *f = *state;
#ifdef __SANITIZE_ADDRESS__
    bool is_traced = true; /* by its leak detector, which has to be able to */
#else
    bool is_traced = false;
#endif
    try_to_read(f, url, is_traced ? "read" : "refused");
    assert_int_equal(worker_fixture_reset(state), 0);
    try_to_read(f, redis_server_url(f->server), "read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_worker),
        WORKER_TEST(test_words),
        WORKER_TEST(test_command_line),
        WORKER_TEST(test_handlers),
    };
    return cmocka_run_group_tests(tests, setup, worker_fixture_teardown);
}
