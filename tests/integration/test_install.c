/* What comes with the programs: installing them, the shells' completion, the numbers of a release.
 */
#include "support/cmocka_all.h"

#include "support/script.h"

enum { WAIT_MS = 50 * 1000 };

static void test_install_and_uninstall(void **state)
{
    (void)state;
    script_run("install", NULL, WAIT_MS);
}

static void test_completion(void **state)
{
    (void)state;
    script_run("completion", NULL, WAIT_MS);
}

static void test_release(void **state)
{
    (void)state;
    script_run("release", NULL, WAIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_install_and_uninstall),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
