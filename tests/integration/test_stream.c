/* Persistent handlers: what they are told, what they may answer, and how long they stay. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "support/stream_fixture.h"
#include "worker/handler/stream.h"

/* Answers with what it has read. */
static const char mirror[] = "echo \"REPLY,\\\"done\\\":[$hello,$job]}\"";
/* Answers with its pid. */
static const char pid[] = "echo \"REPLY,\\\"done\\\":$$}\"";

static void test_hello_and_job(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", mirror);
    stream_fixture_expect(f, "{\"n\":\n18446744073709551616 }", HANDLER_DONE,
                          "[{\"darg\":1,\"type\":\"t\",\"max\":2},"
                          "{\"id\":\"j1\",\"type\":\"t\",\"queue\":\"default\",\"run\":3,"
                          "\"attempt\":2,\"deadline_ms\":1700000000000,\"nonce\":1,"
                          "\"args\":{\"n\": 18446744073709551616 }}]");
    assert_true(f->exec->result.output_is_json);
    stream_fixture_expect(
        f, NULL, HANDLER_DONE,
        "[{\"darg\":1,\"type\":\"t\",\"max\":2},"
        "{\"id\":\"j1\",\"type\":\"t\",\"queue\":\"default\",\"run\":3,"
        "\"attempt\":2,\"deadline_ms\":1700000000000,\"nonce\":2,\"args\":null}]");
}

static void test_answers(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", "echo \"REPLY,\\\"retry\\\":\\\"no\\\",\\\"delay_ms\\\":70}\"");
    stream_fixture_expect(f, NULL, HANDLER_RETRY, "no");
    assert_int_equal(f->exec->result.retry_after_ms, 70);
    assert_false(f->exec->result.is_crash);
    stream_fixture_script(f, "", "echo \"REPLY,\\\"retry\\\":\\\"\\\"}\"");
    stream_fixture_expect(f, NULL, HANDLER_RETRY, "the handler gave no reason");
    assert_int_equal(f->exec->result.retry_after_ms, -1);
    stream_fixture_script(f, "",
                          "echo \"REPLY,\\\"run\\\":3,\\\"bury\\\":\\\"never\\\",\\\"x\\\":1}\"");
    stream_fixture_expect(f, NULL, HANDLER_BURY, "never");
}

static const char talker[] = "echo \"REPLY,\\\"progress\\\":50}\"\n"
                             "echo \"{\\\"log\\\":\\\"hm\\\",\\\"level\\\":\\\"warn\\\"}\"\n"
                             "echo \"REPLY,\\\"progress\\\":\\\"half\\\"}\"\n"
                             "echo \"REPLY,\\\"done\\\":null}\"";

static void test_progress_and_log(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", talker);
    stream_fixture_expect(f, NULL, HANDLER_DONE, "null");
    assert_string_equal(buf_text(&f->said), "progress 50;warn hm;progress \"half\";");
    f->exec->call.observer = NULL;
    stream_fixture_expect(f, NULL, HANDLER_DONE, "null");
}

static void test_standard_error_is_heard(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_script(f, "", "echo one >&2; echo two >&2; sleep 0.1; kill -15 $$");
    stream_fixture_expect(f, NULL, HANDLER_RETRY,
                          "the handler ended before it answered: killed by signal 15 (Terminated): "
                          "one\ntwo");
    assert_string_equal(buf_text(&f->said), "log one;log two;");
}

static void copy_output(const struct stream_fixture *f, struct buf *copy)
{
    buf_clear(copy);
    buf_append_slice(copy, buf_slice(&f->exec->result.output));
}

static void run_pid(struct stream_fixture *f, struct buf *copy)
{
    f->exec->job.args = slice_of("0");
    buf_clear(&f->exec->result.output);
    f->handler.run(f->handler.state, &f->exec->call, &f->exec->result);
    assert_int_equal(f->exec->result.outcome, HANDLER_DONE);
    copy_output(f, copy);
}

