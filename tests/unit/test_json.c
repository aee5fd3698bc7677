#include "support/cmocka_all.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* A text of known length, so that it may hold NUL. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

/* The text is given in a block of exactly its size: a read beyond its end is seen by the address
 * sanitizer. */
static enum status check_exactly(struct slice text, int max_depth, enum json_type *type,
                                 struct err *err)
{
    char *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    enum status status = json_check((struct slice){copy, text.len}, max_depth, type, err);
    free(copy);
    return status;
}

static void test_accepts(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        enum json_type type;
    } rows[] = {
        {TEXT("null"), JSON_NULL},
        {TEXT("true"), JSON_TRUE},
        {TEXT("false"), JSON_FALSE},
        {TEXT("0"), JSON_NUMBER},
        {TEXT("-0"), JSON_NUMBER},
        {TEXT("10"), JSON_NUMBER},
        {TEXT("-12.50"), JSON_NUMBER},
        {TEXT("0.0"), JSON_NUMBER},
        {TEXT("1e5"), JSON_NUMBER},
        {TEXT("1E+5"), JSON_NUMBER},
        {TEXT("0e-00"), JSON_NUMBER},
        {TEXT("1.5e007"), JSON_NUMBER},
        {TEXT("1e999999"), JSON_NUMBER},
        {TEXT("123456789012345678901234567890"), JSON_NUMBER},
        {TEXT("\"\""), JSON_STRING},
        {TEXT("\"abc\""), JSON_STRING},
        {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRING},
        {TEXT("\"\\u0041\\uABCD\\uabcd\\u0000\""), JSON_STRING},
        {TEXT("\"\\ud83d\\ude00\""), JSON_STRING},
        {TEXT("\"\\uDBFF\\uDFFF\""), JSON_STRING},
        {TEXT("\"\x7f\""), JSON_STRING},
        {TEXT("\"\xc2\x80\xdf\xbf\""), JSON_STRING},
        {TEXT("\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""), JSON_STRING},
        {TEXT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""), JSON_STRING},
        {TEXT("[]"), JSON_ARRAY},
        {TEXT("[ ]"), JSON_ARRAY},
        {TEXT("[1,2 , 3]"), JSON_ARRAY},
        {TEXT("[[],[[]],{}]"), JSON_ARRAY},
        {TEXT("[null,true,false,\"x\",-1e1,{\"a\":[]}]"), JSON_ARRAY},
        {TEXT("{}"), JSON_OBJECT},
        {TEXT("{ }"), JSON_OBJECT},
        {TEXT("{\"\":0}"), JSON_OBJECT},
        {TEXT("{\"a\":1,\"a\":2}"), JSON_OBJECT},
        {TEXT("{\"a\":{\"b\":[{\"c\":[]}]},\"d\":null}"), JSON_OBJECT},
        {TEXT(" \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n1 \t\r\n, \"b\" : [ 1 , 2 ] } \t\r\n"),
         JSON_OBJECT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        enum json_type type = JSON_NONE;
        if (check_exactly(rows[i].text, JSON_MAX_DEPTH, &type, &err) != ST_OK)
            fail_msg("%s: %s", rows[i].text.ptr, err_text(&err));
        if (type != rows[i].type)
            fail_msg("%s: type %d", rows[i].text.ptr, (int)type);
    }
}

static void refuse_all(const struct slice *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        enum json_type type;
        if (check_exactly(rows[i], JSON_MAX_DEPTH, &type, &err) != ST_INVALID)
            fail_msg("row %zu was taken: %s", i, rows[i].ptr);
        assert_int_equal(err.status, ST_INVALID);
        if (strncmp(err_text(&err), "not JSON: ", 10) != 0 &&
            strstr(err_text(&err), " is a lone surrogate, ") == NULL)
            fail_msg("row %zu: %s", i, err_text(&err));
    }
}
#define REFUSE_ALL(rows) refuse_all(rows, sizeof(rows) / sizeof(rows)[0])

