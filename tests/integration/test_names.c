/* The set of queues' names: who is listed, who leaves, who comes back. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/names.h"
#include "queue/place.h"
#include "support/queue_fixture.h"

static const char idle[] = "darg:queues:idle";
enum { HOUR_MS = 60 * 60 * 1000 };

static bool is_listed(struct queue_fixture *f, const char *name)
{
    return commands_int(f->conn, "SISMEMBER", "darg:queues", name) == 1;
}

static bool is_remembered(struct queue_fixture *f, const char *name)
{
    char *score = commands_text(f->conn, "ZSCORE", idle, name);
    free(score);
    return score != NULL;
}

static enum names_state look(struct queue_fixture *f, const char *name, int64_t age_ms)
{
    struct err err = {0};
    enum names_state state;
    if (names_unlist(f->conn, "darg", &name, 1, age_ms, &state, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return state;
}

/* It was first seen empty so long ago (negative: by a clock that was ahead). */
static void remember(struct queue_fixture *f, const char *name, int64_t ago_ms)
{
    char since[32];
    struct reply *time = commands_run(f->conn, "TIME");
    snprintf(since, sizeof since, "%lld",
             (long long)(reply_int(reply_at(time, 0), 0) * 1000 - ago_ms));
    reply_free(time);
    commands_do(f->conn, "ZADD", idle, since, name);
}

static void test_read(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct names names;
    assert_int_equal(names_read(f->conn, "darg", &names, &err), ST_OK);
    assert_int_equal(names.count, 0);
    names_fini(&names);
    for (int i = 0; i < 2; i++)
        assert_int_equal(names_add(f->conn, &f->queue, &err), ST_OK);
    commands_do(f->conn, "SADD", "darg:queues", "zoo", "a", "no name", "");
    assert_int_equal(names_read(f->conn, "darg", &names, &err), ST_OK);
    assert_int_equal(names.count, 3);
    static const char *const expected[] = {"a", "jobs", "zoo"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(names.list[i], expected[i]);
    names_fini(&names);
}

static void test_an_empty_queue_leaves(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "SADD", "darg:queues", "q");
    assert_int_equal(look(f, "q", HOUR_MS), NAMES_EMPTY);
    assert_true(is_listed(f, "q"));
    remember(f, "q", HOUR_MS - 10000);
    assert_int_equal(look(f, "q", HOUR_MS), NAMES_EMPTY);
    remember(f, "q", HOUR_MS + 10000);
    assert_int_equal(look(f, "q", HOUR_MS), NAMES_GONE);
    assert_false(is_listed(f, "q"));
    assert_true(is_remembered(f, "q"));
    /* In the end it is forgotten. */
    remember(f, "q", HOUR_MS + NAMES_MEMORY_MS + 10000);
    assert_int_equal(look(f, "q", HOUR_MS), NAMES_GONE);
    assert_false(is_remembered(f, "q"));
}

/* A clock that was set back by a day does not keep it for a day more, nor remove it at once. */
static void test_a_clock_that_went_back(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "SADD", "darg:queues", "q");
    remember(f, "q", -24 * (int64_t)HOUR_MS);
    assert_int_equal(look(f, "q", HOUR_MS), NAMES_EMPTY);
    char *since = commands_text(f->conn, "ZSCORE", idle, "q");
    struct reply *time = commands_run(f->conn, "TIME");
    int64_t now_ms = reply_int(reply_at(time, 0), 0) * 1000;
    assert_true(strtoll(since, NULL, 10) <= now_ms + 5000);
    reply_free(time);
    free(since);
}

/* Wherever a job can be, and where a worker is registered: the queue is in use. */
static void test_what_is_in_use_stays_and_comes_back(void **state)
{
    struct queue_fixture *f = *state;
    struct queue queue;
    struct err err = {0};
    const struct place *place;
    assert_int_equal(queue_init(&queue, "darg", "q", &err), ST_OK);
    for (size_t i = 0; (place = place_at(i)) != NULL; i++) {
        const char *key = place_key(place, &queue);
        assert_int_equal(look(f, "q", 0), NAMES_GONE);
        assert_false(is_listed(f, "q"));
        if (place->kind == PLACE_LIST)
            commands_do(f->conn, "LPUSH", key, "x");
        else if (place->kind == PLACE_HOLDERS_SET)
            commands_do(f->conn, "SADD", key, "x");
        else
            commands_do(f->conn, "ZADD", key, "1", "x");
        assert_int_equal(look(f, "q", 0), NAMES_USED);
        assert_true(is_listed(f, "q"));
        assert_false(is_remembered(f, "q"));
        commands_do(f->conn, "DEL", key);
    }
    queue_fini(&queue);
}

/* Whoever lists a queue, as a producer about to push does, has the whole time again. */
static void test_listing_begins_anew(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    remember(f, "jobs", 2 * HOUR_MS);
    assert_int_equal(names_add(f->conn, &f->queue, &err), ST_OK);
    assert_false(is_remembered(f, "jobs"));
    commands_do(f->conn, "DEL", f->queue.workers);
    assert_int_equal(look(f, "jobs", HOUR_MS), NAMES_EMPTY);
    /* Where the user may not touch what is remembered, listing works as well. */
    commands_do(f->conn, "SET", idle, "wrong");
    assert_int_equal(names_add(f->conn, &f->queue, &err), ST_OK);
}

static void test_pages_and_turns(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    bool is_ours = false;
    size_t count = 0;
    char cursor[NAMES_CURSOR_SIZE] = "0";
    commands_do(f->conn, "EVAL",
                "for i = 1, 1000 do redis.call('SADD', KEYS[1], 'q' .. i)"
                " redis.call('ZADD', KEYS[2], i, 'z' .. i) end",
                "2", "darg:queues", idle);
    for (int is_idle = 0; is_idle < 2; is_idle++) {
        do {
            struct names page;
            assert_int_equal(names_page(f->conn, "darg", is_idle, cursor, &page, &err), ST_OK);
            for (size_t i = 0; i < page.count; i++)
                assert_int_equal(page.list[i][0], is_idle ? 'z' : 'q');
            count += page.count;
            names_fini(&page);
        } while (strcmp(cursor, "0") != 0);
    }
    assert_true(count >= 2000);
    assert_int_equal(names_take_turn(f->conn, "darg", HOUR_MS, &is_ours, &err), ST_OK);
    assert_true(is_ours);
    assert_int_equal(names_take_turn(f->conn, "darg", HOUR_MS, &is_ours, &err), ST_OK);
    assert_false(is_ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_read),
        QUEUE_TEST(test_an_empty_queue_leaves),
        QUEUE_TEST(test_a_clock_that_went_back),
        QUEUE_TEST(test_what_is_in_use_stays_and_comes_back),
        QUEUE_TEST(test_listing_begins_anew),
        QUEUE_TEST(test_pages_and_turns),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
