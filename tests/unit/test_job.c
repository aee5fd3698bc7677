#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "job/job.h"

enum { MAX_BYTES = 1 << 20 };

#define ENVELOPE(members, original)                                                                \
    "{\"darg\":1,\"runs\":3,\"crashes\":1" members ",\"job\":" original "}"

static void must_read(struct slice text, struct job *job)
{
    struct err err = {0};
    if (job_read(text, MAX_BYTES, job, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static void test_minimal(void **state)
{
    (void)state;
    struct job job;
    struct slice text = slice_of("{\"type\":\"mail\"}");
    must_read(text, &job);
    assert_true(slice_equal(job.text, text));
    assert_true(slice_equal(job.original, text));
    assert_false(job.is_enveloped);
    assert_string_equal(job.type, "mail");
    assert_string_equal(job.id, "");
    assert_string_equal(job.reply, "");
    assert_int_equal(job.args.len, 0);
    assert_int_equal(job.max_attempts, 0);
    assert_int_equal(job.timeout_ms, -1);
    assert_int_equal(job.expires_at_ms, 0);
    assert_int_equal(job.keep_ms, 0);
    assert_false(job.has_backoff);
    assert_int_equal(job.history.runs, 0);
    assert_int_equal(job.history.error.len, 0);
}

static void test_everything(void **state)
{
    (void)state;
    struct job job;
    must_read(slice_of(" {\"type\":\"t\\u0041\\n\", \"args\" : [9007199254740993, 1e400 ],"
                       "\"id\":\"\\u00e9\",\"reply\":\"r.1\",\"max_attempts\":3,\"timeout_ms\":0,"
                       "\"expires_at\":1700000000000,\"keep_ms\":31622400000,\"backoff\":\"1s.."
                       "2m\",\"other\":{}} "),
              &job);
    assert_string_equal(job.type, "tA\n");
    assert_true(slice_is(job.args, "[9007199254740993, 1e400 ]"));
    assert_string_equal(job.id, "\xc3\xa9");
    assert_string_equal(job.reply, "r.1");
    assert_int_equal(job.max_attempts, 3);
    assert_int_equal(job.timeout_ms, 0);
    assert_int_equal(job.expires_at_ms, 1700000000000);
    assert_int_equal(job.keep_ms, INT64_C(31622400000));
    assert_true(job.has_backoff);
    assert_int_equal(job.backoff.first_ms, 1000);
    assert_int_equal(job.backoff.limit_ms, 120000);
}

static void test_first_member_counts(void **state)
{
    (void)state;
    struct job job;
    must_read(slice_of("{\"type\":\"a\",\"type\":\"b\",\"args\":1,\"args\":2}"), &job);
    assert_string_equal(job.type, "a");
    assert_true(slice_is(job.args, "1"));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "x",
        "[]",
        "\"type\"",
        "{}",
        "{\"type\":1}",
        "{\"type\":null}",
        "{\"type\":\"\"}",
        "{\"type\":\"a\\u0000b\"}",
        "{\"type\":\"a\",}",
        "{\"type\":\"a\"}{}",
        "{\"type\":\"a\",\"n\":01}",
        "{\"type\":\"\xff\"}",
        "{\"type\":\"a\",\"id\":\"\"}",
        "{\"type\":\"a\",\"id\":7}",
        "{\"type\":\"a\",\"reply\":\"a b\"}",
        "{\"type\":\"a\",\"reply\":[]}",
        "{\"type\":\"a\",\"max_attempts\":0}",
        "{\"type\":\"a\",\"max_attempts\":1.5}",
        "{\"type\":\"a\",\"max_attempts\":1000000}",
        "{\"type\":\"a\",\"timeout_ms\":-1}",
        "{\"type\":\"a\",\"timeout_ms\":\"1\"}",
        "{\"type\":\"a\",\"expires_at\":0}",
        "{\"type\":\"a\",\"id\":\"b\",\"keep_ms\":31622400001}",
        "{\"type\":\"a\",\"keep_ms\":1000}",
        "{\"type\":\"a\",\"expires_at\":99999999999999999999}",
        "{\"type\":\"a\",\"backoff\":5}",
        "{\"type\":\"a\",\"backoff\":\"soon\"}",
        "{\"darg\":\"drains\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err err = {0};
        struct job job;
        struct slice text = slice_of(wrong[i]);
        if (job_read(text, MAX_BYTES, &job, &err) != ST_INVALID)
            fail_msg("%s is taken for a job", wrong[i]);
        assert_int_equal(err.status, ST_INVALID);
        assert_true(slice_equal(job.original, text));
    }
}

/* What could be read of a job that is no good is there all the same. */
static void test_refused_with_names(void **state)
{
    (void)state;
    struct err err = {0};
    struct job job;
    struct slice text = slice_of("{\"type\":\"a\",\"id\":\"i\",\"timeout_ms\":-1}");
    assert_int_equal(job_read(text, MAX_BYTES, &job, &err), ST_INVALID);
    assert_non_null(strstr(err_text(&err), "timeout_ms"));
    assert_string_equal(job.type, "a");
    assert_string_equal(job.id, "i");
    text = slice_of("{\"type\":\"a\",\"id\":7}");
    assert_int_equal(job_read(text, MAX_BYTES, &job, &err), ST_INVALID);
    assert_string_equal(job.type, "a");
    text = slice_of("{\"type\":7,\"id\":\"i\"}");
    assert_int_equal(job_read(text, MAX_BYTES, &job, &err), ST_INVALID);
    assert_string_equal(job.type, "");
    assert_string_equal(job.id, "i");
    text = slice_of("{\"type\":\"a\",\"reply\":\"a b\"}");
    assert_int_equal(job_read(text, MAX_BYTES, &job, &err), ST_INVALID);
    assert_string_equal(job.reply, "");
}

static void append_times(struct buf *out, const char *text, int times)
{
    for (int i = 0; i < times; i++)
        buf_append_text(out, text);
}

/* A string of `times` units as the member `name` of a job. */
static enum status read_with(const char *name, const char *unit, int times, struct job *job)
{
    struct buf text = {0};
    buf_printf(&text, "{\"%s\":\"", name);
    append_times(&text, unit, times);
    buf_append_text(&text, strcmp(name, "type") == 0 ? "\"}" : "\",\"type\":\"t\"}");
    enum status status = job_read(buf_slice(&text), MAX_BYTES, job, NULL);
    buf_fini(&text);
    return status;
}

static void test_lengths(void **state)
{
    (void)state;
    static const char *const names[] = {"type", "id", "reply"};
    struct job job;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_with(names[i], "x", 128, &job), ST_OK);
        assert_int_equal(strlen(i == 0 ? job.type : i == 1 ? job.id : job.reply), 128);
        assert_int_equal(read_with(names[i], "x", 129, &job), ST_INVALID);
        /* What counts is the decoded length. */
        assert_int_equal(read_with(names[i], "\\u0078", 128, &job), ST_OK);
        assert_int_equal(strlen(i == 0 ? job.type : i == 1 ? job.id : job.reply), 128);
        assert_int_equal(read_with(names[i], "\\u0078", 129, &job), ST_INVALID);
        assert_int_equal(read_with(names[i], "\\u0078", 5000, &job), ST_INVALID);
    }
}

