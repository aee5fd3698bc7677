/* What stands in examples/ for orchestrators is well-formed, and fits the programs; what the
 * pages show of producing works, and their links are looked at. */
#include "support/cmocka_all.h"

#include "support/script.h"

static void test_kubernetes_and_keda(void **state)
{
    (void)state;
    script_run("examples", NULL, 50 * 1000);
}

static void test_producing(void **state)
{
    (void)state;
    script_run("producing", NULL, 50 * 1000);
}

static void test_links(void **state)
{
    (void)state;
    script_run("links", NULL, 50 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kubernetes_and_keda),
        cmocka_unit_test(test_producing),
        cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
