/* Persistent handlers that misbehave: each time the job is tried again or dead with one sentence,
 * the next job is done by a process that is fit, and neither process nor descriptor is left. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/stream_fixture.h"
#include "support/wait.h"

/* The first process is bad, later ones are good: a file in TMP tells them apart. */
static void use_once_bad(struct stream_fixture *f, const char *bad)
{
    struct buf script = {0};
    char mark[96];
    snprintf(mark, sizeof mark, "%s/mark", f->exec->directory);
    unlink(mark);
    buf_printf(&script,
               "if test -e %s; then echo \"REPLY,\\\"done\\\":\\\"good\\\"}\"; else >%s; %s; fi",
               mark, mark, bad);
    stream_fixture_script(f, "", buf_text(&script));
    buf_fini(&script);
}

/* The job is tried again for this reason, and is then done. */
static void expect_recovery(struct stream_fixture *f, const char *bad, const char *reason,
                            bool is_crash)
{
    use_once_bad(f, bad);
    stream_fixture_expect_error(f, HANDLER_RETRY, reason);
    assert_int_equal(f->exec->result.is_crash, is_crash);
    assert_null(memchr(buf_text(&f->exec->result.error), '\n', f->exec->result.error.len));
    stream_fixture_expect(f, NULL, HANDLER_DONE, "\"good\"");
}

static void test_breaks_the_protocol(void **state)
{
    static const struct {
        const char *bad, *reason;
    } rows[] = {
        {"echo hello", "the handler broke the protocol: "},
        {"echo", "the handler broke the protocol: "},
        {"echo []", "the handler broke the protocol: "},
        {"printf \"\\\\377\\\\000\\\\n\"", "the handler broke the protocol: "},
        {"echo \"REPLY}\"", "the handler broke the protocol: it has none of done, retry, bury,"},
        {"echo \"REPLY,\\\"done\\\":1,\\\"bury\\\":\\\"x\\\"}\"",
         "the handler broke the protocol: it has more than one of done"},
        {"echo \"REPLY,\\\"bury\\\":1}\"", "the handler broke the protocol: \"bury\" must be"},
        {"echo \"{\\\"id\\\":\\\"j2\\\",\\\"done\\\":1}\"",
         "the handler broke the protocol: this is not about its current job: {\"id\":\"j2\""},
        {"echo \"REPLY,\\\"run\\\":2,\\\"done\\\":1}\"",
         "the handler broke the protocol: this is not about its current job"},
        {"echo \"{\\\"done\\\":1}\"",
         "the handler broke the protocol: this is not about its current job"},
        {"echo \"{\\\"log\\\":\\\"x\\\",\\\"level\\\":\\\"loud\\\"}\"",
         "the handler broke the protocol: \"level\" must be"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_recovery(*state, rows[i].bad, rows[i].reason, false);
}

static void test_answers_twice(void **state)
{
    struct stream_fixture *f = *state;
    /* Both in one write: the second lies there when the next job comes. */
    stream_fixture_script(f, "", "printf \"REPLY,\\\"done\\\":$$}\\nREPLY,\\\"done\\\":1}\\n\"");
    for (int i = 0; i < 3; i++) {
        char before[32];
        snprintf(before, sizeof before, "%s", buf_text(&f->exec->result.output));
        f->exec->job.args = slice_of("0");
        buf_clear(&f->exec->result.output);
        f->handler.run(f->handler.state, &f->exec->call, &f->exec->result);
        assert_int_equal(f->exec->result.outcome, HANDLER_DONE);
        assert_string_not_equal(before, buf_text(&f->exec->result.output));
    }
}

/* The same job again, with the same run: only the nonce tells its answer from one to the last. */
static void test_answers_the_last_job_again(void **state)
{
    struct stream_fixture *f = *state;
    static const char late[] =
        "[ \"$nonce\" ] || { nonce=${job#*\\\"nonce\\\":}; echo \"{\\\"darg\\\":2}\"; };"
        "echo \"{\\\"nonce\\\":${nonce%%,*},\\\"done\\\":1}\"";
    static const char nameless[] = "[ \"$said\" ] || echo \"{\\\"darg\\\":2}\"; said=1;"
                                   "echo \"REPLY,\\\"done\\\":1}\"";
    static const char again[] = "echo \"{\\\"darg\\\":2}\"; echo \"{\\\"darg\\\":2}\"; sleep 99";
    stream_fixture_script(f, "", late);
    stream_fixture_expect(f, NULL, HANDLER_DONE, "1");
    stream_fixture_expect_error(
        f, HANDLER_RETRY, "the handler broke the protocol: this is not about its current job");
    stream_fixture_script(f, "", nameless);
    stream_fixture_expect_error(
        f, HANDLER_RETRY, "the handler broke the protocol: this is not about its current job");
    stream_fixture_script(f, "", again);
    stream_fixture_expect_error(f, HANDLER_RETRY,
                                "the handler broke the protocol: the version must be said once");
}

static void test_line_is_too_long(void **state)
{
    struct stream_fixture *f = *state;
    f->exec->call.max_output = 1000;
    expect_recovery(f, "head -c 80000 /dev/zero | tr \"\\\\0\" x; sleep 99",
                    "the handler broke the protocol: a line of its output is longer than 69.8KiB",
                    false);
    /* One that is a result will be no shorter the next time. */
    stream_fixture_script(
        f, "", "printf \"REPLY,\\\"done\\\":[\"; yes 1, 2>/dev/null | tr -d [:space:]; sleep 99");
    stream_fixture_expect(f, NULL, HANDLER_BURY, "the result is larger than 1000B (--max-output)");
    stream_fixture_script(f, "", "printf \"REPLY,\\\"done\\\":[1%2000s]}\\n\" \"\"");
    stream_fixture_expect(f, NULL, HANDLER_BURY, "the result is larger than 1000B (--max-output)");
}

static pid_t answered_by(struct stream_fixture *f)
{
    stream_fixture_expect_error(f, HANDLER_DONE, "");
    return atoi(buf_text(&f->exec->result.output));
}

struct idle {
    struct stream_fixture *fixture;
    pid_t pid;
};

static bool is_replaced(void *context)
{
    const struct idle *idle = context;
    const struct handler *handler = &idle->fixture->handler;
    handler->attend(handler->state, idle->fixture->exec->call.thread);
    return kill(idle->pid, 0) != 0;
}

/* What a process writes while it has no job is laid to no job. */
static void test_writes_while_idle(void **state)
{
    static const char *const scripts[] = {
        "echo \"REPLY,\\\"done\\\":$$}\"; yes x | tr -d [:space:]",
        "printf \"REPLY,\\\"done\\\":$$}\\nxxx\"",
        "printf \"REPLY,\\\"done\\\":$$}\\nno\\n\"",
    };
    struct stream_fixture *f = *state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        stream_fixture_script(f, "", scripts[i]);
        pid_t first = answered_by(f);
        if (i == 0) {
            struct idle idle = {f, first};
            assert_true(wait_until(is_replaced, &idle, 20000));
        }
        assert_int_not_equal(answered_by(f), first);
    }
    stream_fixture_script(f, "",
                          "printf \"REPLY,\\\"done\\\":$$}\\n{\\\"log\\\":\"; sleep 0.05;"
                          "echo \"\\\"x\\\"}\"");
    pid_t first = answered_by(f);
    assert_int_equal(answered_by(f), first);
}

static void test_reason_is_too_long(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "",
                          "text=$(head -c 5000 /dev/zero | tr \"\\\\0\" y);"
                          "echo \"REPLY,\\\"bury\\\":\\\"x$text\\\"}\"");
    stream_fixture_expect_error(f, HANDLER_BURY, "xyyy");
    assert_int_equal(f->exec->result.error.len, 2048);
}

