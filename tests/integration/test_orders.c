#include "support/cmocka_all.h"

#include "queue/orders.h"
#include "support/queue_fixture.h"

static void test_order_words(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum order order;
        bool is_known;
    } rows[] = {
        {"", ORDER_NONE, true},     {"quiet", ORDER_QUIET, true}, {"drain", ORDER_DRAIN, true},
        {"stop", ORDER_STOP, true}, {"Stop", ORDER_NONE, false},  {"stop ", ORDER_NONE, false},
        {"sto", ORDER_NONE, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_known = !rows[i].is_known;
        assert_int_equal(orders_parse(slice_of(rows[i].word), &is_known), rows[i].order);
        assert_int_equal(is_known, rows[i].is_known);
        if (is_known)
            assert_string_equal(orders_name(rows[i].order), rows[i].word);
    }
    assert_true(ORDER_STOP > ORDER_DRAIN && ORDER_DRAIN > ORDER_QUIET && ORDER_QUIET > ORDER_NONE);
}

static void test_orders(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct orders orders;
    assert_int_equal(orders_read(f->conn, "darg", "p", &orders, &err), ST_OK);
    assert_string_equal(orders.of_all, "");
    assert_string_equal(orders.of_process, "");
    assert_int_equal(orders_set(f->conn, "darg:shutdown", ORDER_STOP, &err), ST_OK);
    assert_int_equal(orders_set(f->conn, "darg:worker:p:shutdown", ORDER_QUIET, &err), ST_OK);
    assert_int_equal(orders_read(f->conn, "darg", "p", &orders, &err), ST_OK);
    assert_string_equal(orders.of_all, "stop");
    assert_string_equal(orders.of_process, "quiet");
    assert_int_equal(orders_set(f->conn, "darg:shutdown", ORDER_NONE, &err), ST_OK);
    commands_do(f->conn, "SET", "darg:worker:p:shutdown", "a text longer than any order");
    assert_int_equal(orders_read(f->conn, "darg", "p", &orders, &err), ST_OK);
    assert_string_equal(orders.of_all, "");
    assert_string_equal(orders.of_process, "a text longer t");
    /* What is no string is no order. */
    commands_do(f->conn, "DEL", "darg:worker:p:shutdown");
    commands_do(f->conn, "LPUSH", "darg:worker:p:shutdown", "stop");
    assert_int_equal(orders_read(f->conn, "darg", "p", &orders, &err), ST_OK);
    assert_string_equal(orders.of_process, "");
}

static void expect_key(struct queue_fixture *f, const struct orders_scope *scope, const char *key)
{
    struct err err = {0};
    struct buf out = {0}, word = {0};
    orders_key(scope, &f->queue, &out);
    assert_string_equal(buf_text(&out), key);
    assert_int_equal(orders_get(f->conn, key, &word, &err), ST_OK);
    assert_int_equal(word.len, 0);
    assert_int_equal(orders_set(f->conn, key, ORDER_QUIET, &err), ST_OK);
    assert_int_equal(orders_get(f->conn, key, &word, &err), ST_OK);
    assert_string_equal(buf_text(&word), "quiet");
    assert_int_equal(orders_set(f->conn, key, ORDER_NONE, &err), ST_OK);
    assert_int_equal(commands_int(f->conn, "EXISTS", key), 0);
    buf_fini(&out);
    buf_fini(&word);
}

static void test_scopes(void **state)
{
    expect_key(*state, &(struct orders_scope){.is_all = true}, "darg:shutdown");
    expect_key(*state, &(struct orders_scope){.worker = "p"}, "darg:worker:p:shutdown");
    expect_key(*state, &(struct orders_scope){.worker = "p.7"}, "darg:worker:p:shutdown");
    expect_key(*state, &(struct orders_scope){.worker = NULL}, "darg:{jobs}:shutdown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_order_words),
        QUEUE_TEST(test_orders),
        QUEUE_TEST(test_scopes),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
