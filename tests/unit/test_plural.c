#include "base/plural.h"

#include "support/cmocka_all.h"

static void test_forms(void **state)
{
    (void)state;
    assert_string_equal(plural_of(0, "job is", "jobs are"), "jobs are");
    assert_string_equal(plural_of(1, "job is", "jobs are"), "job is");
    assert_string_equal(plural_of(2, "job is", "jobs are"), "jobs are");
    assert_string_equal(plural_of(-1, "job is", "jobs are"), "jobs are");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
