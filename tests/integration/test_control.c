#include "support/cmocka_all.h"

#include <string.h>

#include "job/job.h"
#include "queue/drain.h"
#include "queue/orders.h"
#include "queue/purge.h"
#include "queue/search.h"
#include "queue/settings.h"
#include "queue/stats.h"
#include "support/queue_fixture.h"

static struct drain_sentinel push_sentinel_again(struct queue_fixture *f, const char *known_name)
{
    struct err err = {0};
    struct drain_sentinel answer = {0};
    struct lease_drain known;
    lease_know_drain(&known, slice_of(known_name ? known_name : ""));
    if (drain_push_sentinel(f->conn, &f->queue, known_name ? &known : NULL, false, &answer, &err) !=
        ST_OK)
        fail_msg("%s", err_text(&err));
    assert_true(answer.now_ms > 1000000000000);
    return answer;
}

static struct drain_sentinel push_sentinel(struct queue_fixture *f)
{
    return push_sentinel_again(f, NULL);
}

static void test_sentinel(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    struct drain_sentinel answer = push_sentinel(f);
    assert_true(answer.was_pushed);
    assert_false(answer.is_paused);
    assert_string_equal(answer.last_drain.name, "");
    char *digest = queue_fixture_digest(f);
    assert_false(push_sentinel(f).was_pushed);
    queue_fixture_expect_unchanged(f, digest);
    queue_fixture_push(f, "b");
    assert_true(push_sentinel(f).was_pushed);
    queue_fixture_expect_line(f, f->queue.jobs, "a", JOB_SENTINEL, "b", JOB_SENTINEL);
}

static void test_sentinel_onto_empty(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    commands_do(f->conn, "HSET", f->queue.settings, "drained_at", "1234");
    assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_OK);
    struct drain_sentinel answer = push_sentinel_again(f, "1234");
    assert_true(answer.was_pushed);
    assert_true(answer.is_paused);
    assert_string_equal(answer.last_drain.name, "1234");
    commands_do(f->conn, "DEL", f->queue.jobs);
    /* A drain has ended meanwhile: it was this one. */
    assert_false(push_sentinel_again(f, "1233").was_pushed);
    assert_false(push_sentinel_again(f, "").was_pushed);
    assert_true(push_sentinel_again(f, "1234").was_pushed);
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    assert_false(push_sentinel_again(f, "1234").was_pushed);
    commands_do(f->conn, "DEL", f->queue.inbox);
    queue_fixture_push(f, "a");
    assert_false(push_sentinel_again(f, "1234").was_pushed);
    queue_fixture_expect_line(f, f->queue.jobs, "a");
}

/* Also on a full server, which has no other way to become less full. */
static void test_return_sentinel(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    queue_fixture_push(f, "a");
    queue_fixture_fill_memory(f, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(drain_return_sentinel(f->conn, &f->queue, false, &err), ST_OK);
    queue_fixture_expect_line(f, f->queue.jobs, JOB_SENTINEL, "a");
}

static void test_pause(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_OK);
    queue_fixture_push(f, "a");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 1), CLAIM_WAIT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(settings_pause(f->conn, &f->queue, false, &err), ST_OK);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.settings), 0);
}

static void test_limits(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    static const char *const names[] = {"max_len",     "rate",     "rate_ms",
                                        "concurrency", "dead_max", "dead_age_ms"};
    int64_t value;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(settings_get(f->conn, &f->queue, names[i], &value, &err), ST_OK);
        assert_int_equal(value, -1);
        queue_fixture_limit(f, names[i], 999999999999999);
        assert_int_equal(settings_get(f->conn, &f->queue, names[i], &value, &err), ST_OK);
        assert_int_equal(value, 999999999999999);
        assert_int_equal(settings_set(f->conn, &f->queue, names[i], 1000000000000000, &err),
                         ST_INVALID);
        queue_fixture_limit(f, names[i], -1);
        assert_int_equal(settings_get(f->conn, &f->queue, names[i], &value, &err), ST_OK);
        assert_int_equal(value, -1);
    }
    assert_int_equal(settings_set(f->conn, &f->queue, "paused", 1, &err), ST_INVALID);
    assert_int_equal(settings_get(f->conn, &f->queue, "", &value, &err), ST_INVALID);
}

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

