#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "queue/presence.h"
#include "queue/schedule.h"
#include "queue/settings.h"
#include "queue/stats.h"
#include "support/queue_fixture.h"

static struct stats read_stats(struct queue_fixture *f)
{
    struct err err = {0};
    struct stats stats;
    if (stats_read(f->conn, &f->queue, &stats, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return stats;
}

static void test_nothing_there(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "FLUSHALL");
    int64_t before_ms = queue_fixture_server_ms(f);
    struct stats stats = read_stats(f);
    assert_in_range(stats.now_ms, before_ms, queue_fixture_server_ms(f));
    assert_true(stats.next_due_ms == QUEUE_NEVER);
    assert_int_equal(stats.oldest_age_ms, -1);
    assert_int_equal(stats.settings.max_len, -1);
    assert_int_equal(stats.settings.rate, -1);
    assert_int_equal(stats.settings.rate_ms, -1);
    assert_int_equal(stats.settings.concurrency, -1);
    assert_int_equal(stats.settings.dead_max, -1);
    assert_int_equal(stats.settings.dead_age_ms, -1);
    assert_int_equal(stats.settings.paused, -1);
    assert_int_equal(stats.waiting + stats.held + stats.scheduled + stats.dead + stats.workers +
                         stats.counts.claimed,
                     0);
}

static void test_everything_there(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    queue_fixture_push(f, "a", "b", "c", "d", "e");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "a", "b");
    queue_fixture_done(f, &f->lease, 1);
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    commands_do(f->conn, "ZADD", f->queue.scheduled, "4000000000000", "s", "4000000000001", "t");
    commands_do(f->conn, "ZADD", f->queue.dead, "1", "x", "2", "y", "3", "z");
    commands_do(f->conn, "HINCRBY", f->queue.counts, "drains", "7");
    static const char *const names[] = {"max_len",     "rate",     "rate_ms",
                                        "concurrency", "dead_max", "dead_age_ms"};
    for (int64_t i = 0; i < 6; i++)
        queue_fixture_limit(f, names[i], 10 + i);
    assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_OK);
    struct stats stats = read_stats(f);
    assert_int_equal(stats.waiting, 3); /* with the one in the inbox */
    assert_int_equal(stats.held, 1);
    assert_int_equal(stats.scheduled, 2);
    assert_int_equal(stats.dead, 3);
    assert_int_equal(stats.workers, 1);
    assert_int_equal(stats.next_due_ms, 4000000000000);
    assert_int_equal(stats.counts.claimed, 2);
    assert_int_equal(stats.counts.done, 1);
    assert_int_equal(stats.counts.drains, 7);
    assert_int_equal(stats.counts.retried, 0);
    assert_int_equal(stats.settings.paused, 1);
    const int64_t limits[] = {stats.settings.max_len,  stats.settings.rate,
                              stats.settings.rate_ms,  stats.settings.concurrency,
                              stats.settings.dead_max, stats.settings.dead_age_ms};
    for (int64_t i = 0; i < 6; i++)
        assert_int_equal(limits[i], 10 + i);
}

static void tend(struct queue_fixture *f)
{
    struct err err = {0};
    int64_t trimmed = -1;
    if (schedule_tend(f->conn, &f->queue, 10, &trimmed, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_int_equal(trimmed, 0);
}

/* A look so long ago (negative: ahead) that saw so many jobs. */
static void add_look(struct queue_fixture *f, int64_t age_ms, int64_t position)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%lld:%lld", (long long)(queue_fixture_server_ms(f) - age_ms),
                   (long long)position);
    commands_do(f->conn, "RPUSH", f->queue.waits, text);
}

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

static void test_oldest_age(void **state)
{
    struct queue_fixture *f = *state;
    assert_int_equal(read_stats(f).oldest_age_ms, -1);
    queue_fixture_push(f, "a", "b");
    tend(f);
    assert_in_range(read_stats(f).oldest_age_ms, 0, MINUTE - 1);
    commands_do(f->conn, "DEL", f->queue.waits);
    add_look(f, HOUR, 1);
    add_look(f, MINUTE, 2);
    queue_fixture_push(f, "c");
    tend(f);
    assert_in_range(read_stats(f).oldest_age_ms, HOUR, HOUR + MINUTE - 1);
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
    assert_in_range(read_stats(f).oldest_age_ms, MINUTE, HOUR - 1);
    queue_fixture_claim_these(f, &f->lease, 1, 1, "b");
    tend(f);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.waits), 1);
    assert_in_range(read_stats(f).oldest_age_ms, 0, MINUTE - 1);
    /* What a worker was woken for waits, too. */
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    tend(f);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.waits), 1);
    commands_do(f->conn, "DEL", f->queue.inbox);
    tend(f);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.waits), 0);
    assert_int_equal(read_stats(f).oldest_age_ms, -1);
}

/* Where no worker lives and none has looked, nobody knows. */
static void test_oldest_age_unknown(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    assert_int_equal(read_stats(f).oldest_age_ms, 0);
    commands_do(f->conn, "DEL", f->queue.workers);
    assert_int_equal(read_stats(f).oldest_age_ms, -1);
}

