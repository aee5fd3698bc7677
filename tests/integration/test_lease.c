#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/job.h"
#include "support/queue_fixture.h"

static enum lease_register enter(struct queue_fixture *f, const struct lease *lease, int64_t age_ms)
{
    struct err err = {0};
    enum lease_register outcome = LEASE_FENCED;
    int64_t now_ms = 0;
    if (lease_register(f->conn, lease, age_ms, &(struct lease_drain){0}, &outcome, &now_ms, &err) !=
        ST_OK)
        fail_msg("%s", err_text(&err));
    assert_true(now_ms > 1000000000000);
    return outcome;
}

static struct lease_state renew(struct queue_fixture *f, int64_t window_start)
{
    struct err err = {0};
    struct lease_state state;
    const struct lease_ask ask = {.window_start = window_start};
    if (lease_renew(f->conn, &f->lease, &ask, &state, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return state;
}

static int64_t deregister(struct queue_fixture *f, const int64_t *started, size_t count,
                          bool *is_registered)
{
    struct err err = {0};
    int64_t released = -1;
    if (lease_deregister(f->conn, &f->lease, started, count, is_registered, &released, &err) !=
        ST_OK)
        fail_msg("%s", err_text(&err));
    return released;
}

static void test_process_name(void **state)
{
    (void)state;
    char a[LEASE_NAME_MAX + 1], b[LEASE_NAME_MAX + 1], pid[32];
    lease_process_name(a);
    lease_process_name(b);
    assert_string_not_equal(a, b);
    assert_true(job_is_name(slice_of(a)));
    assert_null(strchr(a, '.'));
    (void)snprintf(pid, sizeof pid, "-%ld-", (long)getpid());
    assert_non_null(strstr(a, pid));
}

static void test_names(void **state)
{
    struct queue_fixture *f = *state;
    struct lease lease;
    lease_init(&lease, &f->queue, "host-1-abc", UINT64_MAX);
    assert_string_equal(lease.worker, "host-1-abc.18446744073709551615");
    assert_string_equal(lease.claimed, "darg:{jobs}:claimed:host-1-abc.18446744073709551615");
    lease_fini(&lease);
}

static void test_register(void **state)
{
    struct queue_fixture *f = *state;
    struct lease lease;
    lease_init(&lease, &f->queue, "q", 1);
    int64_t before_ms = queue_fixture_server_ms(f);
    for (int i = 0; i < 2; i++)
        assert_int_equal(enter(f, &lease, 0), LEASE_REGISTERED);
    int64_t score = commands_int(f->conn, "ZSCORE", f->queue.workers, "q.1");
    assert_in_range(score, before_ms, queue_fixture_server_ms(f));
    commands_do(f->conn, "ZREM", f->queue.workers, "q.1");
    commands_do(f->conn, "SADD", f->queue.reaped, "q.1");
    assert_int_equal(enter(f, &lease, 0), LEASE_FENCED);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.workers), 1);
    lease_fini(&lease);
}

/* Who was started before a drain ended, and registers after it, belongs to those that were to go.
 */
static void test_register_after_drain(void **state)
{
    struct queue_fixture *f = *state;
    struct lease lease;
    char drained_at[32];
    lease_init(&lease, &f->queue, "q", 1);
    (void)snprintf(drained_at, sizeof drained_at, "%lld",
                   (long long)queue_fixture_server_ms(f) - 60000);
    commands_do(f->conn, "HSET", f->queue.settings, "drained_at", drained_at);
    assert_int_equal(enter(f, &lease, 3600000), LEASE_DRAINED);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.workers), 1);
    assert_int_equal(enter(f, &lease, 10), LEASE_REGISTERED);
    lease_fini(&lease);
}

