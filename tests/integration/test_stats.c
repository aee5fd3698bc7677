#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "queue/control.h"
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
    assert_int_equal(stats.max_len, -1);
    assert_int_equal(stats.rate, -1);
    assert_int_equal(stats.rate_ms, -1);
    assert_int_equal(stats.concurrency, -1);
    assert_int_equal(stats.dead_max, -1);
    assert_int_equal(stats.dead_age_ms, -1);
    assert_false(stats.is_paused);
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
    assert_int_equal(control_pause(f->conn, &f->queue, true, &err), ST_OK);
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
    assert_true(stats.is_paused);
    const int64_t limits[] = {stats.max_len,     stats.rate,     stats.rate_ms,
                              stats.concurrency, stats.dead_max, stats.dead_age_ms};
    for (int64_t i = 0; i < 6; i++)
        assert_int_equal(limits[i], 10 + i);
}

static void test_oldest_age(void **state)
{
    struct queue_fixture *f = *state;
    struct buf text = {0};
    char id[ID_UUID_LEN + 1];
    id_uuid7(id);
    int64_t made_ms = id_uuid7_time_ms(slice_of(id));
    buf_printf(&text, "{\"type\":\"t\",\"id\":\"%s\"}", id);
    queue_fixture_push(f, buf_text(&text), "young");
    struct stats stats = read_stats(f);
    assert_int_equal(stats.oldest_age_ms, stats.now_ms - made_ms);
    /* Also where it is in an envelope, and where the job is no good otherwise. */
    commands_do(f->conn, "DEL", f->queue.jobs);
    buf_clear(&text);
    buf_printf(&text, "{\"darg\":1,\"runs\":1,\"crashes\":0,\"id\":\"%s\",\"job\":[]}", id);
    queue_fixture_push(f, buf_text(&text));
    assert_true(read_stats(f).oldest_age_ms >= 0);
    buf_fini(&text);
    static const char *const others[] = {"", "{\"type\":\"t\",\"id\":\"7\"}", "[]",
                                         "{\"darg\":\"drain\"}"};
    for (size_t i = 0; i < 4; i++) {
        commands_do(f->conn, "DEL", f->queue.jobs);
        queue_fixture_push(f, others[i]);
        assert_int_equal(read_stats(f).oldest_age_ms, -1);
    }
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

static void test_queues(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    char **names = NULL;
    size_t count = 99;
    assert_int_equal(stats_queues(f->conn, "darg", &names, &count, &err), ST_OK);
    assert_int_equal(count, 0);
    free(names);
    for (int i = 0; i < 2; i++)
        assert_int_equal(stats_add_queue(f->conn, &f->queue, &err), ST_OK);
    commands_do(f->conn, "SADD", "darg:queues", "zoo", "a", "no name", "");
    assert_int_equal(stats_queues(f->conn, "darg", &names, &count, &err), ST_OK);
    assert_int_equal(count, 3);
    static const char *const expected[] = {"a", "jobs", "zoo"};
    for (size_t i = 0; i < 3; i++) {
        /* The analyzer does not know that stats_queues() has filled the list. */
        assert_string_equal(names[i], expected[i]); /* NOLINT(clang-analyzer-core.CallAndMessage) */
        free(names[i]);
    }
    free(names);
}

static void test_peek(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct reply *jobs = NULL;
    assert_int_equal(stats_peek(f->conn, f->queue.jobs, 0, 5, &jobs, &err), ST_OK);
    assert_null(stats_peeked(jobs, 0).ptr);
    reply_free(jobs);
    queue_fixture_push(f, "a", "b", "c");
    char *digest = queue_fixture_digest(f);
    assert_int_equal(stats_peek(f->conn, f->queue.jobs, 0, 2, &jobs, &err), ST_OK);
    assert_true(slice_is(stats_peeked(jobs, 0), "a"));
    assert_true(slice_is(stats_peeked(jobs, 1), "b"));
    assert_null(stats_peeked(jobs, 2).ptr);
    reply_free(jobs);
    assert_int_equal(stats_peek(f->conn, f->queue.jobs, 2, 2, &jobs, &err), ST_OK);
    assert_true(slice_is(stats_peeked(jobs, 0), "c"));
    assert_null(stats_peeked(jobs, 1).ptr);
    reply_free(jobs);
    assert_int_equal(stats_peek(f->conn, f->queue.jobs, 3, 2, &jobs, &err), ST_OK);
    assert_int_equal(reply_count(jobs), 0);
    reply_free(jobs);
    queue_fixture_expect_unchanged(f, digest);
}

static void test_workers(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct reply *workers = NULL;
    commands_do(f->conn, "ZADD", f->queue.workers, "5", "w.1", "6", "w.2");
    assert_int_equal(stats_workers(f->conn, &f->queue, &workers, &err), ST_OK);
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
        assert_int_equal(stats_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_OK);
    assert_in_range(commands_int(f->conn, "PTTL", "darg:worker:p"), 1, 60000);
    assert_int_equal(stats_process(f->conn, "darg", "p", &info, &err), ST_OK);
    assert_int_equal(reply_count(info), 4);
    reply_free(info);
    assert_int_equal(stats_unpublish(f->conn, "darg", "p", &err), ST_OK);
    assert_int_equal(stats_process(f->conn, "darg", "p", &info, &err), ST_OK);
    assert_int_equal(reply_count(info), 0);
    reply_free(info);
    commands_do(f->conn, "SET", "darg:worker:p", "wrong");
    assert_int_equal(stats_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_WRONGTYPE);
    commands_do(f->conn, "DEL", "darg:worker:p");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(stats_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_OOM);
    queue_fixture_fill_memory(f, false);
    assert_int_equal(stats_publish(f->conn, "darg", "p", fields, 4, 60000, &err), ST_OK);
}

static void test_held_by(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    int64_t held = -1;
    assert_int_equal(stats_held_by(f->conn, &f->queue, "p.1", &held, &err), ST_OK);
    assert_int_equal(held, 0);
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 9, "a", "b");
    assert_int_equal(stats_held_by(f->conn, &f->queue, "p.1", &held, &err), ST_OK);
    assert_int_equal(held, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_nothing_there),
        QUEUE_TEST(test_everything_there),
        QUEUE_TEST(test_oldest_age),
        QUEUE_TEST_DAMAGED(test_wrong_types),
        QUEUE_TEST(test_lost_connection),
        QUEUE_TEST(test_queues),
        QUEUE_TEST(test_peek),
        QUEUE_TEST(test_workers),
        QUEUE_TEST(test_publish),
        QUEUE_TEST(test_held_by),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
