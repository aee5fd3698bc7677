#include "base/flatten.h"

#include "support/cmocka_all.h"

#include <string.h>

static void test_json(void **state)
{
    (void)state;
    struct buf out = {0};
    buf_append_text(&out, "a\nb:");
    flatten_json(&out, slice_of("{\"x\":\r\n\t[1,\n\"\\n\"]}"));
    assert_string_equal(buf_text(&out), "a\nb:{\"x\":  \t[1, \"\\n\"]}");
    flatten_json(&out, slice_of(""));
    assert_int_equal(out.len, strlen("a\nb:{\"x\":  \t[1, \"\\n\"]}"));
    buf_fini(&out);
}

static void expect_text(const char *raw, const char *flat)
{
    struct buf text = {0};
    buf_append_text(&text, raw);
    flatten_text(&text);
    assert_string_equal(buf_text(&text), flat);
    buf_fini(&text);
}

static void test_text(void **state)
{
    (void)state;
    expect_text("", "");
    expect_text(" \n\t ", "");
    expect_text("\n one\n\ttwo \n\n", "one\n\ttwo");
    expect_text("a\x1b[31mred\rb", "a [31mred b");
    expect_text("\xa9 cut at the start", "cut at the start");
    expect_text("\xc3\xa9 whole, \xff not", "\xc3\xa9 whole, \xef\xbf\xbd not");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