static void test_renew(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "ZADD", f->queue.workers, "5", f->lease.worker, "7", "other");
    commands_do(f->conn, "ZADD", f->queue.scheduled, "4000000000000", "a");
    commands_do(f->conn, "LPUSH", f->queue.inbox, "a", "b");
    commands_do(f->conn, "SET", f->queue.shutdown, "quiet");
    commands_do(f->conn, "SADD", f->queue.reaped, "gone.1");
    int64_t before_ms = queue_fixture_server_ms(f);
    struct lease_state seen = renew(f, 0);
    assert_true(seen.is_registered);
    assert_in_range(seen.now_ms, before_ms, queue_fixture_server_ms(f));
    assert_int_equal(seen.next_due_ms, 4000000000000);
    assert_int_equal(seen.inbox_count, 2);
    assert_string_equal(seen.orders[0], "quiet");
    assert_int_equal(seen.worker_count, 2);
    assert_int_equal(seen.peer_count, 2);
    assert_string_equal(seen.peers[0].worker, "other");
    assert_string_equal(seen.peers[0].score, "7");
    assert_string_equal(seen.peers[1].worker, f->lease.worker);
    assert_int_equal(strtoll(seen.peers[1].score, NULL, 10), seen.now_ms);
    assert_int_equal(seen.fenced_count, 1);
    assert_string_equal(seen.fenced[0], "gone.1");
    seen = renew(f, 1);
    assert_int_equal(seen.peer_count, 1);
    assert_int_equal(renew(f, 2).peer_count, 0);
    commands_do(f->conn, "DEL", f->queue.inbox);
}

/* Words of other shutdown keys come along; a key of the wrong type stands in nobody's way. */
static void test_renew_brings_orders(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const keys[] = {"darg:shutdown", "darg:worker:p:shutdown"};
    const struct lease_ask ask = {.order_keys = keys, .order_key_count = 2};
    struct err err = {0};
    struct lease_state seen;
    commands_do(f->conn, "SET", f->queue.shutdown, "quiet");
    commands_do(f->conn, "SET", "darg:worker:p:shutdown", "stop");
    assert_int_equal(lease_renew(f->conn, &f->lease, &ask, &seen, &err), ST_OK);
    assert_string_equal(seen.orders[0], "quiet");
    assert_string_equal(seen.orders[1], "");
    assert_string_equal(seen.orders[2], "stop");
    commands_do(f->conn, "LPUSH", "darg:shutdown", "drain");
    assert_int_equal(lease_renew(f->conn, &f->lease, &ask, &seen, &err), ST_OK);
    assert_string_equal(seen.orders[1], "");
    assert_string_equal(seen.orders[2], "stop");
    assert_true(seen.is_registered);
}

/* A renewal never puts a worker back that was reaped. */
static void test_renew_without_lease(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "ZREM", f->queue.workers, f->lease.worker);
    char *digest = queue_fixture_digest(f);
    struct lease_state seen = renew(f, 0);
    assert_false(seen.is_registered);
    assert_true(seen.next_due_ms == QUEUE_NEVER);
    assert_string_equal(seen.orders[0], "");
    assert_int_equal(seen.worker_count, 0);
    queue_fixture_expect_unchanged(f, digest);
}

static void test_renew_window(void **state)
{
    struct queue_fixture *f = *state;
    char name[LEASE_NAME_MAX + 3];
    for (int i = 0; i < LEASE_WINDOW + 20; i++) {
        (void)snprintf(name, sizeof name, "w.%d", i);
        commands_do(f->conn, "ZADD", f->queue.workers, "1", name);
        commands_do(f->conn, "SADD", f->queue.reaped, name);
    }
    struct lease_state seen = renew(f, 0);
    assert_int_equal(seen.worker_count, LEASE_WINDOW + 21);
    assert_int_equal(seen.peer_count, LEASE_WINDOW);
    assert_int_equal(seen.fenced_count, LEASE_FENCED_MAX);
    assert_int_equal(renew(f, LEASE_WINDOW).peer_count, 21);
    /* Names that are none of ours, and a shutdown key with a novel in it. */
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    commands_do(f->conn, "DEL", f->queue.workers);
    commands_do(f->conn, "ZADD", f->queue.workers, "1", name, "2", f->lease.worker);
    commands_do(f->conn, "SET", f->queue.shutdown, name);
    seen = renew(f, 0);
    assert_int_equal(seen.peer_count, 1);
    assert_string_equal(seen.peers[0].worker, f->lease.worker);
    assert_string_equal(seen.orders[0], "nnnnnnnnnnnnnnn");
}

