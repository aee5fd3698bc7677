/* What is read out of a valid text, and what is written: members, strings, numbers. */
#include "support/cmocka_all.h"

#include "base/json.h"

#include <string.h>

static void assert_value(const struct json_field *field, enum json_type type, const char *text)
{
    assert_int_equal(field->value.type, type);
    if (!slice_is(field->value.text, text))
        fail_msg("%s: %.*s instead of %s", field->name, (int)field->value.text.len,
                 field->value.text.ptr, text);
}

static void test_members_are_slices_of_the_text(void **state)
{
    (void)state;
    const char *text = " { \"type\" : \"x\\n\" , \"args\":{\"type\":[1, {\"id\":2}]} ,\"id\":null,"
                       "\"n\":123456789012345678901234567890.10e-1 ,\"t\":true,\"f\":false,"
                       "\"list\":[ ],\"other\":{}} ";
    struct json_field f[] = {{.name = "id"}, {.name = "n"},    {.name = "args"}, {.name = "type"},
                             {.name = "t"},  {.name = "list"}, {.name = "f"},    {.name = "none"}};
    struct err err = {0};
    assert_int_equal(json_read_object(slice_of(text), 8, f, 8, &err), ST_OK);
    assert_value(&f[0], JSON_NULL, "null");
    assert_value(&f[1], JSON_NUMBER, "123456789012345678901234567890.10e-1");
    assert_value(&f[2], JSON_OBJECT, "{\"type\":[1, {\"id\":2}]}");
    assert_value(&f[3], JSON_STRING, "\"x\\n\"");
    assert_value(&f[4], JSON_TRUE, "true");
    assert_value(&f[5], JSON_ARRAY, "[ ]");
    assert_value(&f[6], JSON_FALSE, "false");
    assert_value(&f[7], JSON_NONE, "");
    assert_ptr_equal(f[3].value.text.ptr, strstr(text, "\"x"));
}

static void test_first_of_equal_names_counts(void **state)
{
    (void)state;
    struct json_field f = {.name = "a"};
    const char *text = "{\"b\":{\"a\":0},\"a\":1,\"a\":2,\"\\u0061\":3}";
    assert_int_equal(json_read_object(slice_of(text), 8, &f, 1, NULL), ST_OK);
    assert_value(&f, JSON_NUMBER, "1");
    /* Also if what follows is no such value as the first. */
    assert_int_equal(json_read_object(slice_of("{\"a\":null,\"a\":[1]}"), 8, &f, 1, NULL), ST_OK);
    assert_value(&f, JSON_NULL, "null");
}

static void test_names_are_compared_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        bool is_found;
    } rows[] = {
        {"{\"type\":1}", "type", true},
        {"{\"\\u0074ype\":1}", "type", true},
        {"{\"typ\\u0065\":1}", "type", true},
        {"{\"\\u0074\\u0079\\u0070\\u0065\":1}", "type", true},
        {"{\"\\/\\n\":1}", "/\n", true},
        {"{\"\\ud83d\\ude00\":1}", "\xf0\x9f\x98\x80", true},
        {"{\"\xf0\x9f\x98\x80\":1}", "\xf0\x9f\x98\x80", true},
        {"{\"\":1}", "", true},
        {"{\"typ\":1}", "type", false},
        {"{\"types\":1}", "type", false},
        {"{\"Type\":1}", "type", false},
        {"{\"\":1}", "type", false},
        {"{\"typ\\u0066\":1}", "type", false},
        {"{\"type\\u0065\":1}", "type", false},
        {"{\"\\u0074yp\":1}", "type", false},
        {"{\"type\\u0000\":1}", "type", false},
        {"{\"\\u0000\":1}", "", false},
        {"{\"\\\\u0074ype\":1}", "type", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_field f = {.name = rows[i].name};
        assert_int_equal(json_read_object(slice_of(rows[i].text), 8, &f, 1, NULL), ST_OK);
        if ((f.value.type == JSON_NUMBER) != rows[i].is_found)
            fail_msg("%s", rows[i].text);
    }
}

static void test_only_an_object_has_members(void **state)
{
    (void)state;
    static const char *const rows[] = {"[]", "1", "\"a\"", "null", "[{\"a\":1}]"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_field f = {.name = "a"};
        struct err err = {0};
        assert_int_equal(json_read_object(slice_of(rows[i]), 8, &f, 1, &err), ST_INVALID);
        assert_string_equal(err_text(&err), "not a JSON object");
        assert_int_equal(f.value.type, JSON_NONE);
    }
    struct json_field f = {.name = "a"};
    assert_int_equal(json_read_object(slice_of("{\"a\":1"), 8, &f, 1, NULL), ST_INVALID);
    assert_int_equal(json_read_object(slice_of("{\"a\":1,\"b\":[}"), 8, &f, 1, NULL), ST_INVALID);
    assert_int_equal(json_read_object(slice_of("{\"a\":[[]]}"), 2, &f, 1, NULL), ST_INVALID);
    assert_int_equal(json_read_object(slice_of("{}"), 1, NULL, 0, NULL), ST_OK);
}

static void test_old_values_are_forgotten(void **state)
{
    (void)state;
    struct json_field f = {.name = "a"};
    assert_int_equal(json_read_object(slice_of("{\"a\":1}"), 8, &f, 1, NULL), ST_OK);
    assert_int_equal(json_read_object(slice_of("{\"b\":1}"), 8, &f, 1, NULL), ST_OK);
    assert_value(&f, JSON_NONE, "");
}

