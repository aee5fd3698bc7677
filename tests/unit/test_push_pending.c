/* The jobs that are waited for: each id, until it is settled. */
#include "support/cmocka_all.h"

#include "producer/push/pending.h"

#include <stdio.h>
#include <string.h>

static void test_each_once(void **state)
{
    (void)state;
    struct pending pending = {0};
    pending_add(&pending, "a");
    pending_add(&pending, "b");
    assert_int_equal(pending.total, 2);
    assert_false(pending_settle(&pending, "c"));
    assert_true(pending_settle(&pending, "a"));
    assert_false(pending_settle(&pending, "a"));
    assert_int_equal(pending.total, 1);
    assert_string_equal(pending.jobs[0]->id, "b");
    pending_fini(&pending);
}

static void test_same_id(void **state)
{
    (void)state;
    struct pending pending = {0};
    pending_add(&pending, "a");
    pending_add(&pending, "a");
    assert_int_equal(pending.total, 2);
    assert_int_equal(pending.count, 1);
    assert_int_equal(pending.jobs[0]->sequence, 1);
    assert_true(pending_settle(&pending, "a"));
    assert_int_equal(pending.total, 1);
    assert_true(pending_settle(&pending, "a"));
    assert_false(pending_settle(&pending, "a"));
    pending_add(&pending, "a");
    pending_add(&pending, "a");
    pending_drop(&pending, pending.jobs[0]);
    assert_int_equal(pending.total, 0);
    pending_fini(&pending);
}

static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct pending pending = {0};
    char id[16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "%d", i);
        pending_add(&pending, id);
    }
    for (int i = 0; i < COUNT; i += 2) {
        snprintf(id, sizeof id, "%d", i);
        assert_true(pending_settle(&pending, id));
    }
    assert_int_equal(pending.count, COUNT / 2);
    for (size_t i = 0; i < pending.count; i++) {
        assert_int_equal(pending.jobs[i]->index, i);
        assert_int_equal(pending.jobs[i]->sequence % 2, 1);
    }
    pending_fini(&pending);
    assert_int_equal(pending.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_same_id),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
