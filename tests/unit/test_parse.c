#include "support/cmocka_all.h"

#include "base/parse.h"

#include <string.h>

static const int64_t untouched = -4711;

static void test_int_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max, value;
    } rows[] = {
        {"0", 0, 10, 0},
        {"10", 0, 10, 10},
        {"-5", -5, 5, -5},
        {"9223372036854775807", 0, INT64_MAX, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN},
        {"-9223372036854775807", INT64_MIN, 0, INT64_MIN + 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = untouched;
        struct err err = {0};
        if (parse_int(slice_of(rows[i].text), rows[i].min, rows[i].max, &value, &err) != ST_OK)
            fail_msg("%s: %s", rows[i].text, err_text(&err));
        assert_true(value == rows[i].value);
    }
}

static void test_int_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
    } rows[] = {
        {"", 0, 10},
        {"-", -10, 10},
        {"+1", -10, 10},
        {"-1", 0, 10}, /* no sign where none makes sense */
        {"11", 0, 10},
        {"-11", -10, 10},
        {"4", 5, 10},
        {" 1", 0, 10},
        {"1 ", 0, 10},
        {"1x", 0, 10},
        {"0x1", 0, 10},
        {"01", 0, 10},
        {"00", 0, 10},
        {"-01", -10, 10},
        {"--1", -10, 10},
        {"1.0", 0, 10},
        {"1e1", 0, 10},
        {"/", 0, 10},
        {":", 0, 10},
        {"9223372036854775808", INT64_MIN, INT64_MAX},
        {"-9223372036854775809", INT64_MIN, INT64_MAX},
        {"18446744073709551617", INT64_MIN, INT64_MAX}, /* 1 if it wrapped */
        {"99999999999999999999999999", INT64_MIN, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = untouched;
        struct err err = {0};
        enum status status =
            parse_int(slice_of(rows[i].text), rows[i].min, rows[i].max, &value, &err);
        if (status != ST_INVALID)
            fail_msg("'%s' was taken", rows[i].text);
        assert_true(value == untouched);
        assert_non_null(strstr(err_text(&err), rows[i].text));
    }
}

static void test_int_looks_at_its_slice_only(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_int_equal(parse_int((struct slice){"1234", 2}, 0, 99, &value, NULL), ST_OK);
    assert_int_equal(value, 12);
    assert_int_equal(parse_int((struct slice){"1\0", 2}, 0, 99, &value, NULL), ST_INVALID);
    assert_int_equal(parse_duration_ms((struct slice){"5ms", 2}, &value, NULL), ST_OK);
    assert_int_equal(value, 300000);
    assert_int_equal(parse_bytes((struct slice){"10KiB", 2}, &value, NULL), ST_OK);
    assert_int_equal(value, 10);
}

static void test_nothing_is_no_value(void **state)
{
    (void)state;
    int64_t value = untouched;
    struct slice nothing = {NULL, 0};
    assert_int_equal(parse_int(nothing, 0, 99, &value, NULL), ST_INVALID);
    assert_int_equal(parse_duration_ms(nothing, &value, NULL), ST_INVALID);
    assert_int_equal(parse_bytes(nothing, &value, NULL), ST_INVALID);
    assert_true(value == untouched);
}

static void test_sentences_quote_a_part_and_say_what_is_accepted(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t value;
    assert_int_equal(parse_int(slice_of("abc"), 1, 99, &value, &err), ST_INVALID);
    assert_string_equal(err_text(&err), "'abc' is not a whole number from 1 to 99");
    char text[400];
    memset(text, '7', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(parse_int(slice_of(text), 1, 99, &value, &err), ST_INVALID);
    assert_true(strlen(err_text(&err)) < 120);
    assert_int_equal(parse_duration_ms(slice_of("soon"), &value, &err), ST_INVALID);
    assert_non_null(strstr(err_text(&err), "'soon' is not a duration like 500ms"));
    assert_int_equal(parse_bytes(slice_of("big"), &value, &err), ST_INVALID);
    assert_non_null(strstr(err_text(&err), "'big' is not a size like 512"));
}

static void test_duration_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"1ms", 1},
        {"500ms", 500},
        {"30s", 30000},
        {"1.5s", 1500},
        {"0.001s", 1},
        {"0.5ms", 1}, /* never nothing */
        {"0.000001s", 1},
        {"5m", 300000},
        {"2h", 7200000},
        {"3d", 259200000},
        {"0.5d", 43200000},
        {"1h30m", 5400000},
        {"1d2h3m4s5ms", 93784005},
        {"1m500ms", 60500},
        {"90m", 5400000},
        {"3650d", 315360000000},
        {"3660d", 316224000000}, /* the most */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = untouched;
        struct err err = {0};
        if (parse_duration_ms(slice_of(rows[i].text), &value, &err) != ST_OK)
            fail_msg("%s: %s", rows[i].text, err_text(&err));
        if (value != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)value);
    }
}

