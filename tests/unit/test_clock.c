#include "support/cmocka_all.h"

#include "base/clock.h"

#include <time.h>

static void test_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void test_units_agree(void **state)
{
    (void)state;
    int64_t before = clock_mono_ns();
    int64_t us = clock_mono_us(), ms = clock_mono_ms();
    int64_t after = clock_mono_ns();
    assert_in_range(us, before / 1000, after / 1000);
    assert_in_range(ms, before / 1000000, after / 1000000);
}

static void test_wall_clock_is_the_system_s(void **state)
{
    (void)state;
    time_t before = time(NULL);
    int64_t ms = clock_wall_ms();
    time_t after = time(NULL);
    /* time() may lag behind by a clock tick. */
    assert_in_range(ms, (int64_t)before * 1000, (int64_t)after * 1000 + 1999);
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {951826399999, "2000-02-29T12:13:19.999Z"},
        {1769860800123, "2026-01-31T12:00:00.123Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[CLOCK_TEXT_MAX];
        assert_ptr_equal(clock_format(rows[i].ms, out), out);
        assert_string_equal(out, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic_clock_never_goes_back),
        cmocka_unit_test(test_units_agree),
        cmocka_unit_test(test_wall_clock_is_the_system_s),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
