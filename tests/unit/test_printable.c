#include "base/printable.h"

#include "support/cmocka_all.h"

#include <string.h>

static void expect(const char *text, size_t length, unsigned code)
{
    unsigned got = 0;
    assert_int_equal(printable_control(text, strlen(text) + (text[0] == 0), &got), length);
    if (length > 0)
        assert_int_equal(got, code);
}

static void test_controls(void **state)
{
    (void)state;
    expect("", 1, 0);
    expect("\n", 1, '\n');
    expect("\x1b[", 1, 0x1b);
    expect("\x7f", 1, 0x7f);
    expect("\xc2\x80", 2, 0x80);
    expect("\xc2\x9b", 2, 0x9b);
    expect("\xd8\x9c", 2, 0x61c);
    expect("\xe2\x80\x8e", 3, 0x200e);
    expect("\xe2\x80\xa8", 3, 0x2028);
    expect("\xe2\x80\xae", 3, 0x202e);
    expect("\xe2\x81\xa6", 3, 0x2066);
    expect("\xe2\x81\xa9", 3, 0x2069);
}

/* Neighbours of the above, what is cut, and what is no UTF-8. */
static void test_others(void **state)
{
    (void)state;
    static const char *const texts[] = {" ",
                                        "~",
                                        "a",
                                        "\xc2\xa0",
                                        "\xc3\x9b",
                                        "\xd8\x9d",
                                        "\xe2\x80\x8d",
                                        "\xe2\x80\x90",
                                        "\xe2\x80\xaf",
                                        "\xe2\x81\xa5",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "\xc2",
                                        "\xc2\x1b",
                                        "\xe2\x80",
                                        "\xe2\x80\x2e",
                                        "\x80",
                                        "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect(texts[i], 0, 0);
}

static void test_make(void **state)
{
    (void)state;
    char text[] = "a\tb\nc\x1b[d\xc2\x9b"
                  "e\xe2\x80\xae"
                  "f\xc3\xa9\x7f";
    printable_make(text, strlen(text), '?', "\n");
    assert_string_equal(text, "a?b\nc?[d??e???f\xc3\xa9?");
    char zero[] = {'a', 0, 'b'};
    printable_make(zero, sizeof zero, '?', "\n");
    assert_memory_equal(zero, "a?b", 3);
    printable_make(NULL, 0, '?', "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