static void test_strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *quoted;
        struct slice decoded;
    } rows[] = {
        {"\"\"", {"", 0}},
        {"\"abc\"", {"abc", 3}},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", {"\"\\/\b\f\n\r\t", 8}},
        {"\"a\\u0000b\"", {"a\0b", 3}},
        {"\"\\u007f\\u0080\\u07ff\"", {"\x7f\xc2\x80\xdf\xbf", 5}},
        {"\"\\u0800\\uFFFF\\uD7ff\"", {"\xe0\xa0\x80\xef\xbf\xbf\xed\x9f\xbf", 9}},
        {"\"\\ud800\\udc00\\uDBFF\\uDFFF\"", {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8}},
        {"\"x\\ud83d\\ude00y\\n\"", {"x\xf0\x9f\x98\x80y\n", 7}},
        {"\"\xc3\xa9\\\\n\"", {"\xc3\xa9\\n", 4}},
    };
    struct buf out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&out);
        buf_append_char(&out, '>');
        json_decode_string(slice_of(rows[i].quoted), &out);
        assert_int_equal(out.len, rows[i].decoded.len + 1);
        assert_memory_equal(out.ptr + 1, rows[i].decoded.ptr, rows[i].decoded.len);
    }
    buf_fini(&out);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max, value;
    } rows[] = {
        {"0", 0, 1, 0},
        {"-0", 0, 1, 0},
        {"-7", -7, 7, -7},
        {"9223372036854775807", 0, INT64_MAX, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, 0, INT64_MIN},
    };
    int64_t value = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_value json = {JSON_NUMBER, slice_of(rows[i].text)};
        assert_int_equal(json_read_int(json, rows[i].min, rows[i].max, &value, NULL), ST_OK);
        assert_true(value == rows[i].value);
    }
    static const char *const bad[] = {"1.0", "1e2", "0.5", "-1", "101", "9223372036854775808"};
    value = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json_value json = {JSON_NUMBER, slice_of(bad[i])};
        assert_int_equal(json_read_int(json, 0, 100, &value, NULL), ST_INVALID);
    }
    struct json_value text = {JSON_STRING, slice_of("\"1\"")}, none = {0};
    assert_int_equal(json_read_int(text, 0, 100, &value, NULL), ST_INVALID);
    assert_int_equal(json_read_int(none, 0, 100, &value, NULL), ST_INVALID);
    assert_int_equal(value, 42);
}

static void test_strings_are_written(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *quoted;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {{"abc", 3}, "\"abc\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"a\0\x1f\x7f", 4}, "\"a\\u0000\\u001f\\u007f\""},
        {{"\xc2\x9b\xe2\x80\xae\xc2\xa0", 7}, "\"\\u009b\\u202e\xc2\xa0\""},
        {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {{"a\xff"
          "b",
          3},
         "\"a\xef\xbf\xbd"
         "b\""},
        {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xe2\x82", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        json_append_string(&out, rows[i].text);
        assert_string_equal(buf_text(&out), rows[i].quoted);
        buf_fini(&out);
    }
}

/* How much of a text is not what it was. */
static void test_what_is_replaced_is_counted(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        size_t count;
    } rows[] = {
        {{"", 0}, 0},
        {{"a\0\x7f\"\xc3\xa9\xc2\x9b", 8}, 0},
        {{"\xff"
          "a\xfe",
          3},
         2},
        {{"\xed\xa0\x80", 3}, 3},
        {{"\xe2\x82", 2}, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        assert_int_equal(json_append_string(&out, rows[i].text), rows[i].count);
        buf_fini(&out);
    }
}

/* Any bytes at all become valid JSON, and valid text comes back as it was. */
static void test_what_is_written_can_be_read(void **state)
{
    (void)state;
    struct buf quoted = {0}, back = {0};
    enum json_type type;
    for (int first = 0; first < 256; first++)
        for (int second = 0; second < 256; second++) {
            const char bytes[] = {'x', (char)first, (char)second, (char)0x80, 'y'};
            buf_clear(&quoted);
            buf_clear(&back);
            json_append_string(&quoted, (struct slice){bytes, sizeof bytes});
            assert_int_equal(json_check(buf_slice(&quoted), 1, &type, NULL), ST_OK);
            json_decode_string(buf_slice(&quoted), &back);
            bool is_three = (first & 0xf0) == 0xe0 && (second & 0xc0) == 0x80 &&
                            !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f);
            bool is_two = first < 0x80 && second >= 0xc2 && second <= 0xdf;
            struct slice text = {bytes, sizeof bytes};
            assert_int_equal(slice_equal(buf_slice(&back), text), is_three || is_two);
        }
    buf_fini(&quoted);
    buf_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_slices_of_the_text),
        cmocka_unit_test(test_first_of_equal_names_counts),
        cmocka_unit_test(test_names_are_compared_decoded),
        cmocka_unit_test(test_only_an_object_has_members),
        cmocka_unit_test(test_old_values_are_forgotten),
        cmocka_unit_test(test_strings_are_decoded),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_strings_are_written),
        cmocka_unit_test(test_what_is_replaced_is_counted),
        cmocka_unit_test(test_what_is_written_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