static void test_refuses_bad_arrays(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        TEXT(""),     TEXT(" "),    TEXT("\n"),  TEXT("["),     TEXT("[1"),     TEXT("[1,"),
        TEXT("[1,]"), TEXT("[,1]"), TEXT("[,]"), TEXT("[1 2]"), TEXT("[1,,2]"), TEXT("[1}"),
        TEXT("[}"),   TEXT("]"),    TEXT("[]]"), TEXT("[[]"),
    };
    REFUSE_ALL(rows);
}

static void test_refuses_bad_objects(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        TEXT("{"),
        TEXT("}"),
        TEXT("{]"),
        TEXT("{}}"),
        TEXT("{\"a\""),
        TEXT("{\"a\":"),
        TEXT("{\"a\":1"),
        TEXT("{\"a\":1,"),
        TEXT("{\"a\":1,}"),
        TEXT("{\"a\":}"),
        TEXT("{\"a\"}"),
        TEXT("{\"a\" 1}"),
        TEXT("{\"a\":1 \"b\":2}"),
        TEXT("{\"a\":1,,\"b\":2}"),
        TEXT("{\"a\"::1}"),
        TEXT("{\"a\":1:2}"),
        TEXT("{\"a\":1]"),
        TEXT("{,}"),
        TEXT("{a:1}"),
        TEXT("{'a':1}"),
        TEXT("{1:1}"),
        TEXT("{null:1}"),
        TEXT("{[]:1}"),
        TEXT("{\"a\",1}"),
        TEXT("[\"a\":1]"),
    };
    REFUSE_ALL(rows);
}

static void test_refuses_what_stands_around(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        TEXT("[1]x"),   TEXT("{} {}"),          TEXT("1 2"),   TEXT("1,"),    TEXT("\"a\"\"b\""),
        TEXT("{}\0"),   TEXT("\0{}"),           TEXT("[1\0]"), TEXT("[1]//"), TEXT("/**/[1]"),
        TEXT("#"),      TEXT("\xef\xbb\xbf{}"), /* a byte order mark */
        TEXT("[\x0c]"),                         /* blanks of other languages */
        TEXT("[\x0b]"), TEXT("[\xc2\xa0]"),
    };
    REFUSE_ALL(rows);
}

static void test_refuses_bad_words_and_numbers(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        TEXT("nul"),   TEXT("nulls"),    TEXT("NULL"),         TEXT("True"),  TEXT("tru"),
        TEXT("truex"), TEXT("fals"),     TEXT("NaN"),          TEXT("nan"),   TEXT("Inf"),
        TEXT("-Inf"),  TEXT("Infinity"), TEXT("undefined"),    TEXT("01"),    TEXT("00"),
        TEXT("-01"),   TEXT("-"),        TEXT("--1"),          TEXT("+1"),    TEXT("1."),
        TEXT(".5"),    TEXT("-.5"),      TEXT("1.e1"),         TEXT("1e"),    TEXT("1e+"),
        TEXT("1e-"),   TEXT("1eE2"),     TEXT("1e1.5"),        TEXT("1.2.3"), TEXT("0x10"),
        TEXT("1_000"), TEXT("1a"),       TEXT("- 1"),          TEXT("1 .5"),  TEXT("0e"),
        TEXT("0.e"),   TEXT("-a"),       TEXT("[1.]"),         TEXT("[-]"),   TEXT("[1e]"),
        TEXT("[01]"),  TEXT("1\0"),      TEXT("\xef\xbc\x91"), /* a full-width digit */
    };
    REFUSE_ALL(rows);
}