/* Jobs were thrown away, the clock was set back, somebody wrote nonsense: no harm is done. */
static void test_odd_looks(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b");
    add_look(f, HOUR, 100);
    add_look(f, MINUTE, 200);
    tend(f);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.waits), 1);
    assert_in_range(read_stats(f).oldest_age_ms, HOUR, HOUR + MINUTE - 1);
    commands_do(f->conn, "DEL", f->queue.waits);
    commands_do(f->conn, "RPUSH", f->queue.waits, "nonsense");
    add_look(f, -HOUR, 2);
    tend(f);
    assert_in_range(read_stats(f).oldest_age_ms, 0, MINUTE - 1);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.waits), 1);
}

/* However many looks there were, few are kept, and they tell nearly as much. */
static void test_many_looks(void **state)
{
    struct queue_fixture *f = *state;
    enum { LOOKS = 201 };
    for (int i = 0; i < LOOKS + 5; i++)
        queue_fixture_push(f, "job");
    for (int i = 0; i < LOOKS; i++)
        add_look(f, (LOOKS - i) * (int64_t)MINUTE, i + 1);
    tend(f);
    int64_t left = commands_int(f->conn, "LLEN", f->queue.waits);
    assert_in_range(left, 10, 100);
    struct claim claim = queue_fixture_claim(f, &f->lease, 0, 50);
    claim_fini(&claim);
    int64_t exact_ms = (LOOKS - 50) * (int64_t)MINUTE;
    assert_in_range(read_stats(f).oldest_age_ms, exact_ms - exact_ms / 8 - MINUTE,
                    exact_ms + MINUTE);
}

/* One clear error that names the key; the connection goes on being of use. */
static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    const char *const keys[] = {f->queue.jobs,   f->queue.inbox,    f->queue.scheduled,
                                f->queue.dead,   f->queue.settings, f->queue.counts,
                                f->queue.workers};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        commands_do(f->conn, "FLUSHALL");
        commands_do(f->conn, "SET", keys[i], "wrong");
        struct err err = {0};
        struct stats stats;
        assert_int_equal(stats_read(f->conn, &f->queue, &stats, &err), ST_WRONGTYPE);
        size_t len = strlen(keys[i]);
        assert_memory_equal(err_text(&err), keys[i], len);
        assert_int_equal(err_text(&err)[len], ':');
        assert_int_equal(commands_int(f->conn, "DEL", keys[i]), 1);
    }
}

static void test_lost_connection(void **state)
{
    struct queue_fixture *f = *state;
    struct conn *conn = commands_connect(redis_server_url(f->server));
    struct err err = {0};
    struct stats stats;
    commands_do(f->conn, "CLIENT", "KILL", "TYPE", "normal");
    enum status status = stats_read(conn, &f->queue, &stats, &err);
    assert_true(status == ST_LOST_REPLY || status == ST_UNREACHABLE);
    assert_false(conn_is_connected(conn));
    assert_int_equal(stats_read(conn, &f->queue, &stats, &err), ST_UNREACHABLE);
    conn_close(conn);
}

static void test_workers(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct reply *workers = NULL;
    commands_do(f->conn, "ZADD", f->queue.workers, "5", "w.1", "6", "w.2");
    assert_int_equal(presence_workers(f->conn, &f->queue, &workers, &err), ST_OK);
    assert_int_equal(reply_count(workers), 6); /* with the fixture's */
    assert_true(slice_is(reply_slice(reply_at(workers, 0)), "w.1"));
    assert_int_equal(reply_int(reply_at(workers, 3), -1), 6);
    reply_free(workers);
}

static void test_publish(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    static const char *const fields[] = {"host", "here", "busy", "3 of 4"};
    struct reply *info = NULL;
    for (int i = 0; i < 2; i++)
        assert_int_equal(presence_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_OK);
    assert_in_range(commands_int(f->conn, "PTTL", "darg:worker:p"), 1, 60000);
    assert_int_equal(presence_process(f->conn, "darg", "p", &info, &err), ST_OK);
    assert_int_equal(reply_count(info), 4);
    reply_free(info);
    assert_int_equal(presence_unpublish(f->conn, "darg", "p", &err), ST_OK);
    assert_int_equal(presence_process(f->conn, "darg", "p", &info, &err), ST_OK);
    assert_int_equal(reply_count(info), 0);
    reply_free(info);
    commands_do(f->conn, "SET", "darg:worker:p", "wrong");
    assert_int_equal(presence_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_WRONGTYPE);
    commands_do(f->conn, "DEL", "darg:worker:p");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(presence_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_OOM);
    queue_fixture_fill_memory(f, false);
    assert_int_equal(presence_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_OK);
}

static void test_held_by(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    int64_t held = -1;
    assert_int_equal(presence_held_by(f->conn, &f->queue, "p.1", &held, &err), ST_OK);
    assert_int_equal(held, 0);
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 9, "a", "b");
    assert_int_equal(presence_held_by(f->conn, &f->queue, "p.1", &held, &err), ST_OK);
    assert_int_equal(held, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_nothing_there),
        QUEUE_TEST(test_everything_there),
        QUEUE_TEST(test_oldest_age),
        QUEUE_TEST(test_oldest_age_unknown),
        QUEUE_TEST(test_odd_looks),
        QUEUE_TEST(test_many_looks),
        QUEUE_TEST_DAMAGED(test_wrong_types),
        QUEUE_TEST(test_lost_connection),
        QUEUE_TEST(test_workers),
        QUEUE_TEST(test_publish),
        QUEUE_TEST(test_held_by),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