static void test_size_and_depth(void **state)
{
    (void)state;
    struct job job;
    struct err err = {0};
    struct slice text = slice_of("{\"type\":\"t\"}");
    assert_int_equal(job_read(text, 12, &job, &err), ST_OK);
    assert_int_equal(job_read(text, 11, &job, &err), ST_TOO_LARGE);
    assert_true(slice_equal(job.original, text));
    /* The envelope does not count. */
    assert_int_equal(
        job_read(slice_of(ENVELOPE(",\"attempt\":1", "{\"type\":\"t\"}")), 12, &job, &err), ST_OK);
    struct buf deep = {0};
    for (int levels = 63; levels <= 64; levels++) {
        buf_clear(&deep);
        buf_append_text(&deep, "{\"type\":\"t\",\"args\":");
        append_times(&deep, "[", levels);
        append_times(&deep, "]", levels);
        buf_append_char(&deep, '}');
        assert_int_equal(job_read(buf_slice(&deep), MAX_BYTES, &job, &err),
                         levels == 63 ? ST_OK : ST_INVALID);
    }
    buf_clear(&deep);
    append_times(&deep, "[", 100000);
    assert_int_equal(job_read(buf_slice(&deep), MAX_BYTES, &job, &err), ST_INVALID);
    buf_fini(&deep);
}