static void test_ends_under_the_job(void **state)
{
    struct stream_fixture *f = *state;
    expect_recovery(f, "exit 0", "the handler ended before it answered: exit status 0", true);
    expect_recovery(f, "exit 3", "the handler ended before it answered: exit status 3", true);
    expect_recovery(f, "exec >&-; sleep 99", "the handler closed its output before it answered",
                    false);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (number == SIGCHLD || number == SIGCONT || number == SIGSTOP || number == SIGTSTP ||
            number == SIGTTIN || number == SIGTTOU || number == SIGURG || number == SIGWINCH ||
            (number >= 32 && number < SIGRTMIN))
            continue;
        char kill_text[64];
        char reason[80];
        snprintf(kill_text, sizeof kill_text, "ulimit -c 0; kill -%d $$", number);
        snprintf(reason, sizeof reason,
                 "the handler ended before it answered: killed by signal %d (", number);
        expect_recovery(f, kill_text, reason, true);
    }
}

/* Its last words were the answer. */
static void test_answers_and_ends(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", "echo \"REPLY,\\\"done\\\":7}\"; exit 0");
    for (int i = 0; i < 5; i++)
        stream_fixture_expect(f, NULL, HANDLER_DONE, "7");
}

static void test_never_answers(void **state)
{
    struct stream_fixture *f = *state;
    f->exec->call.timeout_ms = 300;
    use_once_bad(f, "exec sleep 99");
    stream_fixture_expect_error(f, HANDLER_RETRY, "timed out after 300ms");
    assert_false(f->exec->result.is_crash);
    use_once_bad(f, "trap : TERM; while :; do :; done"); /* KILL it takes */
    stream_fixture_expect_error(f, HANDLER_RETRY, "timed out after 300ms");
    f->exec->call.timeout_ms = 0;
    stream_fixture_expect(f, NULL, HANDLER_DONE, "\"good\"");
}