/* Only a damaged registry can end a lease. */
static void test_renew_among_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    const char *const keys[] = {f->queue.reaped, f->queue.scheduled, f->queue.shutdown};
    for (size_t i = 0; i < 3; i++)
        commands_do(f->conn, "LPUSH", keys[i], "wrong");
    commands_do(f->conn, "SET", f->queue.inbox, "wrong");
    struct lease_state seen = renew(f, 0);
    assert_true(seen.is_registered);
    assert_true(seen.next_due_ms == QUEUE_NEVER);
    assert_int_equal(seen.inbox_count, 0);
    assert_string_equal(seen.orders[0], "");
    assert_int_equal(seen.fenced_count, 0);
    struct err err = {0};
    commands_do(f->conn, "SET", f->queue.workers, "wrong");
    assert_int_equal(lease_renew(f->conn, &f->lease, &(struct lease_ask){0}, &seen, &err),
                     ST_WRONGTYPE);
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    struct lease lease;
    lease_init(&lease, &f->queue, "q", 1);
    commands_do(f->conn, "SCRIPT", "FLUSH");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(enter(f, &lease, 0), LEASE_REGISTERED);
    assert_true(renew(f, 0).is_registered);
    bool is_registered = false;
    (void)deregister(f, NULL, 0, &is_registered);
    assert_true(is_registered);
    lease_fini(&lease);
}

static void test_deregister(void **state)
{
    struct queue_fixture *f = *state;
    const int64_t started[] = {2, 77};
    bool is_registered = false;
    queue_fixture_push(f, "a", "b", "c", "d");
    queue_fixture_claim_these(f, &f->lease, 0, 3, "a", "b", "c");
    commands_do(f->conn, "SADD", f->queue.drained, f->lease.worker);
    assert_int_equal(deregister(f, started, 2, &is_registered), 3);
    assert_true(is_registered);
    queue_fixture_expect_line(f, f->queue.jobs, "a",
                              "{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":0,"
                              "\"claim\":\"p.1:2\",\"job\":b}",
                              "c", "d");
    assert_int_equal(
        commands_int(f->conn, "EXISTS", f->lease.claimed, f->queue.workers, f->queue.drained), 0);
    assert_int_equal(queue_fixture_count(f, "released"), 3);
    char *digest = queue_fixture_digest(f);
    assert_int_equal(deregister(f, started, 2, &is_registered), 0);
    assert_false(is_registered);
    queue_fixture_expect_unchanged(f, digest);
}

/* In several steps, and in order. */
static void test_deregister_large(void **state)
{
    struct queue_fixture *f = *state;
    enum { JOBS = 2300 };
    char text[32];
    for (int i = 0; i < JOBS; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        queue_fixture_push(f, text);
    }
    for (int64_t base = 0; base < JOBS;) {
        struct claim claim = queue_fixture_claim(f, &f->lease, base, CLAIM_MAX);
        base += (int64_t)claim.count;
        claim_fini(&claim);
    }
    bool is_registered = false;
    assert_int_equal(deregister(f, NULL, 0, &is_registered), JOBS);
    struct reply *line = commands_run(f->conn, "LRANGE", f->queue.jobs, "0", "-1");
    assert_int_equal(reply_count(line), JOBS);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(reply_int(reply_at(line, i), -1), JOBS - 1 - i);
    reply_free(line);
}

