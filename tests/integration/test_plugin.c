/* --plugin and --isolate, one job at a time and with no Redis: how jobs end, and what cannot be
 * loaded. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/process.h"
#include "support/wait.h"

enum { WAIT_MS = 20000 };

/* "BUILD/NAME" in one of a few places. */
static const char *built(const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", getenv("DARG_BUILD_DIR"), name);
    return path;
}

static struct process *start(const char *plugin, const char *const *rest)
{
    const char *argv[16] = {built("darg-worker"), "--plugin", built(plugin)};
    for (size_t i = 0; rest[i]; i++)
        argv[3 + i] = rest[i];
    const struct process_options options = {.argv = argv};
    return process_start(&options);
}

static void expect_args(const char *plugin, int code, const char *out, const char *err,
                        const char *const *rest)
{
    struct process *process = start(plugin, rest);
    int ended = process_wait(process, WAIT_MS);
    if (ended != code || strcmp(process_stdout(process), out) != 0 ||
        !strstr(process_stderr(process), err))
        fail_msg("%s: code %d, stdout \"%s\", stderr \"%s\"", rest[1], ended,
                 process_stdout(process), process_stderr(process));
    process_free(process);
}
#define EXPECT(plugin, code, out, err, ...)                                                        \
    expect_args((plugin), (code), (out), (err), (const char *const[]){"--try", __VA_ARGS__, NULL})

static const char handlers[] = "tests/plugins/handlers.so";

/* Ends in the same way within the worker and in a process of its own. */
static void expect_both(int code, const char *out, const char *err, const char *type,
                        const char *args)
{
    EXPECT(handlers, code, out, err, type, args);
    EXPECT(handlers, code, out, err, type, args, "--isolate");
}

static void test_done(void **state)
{
    (void)state;
    expect_both(0, "[1, 2]\n", "", "done", "[1, 2]");
    EXPECT(handlers, 0, "null\n", "", "done");
    expect_both(0,
                "{\"id\":\"try\",\"type\":\"about\",\"queue\":\"try\",\"run\":1,\"attempt\":1,"
                "\"limited\":0,\"stop\":0,\"state\":\"set by init\",\"args\":\"\\u0000\"}\n",
                "", "about", "\"\\u0000\"");
    EXPECT(handlers, 0, "a \"b\"\n", "", "text");
    EXPECT(handlers, 0, "\"a \\\"b\\\"\\n\"\n", "", "text", "--isolate");
    EXPECT(handlers, 0, "", "", "nothing");
    EXPECT(handlers, 0, "\"\"\n", "", "nothing", "--isolate");
    expect_both(0, "5\n", "", "quick", "5");
}

static void test_failed(void **state)
{
    (void)state;
    expect_both(1, "", "failed, would be retried: sorry, no", "retry", "1");
    expect_both(1, "", " 7\n", "retry", "1");
    expect_both(1, "", "failed, would be retried: later\nit asks for a pause of 1.5s\n", "after",
                "1");
    expect_both(1, "", "failed for good, would go to the dead jobs: never\n", "bury", "1");
    expect_both(1, "", "failed for good, would go to the dead jobs: the handler gave no reason\n",
                "silent", "1");
    expect_both(1, "", "would be retried: the handler returned 77, which is not an outcome\n",
                "odd", "1");
    expect_both(1, "", "retried: the handler stopped, but nobody told it to\n", "idle", "1");
    expect_both(1, "", "would go to the dead jobs: the result is not JSON: ", "badjson", "1");
    expect_both(1, "",
                "would go to the dead jobs: the result is larger than 64KiB (--max-output)\n",
                "large", "1");
}

/* A process that lacks descriptors to watch over the job says so, and keeps nobody waiting. */
static void test_lacks_something(void **state)
{
    (void)state;
    EXPECT(handlers, 1, "", "could not be started, would wait: cannot ", "quick", "--isolate",
           "--limit", "quick=files=9");
}

static void test_says(void **state)
{
    (void)state;
    EXPECT(handlers, 0, "{\"id\":\"try\",\"done\":\"this is no answer\"}\n",
           "progress: [1,\n2]\nlog (warn): be\nware\n", "talk");
    EXPECT(handlers, 0, "\"\"\n", "progress: [1, 2]\n", "talk", "--isolate");
    EXPECT(handlers, 0, "\"\"\n", "this is no answer", "talk", "--isolate");
}

