/* --config and --print-config of darg-worker: what counts, where it came from, and what is
 * refused. */
#include "support/cmocka_all.h"

#include <cjson/cJSON.h>
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

/* What the file has said, as a file again. */
static void write_what_was_printed(const struct fixture *fixture, const char *json)
{
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    cJSON *printed = cJSON_Parse(json), *row;
    assert_non_null(printed);
    cJSON_ArrayForEach(row, printed)
    {
        const char *from = cJSON_GetObjectItem(row, "from")->valuestring;
        if (strncmp(from, fixture->path, strlen(fixture->path)) == 0)
            fprintf(file, "%s = %s\n", cJSON_GetObjectItem(row, "name")->valuestring,
                    cJSON_GetObjectItem(row, "value")->valuestring);
    }
    cJSON_Delete(printed);
    assert_int_equal(fclose(file), 0);
}

/* Also what is long, or has signs in it that mean something elsewhere. */
static void test_printed_and_read_back(void **state)
{
    const struct fixture *fixture = *state;
    enum { LONG = 60 * 1024 };
    static char text[LONG + 200], expected[LONG + 200];
    for (size_t i = 0; i < LONG; i++)
        expected[i] = "aZ9 =\\;'#-.\xC3\xA4"[i % 14];
    expected[LONG - 1] = '$';
    snprintf(text, sizeof text,
             "redis = unix:///a?b=c#d\nthreads = 7\nburst = yes\nqueue = a=2\nqueue = b\n"
             "handler = t=%s\n",
             expected);
    write_file(fixture, text);
    struct process *first = run(fixture->path, "--print-config=json", NULL, 0);
    write_what_was_printed(fixture, process_stdout(first));
    process_free(first);
    first = run(fixture->path, "--print-config=json", NULL, 0);
    write_what_was_printed(fixture, process_stdout(first));
    struct process *second = run(fixture->path, "--print-config=json", NULL, 0);
    assert_string_equal(process_stdout(first), process_stdout(second));
    cJSON *printed = cJSON_Parse(process_stdout(second)), *row, *found = NULL;
    cJSON_ArrayForEach(row, printed) if (strcmp(cJSON_GetObjectItem(row, "name")->valuestring,
                                                "handler") == 0) found = row;
    assert_non_null(found);
    assert_string_equal(cJSON_GetObjectItem(found, "value")->valuestring + strlen("t="), expected);
    cJSON_Delete(printed);
    process_free(first);
    process_free(second);
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
        cmocka_unit_test_setup_teardown(test_printed_and_read_back, set_up, tear_down),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