static void test_stays_and_is_replaced_after_jobs(void **state)
{
    struct stream_fixture *f = *state;
    struct buf first = {0};
    struct buf next = {0};
    stream_fixture_script(f, "", pid);
    run_pid(f, &first);
    for (int i = 0; i < 5; i++) {
        run_pid(f, &next);
        assert_string_equal(buf_text(&first), buf_text(&next));
    }
    f->exec->call.thread = 1; /* another thread has another */
    run_pid(f, &next);
    assert_string_not_equal(buf_text(&first), buf_text(&next));
    stream_fixture_leave(f);
    f->exec->call.thread = 0;
    stream_fixture_script(f, ",jobs=2", pid);
    run_pid(f, &first);
    run_pid(f, &next);
    assert_string_equal(buf_text(&first), buf_text(&next));
    run_pid(f, &next);
    assert_string_not_equal(buf_text(&first), buf_text(&next));
    stream_fixture_script(f, ",rss=1GiB", pid);
    run_pid(f, &first);
    run_pid(f, &next);
    assert_string_equal(buf_text(&first), buf_text(&next));
    stream_fixture_script(f, ",jobs=9,rss=1K", pid);
    run_pid(f, &first);
    run_pid(f, &next);
    assert_string_not_equal(buf_text(&first), buf_text(&next));
    buf_fini(&first);
    buf_fini(&next);
}

/* True once the process of this number has ended, waited for or not. */
static bool has_ended(pid_t child)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0;
}

/* One that ends while its thread has nothing for it is waited for by and by, not at the next job.
 */
static void test_ends_while_idle(void **state)
{
    struct stream_fixture *f = *state;
    struct buf answer = {0};
    const char *const ends[] = {pid, "echo \"REPLY,\\\"done\\\":$$}\"; exit 0"};
    for (size_t i = 0; i < 2; i++) {
        int64_t child;
        stream_fixture_script(f, i == 0 ? ",jobs=1" : "", ends[i]);
        run_pid(f, &answer);
        assert_int_equal(parse_digits(buf_slice(&answer), 9, &child), answer.len);
        assert_true(has_ended((pid_t)child)); /* waits for it */
        f->handler.attend(f->handler.state, 0);
        assert_int_equal(kill((pid_t)child, 0), -1);
        f->handler.attend(f->handler.state, 0); /* nothing is left to be looked after */
    }
    stream_fixture_script(f, "", pid);
    run_pid(f, &answer);
    f->handler.attend(f->handler.state, 0);
    f->handler.attend(f->handler.state, 1); /* a thread that has had no job */
    stream_fixture_expect(f, NULL, HANDLER_DONE, buf_text(&answer));
    buf_fini(&answer);
}

static void test_leaves_when_its_input_ends(void **state)
{
    struct stream_fixture *f = *state;
    stream_fixture_use(f, "stream:sh -c 'exec 9>\"$LC_FIFO\"; read -r hello; while read -r job; do "
                          "echo \"{\\\"id\\\":\\\"j1\\\",\\\"done\\\":1}\"; done; printf x >&9'");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "1");
    stream_fixture_leave(f);
    char byte;
    assert_int_equal(read(f->exec->fifo_fd, &byte, 1), 1); /* written at the very end */
    assert_int_equal(read(f->exec->fifo_fd, &byte, 1), 0);
}

static void test_bad_options(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"stream,jobs=0:cat", "the number must be"},
        {"stream,rss=x:cat", ""},
        {"stream,rss=0:cat", "rss must be more than 0"},
        {"stream,pids=3:cat", "stream has no option \"pids=3\": there are jobs=N and rss=SIZE"},
        {"stream,jobs=3", "there is no ':' before the command: stream,jobs=3"},
        {"stream:", "the command is empty"},
        {"stream:cat {}", "a persistent handler reads args from its standard input: {} has no "
                          "meaning in its command"},
        {"stream:/nowhere/x", "cannot run \"/nowhere/x\": No such file or directory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct handler handler;
        struct err err = {0};
        assert_true(stream_is(rows[i].text));
        assert_int_equal(stream_parse(rows[i].text, &handler, &err), ST_INVALID);
        if (i > 1)
            assert_string_equal(err_text(&err), rows[i].says);
    }
    assert_false(stream_is("streams:x"));
    assert_false(stream_is("stream x"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stream_fixture_set_up, stream_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hello_and_job),
        TEST(test_answers),
        TEST(test_progress_and_log),
        TEST(test_standard_error_is_heard),
        TEST(test_stays_and_is_replaced_after_jobs),
        TEST(test_ends_while_idle),
        TEST(test_leaves_when_its_input_ends),
        TEST(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