static void test_envelope(void **state)
{
    (void)state;
    struct job job;
    static const char original[] = "{\"type\":\"t\",\"job\":1,\"x\":{\"a\":1,\"job\":2}}";
    struct buf text = {0};
    const struct job_head head = {.runs = 3,
                                  .crashes = 1,
                                  .attempts = 2,
                                  .failed_at_ms = 1700000000000,
                                  .id = slice_of("an \"id\""),
                                  .claim = slice_of("w.1:7"),
                                  .error = slice_of("no,\"job\":{}\xff\n")};
    job_append_head(&text, &head);
    buf_append_text(&text, original);
    buf_append_char(&text, '}');
    must_read(buf_slice(&text), &job);
    assert_true(job.is_enveloped);
    assert_true(slice_is(job.original, original));
    assert_int_equal(job.history.runs, 3);
    assert_int_equal(job.history.crashes, 1);
    assert_int_equal(job.history.attempts, 2);
    assert_int_equal(job.history.failed_at_ms, 1700000000000);
    assert_true(slice_is(job.history.claim, "\"w.1:7\""));
    assert_true(slice_is(job.history.error, "\"no,\\\"job\\\":{}\xef\xbf\xbd\\n\""));
    assert_string_equal(job.id, "an \"id\"");
    /* Slices point into the element. */
    assert_true(job.history.error.ptr > text.ptr && job.history.error.ptr < text.ptr + text.len);
    buf_fini(&text);
}

/* The producer's own id goes before the envelope's. */
static void test_envelope_id(void **state)
{
    (void)state;
    struct job job;
    must_read(slice_of(ENVELOPE(",\"id\":\"e\"", "{\"type\":\"t\",\"id\":\"o\"}")), &job);
    assert_string_equal(job.id, "o");
    must_read(slice_of(ENVELOPE(",\"id\":\"e\"", "{\"type\":\"t\"}")), &job);
    assert_string_equal(job.id, "e");
}

static void test_smallest_head(void **state)
{
    (void)state;
    struct buf text = {0};
    job_append_head(&text, &(struct job_head){0});
    assert_string_equal(buf_text(&text),
                        "{\"darg\":1,\"runs\":0,\"crashes\":0,\"attempt\":0,\"job\":");
    buf_clear(&text);
    const struct job_head beyond = {.runs = 5000000, .crashes = -4, .attempts = INT64_MAX};
    job_append_head(&text, &beyond);
    assert_string_equal(buf_text(&text),
                        "{\"darg\":1,\"runs\":999999,\"crashes\":0,\"attempt\":999999,\"job\":");
    buf_fini(&text);
}

static bool is_enveloped(const char *text)
{
    struct job job;
    job_split(slice_of(text), &job);
    if (!job.is_enveloped) {
        assert_true(slice_is(job.original, text));
        assert_int_equal(job.history.runs, 0);
        assert_int_equal(job.history.crashes, 0);
        assert_string_equal(job.id, "");
    }
    return job.is_enveloped;
}

static void test_forgeries(void **state)
{
    (void)state;
    static const char *const envelopes[] = {
        "{\"darg\":1,\"runs\":1,\"crashes\":0,\"job\":}",
        "{\"darg\":1,\"runs\":0,\"crashes\":0,\"job\":garbage}",
        "{\"darg\":1,\"runs\":999999,\"crashes\":999999,\"x\":[],\"job\":{}}",
    };
    static const char *const jobs[] = {
        "{\"darg\":1,\"runs\":1000000,\"crashes\":0,\"job\":{}}",
        "{\"darg\":1,\"runs\":01,\"crashes\":0,\"job\":{}}",
        "{\"darg\":1,\"runs\":,\"crashes\":0,\"job\":{}}",
        "{\"darg\":1,\"runs\":-1,\"crashes\":0,\"job\":{}}",
        "{\"darg\":1,\"runs\":1,\"crashes\":0}",
        "{\"darg\":1,\"runs\":1,\"crashes\":0",
        "{\"darg\":1,\"runs\":1,\"crashes\":",
        "{\"darg\":1,\"runs\":",
        "{\"darg\":1,\"runs\":1,\"crashes\":0,\"jab\":{}}",
        "{\"darg\":1,\"runs\":1,\"crashes\":0,\"job\":{} ",
        "{\"darg\":1,\"runs\":1,\"crashes\":0,\"job\":",
        "{\"darg\":1,\"runs\":1,\"crashes\":0,\"id\":\"i\",x,\"job\":{}}",
        "{ \"darg\":1,\"runs\":1,\"crashes\":0,\"job\":{}}",
        "{\"darg\":2,\"runs\":1,\"crashes\":0,\"job\":{}}",
        "{\"darg\":1,\"crashes\":1,\"runs\":0,\"job\":{}}",
        "{\"darg\":1,\"runs\":1 ,\"crashes\":0,\"job\":{}}",
    };
    for (size_t i = 0; i < sizeof envelopes / sizeof envelopes[0]; i++)
        if (!is_enveloped(envelopes[i]))
            fail_msg("%s is no envelope", envelopes[i]);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (is_enveloped(jobs[i]))
            fail_msg("%s is an envelope", jobs[i]);
}