static void test_refuses_bad_strings(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        TEXT("\""),
        TEXT("\"a"),
        TEXT("\"a\\"),
        TEXT("\"a\\\""),
        TEXT("'a'"),
        TEXT("\"\\x41\""),
        TEXT("\"\\a\""),
        TEXT("\"\\v\""),
        TEXT("\"\\0\""),
        TEXT("\"\\'\""),
        TEXT("\"\\\0\""),
        TEXT("\"\\\n\""),
        TEXT("\"\\U0041\""),
        TEXT("\"\\u\""),
        TEXT("\"\\u"),
        TEXT("\"\\u00"),
        TEXT("\"\\u004\""),
        TEXT("\"\\u00g0\""),
        TEXT("\"\\u+041\""),
        TEXT("\"\\u 041\""),
        TEXT("\"\\u-041\""),
        TEXT("\"\\ud800\""),
        TEXT("\"\\ud800x\""),
        TEXT("\"\\ud800"),
        TEXT("\"\\ud800\\"),
        TEXT("\"\\ud800\\u"),
        TEXT("\"\\ud800\\udc0"),
        TEXT("\"\\ud800\\n\""),
        TEXT("\"\\ud800\\u0041\""),
        TEXT("\"\\ud800\\ud800\""),
        TEXT("\"\\udbff\\ue000\""),
        TEXT("\"\\udc00\""),
        TEXT("\"\\udc00\\udc00\""),
        TEXT("\"\\udfff\\ud800\""),
    };
    REFUSE_ALL(rows);
}

static void test_refuses_raw_control_bytes(void **state)
{
    (void)state;
    for (char c = 0; c < 0x20; c++) {
        const char text[] = {'"', 'a', c, 'b', '"'};
        enum json_type type;
        assert_int_equal(json_check((struct slice){text, 5}, 8, &type, NULL), ST_INVALID);
    }
}

static void test_refuses_bad_utf8(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        TEXT("\"\x80\""),
        TEXT("\"\xbf\""),
        TEXT("\"\xc0\x80\""), /* overlong */
        TEXT("\"\xc1\xbf\""),
        TEXT("\"\xe0\x80\x80\""),
        TEXT("\"\xe0\x9f\xbf\""),
        TEXT("\"\xf0\x80\x80\x80\""),
        TEXT("\"\xf0\x8f\xbf\xbf\""),
        TEXT("\"\xed\xa0\x80\""), /* surrogates */
        TEXT("\"\xed\xbf\xbf\""),
        TEXT("\"\xf4\x90\x80\x80\""), /* above U+10FFFF */
        TEXT("\"\xf5\x80\x80\x80\""),
        TEXT("\"\xf8\x88\x80\x80\x80\""),
        TEXT("\"\xfe\""),
        TEXT("\"\xff\""),
        TEXT("\"\xc3\""), /* cut short by the quote */
        TEXT("\"\xe2\x82\""),
        TEXT("\"\xf0\x9f\x98\""),
        TEXT("\"\xc3"), /* cut short by the end */
        TEXT("\"\xe2"),
        TEXT("\"\xe2\x82"),
        TEXT("\"\xf0\x9f\x98"),
        TEXT("\"\xc3(\""), /* no tail */
        TEXT("\"\xe2(\xa1\""),
        TEXT("\"\xe2\x82(\""),
        TEXT("\"\xf0(\x8c\xbc\""),
        TEXT("\"\xf0\x90(\xbc\""),
        TEXT("\"\xf0\x90\x8c(\""),
        TEXT("\"\xc3\xc3\""),
        TEXT("{\"\xff\":1}"),
        TEXT("\xff"),
    };
    REFUSE_ALL(rows);
}

/* Whatever valid text is cut off anywhere, is refused; only a whole one is not. */
static void test_every_cut_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\u00e9\\ud83d\\ude00\":[1,-2.5e+10,true,false,null,\"\xe2\x82"
                               "\xac \xf0\x9f\x98\x80\"],\"b\":{\"c\":{}}}";
    enum json_type type;
    for (size_t len = 0; len < sizeof text - 1; len++)
        if (check_exactly((struct slice){text, len}, 8, &type, NULL) != ST_INVALID)
            fail_msg("taken: %.*s", (int)len, text);
    assert_int_equal(check_exactly(slice_of(text), 8, &type, NULL), ST_OK);
}

static void nest(struct buf *out, const char *open, const char *close, int depth)
{
    buf_clear(out);
    for (int i = 0; i < depth; i++)
        buf_append_text(out, open);
    buf_append_char(out, '1');
    for (int i = 0; i < depth; i++)
        buf_append_text(out, close);
}