static struct purged purge(struct queue_fixture *f, int states)
{
    struct err err = {0};
    struct purged purged = {-1, -1, -1};
    if (purge_queue(f->conn, &f->queue, states, &purged, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return purged;
}

static void test_purge(void **state)
{
    struct queue_fixture *f = *state;
    assert_int_equal(purge(f, PLACE_WAITING).waiting, 0);
    queue_fixture_push(f, "a", "b", "c");
    commands_do(f->conn, "LPUSH", f->queue.inbox, "woken");
    commands_do(f->conn, "ZADD", f->queue.scheduled, "1", "a", "2", "b");
    commands_do(f->conn, "ZADD", f->queue.dead, "1", "a");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(purge(f, PLACE_WAITING).waiting, 4);
    assert_int_equal(purge(f, PLACE_WAITING).waiting, 0);
    struct purged purged = purge(f, PLACE_SCHEDULED | PLACE_DEAD);
    assert_int_equal(purged.scheduled, 2);
    assert_int_equal(purged.dead, 1);
    assert_int_equal(queue_fixture_count(f, "purged"), 7);
    queue_fixture_fill_memory(f, false);
}

/* What is none of ours stays, and with it all that was to go in the same step. */
static void test_purge_of_a_wrong_type(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct purged purged;
    queue_fixture_push(f, "a");
    commands_do(f->conn, "SET", f->queue.dead, "wrong");
    assert_int_equal(purge_queue(f->conn, &f->queue, PLACE_WAITING | PLACE_DEAD, &purged, &err),
                     ST_WRONGTYPE);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 1);
    assert_int_equal(commands_int(f->conn, "DEL", f->queue.dead), 1);
}

static enum status count_hit(void *context, const struct search_hit *hit, struct err *err)
{
    (void)hit;
    (void)err;
    ++*(int64_t *)context;
    return ST_OK;
}

/* Whatever place is added to the table: a job there is found, counted and thrown away. */
static void test_every_place_is_known(void **state)
{
    struct queue_fixture *f = *state;
    const struct place *place;
    int64_t total = 0;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++) {
        const char *key = place_key(place, &f->queue);
        if (place->kind == PLACE_LIST)
            commands_do(f->conn, "LPUSH", key, "{\"type\":\"t\",\"id\":\"x\"}");
        else if (place->kind == PLACE_ZSET)
            commands_do(f->conn, "ZADD", key, "1", "{\"type\":\"t\",\"id\":\"x\"}");
        total += place_holds_jobs(place);
    }
    struct stats stats;
    struct err err = {0};
    assert_int_equal(stats_read(f->conn, &f->queue, &stats, &err), ST_OK);
    assert_int_equal(stats.waiting + stats.scheduled + stats.dead, total);
    int64_t found = 0;
    static const char *const ids[] = {"x"};
    const struct search search = {
        .ids = ids, .id_count = 1, .states = PLACE_ALL, .visit = count_hit, .context = &found};
    assert_int_equal(search_run(f->conn, &f->queue, &search, &err), ST_OK);
    assert_int_equal(found, total);
    struct purged purged = purge(f, PLACE_ALL);
    assert_int_equal(purged.waiting + purged.scheduled + purged.dead, total);
    assert_int_equal(stats_read(f->conn, &f->queue, &stats, &err), ST_OK);
    assert_int_equal(stats.waiting + stats.scheduled + stats.dead, 0);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct drain_sentinel answer;
    int64_t value;
    const char *const keys[] = {f->queue.jobs, f->queue.inbox, f->queue.settings};
    for (size_t i = 0; i < 3; i++) {
        commands_do(f->conn, "FLUSHALL");
        commands_do(f->conn, "SET", keys[i], "wrong");
        char *digest = queue_fixture_digest(f);
        assert_int_equal(drain_push_sentinel(f->conn, &f->queue, NULL, false, &answer, &err),
                         ST_WRONGTYPE);
        assert_int_equal(drain_return_sentinel(f->conn, &f->queue, false, &err), ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
    assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_WRONGTYPE);
    assert_int_equal(settings_set(f->conn, &f->queue, "rate", 1, &err), ST_WRONGTYPE);
    assert_int_equal(settings_get(f->conn, &f->queue, "rate", &value, &err), ST_WRONGTYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_sentinel),
        QUEUE_TEST(test_sentinel_onto_empty),
        QUEUE_TEST(test_return_sentinel),
        QUEUE_TEST(test_pause),
        QUEUE_TEST(test_limits),
        QUEUE_TEST(test_order_words),
        QUEUE_TEST(test_orders),
        QUEUE_TEST(test_purge),
        QUEUE_TEST(test_purge_of_a_wrong_type),
        QUEUE_TEST(test_every_place_is_known),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