static void test_crash_is_isolated(void **state)
{
    (void)state;
    EXPECT(handlers, 128 + SIGSEGV, "", "", "crash");
    EXPECT(handlers, 1, "",
           "with one more crash: the handler ended before it answered: killed by signal 11",
           "crash", "--isolate");
}

/* Within the worker a time-out is a request; around a process it is an end. */
static void test_timeouts(void **state)
{
    (void)state;
    EXPECT(handlers, 1, "", "failed, would be retried: timed out after 50ms\n", "wait", "--timeout",
           "50ms");
    EXPECT(handlers, 1, "", "failed, would be retried: timed out after 50ms\n", "cancelled",
           "--timeout", "50ms");
    EXPECT(handlers, 0, "\"late\"\n", "", "late", "--timeout", "50ms");
    EXPECT(handlers, 1, "", "failed, would be retried: timed out after 50ms", "late", "--timeout",
           "50ms", "--isolate");
    EXPECT(handlers, 1, "", "failed, would be retried: timed out after 50ms", "deaf", "--timeout",
           "50ms", "--isolate");
}

static bool is_there(void *path)
{
    return access(path, F_OK) == 0;
}

static void expect_signal_ends(const char *type, const char *more)
{
    char folder[256], option[600], running[300];
    snprintf(folder, sizeof folder, "%s/signal-XXXXXX", getenv("TMPDIR"));
    assert_non_null(mkdtemp(folder));
    snprintf(option, sizeof option, "%s=%s", handlers, folder);
    snprintf(running, sizeof running, "%s/running", folder);
    const char *const rest[] = {"--try", type, more, NULL};
    struct process *process = start(option, rest);
    assert_true(wait_until(is_there, running, WAIT_MS));
    process_signal(process, SIGTERM);
    assert_int_equal(process_wait(process, WAIT_MS), 1);
    assert_non_null(strstr(process_stderr(process), "ended by a signal, would be given back"));
    process_free(process);
}

/* "cancelled" hears of it by its cancel alone. */
static void test_a_signal_stops_it(void **state)
{
    (void)state;
    expect_signal_ends("wait", NULL);
    expect_signal_ends("cancelled", NULL);
    expect_signal_ends("wait", "--isolate");
    expect_signal_ends("cancelled", "--isolate");
    expect_signal_ends("wait", "--timeout=1h");
}

static void test_unfit(void **state)
{
    (void)state;
    EXPECT("tests/plugins/no-such.so", 2, "", "no-such.so\": No such file or directory", "x");
    EXPECT("darg.pc", 2, "", "--plugin: cannot load plugin: ", "x");
    EXPECT("tests/plugins/empty.so", 2, "", "is not a plugin: it does not define darg_plugin()",
           "x");
    EXPECT("tests/plugins/old.so", 2, "",
           "was built for version 2 of darg.h, and this program has version 1", "old");
    EXPECT("tests/plugins/unresolved.so", 2, "", "function_that_nobody_has", "unresolved");
    EXPECT("tests/plugins/badtype.so", 2, "", "the type \"a,b\" must be 1 to 128 bytes", "a,b");
    EXPECT(handlers, 2, "", "there is a handler for the type \"done\" already", "done", "--plugin",
           built(handlers));
    EXPECT(handlers, 2, "", "there is a handler for the type \"text\" already", "text", "--handler",
           "text=cat");
    EXPECT("tests/plugins/handlers.so=refuse", 1, "", "cannot start: it was told to refuse",
           "done");
    EXPECT("tests/plugins/handlers.so=refuse", 1, "", "cannot start: it was told to refuse", "done",
           "--isolate");
}

/* A worker with its handler built in: examples/c/worker.c. */
static void test_own_worker(void **state)
{
    (void)state;
    const char *worker = built("examples/c/worker");
    const char *isolate[] = {NULL, "--isolate"};
    for (size_t i = 0; i < 2; i++) {
        const char *argv[] = {worker, "--try", "upper", "\"a\"", isolate[i], NULL};
        const struct process_options options = {.argv = argv};
        struct process *process = process_start(&options);
        assert_int_equal(process_wait(process, WAIT_MS), 0);
        assert_non_null(strstr(process_stdout(process), i == 0 ? "\"A\"" : "\"\\\"A\\\"\""));
        process_free(process);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_lacks_something),
        cmocka_unit_test(test_says),
        cmocka_unit_test(test_crash_is_isolated),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_a_signal_stops_it),
        cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_own_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