static void test_deregister_huge_jobs(void **state)
{
    struct queue_fixture *f = *state;
    char *text = mem_new((3 << 20) + 1);
    memset(text, 'x', 3 << 20);
    for (int64_t i = 0; i < 6; i++) {
        text[0] = (char)('a' + i);
        queue_fixture_push(f, text);
        struct claim claim = queue_fixture_claim(f, &f->lease, i, 1);
        assert_int_equal(claim.count, 1);
        claim_fini(&claim);
    }
    free(text);
    bool is_registered = false;
    assert_int_equal(deregister(f, NULL, 0, &is_registered), 6);
    for (char mark = 'a'; mark < 'g'; mark++) {
        struct reply *job = commands_run(f->conn, "RPOP", f->queue.jobs);
        assert_int_equal(reply_slice(job).ptr[0], mark);
        reply_free(job);
    }
}

static void test_held(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    int64_t *numbers = NULL;
    size_t count = 99;
    assert_int_equal(lease_held(f->conn, &f->lease, &numbers, &count, &err), ST_OK);
    assert_int_equal(count, 0);
    free(numbers);
    queue_fixture_push(f, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 6, 9, "a", "b");
    assert_int_equal(lease_held(f->conn, &f->lease, &numbers, &count, &err), ST_OK);
    assert_int_equal(count, 2);
    assert_int_equal(numbers[0] + numbers[1], 15);
    free(numbers);
    commands_do(f->conn, "SET", f->lease.claimed, "wrong");
    assert_int_equal(lease_held(f->conn, &f->lease, &numbers, &count, &err), ST_WRONGTYPE);
    queue_fixture_reset(state);
}

static void test_find_process(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct buf names = {0};
    size_t count = 99;
    commands_do(f->conn, "ZADD", f->queue.workers, "1", "p.2", "1", "pp.1", "1", "p", "1", "p-1.1");
    assert_int_equal(lease_find_process(f->conn, &f->queue, "p", &names, &count, &err), ST_OK);
    assert_int_equal(count, 2);
    assert_int_equal(names.len, 8);
    assert_true(memcmp(names.ptr, "p.2\0p.1", 8) == 0 || memcmp(names.ptr, "p.1\0p.2", 8) == 0);
    buf_fini(&names);
    /* Among thousands, in more than one page. */
    char name[32];
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "w.%d", i);
        commands_do(f->conn, "ZADD", f->queue.workers, "1", name);
    }
    assert_int_equal(lease_find_process(f->conn, &f->queue, "w", &names, &count, &err), ST_OK);
    assert_true(count >= 3000);
    buf_fini(&names);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    enum lease_register outcome;
    int64_t n;
    bool is_registered;
    const char *const entering[] = {f->queue.workers, f->queue.reaped, f->queue.settings};
    const char *const leaving[] = {f->lease.claimed, f->queue.workers, f->queue.jobs,
                                   f->queue.drained};
    for (size_t i = 0; i < 7; i++) {
        queue_fixture_reset(state);
        queue_fixture_push(f, "a", "b");
        queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
        commands_do(f->conn, "SET", i < 3 ? entering[i] : leaving[i - 3], "wrong");
        char *digest = queue_fixture_digest(f);
        if (i < 3)
            assert_int_equal(
                lease_register(f->conn, &f->lease, 0, &(struct lease_drain){0}, &outcome, &n, &err),
                ST_WRONGTYPE);
        else
            assert_int_equal(
                lease_deregister(f->conn, &f->lease, NULL, 0, &is_registered, &n, &err),
                ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_process_name),
        QUEUE_TEST(test_names),
        QUEUE_TEST(test_register),
        QUEUE_TEST(test_register_after_drain),
        QUEUE_TEST(test_renew),
        QUEUE_TEST_DAMAGED(test_renew_brings_orders),
        QUEUE_TEST(test_renew_without_lease),
        QUEUE_TEST(test_renew_window),
        QUEUE_TEST_DAMAGED(test_renew_among_wrong_types),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST(test_deregister),
        QUEUE_TEST(test_deregister_large),
        QUEUE_TEST(test_deregister_huge_jobs),
        QUEUE_TEST(test_held),
        QUEUE_TEST(test_find_process),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