static void test_does_not_read(void **state)
{
    struct stream_fixture *f = *state;
    char *large = mem_new(300001);
    memset(large, '1', 300000);
    f->exec->call.timeout_ms = 300;
    stream_fixture_use(f, "stream:sleep 99");
    stream_fixture_expect(f, large, HANDLER_RETRY, "timed out after 300ms");
    f->exec->call.timeout_ms = 0;
    stream_fixture_use(f, "stream:sh -c 'exec <&-; sleep 0.1'");
    stream_fixture_expect(f, large, HANDLER_RETRY,
                          "the handler ended before it answered: exit status 0");
    assert_false(f->exec->result.is_crash); /* it never had the job */
    free(large);
}

static void test_told_to_end(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(
        f, "", "case $job in *1}) exec sleep 99 ;; esac; echo \"REPLY,\\\"done\\\":1}\"");
    stream_fixture_expect(f, "0", HANDLER_DONE, "1");
    assert_int_equal(write(f->exec->abort_write_fd, "x", 1), 1);
    stream_fixture_expect(f, "1", HANDLER_ABORTED, "told to end");
    /* Nor is a process started any more. */
    stream_fixture_expect(f, NULL, HANDLER_ABORTED, "told to end");
}

static void test_floods_standard_error(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "",
                          "yes some words | head -n 300000 >&2; echo \"REPLY,\\\"done\\\":1}\"");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "1");
    assert_non_null(strstr(buf_text(&f->said), "left out until its next job"));
    assert_true(f->said.len < 10000);
    stream_fixture_script(f, "", "head -c 3000000 /dev/zero | tr \"\\\\0\" x >&2; exit 4");
    stream_fixture_expect_error(f, HANDLER_RETRY,
                                "the handler ended before it answered: exit status 4: xxx");
    assert_true(f->exec->result.error.len < 4096);
}

static void test_leaves_children(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", "exec 9>\"$LC_FIFO\"; sleep 99 & exit 5");
    stream_fixture_expect(f, NULL, HANDLER_RETRY,
                          "the handler ended before it answered: exit status 5");
    assert_true(exec_fixture_wait_fifo_closed(f->exec));
    stream_fixture_script(f, "", "exec 9>\"$LC_FIFO\"; sleep 99 & echo \"REPLY,\\\"done\\\":1}\"");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "1");
    stream_fixture_leave(f);
    assert_true(exec_fixture_wait_fifo_closed(f->exec));
}

/* Neither the end of its input nor TERM ends it. */
static void test_will_not_leave(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_use(f, "stream:sh -c 'trap : TERM; read -r hello; read -r job; echo "
                          "\"{\\\"id\\\":\\\"j1\\\",\\\"done\\\":1}\"; while :; do :; done'");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "1");
    int64_t from = clock_mono_ms();
    stream_fixture_leave(f);
    assert_true(clock_mono_ms() - from >= 2000); /* both graces were given; KILL ended it */
}

static void test_dies_between_jobs(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", "echo \"REPLY,\\\"done\\\":$$}\"");
    stream_fixture_expect_error(f, HANDLER_DONE, "");
    pid_t pid = atoi(buf_text(&f->exec->result.output));
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    stream_fixture_expect_error(f, HANDLER_DONE, "");
    assert_int_not_equal(atoi(buf_text(&f->exec->result.output)), pid);
}

/* It lacks something, and has read nothing: no job is to blame. */
static void test_lacks_something(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_use(f, "stream:sh -c 'exit 75'");
    stream_fixture_expect(f, "1", HANDLER_UNABLE,
                          "the handler ended before it answered: exit status 75");
    stream_fixture_use(f, "stream:sh -c 'read -r hello; read -r job; exit 75'");
    stream_fixture_expect(f, "1", HANDLER_RETRY,
                          "the handler ended before it answered: exit status 75");
}

static void test_cannot_be_run(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_use(f, "stream:sh -c 'exec /nowhere/x'");
    stream_fixture_expect_error(f, HANDLER_RETRY,
                                "the handler ended before it answered: exit status 127");
    assert_false(f->exec->result.is_crash);
    int64_t from = clock_mono_ms();
    stream_fixture_expect_error(f, HANDLER_RETRY, "the handler ended before it answered");
    assert_true(clock_mono_ms() - from >= 90); /* it was given a pause */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stream_fixture_set_up, stream_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_breaks_the_protocol),
        TEST(test_answers_twice),
        TEST(test_answers_the_last_job_again),
        TEST(test_line_is_too_long),
        TEST(test_writes_while_idle),
        TEST(test_reason_is_too_long),
        TEST(test_ends_under_the_job),
        TEST(test_answers_and_ends),
        TEST(test_never_answers),
        TEST(test_does_not_read),
        TEST(test_told_to_end),
        TEST(test_floods_standard_error),
        TEST(test_leaves_children),
        TEST(test_will_not_leave),
        TEST(test_dies_between_jobs),
        TEST(test_cannot_be_run),
        TEST(test_lacks_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
