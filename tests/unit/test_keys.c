#include "support/cmocka_all.h"

#include <string.h>

#include "queue/keys.h"

static void test_keys(void **state)
{
    (void)state;
    struct queue queue;
    struct err err = {0};
    assert_int_equal(queue_init(&queue, "darg", "mail.out:2-b_C", &err), ST_OK);
    assert_string_equal(queue.namespace, "darg");
    assert_string_equal(queue.name, "mail.out:2-b_C");
    assert_string_equal(queue.jobs, "darg:{mail.out:2-b_C}");
    assert_string_equal(queue.inbox, "darg:{mail.out:2-b_C}:inbox");
    assert_string_equal(queue.workers, "darg:{mail.out:2-b_C}:workers");
    assert_string_equal(queue.drained, "darg:{mail.out:2-b_C}:drained");
    assert_string_equal(queue.reaped, "darg:{mail.out:2-b_C}:reaped");
    assert_string_equal(queue.scheduled, "darg:{mail.out:2-b_C}:scheduled");
    assert_string_equal(queue.dead, "darg:{mail.out:2-b_C}:dead");
    assert_string_equal(queue.settings, "darg:{mail.out:2-b_C}:settings");
    assert_string_equal(queue.counts, "darg:{mail.out:2-b_C}:counts");
    assert_string_equal(queue.shutdown, "darg:{mail.out:2-b_C}:shutdown");
    queue_fini(&queue);
    assert_null(queue.jobs);
    queue_fini(&queue);
}

static void test_derived(void **state)
{
    (void)state;
    struct queue queue;
    struct err err = {0};
    struct buf key = {0};
    assert_int_equal(queue_init(&queue, "n", "q", &err), ST_OK);
    queue_claimed_key(&queue, "w.1", &key);
    assert_string_equal(buf_text(&key), "n:{q}:claimed:w.1");
    buf_clear(&key);
    queue_reply_key(&queue, "r", &key);
    assert_string_equal(buf_text(&key), "n:{q}:reply:r");
    buf_clear(&key);
    queue_wake_key(&queue, "w.1", &key);
    assert_string_equal(buf_text(&key), "n:{q}:wake:w.1");
    buf_clear(&key);
    queue_names_key("n", &key);
    assert_string_equal(buf_text(&key), "n:queues");
    buf_clear(&key);
    queue_worker_key("n", "w", &key);
    assert_string_equal(buf_text(&key), "n:worker:w");
    buf_clear(&key);
    queue_shutdown_key("n", NULL, &key);
    assert_string_equal(buf_text(&key), "n:shutdown");
    buf_clear(&key);
    queue_shutdown_key("n", "w", &key);
    assert_string_equal(buf_text(&key), "n:worker:w:shutdown");
    buf_fini(&key);
    queue_fini(&queue);
}

static void test_names(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'x', sizeof longest);
    longest[129] = 0;
    const char *const wrong[] = {"", " ", "a b", "a{b", "a}b", "a\n", "\xc3\xa9", "a/b", longest};
    struct queue queue;
    struct err err = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(queue_init(&queue, "darg", wrong[i], &err), ST_INVALID);
        assert_non_null(strstr(err_text(&err), "queue"));
        queue_fini(&queue);
        assert_int_equal(queue_init(&queue, wrong[i], "q", &err), ST_INVALID);
        assert_non_null(strstr(err_text(&err), "namespace"));
        queue_fini(&queue);
    }
    longest[128] = 0;
    assert_int_equal(queue_init(&queue, longest, longest, &err), ST_OK);
    queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_derived),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
