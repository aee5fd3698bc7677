/* --config and --print-config of darg-worker: what counts, where it came from, and what is
 * refused. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/process.h"
#include "support/script.h"

enum { WAIT_MS = 20000 };

struct fixture {
    char path[64];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->path, sizeof fixture->path, "/tmp/darg-config-XXXXXX");
    int fd = mkstemp(fixture->path);
    if (fd < 0)
        return -1;
    close(fd);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    free(fixture);
    return 0;
}

static void write_file(const struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The worker with this file, one more option and one more variable. */
static struct process *run(const char *path, const char *option, const char *variable, int code)
{
    char program[256];
    snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    const struct process_options options = {
        .argv = (const char *const[]){program, "--config", path, "--print-config", option, NULL},
        .env = (const char *const[]){"REDIS_URL", "DARG_REDIS_URL", variable, NULL}};
    struct process *process = process_start(&options);
    int ended = process_wait(process, WAIT_MS);
    if (ended != code)
        fail_msg("exit status %d: %s", ended, process_stderr(process));
    return process;
}

/* A line of the table says this value, from there. */
static void expect_line(struct process *process, const char *name, const char *value,
                        const char *origin)
{
    char line[256];
    snprintf(line, sizeof line, "\n%-20s %-30s %s\n", name, value, origin);
    if (!strstr(process_stdout(process), line))
        fail_msg("no line \"%s\" in:\n%s", line + 1, process_stdout(process));
}

static void expect_refused(const char *path, const char *sentence)
{
    struct process *process = run(path, NULL, NULL, 2);
    assert_string_equal(process_stdout(process), "");
    if (!strstr(process_stderr(process), sentence))
        fail_msg("not \"%s\": %s", sentence, process_stderr(process));
    process_free(process);
}

/* Flags before environment before file before defaults, each with its origin. */
static void test_precedence(void **state)
{
    const struct fixture *fixture = *state;
    char origin[96];
    write_file(fixture, "queue = mail\nthreads = 3\nprocesses = 2\n");
    struct process *process = run(fixture->path, "--processes=4", "DARG_THREADS=9", 0);
    snprintf(origin, sizeof origin, "%s:1", fixture->path);
    expect_line(process, "queue", "mail", origin);
    expect_line(process, "threads", "9", "DARG_THREADS");
    expect_line(process, "processes", "4", "--processes");
    expect_line(process, "lease", "10s", "default");
    process_free(process);
}

static void test_secrets_are_masked(void **state)
{
    const struct fixture *fixture = *state;
    write_file(fixture, "redis = redis://me:hunter2@example.org/1\n");
    struct process *process = run(fixture->path, NULL, NULL, 0);
    assert_non_null(strstr(process_stdout(process), "redis://***@example.org/1"));
    assert_null(strstr(process_stdout(process), "hunter2"));
    process_free(process);
}

static void test_refused(void **state)
{
    const struct fixture *fixture = *state;
    write_file(fixture, "threads = 2\nthraeds = 3\n");
    expect_refused(fixture->path, ":2: unknown option 'thraeds'");
    expect_refused(fixture->path, "did you mean 'threads'?");
    write_file(fixture, "threads = many\n");
    expect_refused(fixture->path, ":1: ");
    expect_refused("/nowhere/darg.ini", "cannot read the configuration file /nowhere/darg.ini");
}

/* README's, and those in docs and examples: with both programs. */
static void test_documented(void **state)
{
    (void)state;
    script_run("configurations", NULL, WAIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_precedence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secrets_are_masked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
