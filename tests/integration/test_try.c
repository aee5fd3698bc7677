/* darg-worker --try: one job through its handler, with no Redis anywhere. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/process.h"

enum { WAIT_MS = 20000, ARGS_MAX = 12 };

#define STREAM(script) "s=stream:sh -c 'read -r hello; read -r job; " script "'"

/* An address that nobody serves: to use it would fail. */
static struct process *start_limited(const char *handler, const char *limit, const char *type,
                                     const char *args)
{
    char program[256];
    snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    const char *argv[ARGS_MAX] = {program,     "-r",    "unix:///nowhere/redis.sock",
                                  "--handler", handler, "--limit",
                                  limit,       "--try", type,
                                  args};
    const struct process_options options = {.argv = argv};
    return process_start(&options);
}

static struct process *start(const char *handler, const char *type, const char *args)
{
    return start_limited(handler, "*=cpu=1h", type, args);
}

static struct process *start_allowed(const char *handler, const char *type, const char *args)
{
    char program[256];
    snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    const char *argv[ARGS_MAX] = {program, "--handler", handler, "--allow-dash",
                                  type,    "--try",     type,    args};
    return process_start(&(struct process_options){.argv = argv});
}

static void expect(const char *handler, const char *type, const char *args, int code,
                   const char *out, const char *err)
{
    struct process *process = start(handler, type, args);
    int ended = process_wait(process, WAIT_MS);
    if (ended != code || strcmp(process_stdout(process), out) != 0 ||
        !strstr(process_stderr(process), err))
        fail_msg("%s %s: code %d, stdout \"%s\", stderr \"%s\"", handler, args ? args : "-", ended,
                 process_stdout(process), process_stderr(process));
    process_free(process);
}

static void test_done(void **state)
{
    (void)state;
    expect("c=cat", "c", "{\"a\": 1}", 0, "{\"a\": 1}", "ms of it in the kernel");
    expect("c=cat", "echo", "[1]", 0, "[1]\n", "");
    expect("c=cat", "noop", NULL, 0, "", "");
    expect(STREAM("echo \"{\\\"id\\\":\\\"try\\\",\\\"progress\\\":5}\"; echo oh >&2; echo "
                  "\"{\\\"id\\\":\\\"try\\\",\\\"done\\\":[]}\""),
           "s", NULL, 0, "[]\n", "progress: 5\n");
}

static void test_failed(void **state)
{
    (void)state;
    expect("c=sh -c 'echo sorry >&2; exit 3'", "c", NULL, 1, "",
           "failed, would be retried: sorry\n");
    expect("c=sh -c 'exit 65'", "c", NULL, 1, "",
           "failed for good, would go to the dead jobs: exit status 65\n");
    expect(
        STREAM("echo \"{\\\"id\\\":\\\"try\\\",\\\"retry\\\":\\\"no\\\",\\\"delay_ms\\\":1500}\""),
        "s", "1", 1, "", "failed, would be retried: no\nit asks for a pause of 1.5s\n");
    expect(STREAM("kill -9 $$"), "s", "1", 1, "",
           "failed, would be retried with one more crash: the handler ended");
    expect(STREAM("echo bah"), "s", "1", 1, "",
           "failed, would be retried: the handler broke the protocol: ");
}

static void test_unfit(void **state)
{
    (void)state;
    expect("c=cat", "nobody", NULL, 2, "", "there is no handler for 'nobody': there are c,echo");
    expect("c=cat", "c", "hello", 2, "", "the args are not JSON (a string needs quotes): ");
    expect("c=cat", "c", "1,\"id\":2", 2, "", "the args are not JSON");
    expect("c=stream,x=1:cat", "c", NULL, 2, "", "stream has no option \"x=1\"");
}

static void expect_limited(const char *handler, const char *limit, int code, const char *err)
{
    struct process *process = start_limited(handler, limit, "t", NULL);
    int ended = process_wait(process, WAIT_MS);
    if (ended != code || !strstr(process_stderr(process), err))
        fail_msg("%s: code %d, stderr \"%s\"", limit, ended, process_stderr(process));
    process_free(process);
}

static void test_limits(void **state)
{
    (void)state;
    expect_limited("t=sleep 1000", "t=timeout=100ms", 1,
                   "failed, would be retried: timed out after 100ms\n");
    expect_limited(
        "t=yes", "*=output=1KiB", 1,
        "failed for good, would go to the dead jobs: the output is larger than 1KiB (--limit "
        "output)\n");
    expect_limited("t=sh -c 'kill -SEGV $$'", "t=memory=1GiB", 1, "may have 1GiB");
    expect_limited("t=true", "t=env=dirty", 2,
                   "--limit: \"t\": env: it must be usual, clean or all\n");
}

/* Warned of when the worker starts, and what may be done about it. */
static void test_dangers(void **state)
{
    (void)state;
    static const char exposed[] = "jobs whose args begin with - will fail for good";
    expect("t=echo {}", "t", "\"-n\"", 1, "", "would go to the dead jobs: args begin with -,");
    expect("t=echo {}", "t", "\"n\"", 0, "n\n", exposed);
    expect("t=sh -c 'echo {}'", "t", "\"n\"", 0, "n\n", "the shell would run a job's args as code");
    struct process *process = start_allowed("t=echo {}", "t", "\"-n\"");
    assert_int_equal(process_wait(process, WAIT_MS), 0);
    assert_string_equal(process_stdout(process), "");
    assert_null(strstr(process_stderr(process), exposed));
    process_free(process);
    process = start_allowed("t=echo -- {}", "t", "\"-n\"");
    assert_int_equal(process_wait(process, WAIT_MS), 2);
    assert_non_null(strstr(process_stderr(process),
                           "--allow-dash: \"t\" is not a type whose command has a {} without --"));
    process_free(process);
}

static void test_signal_ends_it(void **state)
{
    (void)state;
    struct process *process =
        start(STREAM("echo \"{\\\"log\\\":\\\"here\\\"}\"; exec sleep 99"), "s", NULL);
    process_wait_stderr(process, "here", WAIT_MS);
    process_signal(process, SIGTERM);
    assert_int_equal(process_wait(process, WAIT_MS), 1);
    assert_non_null(strstr(process_stderr(process), "ended by a signal"));
    process_free(process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done),    cmocka_unit_test(test_failed),
        cmocka_unit_test(test_unfit),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dangers), cmocka_unit_test(test_signal_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
