/* What is built for others to use: darg.h, libdarg.a, libdarg.so, darg.pc. */
#include "support/cmocka_all.h"

#include "support/script.h"

enum { WAIT_MS = 50 * 1000 };

static void test_header(void **state)
{
    (void)state;
    script_run("library", "header", WAIT_MS);
}

static void test_symbols(void **state)
{
    (void)state;
    script_run("library", "symbols", WAIT_MS);
}

static void test_programs(void **state)
{
    (void)state;
    script_run("library", "programs", WAIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