static void test_duration_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "5",
        "s",
        "-1s",
        "+1s",
        "1 s",
        "1s ",
        " 1s",
        "1S",
        "1sec",
        "1.s",
        ".5s",
        "1..5s",
        "1.5.5s",
        "1,5s",
        "30m1h",
        "1s1s",
        "1ms1s",
        "1h30",
        "1w",
        "1y",
        "1h-1m",
        "0x1s",
        "1.1234567s",
        "4000d",
        "9223372036854775807d",
        "99999999999999999999s",
        "9223372036854775807ms1ms",
        "3660d1ms",
        "00",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = untouched;
        if (parse_duration_ms(slice_of(rows[i]), &value, NULL) != ST_INVALID)
            fail_msg("'%s' was taken as %lld", rows[i], (long long)value);
        assert_true(value == untouched);
    }
}

static void test_bytes_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } rows[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"64K", 65536},
        {"64KiB", 65536},
        {"64kB", 64000},
        {"1M", 1048576},
        {"1MiB", 1048576},
        {"1MB", 1000000},
        {"2G", 2147483648},
        {"2GiB", 2147483648},
        {"2GB", 2000000000},
        {"9223372036854775807", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = untouched;
        struct err err = {0};
        if (parse_bytes(slice_of(rows[i].text), &value, &err) != ST_OK)
            fail_msg("%s: %s", rows[i].text, err_text(&err));
        assert_true(value == rows[i].bytes);
    }
}

static void test_bytes_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "K",
        "-1",
        "+1",
        "1.5M",
        "1 K",
        "1K ",
        "1k",
        "1kb",
        "1KIB",
        "1TB",
        "1b",
        "0x10",
        "1KiBB",
        "9223372036854775808",
        "9223372036854775807K",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = untouched;
        if (parse_bytes(slice_of(rows[i]), &value, NULL) != ST_INVALID)
            fail_msg("'%s' was taken as %lld", rows[i], (long long)value);
        assert_true(value == untouched);
    }
}

static void test_digits(void **state)
{
    (void)state;
    int64_t value = untouched;
    assert_int_equal(parse_digits(slice_of("123,x"), 10, &value), 3);
    assert_int_equal(value, 123);
    assert_int_equal(parse_digits(slice_of("123,x"), 2, &value), 2);
    assert_int_equal(value, 12);
    assert_int_equal(parse_digits(slice_of("007"), 3, &value), 3);
    assert_int_equal(value, 7);
    value = untouched;
    assert_int_equal(parse_digits(slice_of("x1"), 10, &value), 0);
    assert_int_equal(parse_digits(slice_of("1"), 0, &value), 0);
    assert_int_equal(parse_digits((struct slice){NULL, 0}, 5, &value), 0);
    assert_int_equal(parse_digits(slice_of("99999999999999999999"), 30, &value), 0);
    assert_true(value == untouched);
}

static void test_durations_are_written_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0ms"},
        {1, "1ms"},
        {999, "999ms"},
        {1000, "1s"},
        {1050, "1s"},
        {1500, "1.5s"},
        {59999, "59.9s"},
        {60000, "1m"},
        {150000, "2m30s"},
        {3600000, "1h"},
        {5400000, "1h30m"},
        {86400000, "1d"},
        {259200000, "3d"},
        {90000000, "1d1h"},
        {-1500, "-1.5s"},
        {-150000, "-2m30s"},
        {INT64_MAX, "106751991167d7h"},
        {INT64_MIN, "-106751991167d7h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[PARSE_DURATION_MAX];
        assert_ptr_equal(format_duration_ms(rows[i].ms, out), out);
        assert_string_equal(out, rows[i].text);
    }
}

static void test_sizes_are_written_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0B"},
        {512, "512B"},
        {1023, "1023B"},
        {1024, "1KiB"},
        {1536, "1.5KiB"},
        {65536, "64KiB"},
        {1048576, "1MiB"},
        {1572864, "1.5MiB"},
        {1073741824, "1GiB"},
        {5497558138880, "5120GiB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[PARSE_BYTES_MAX];
        assert_ptr_equal(format_bytes(rows[i].bytes, out), out);
        assert_string_equal(out, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int_accepts),
        cmocka_unit_test(test_int_refuses),
        cmocka_unit_test(test_int_looks_at_its_slice_only),
        cmocka_unit_test(test_nothing_is_no_value),
        cmocka_unit_test(test_sentences_quote_a_part_and_say_what_is_accepted),
        cmocka_unit_test(test_duration_accepts),
        cmocka_unit_test(test_duration_refuses),
        cmocka_unit_test(test_bytes_accepts),
        cmocka_unit_test(test_bytes_refuses),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_durations_are_written_for_people),
        cmocka_unit_test(test_sizes_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
