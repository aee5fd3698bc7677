/* What programs find in their environment, by option, and that it leaves room for their arguments:
 * one job at a time, with no Redis. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "support/process.h"

enum {
    WAIT_MS = 20000,
    ARGV_MAX = 24,
    LARGE_COUNT = 20,
    LARGE_BYTES = 100000,
    ENVIRONMENT_MAX = 400
};

/* Runs a job of type "t" with these further arguments, ending with NULL; the worker has this
 * environment besides its own. To process_free(). */
static struct process *run(const char *const *env, const char *const *args)
{
    char program[256];
    snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    /* As much stack as nearly all systems give, which decides how much execve() takes. */
    const char *argv[ARGV_MAX] = {
        "prlimit", "--stack=8388608", program, "-r", "unix:///nowhere/redis.sock", "--try", "t"};
    for (size_t i = 7; *args; i++, args++) {
        ensure(i + 1 < ARGV_MAX, "too many arguments");
        argv[i] = *args;
    }
    struct process *process = process_start(&(struct process_options){.argv = argv, .env = env});
    (void)process_wait(process, WAIT_MS);
    return process;
}

#define RUN(env, ...) run((env), (const char *const[]){__VA_ARGS__, NULL})

static const char *const env[] = {"ONE=1",
                                  "TWO_A=2",
                                  "TWO_B=3",
                                  "REDIS_URL=mine",
                                  "REDIS_OTHER=mine",
                                  "DARG_TOKEN=mine",
                                  "LISTEN_FDS=1",
                                  "LANG=C",
                                  "DARG_PASS_ENV",
                                  "DARG_REDIS_URL",
                                  NULL};

/* Takes the process; fails unless these words, ending with NULL, are lines of what it printed, and
 * no others that begin with one of the names above. */
