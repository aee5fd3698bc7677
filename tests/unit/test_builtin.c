#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "worker/handler/builtin.h"

struct fixture {
    struct job job;
    struct handler_call call;
    struct handler_result result;
    int abort_write_fd;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    fixture = (struct fixture){.abort_write_fd = ends[1]};
    fixture.call = (struct handler_call){.job = &fixture.job,
                                         .queue = "default",
                                         .run = 1,
                                         .attempt = 1,
                                         .max_output = 1024,
                                         .abort_fd = ends[0]};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    buf_fini(&fixture->result.output);
    buf_fini(&fixture->result.error);
    close(fixture->abort_write_fd);
    close(fixture->call.abort_fd);
    return 0;
}

/* Runs the handler; what the result held before must not shine through. */
static const struct handler_result *run(struct fixture *fixture, const char *type, const char *args)
{
    const struct handler *row = builtin_handlers;
    while (row->type && strcmp(row->type, type) != 0)
        row++;
    assert_non_null(row->type);
    bool is_echo = strcmp(type, "echo") == 0;
    fixture->job.args = args ? slice_of(args) : (struct slice){NULL, 0};
    buf_clear(&fixture->result.output);
    buf_clear(&fixture->result.error);
    fixture->result.output_is_json = !is_echo;
    fixture->result.outcome = is_echo ? HANDLER_BURY : HANDLER_ABORTED;
    row->run(row->state, &fixture->call, &fixture->result);
    assert_int_equal(fixture->result.output_is_json, is_echo);
    return &fixture->result;
}

static void test_noop(void **state)
{
    const struct handler_result *result = run(*state, "noop", "{\"a\":1}");
    assert_int_equal(result->outcome, HANDLER_DONE);
    assert_int_equal(result->output.len, 0);
    assert_int_equal(result->error.len, 0);
}

static void test_echo_returns_the_bytes(void **state)
{
    const char *args[] = {"{ \"n\":12345678901234567890 }", "\"x\\u0000y\"", "null", "[]", "1.0e5"};
    for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
        const struct handler_result *result = run(*state, "echo", args[i]);
        assert_int_equal(result->outcome, HANDLER_DONE);
        assert_string_equal(buf_text(&result->output), args[i]);
    }
    assert_string_equal(buf_text(&run(*state, "echo", NULL)->output), "null");
}

static void test_sleep_takes_its_time(void **state)
{
    int64_t start = clock_mono_ms();
    assert_int_equal(run(*state, "sleep", "30")->outcome, HANDLER_DONE);
    assert_in_range(clock_mono_ms() - start, 30, 10000);
    assert_int_equal(run(*state, "sleep", "0")->outcome, HANDLER_DONE);
}

static void test_sleep_ends_when_told(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(write(fixture->abort_write_fd, "x", 1), 1);
    assert_int_equal(run(fixture, "sleep", "1000000")->outcome, HANDLER_ABORTED);
    char unread;
    assert_int_equal(read(fixture->call.abort_fd, &unread, 1), 1);
}

static void test_sleep_keeps_to_its_timeout(void **state)
{
    struct fixture *fixture = *state;
    fixture->call.timeout_ms = 20;
    const struct handler_result *result = run(fixture, "sleep", "1000000");
    assert_int_equal(result->outcome, HANDLER_RETRY);
    assert_string_equal(buf_text(&result->error), "timed out after 20ms");
    fixture->call.timeout_ms = 1000000;
    assert_int_equal(run(fixture, "sleep", "1")->outcome, HANDLER_DONE);
}

static void test_sleep_refuses_what_is_no_duration(void **state)
{
    const char *args[] = {
        NULL, "null", "\"10\"", "-1", "1.5", "1e3", "[1]", "2147483648", "99999999999999999999"};
    for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
        const struct handler_result *result = run(*state, "sleep", args[i]);
        assert_int_equal(result->outcome, HANDLER_BURY);
        assert_string_equal(
            buf_text(&result->error),
            "args of sleep must be a whole number of milliseconds up to 2147483647");
    }
}

static void test_fail_says_what_it_is_told(void **state)
{
    static const struct {
        const char *args, *error;
    } rows[] = {
        {"\"no \\\"luck\\\"\"", "no \"luck\""},
        {"\"\"", ""},
        {"{\"a\":[1]}", "{\"a\":[1]}"},
        {NULL, "failed, as asked"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct handler_result *result = run(*state, "fail", rows[i].args);
        assert_int_equal(result->outcome, HANDLER_RETRY);
        assert_string_equal(buf_text(&result->error), rows[i].error);
        assert_int_equal(result->output.len, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_noop),
        TEST(test_echo_returns_the_bytes),
        TEST(test_sleep_takes_its_time),
        TEST(test_sleep_ends_when_told),
        TEST(test_sleep_keeps_to_its_timeout),
        TEST(test_sleep_refuses_what_is_no_duration),
        TEST(test_fail_says_what_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
