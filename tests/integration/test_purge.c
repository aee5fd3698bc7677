#include "support/cmocka_all.h"

#include "queue/purge.h"
#include "queue/search.h"
#include "queue/stats.h"
#include "support/queue_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_purge),
        QUEUE_TEST(test_purge_of_a_wrong_type),
        QUEUE_TEST(test_every_place_is_known),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