static void test_forged_members(void **state)
{
    (void)state;
    struct job job;
    job_split(slice_of(ENVELOPE(",\"attempt\":99999999,\"failed_at\":-5,\"id\":7,\"claim\":[],"
                                "\"error\":{}",
                                "1")),
              &job);
    assert_true(job.is_enveloped);
    assert_int_equal(job.history.attempts, JOB_COUNT_MAX);
    assert_int_equal(job.history.failed_at_ms, 0);
    assert_int_equal(job.history.claim.len, 0);
    assert_int_equal(job.history.error.len, 0);
    assert_string_equal(job.id, "");
}

/* Every prefix of an element is read without harm; copies of exact size let a sanitizer see. */
static void test_prefixes(void **state)
{
    (void)state;
    static const char text[] =
        ENVELOPE(",\"attempt\":1,\"id\":\"i\",\"claim\":\"c\",\"error\":\"e\"",
                 "{\"type\":\"t\",\"args\":[1,{\"a\":\"\\ud83d\\ude00\"}],\"id\":\"x\"}");
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *copy = mem_new(len + !len);
        memcpy(copy, text, len);
        struct job job;
        assert_int_equal(job_read((struct slice){copy, len}, MAX_BYTES, &job, NULL), ST_INVALID);
        assert_false(job_is_sentinel((struct slice){copy, len}));
        free(copy);
    }
}

static void test_sentinel(void **state)
{
    (void)state;
    static const char *const sentinels[] = {JOB_SENTINEL_RETRIES,
                                            "{\"darg\":\"drain\" ,\n\"retries\" : true} ",
                                            JOB_SENTINEL, " \t\r\n{ \"darg\"\n:\t\"drain\" }\r\n"};
    static const char *const others[] = {"",
                                         "{}",
                                         "{\"darg\":\"drain\"",
                                         "{\"darg\":\"drain\"}}",
                                         "{\"darg\":\"drain\"} x",
                                         "{\"darg\":\"drain \"}",
                                         "{\"darg\":\"drain\",\"a\":1}",
                                         "{\"darg\" \"drain\"   }",
                                         "\f{\"darg\":\"drain\"}",
                                         "{\"d\\u0061rg\":\"drain\"}"};
    for (size_t i = 0; i < sizeof sentinels / sizeof sentinels[0]; i++)
        assert_true(job_is_sentinel(slice_of(sentinels[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(job_is_sentinel(slice_of(others[i])));
}

static void test_names(void **state)
{
    (void)state;
    char name[130];
    memset(name, 'a', sizeof name);
    assert_true(job_is_name((struct slice){name, 128}));
    assert_false(job_is_name((struct slice){name, 129}));
    assert_false(job_is_name((struct slice){NULL, 0}));
    for (int c = 0; c < 256; c++) {
        name[0] = (char)c;
        bool is_allowed = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789_.:-",
                                           c) != NULL;
        assert_int_equal(job_is_name((struct slice){name, 2}), is_allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_first_member_counts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_with_names),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_size_and_depth),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_envelope_id),
        cmocka_unit_test(test_smallest_head),
        cmocka_unit_test(test_forgeries),
        cmocka_unit_test(test_forged_members),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_sentinel),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