static void expect_lines(struct process *process, const char *const *lines)
{
    const char *output = process_stdout(process);
    size_t wanted = 0, found = 0;
    for (; lines[wanted]; wanted++)
        if (!strstr(output, lines[wanted]))
            fail_msg("no %s in %s%s", lines[wanted], output, process_stderr(process));
    static const char *const names[] = {"\nONE=", "\nTWO_", "\nREDIS_", "\nDARG_T", "\nLISTEN_"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (const char *at = output; (at = strstr(at, names[i])); at++)
            found++;
    if (found != wanted)
        fail_msg("not %zu but %zu are in %s", wanted, found, output);
    process_free(process);
}

#define EXPECT_LINES(process, ...) expect_lines((process), (const char *const[]){__VA_ARGS__, NULL})

static const char prints[] = "t=sh -c 'echo; env'";

static void test_names(void **state)
{
    (void)state;
    EXPECT_LINES(RUN(env, "--handler", prints), NULL);
    EXPECT_LINES(RUN(env, "--handler", prints, "--pass-env", "ONE,TWO_*"), "ONE=1", "TWO_A=2",
                 "TWO_B=3");
    EXPECT_LINES(RUN(env, "--handler", prints, "--pass-env", "ONE", "--limit", "*=env=clean"),
                 "ONE=1");
    EXPECT_LINES(RUN(env, "--handler", prints, "--handler", "u=true", "--pass-env", "u=ONE",
                     "--pass-env", "t=TWO_B"),
                 "TWO_B=3");
}

/* What is the worker's own has to be asked for by its whole name. */
static void test_private_names(void **state)
{
    (void)state;
    EXPECT_LINES(RUN(env, "--handler", prints, "--pass-env", "*"), "ONE=1", "TWO_A=2", "TWO_B=3");
    EXPECT_LINES(RUN(env, "--handler", prints, "--limit", "t=env=all"), "ONE=1", "TWO_A=2",
                 "TWO_B=3");
    EXPECT_LINES(RUN(env, "--handler", prints, "--pass-env", "REDIS_*,REDIS_URL,DARG_TOKEN"),
                 "REDIS_URL=mine", "DARG_TOKEN=mine");
}

static void test_from_the_environment(void **state)
{
    (void)state;
    const char *const with[] = {"ONE=1", "TWO_A=2", "DARG_PASS_ENV=ONE,TWO_A", NULL};
    EXPECT_LINES(RUN(with, "--handler", prints), "ONE=1", "TWO_A=2");
}

static void expect_refusal(const char *passed, const char *sentence)
{
    struct process *process = RUN(env, "--handler", "t=true", "--pass-env", passed);
    assert_int_equal(process_poll(process), 2);
    if (!strstr(process_stderr(process), sentence))
        fail_msg("%s: %s", passed, process_stderr(process));
    process_free(process);
}

static void test_refused(void **state)
{
    (void)state;
    expect_refusal("", "--pass-env: \"\" is not a variable that can be passed on");
    expect_refusal("A,,B", "\"\" is not a variable that can be passed on");
    expect_refusal("A,*B", "\"*B\" is not a variable that can be passed on");
    expect_refusal("DARG_JOB_ID", "\"DARG_JOB_ID\" is not a variable that can be passed on");
    expect_refusal("x=ONE", "there is no handler for 'x': there are echo,");
    expect_refusal("echo=ONE", "\"echo\" is built in and has no environment");
}

/* Processes of --isolate are told who they are by variables, whatever else they have. */
static void test_isolated(void **state)
{
    (void)state;
    char plugin[256];
    snprintf(plugin, sizeof plugin, "%s/tests/plugins/handlers.so", getenv("DARG_BUILD_DIR"));
    struct process *process = RUN(env, "--plugin", plugin, "--isolate", "--limit", "*=env=clean",
                                  "--handler", "t=true", "--try", "text");
    if (process_poll(process) != 0)
        fail_msg("%s", process_stderr(process));
    process_free(process);
}

/* A job may have as long an argument as the system takes, however much the worker has in its own
 * environment; what would leave no room for one is refused before any job is. */
static void test_large(void **state)
{
    (void)state;
    static char texts[LARGE_COUNT][LARGE_BYTES];
    const char *large[LARGE_COUNT + 1] = {NULL};
    struct buf args = {0};
    for (int i = 0; i < LARGE_COUNT; i++) {
        memset(texts[i], 'x', LARGE_BYTES - 1);
        snprintf(texts[i], LARGE_BYTES, "LARGE%d", i);
        texts[i][strlen(texts[i])] = '=';
        large[i] = texts[i];
    }
    buf_append_char(&args, '"');
    for (int i = 0; i < 120000; i++)
        buf_append_char(&args, 'a');
    buf_append_char(&args, '"');
    large[LARGE_COUNT - 1] = NULL; /* the worker is to be given the argument, too */
    struct process *process =
        RUN(large, "--handler", "t=echo {}", "--limit", "t=output=1MiB", buf_text(&args));
    if (process_poll(process) != 0 || process_stdout_len(process) != 120001)
        fail_msg("%.300s", process_stderr(process));
    process_free(process);
    large[LARGE_COUNT - 1] = texts[LARGE_COUNT - 1];
    process = RUN(large, "--handler", "t=echo {}", "--limit", "t=env=all");
    assert_int_equal(process_poll(process), 2);
    if (!strstr(process_stderr(process), "MiB leaves no room for arguments: pass less"))
        fail_msg("%.300s", process_stderr(process));
    process_free(process);
    buf_fini(&args);
}

/* Fills `made` with all that this process has but PATH, to be unset, and with these variables. */
static void replace_environment(const char **made, size_t max, const char *const *variables)
{
    static char names[ENVIRONMENT_MAX][128];
    size_t count = 0;
    for (char **at = environ; *at; at++) {
        if (strncmp(*at, "PATH=", 5) == 0)
            continue;
        ensure(count + 1 < max && count < ENVIRONMENT_MAX, "too many variables");
        (void)snprintf(names[count], sizeof names[0], "%.*s", (int)strcspn(*at, "="), *at);
        made[count] = names[count];
        count++;
    }
    for (; *variables; variables++) {
        ensure(count + 1 < max, "too many variables");
        made[count++] = *variables;
    }
    made[count] = NULL;
}

static void expect_told(const char *const *args, const char *names)
{
    static const char *const variables[] = {"AWS_REGION=x=y", "PYTHONPATH=secret", "LANG=C",
                                            "LISTEN_FDS=1",   "SHLVL=1",           NULL};
    const char *only[ENVIRONMENT_MAX + 8];
    replace_environment(only, sizeof only / sizeof *only, variables);
    struct process *process = run(only, args);
    const char *log = process_stderr(process);
    const char *line = strstr(log, "some programs do not get these variables");
    if (strstr(log, "secret") || !line != !names)
        fail_msg("%s", log);
    for (const char *at = line ? names : NULL; at && *at;
         at += strcspn(at, " "), at += *at == ' ') {
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " "), at);
        if (!strstr(line, name))
            fail_msg("no %s in %s", name, line);
    }
    if (line && (strstr(line, "LISTEN") || strstr(line, "LANG") || strstr(line, "SHLVL")))
        fail_msg("%s", line);
    process_free(process);
}

/* What handlers may miss is named, and nothing else: no value, nothing that is not to be theirs. */
static void test_what_is_withheld_is_told(void **state)
{
    (void)state;
    expect_told((const char *const[]){"--handler", "t=true", NULL}, "AWS_REGION PYTHONPATH");
    expect_told((const char *const[]){"--handler", "t=true", "--handler", "u=true", "--pass-env",
                                      "t=*", NULL},
                "AWS_REGION PYTHONPATH");
    expect_told((const char *const[]){"--handler", "t=true", "--pass-env", "*", NULL}, NULL);
    expect_told((const char *const[]){"--handler", "t=true", "--limit", "t=env=all", NULL}, NULL);
    expect_told((const char *const[]){"--handler", "t=true", "--limit", "t=env=clean", NULL}, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_private_names),
        cmocka_unit_test(test_from_the_environment),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_isolated),
        cmocka_unit_test(test_what_is_withheld_is_told),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
