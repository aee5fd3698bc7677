#include "stream/talk.h"

#include "support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

/* What a worker writes stands in one pipe, what is said in another; both hold more than a test. */
struct fixture {
    struct talk talk;
    int to_talk, from_talk;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    int in[2], out[2];
    fixture = (struct fixture){.to_talk = -1};
    if (pipe(in) != 0 || pipe(out) != 0)
        return -1;
    fixture.talk.input = in[0];
    fixture.to_talk = in[1];
    fixture.talk.output = out[1];
    fixture.from_talk = out[0];
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    talk_fini(&f->talk);
    close(f->talk.input);
    close(f->from_talk);
    close(f->talk.output);
    if (f->to_talk >= 0)
        close(f->to_talk);
    return 0;
}

static void tell(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->to_talk, text, strlen(text)), strlen(text));
}

static void tell_last(struct fixture *f, const char *text)
{
    tell(f, text);
    close(f->to_talk);
    f->to_talk = -1;
}

static void expect_said(struct fixture *f, const char *text)
{
    char said[4096];
    ssize_t len = read(f->from_talk, said, sizeof said - 1);
    assert_true(len >= 0);
    said[len] = '\0';
    assert_string_equal(said, text);
}

static void begin(struct fixture *f, const char *hello, const char *job, struct talk_job *line)
{
    struct err err = {0};
    tell(f, hello);
    tell(f, job);
    assert_int_equal(talk_begin(&f->talk, &err), TALK_JOB);
    assert_int_equal(talk_next(&f->talk, line, &err), TALK_JOB);
}

static void test_first_version(void **state)
{
    struct fixture *f = *state;
    struct talk_job line;
    begin(f, "{\"darg\":1,\"type\":\"t\"}\n", "{\"id\":\"a\\u0031\",\"args\":[1]}\n", &line);
    assert_true(slice_is(line.fields[STREAM_JOB_ARGS].value.text, "[1]"));
    assert_int_equal(line.fields[STREAM_JOB_RUN].value.type, JSON_NONE);
    assert_true(talk_fail(&f->talk, STREAM_RETRY, slice_of("no \"luck\""), 500));
    expect_said(f, "{\"id\":\"a\\u0031\",\"retry\":\"no \\\"luck\\\"\",\"delay_ms\":500}\n");
    assert_true(talk_fail(&f->talk, STREAM_RETRY, slice_of("x"), -1));
    expect_said(f, "{\"id\":\"a\\u0031\",\"retry\":\"x\"}\n");
    assert_true(talk_fail(&f->talk, STREAM_BURY, slice_of("x"), 500));
    expect_said(f, "{\"id\":\"a\\u0031\",\"bury\":\"x\"}\n");
}

static void test_nonces(void **state)
{
    struct fixture *f = *state;
    struct talk_job line;
    begin(f, "{\"darg\":1,\"type\":\"t\",\"max\":3}\n", "{\"id\":\"a\",\"nonce\":7}\n", &line);
    expect_said(f, "{\"darg\":2}\n");
    assert_true(talk_progress(&f->talk, slice_of("[1,\r\n2]")));
    expect_said(f, "{\"id\":\"a\",\"nonce\":7,\"progress\":[1,  2]}\n");
    assert_true(talk_log(&f->talk, LOG_WARN, slice_of("a\nb")));
    expect_said(f, "{\"log\":\"a\\nb\",\"level\":\"warn\"}\n");
    assert_true(talk_done(&f->talk, slice_of("{\n}"), true));
    expect_said(f, "{\"id\":\"a\",\"nonce\":7,\"done\":{ }}\n");
    assert_true(talk_done(&f->talk, slice_of("{\n\xff"), false));
    expect_said(f,
                "{\"id\":\"a\",\"nonce\":7,\"done\":\"{\\n\xef\xbf\xbd\",\"replaced_bytes\":1}\n");
    assert_true(talk_fail(&f->talk, STREAM_UNABLE, slice_of(""), -1));
    expect_said(f, "{\"id\":\"a\",\"nonce\":7,\"unable\":\"\"}\n");
}

static void test_bad_hello(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    tell(f, "{\"darg\":2}\nhello\n");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(talk_begin(&f->talk, &err), TALK_BROKEN);
        assert_non_null(strstr(err_text(&err), "it speaks version 1 of the protocol"));
    }
    tell_last(f, "");
    assert_int_equal(talk_begin(&f->talk, &err), TALK_END);
}

static void test_bad_line(void **state)
{
    struct fixture *f = *state;
    struct talk_job line;
    struct err err = {0};
    begin(f, "{\"darg\":1}\n", "{\"id\":\"a\"}\n", &line);
    tell_last(f, "{\"id\":\n");
    assert_int_equal(talk_next(&f->talk, &line, &err), TALK_BROKEN);
    assert_non_null(strstr(err_text(&err), "this is not a line of the protocol"));
    assert_int_equal(talk_next(&f->talk, &line, &err), TALK_END);
}

/* Where the input ends within a line, a worker has broken off, but a person has not. */
static void test_rest(void **state)
{
    struct fixture *f = *state;
    struct talk_job line;
    struct err err = {0};
    begin(f, "{\"darg\":1}\n", "{\"id\":\"a\"}\n", &line);
    tell_last(f, "{\"id\":\"b\"}");
    assert_int_equal(talk_next(&f->talk, &line, &err), TALK_END);
}

static void test_rest_is_taken(void **state)
{
    struct fixture *f = *state;
    struct talk_job line;
    struct err err = {0};
    f->talk.takes_rest = true;
    begin(f, "{\"darg\":1}\n", "{\"id\":\"a\"}\n", &line);
    tell_last(f, "{\"id\":\"b\"}");
    assert_int_equal(talk_next(&f->talk, &line, &err), TALK_JOB);
    assert_true(slice_is(f->talk.id, "\"b\""));
    assert_int_equal(talk_next(&f->talk, &line, &err), TALK_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_hello, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rest_is_taken, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
