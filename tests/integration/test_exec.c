/* What a program is given, and how its end is read. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/exec_fixture.h"
#include "worker/handler/exec.h"

/* A JSON string of `len` bytes and its quotes, to free(). */
static char *long_string(size_t len)
{
    char *text = malloc(len + 3);
    assert_non_null(text);
    memset(text, 'x', len + 2);
    text[0] = text[len + 1] = '"';
    text[len + 2] = '\0';
    return text;
}

static void test_args_come_on_standard_input(void **state)
{
    const char *args = "{ \"n\": 1.0e5, \"s\":\"\\u0000 $HOME\" }";
    exec_fixture_expect(*state, "cat", args, HANDLER_DONE, args);
    exec_fixture_expect(*state, "cat", NULL, HANDLER_DONE, "");
}

static void test_more_than_the_pipes_hold(void **state)
{
    struct exec_fixture *fixture = *state;
    char *args = long_string(1 << 20);
    fixture->call.max_output = 2 << 20;
    exec_fixture_expect(fixture, "cat", args, HANDLER_DONE, args);
    exec_fixture_expect(fixture, "true", args, HANDLER_DONE, "");
    exec_fixture_expect(fixture, "sh -c 'exec <&-; echo deaf'", args, HANDLER_DONE, "deaf\n");
    free(args);
}

static void test_braces_stand_for_the_string(void **state)
{
    exec_fixture_expect(*state, "printf %s| -{}- a{}{} '{}' \"{ }\" x",
                        "\"a b;$HOME\\n\\\"\\u00e9*\"", HANDLER_DONE,
                        "-a b;$HOME\n\"\xc3\xa9*-|aa b;$HOME\n\"\xc3\xa9*a b;$HOME\n\"\xc3\xa9*|"
                        "a b;$HOME\n\"\xc3\xa9*|{ }|x|");
    exec_fixture_expect(*state, "printf %s| {}", "\"\"", HANDLER_DONE, "|");
    exec_fixture_expect(*state, "printf %s| {}", "\"{}\"", HANDLER_DONE, "{}|");
    exec_fixture_expect(*state, "sh -c 'cat; echo $0' {}", "\"x\"", HANDLER_DONE, "x\n");
}

/* What begins with a dash is made an option of only where the command's author has seen to it. */
static void test_args_are_no_options(void **state)
{
    static const char reason[] = "args begin with -, which the command might take for an option: "
                                 "put -- before its {} (or use --allow-dash)";
    exec_fixture_expect(*state, "wc -l {}", "\"--files0-from=/etc/passwd\"", HANDLER_BURY, reason);
    exec_fixture_expect(*state, "printf %s| x {}y --", "\"-\"", HANDLER_BURY, reason);
    exec_fixture_expect(*state, "sh {}", "\"-c\"", HANDLER_BURY, reason);
    exec_fixture_expect(*state, "printf -- %s {}", "\"-n\"", HANDLER_DONE, "-n");
    exec_fixture_expect(*state, "printf %s| x{}", "\"-n\"", HANDLER_DONE, "x-n|");
    exec_fixture_expect(*state, "printf %s| {}", "\"\\n-n\"", HANDLER_DONE, "\n-n|");
    exec_fixture_expect(*state, "sh -c 'printf \"%s|\" \"$1\"' sh {}", "\"-c\"", HANDLER_DONE,
                        "-c|");
}

static void test_braces_want_a_string(void **state)
{
    struct exec_fixture *fixture = *state;
    const char *command = "sh -c 'touch $LC_FIFO.ran' {}";
    exec_fixture_expect(fixture, command, NULL, HANDLER_BURY,
                        "the command has a {}, so args must be a JSON string: there are none");
    exec_fixture_expect(fixture, command, "[\"x\"]", HANDLER_BURY,
                        "the command has a {}, so args must be a JSON string: they are another "
                        "type");
    exec_fixture_expect(fixture, command, "\"x\\u0000y\"", HANDLER_BURY,
                        "args contain a NUL byte, which a program's argument cannot");
    char ran[128];
    snprintf(ran, sizeof ran, "%s.ran", fixture->fifo);
    assert_int_equal(access(ran, F_OK), -1);
}

static void test_args_too_long_for_the_system(void **state)
{
    char *args = long_string(200 << 10);
    assert_int_equal(exec_fixture_run(*state, "/bin/echo {}", args), HANDLER_BURY);
    const struct exec_fixture *fixture = *state;
    assert_string_equal(buf_text(&fixture->result.error),
                        "cannot run /bin/echo: Argument list too long");
    free(args);
}