static void test_depth_is_limited(void **state)
{
    (void)state;
    static const struct {
        const char *open, *close;
        int each;
    } rows[] = {{"[", "]", 1}, {"{\"a\":", "}", 1}, {"[{\"a\":", "}]", 2}};
    struct buf text = {0};
    struct err err = {0};
    enum json_type type;
    for (size_t i = 0; i < 3; i++) {
        int at_most = 64 / rows[i].each;
        nest(&text, rows[i].open, rows[i].close, at_most);
        assert_int_equal(json_check(buf_slice(&text), 64, &type, &err), ST_OK);
        assert_int_equal(json_check(buf_slice(&text), 63, &type, &err), ST_INVALID);
        nest(&text, rows[i].open, rows[i].close, at_most + 1);
        assert_int_equal(json_check(buf_slice(&text), 64, &type, &err), ST_INVALID);
        assert_memory_equal(err_text(&err), "nested deeper than 64 levels at byte ", 37);
        nest(&text, rows[i].open, rows[i].close, 1024 / rows[i].each);
        assert_int_equal(json_check(buf_slice(&text), 1024, &type, &err), ST_OK);
        nest(&text, rows[i].open, rows[i].close, 100000);
        assert_int_equal(json_check(buf_slice(&text), 64, &type, &err), ST_INVALID);
        assert_int_equal(json_check(buf_slice(&text), INT32_MAX, &type, &err), ST_INVALID);
    }
    buf_fini(&text);
    assert_int_equal(json_check(slice_of("1"), 0, &type, &err), ST_OK);
    assert_int_equal(json_check(slice_of("[]"), 0, &type, &err), ST_INVALID);
    assert_int_equal(json_check(slice_of("[]"), -1, &type, &err), ST_INVALID);
}

/* Levels that open and close again may not leave anything behind in the stack of open ones. */
static void test_siblings_do_not_add_up(void **state)
{
    (void)state;
    enum json_type type;
    const char *text = "[[[]],{\"a\":[{}]},[{\"b\":{}}],[[[]]],{\"c\":{\"d\":[]}},[]]";
    assert_int_equal(json_check(slice_of(text), 4, &type, NULL), ST_OK);
    assert_int_equal(json_check(slice_of(text), 3, &type, NULL), ST_INVALID);
    assert_int_equal(json_check(slice_of("[[[]],{\"a\":1]]"), 4, &type, NULL), ST_INVALID);
    assert_int_equal(json_check(slice_of("{\"a\":[1},2]"), 4, &type, NULL), ST_INVALID);
}

static void test_sentences_name_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"", "not JSON: the text is empty"},
        {"{\"a\" 1}", "not JSON: a colon expected at byte 5"},
        {"{\"a\":01}", "not JSON: a comma or the end of an array or object expected at byte 6"},
        {"[1]x", "not JSON: nothing after the value expected at byte 3"},
        {"[\"a\\ud83d\"]", "\\ud83d at byte 3 is a lone surrogate, which is not a character"},
        {"[\"\\uDE00\\ud83d\"]", "\\uDE00 at byte 2 is a lone surrogate, which is not a character"},
        {"{\"\\ud83dx\":1}", "\\ud83d at byte 2 is a lone surrogate, which is not a character"},
        {"[\"\\ud83d\\ud83d\"]", "\\ud83d at byte 2 is a lone surrogate, which is not a character"},
        {"[\"\\ud83d", "\\ud83d at byte 2 is a lone surrogate, which is not a character"},
        {"[\"a\xff\"]", "not JSON: valid UTF-8 expected at byte 3"},
        {"[[[1]]]", "nested deeper than 2 levels at byte 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        enum json_type type;
        assert_int_equal(json_check(slice_of(rows[i].text), 2, &type, &err), ST_INVALID);
        assert_string_equal(err_text(&err), rows[i].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses_bad_arrays),
        cmocka_unit_test(test_refuses_bad_objects),
        cmocka_unit_test(test_refuses_what_stands_around),
        cmocka_unit_test(test_refuses_bad_words_and_numbers),
        cmocka_unit_test(test_refuses_bad_strings),
        cmocka_unit_test(test_refuses_raw_control_bytes),
        cmocka_unit_test(test_refuses_bad_utf8),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_siblings_do_not_add_up),
        cmocka_unit_test(test_sentences_name_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
