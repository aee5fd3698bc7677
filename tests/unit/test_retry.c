#include "support/cmocka_all.h"

#include "job/retry.h"

static struct retry_backoff parse(const char *text)
{
    struct err err = {0};
    struct retry_backoff backoff = {-1, -1};
    if (retry_parse_backoff(slice_of(text), &backoff, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return backoff;
}

static void test_parse(void **state)
{
    (void)state;
    struct retry_backoff backoff = parse("2s..1h");
    assert_int_equal(backoff.first_ms, 2000);
    assert_int_equal(backoff.limit_ms, 3600000);
    backoff = parse("30s");
    assert_int_equal(backoff.first_ms, 30000);
    assert_int_equal(backoff.limit_ms, 30000);
    backoff = parse("0");
    assert_int_equal(backoff.first_ms, 0);
    assert_int_equal(backoff.limit_ms, 0);
    backoff = parse("1m..1m");
    assert_int_equal(backoff.limit_ms, 60000);
}

static void test_parse_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",  "..",      "2s..",       "..1h", "1h..2s", "2s.1h",
                                        "2", "2s...1h", "2s..1h..3h", " 2s",  "2s.. 1h"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err err = {0};
        struct retry_backoff backoff = {7, 8};
        assert_int_equal(retry_parse_backoff(slice_of(wrong[i]), &backoff, &err), ST_INVALID);
        assert_int_equal(err.status, ST_INVALID);
        assert_int_equal(backoff.first_ms, 7);
        assert_int_equal(backoff.limit_ms, 8);
    }
    struct retry_backoff backoff;
    assert_int_equal(retry_parse_backoff((struct slice){NULL, 0}, &backoff, NULL), ST_INVALID);
}

static void test_growth(void **state)
{
    (void)state;
    const struct retry_backoff backoff = {.first_ms = 2000, .limit_ms = 3600000};
    static const int64_t expected[] = {2000,   4000,   8000,   16000,   32000,   64000,
                                       128000, 256000, 512000, 1024000, 2048000, 3600000};
    for (int64_t i = 0; i < 12; i++)
        assert_int_equal(retry_delay_ms(&backoff, i + 1, 0), expected[i]);
    assert_int_equal(retry_delay_ms(&backoff, 999999, 0), 3600000);
    assert_int_equal(retry_delay_ms(&backoff, INT64_MAX, 0), 3600000);
    assert_int_equal(retry_delay_ms(&backoff, 0, 0), 2000);
}

static void test_jitter(void **state)
{
    (void)state;
    const struct retry_backoff backoff = {.first_ms = 1000, .limit_ms = 1000};
    /* From the delay itself to a quarter more, never less. */
    assert_int_equal(retry_delay_ms(&backoff, 3, 0), 1000);
    assert_int_equal(retry_delay_ms(&backoff, 3, 250), 1250);
    assert_int_equal(retry_delay_ms(&backoff, 3, 251), 1000);
    assert_in_range(retry_delay_ms(&backoff, 3, UINT64_MAX), 1000, 1250);
}

static void test_extremes(void **state)
{
    (void)state;
    const struct retry_backoff none = {0, 0}, from_none = {0, 1000}, tiny = {1, 3},
                               huge = {INT64_MAX / 2 - 1, INT64_MAX / 2};
    assert_int_equal(retry_delay_ms(&none, 9, UINT64_MAX), 0);
    assert_int_equal(retry_delay_ms(&from_none, INT64_MAX, UINT64_MAX), 0);
    assert_int_equal(retry_delay_ms(&tiny, 1, UINT64_MAX), 1);
    assert_int_equal(retry_delay_ms(&tiny, 2, UINT64_MAX), 2);
    assert_int_equal(retry_delay_ms(&tiny, 3, UINT64_MAX), 3);
    assert_true(retry_delay_ms(&huge, 50, UINT64_MAX) >= INT64_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),    cmocka_unit_test(test_parse_wrong),
        cmocka_unit_test(test_growth),   cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