static void test_words_as_a_shell_splits_them(void **state)
{
    static const struct {
        const char *words, *seen;
    } rows[] = {
        {"a  b\tc\nd ", "a|b|c|d|"},
        {"'a b' \"c d\" e\\ f", "a b|c d|e f|"},
        {"a'b'\"c\"d", "abcd|"},
        {"'' \"\"", "||"},
        {"'\\' '\"' \"'\" \\\\ \\'", "\\|\"|'|\\|'|"},
        {"\"\\\"\\\\\\$\\`\\n\"", "\"\\$`\\n|"},
        {"$HOME ~ * `id` $(id) ; # | > x & !", "$HOME|~|*|`id`|$(id)|;|#|||>|x|&|!|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char command[128];
        snprintf(command, sizeof command, " printf %%s| %s", rows[i].words);
        exec_fixture_expect(*state, command, "0", HANDLER_DONE, rows[i].seen);
    }
}

static void test_exit_status(void **state)
{
    exec_fixture_expect(*state, "sh -c 'echo ok; echo noise >&2'", NULL, HANDLER_DONE, "ok\n");
    exec_fixture_expect(*state, "sh -c 'echo ok; exit 1'", NULL, HANDLER_RETRY, "exit status 1");
    exec_fixture_expect(*state, "sh -c 'exit 75'", NULL, HANDLER_RETRY, "exit status 75");
    exec_fixture_expect(*state, "sh -c 'exit 65'", NULL, HANDLER_BURY, "exit status 65");
    exec_fixture_expect(*state, "sh -c 'echo never >&2; exit 65'", NULL, HANDLER_BURY, "never");
    exec_fixture_expect(*state, "sh -c 'exec >&- 2>&-; sleep 0.05; exit 3'", NULL, HANDLER_RETRY,
                        "exit status 3");
}

static void test_output_is_bytes(void **state)
{
    struct exec_fixture *fixture = *state;
    assert_int_equal(exec_fixture_run(fixture, "printf '\\0a\\377\\n'", NULL), HANDLER_DONE);
    assert_int_equal(fixture->result.output.len, 4);
    assert_memory_equal(fixture->result.output.ptr, "\0a\xff\n", 4);
}

static void test_reason_is_clean_text(void **state)
{
    exec_fixture_expect(*state, "sh -c 'printf \" \\n\\t two\\nlines \\n\\n\" >&2; exit 1'", NULL,
                        HANDLER_RETRY, "two\nlines");
    exec_fixture_expect(*state, "sh -c 'printf \" \\n\" >&2; exit 1'", NULL, HANDLER_RETRY,
                        "exit status 1");
    exec_fixture_expect(*state,
                        "sh -c 'printf \"a\\000b\\033c\\377d\\303\\251\\177e\" >&2; exit 1'", NULL,
                        HANDLER_RETRY,
                        "a b c\xef\xbf\xbd"
                        "d\xc3\xa9 e");
}

static void test_reason_is_the_end_of_a_long_one(void **state)
{
    struct exec_fixture *fixture = *state;
    const char *command = "sh -c 'head -c 10000000 /dev/zero | tr \"\\0\" x >&2;"
                          "printf \"\\303\\251%2046sthe end\" >&2; exit 1'";
    assert_int_equal(exec_fixture_run(fixture, command, NULL), HANDLER_RETRY);
    assert_string_equal(buf_text(&fixture->result.error), "the end");
    command = "sh -c 'yes abcdefg | head -c 100000 >&2; exit 1'";
    assert_int_equal(exec_fixture_run(fixture, command, NULL), HANDLER_RETRY);
    assert_int_equal(fixture->result.error.len, 2047); /* 2 KiB without the line's end */
}

static void test_largest_output(void **state)
{
    struct exec_fixture *fixture = *state;
    assert_int_equal(exec_fixture_run(fixture, "head -c 65536 /dev/zero", NULL), HANDLER_DONE);
    assert_int_equal(fixture->result.output.len, 65536);
    const char *reason = "the output is larger than 64KiB (--max-output)";
    exec_fixture_expect(fixture, "head -c 65537 /dev/zero", NULL, HANDLER_BURY, reason);
    exec_fixture_expect(fixture, "head -c 1000000000 /dev/zero", NULL, HANDLER_BURY, reason);
    fixture->call.max_output = 0;
    exec_fixture_expect(fixture, "true", NULL, HANDLER_DONE, "");
    assert_int_equal(exec_fixture_run(fixture, "echo", NULL), HANDLER_BURY);
}

static void test_environment(void **state)
{
    struct exec_fixture *fixture = *state;
    setenv("DARG_REDIS_URL", "redis://secret", 1);
    setenv("darg_token", "secret", 1);
    setenv("REDIS_URL", "redis://secret", 1);
    setenv("REDISCLI_AUTH", "secret", 1);
    setenv("Redis_Password", "secret", 1);
    setenv("CREDENTIALS_DIRECTORY", "/secret", 1);
    setenv("LISTEN_FDNAMES", "secret", 1);
    setenv("MY_OWN", "secret", 1);
    setenv("LC_MY_OWN", "kept", 1);
    setenv("https_proxy", "kept", 1);
    assert_int_equal(exec_fixture_run(fixture, "sh -c 'env; echo end'", NULL), HANDLER_DONE);
    const char *output = buf_text(&fixture->result.output);
    assert_null(strstr(output, "secret"));
    const char *wanted[] = {
        "LC_MY_OWN=kept\n", "https_proxy=kept\n",   "PATH=",
        "DARG_JOB_ID=j1\n", "DARG_JOB_TYPE=t\n",    "DARG_JOB_QUEUE=default\n",
        "DARG_JOB_RUN=3\n", "DARG_JOB_ATTEMPT=2\n", "DARG_JOB_DEADLINE=1700000000000\n"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(output, wanted[i]))
            fail_msg("%s is not in %s", wanted[i], output);
}

static void test_longest_names(void **state)
{
    struct exec_fixture *fixture = *state;
    char name[JOB_ID_MAX + 1] = {0};
    memset(name, 'n', JOB_ID_MAX);
    memcpy(fixture->job.id, name, sizeof name);
    memcpy(fixture->job.type, name, sizeof name);
    fixture->call.queue = name;
    fixture->call.run = fixture->call.deadline_ms = INT64_MAX;
    exec_fixture_expect(fixture,
                        "sh -c 'test $DARG_JOB_ID$DARG_JOB_TYPE$DARG_JOB_RUN = "
                        "$DARG_JOB_TYPE$DARG_JOB_QUEUE$DARG_JOB_DEADLINE'",
                        NULL, HANDLER_DONE, "");
    fixture->job.id[0] = '\0';
    exec_fixture_expect(fixture, "sh -c 'echo -${DARG_JOB_ID-unset}-'", NULL, HANDLER_DONE, "--\n");
}

static void test_inherits_three_descriptors(void **state)
{
    int leak = open("/dev/null", O_RDWR);
    assert_true(leak >= 0);
    int high = fcntl(leak, F_DUPFD, 100);
    exec_fixture_expect(*state, "ls /proc/self/fd", NULL, HANDLER_DONE, "0\n1\n2\n3\n");
    close(high);
    close(leak);
}

static void test_inherits_no_signals_and_no_privileges(void **state)
{
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGHUP, SIG_IGN);
    exec_fixture_expect(*state, "grep -E '^(SigBlk|NoNewPrivs):' /proc/self/status", NULL,
                        HANDLER_DONE, "SigBlk:\t0000000000000000\nNoNewPrivs:\t1\n");
    /* Signals 32 and 33 are the C library's own: it lets nobody change them, and what starts this
     * test may have left them ignored. */
    exec_fixture_expect(*state, "grep -cE '^SigIgn:.*[08]0{7}$' /proc/self/status", NULL,
                        HANDLER_DONE, "1\n");
    sigset_t after;
    sigprocmask(SIG_SETMASK, &before, &after);
    assert_true(sigismember(&after, SIGUSR1) && !sigismember(&after, SIGINT));
    assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

static void test_has_a_group_of_its_own(void **state)
{
    exec_fixture_expect(*state,
                        "sh -c 'read pid name state parent group rest </proc/$$/stat;"
                        "test $pid = $group && test $parent != $group'",
                        NULL, HANDLER_DONE, "");
}

/* ---- many at once ---- */

enum { THREADS = 8, RUNS = 30 };

struct load {
    const struct exec_fixture *fixture;
    struct command *command;
    int number;
    int wrong; /* read after the join */
};

static void *run_often(void *argument)
{
    struct load *load = argument;
    struct handler_call call = load->fixture->call;
    struct handler_result result = {0};
    struct job job = load->fixture->job;
    call.job = &job;
    for (int i = 0; i < RUNS; i++) {
        char args[32];
        snprintf(args, sizeof args, "[%d,%d]", load->number, i);
        job.args = slice_of(args);
        buf_clear(&result.output);
        exec_run(load->command, &call, &result);
        if (result.outcome != HANDLER_DONE || strcmp(buf_text(&result.output), args) != 0)
            load->wrong++;
    }
    buf_fini(&result.output);
    buf_fini(&result.error);
    return NULL;
}

static void test_many_threads(void **state)
{
    pthread_t threads[THREADS];
    struct load loads[THREADS];
    struct command *command;
    assert_int_equal(command_parse("cat", &command, NULL), ST_OK);
    for (int i = 0; i < THREADS; i++) {
        loads[i] = (struct load){.fixture = *state, .command = command, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &loads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].wrong, 0);
    }
    command_free(command);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, exec_fixture_set_up, exec_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_args_come_on_standard_input),
        TEST(test_more_than_the_pipes_hold),
        TEST(test_braces_stand_for_the_string),
        TEST(test_args_are_no_options),
        TEST(test_braces_want_a_string),
        TEST(test_args_too_long_for_the_system),
        TEST(test_words_as_a_shell_splits_them),
        TEST(test_exit_status),
        TEST(test_output_is_bytes),
        TEST(test_reason_is_clean_text),
        TEST(test_reason_is_the_end_of_a_long_one),
        TEST(test_largest_output),
        TEST(test_environment),
        TEST(test_longest_names),
        TEST(test_inherits_three_descriptors),
        TEST(test_inherits_no_signals_and_no_privileges),
        TEST(test_has_a_group_of_its_own),
        TEST(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
