#include "support/queue_fixture.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "queue/settings.h"
#include "queue/stats.h"

int queue_fixture_setup(void **state)
{
    struct queue_fixture *fixture = mem_new(sizeof *fixture);
    struct err err = {0};
    fixture->server = redis_server_start(NULL);
    fixture->conn = commands_connect(redis_server_url(fixture->server));
    ensure(queue_init(&fixture->queue, "darg", "jobs", &err) == ST_OK, "%s", err_text(&err));
    lease_init(&fixture->lease, &fixture->queue, "p", 1);
    *state = fixture;
    return 0;
}

int queue_fixture_teardown(void **state)
{
    struct queue_fixture *fixture = *state;
    lease_fini(&fixture->lease);
    queue_fini(&fixture->queue);
    conn_close(fixture->conn);
    redis_server_stop(fixture->server);
    free(fixture);
    return 0;
}

static void must_register(struct queue_fixture *fixture, const struct lease *lease)
{
    struct err err = {0};
    enum lease_register outcome;
    int64_t now_ms;
    ensure(lease_register(fixture->conn, lease, 0, &(struct lease_drain){0}, &outcome, &now_ms,
                          &err) == ST_OK,
           "%s", err_text(&err));
    ensure(outcome == LEASE_REGISTERED, "outcome %d", (int)outcome);
}

int queue_fixture_reset(void **state)
{
    struct queue_fixture *fixture = *state;
    queue_fixture_fill_memory(fixture, false);
    commands_do(fixture->conn, "FLUSHALL");
    must_register(fixture, &fixture->lease);
    return 0;
}

int64_t queue_fixture_held(struct queue_fixture *fixture)
{
    struct reply *keys = commands_run(fixture->conn, "KEYS", "darg:{jobs}:claimed:*");
    int64_t held = 0;
    for (size_t i = 0; i < reply_count(keys); i++) {
        char *key = slice_dup(reply_slice(reply_at(keys, i)));
        held += commands_int(fixture->conn, "HLEN", key);
        held -= commands_int(fixture->conn, "HEXISTS", key, "last");
        held -= commands_int(fixture->conn, "HEXISTS", key, "blame");
        free(key);
    }
    reply_free(keys);
    return held;
}

int queue_fixture_check(void **state)
{
    struct queue_fixture *fixture = *state;
    struct err err = {0};
    struct stats stats;
    ensure(stats_read(fixture->conn, &fixture->queue, &stats, &err) == ST_OK, "%s", err_text(&err));
    int64_t held = queue_fixture_held(fixture);
    if (stats.held == held)
        return 0;
    print_error("%lld jobs are held, the counters say %lld\n", (long long)held,
                (long long)stats.held);
    return -1;
}

void queue_fixture_register(struct queue_fixture *fixture, struct lease *lease, const char *process)
{
    lease_init(lease, &fixture->queue, process, 1);
    must_register(fixture, lease);
}

void queue_fixture_push_args(struct queue_fixture *fixture, const char *const *jobs)
{
    for (; *jobs; jobs++)
        commands_do(fixture->conn, "LPUSH", fixture->queue.jobs, *jobs);
}

struct claim queue_fixture_claim_with(struct queue_fixture *fixture, const struct lease *lease,
                                      int64_t base, int64_t n, const struct claim_options *options)
{
    struct request request = {0};
    struct err err = {0};
    struct claim claim;
    claim_encode(&request, lease, base, n, options);
    if (claim_call(fixture->conn, &request, &claim, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    request_fini(&request);
    return claim;
}

struct claim queue_fixture_claim(struct queue_fixture *fixture, const struct lease *lease,
                                 int64_t base, int64_t n)
{
    const struct claim_options options = {
        .max_bytes = 1 << 20, .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999}};
    return queue_fixture_claim_with(fixture, lease, base, n, &options);
}

enum claim_outcome queue_fixture_outcome(struct queue_fixture *fixture, const struct lease *lease,
                                         int64_t base, int64_t n)
{
    struct claim claim = queue_fixture_claim(fixture, lease, base, n);
    enum claim_outcome outcome = claim.outcome;
    claim_fini(&claim);
    return outcome;
}

void queue_fixture_push_bytes(struct queue_fixture *fixture, struct slice job)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    request_add_text(&request, "LPUSH");
    request_add_text(&request, fixture->queue.jobs);
    request_add(&request, job);
    ensure(conn_call(fixture->conn, &request, &reply, &err) == ST_OK, "%s", err_text(&err));
    reply_free(reply);
    request_fini(&request);
}

static void expect_text(struct slice slice, const char *expected)
{
    if (!slice_is(slice, expected))
        fail_msg("'%.*s' instead of '%s'", (int)slice.len, slice.ptr ? slice.ptr : "", expected);
}

void queue_fixture_claim_args(struct queue_fixture *fixture, const struct lease *lease,
                              int64_t base, int64_t n, const char *const *jobs)
{
    struct claim claim = queue_fixture_claim(fixture, lease, base, n);
    size_t count = 0;
    while (jobs[count])
        count++;
    assert_int_equal(claim.outcome, CLAIM_JOBS);
    assert_int_equal(claim.base, base);
    assert_int_equal(claim.count, count);
    for (size_t i = 0; i < count; i++)
        expect_text(claim_job(&claim, i).text, jobs[i]);
    claim_fini(&claim);
}

void queue_fixture_expect_args(struct queue_fixture *fixture, const char *key,
                               const char *const *jobs)
{
    struct reply *line = commands_run(fixture->conn, "LRANGE", key, "0", "-1");
    size_t count = 0;
    while (jobs[count])
        count++;
    assert_int_equal(reply_count(line), count);
    for (size_t i = 0; i < count; i++)
        expect_text(reply_slice(reply_at(line, count - 1 - i)), jobs[i]);
    reply_free(line);
}

int64_t queue_fixture_count(struct queue_fixture *fixture, const char *name)
{
    struct reply *reply = commands_run(fixture->conn, "HGET", fixture->queue.counts, name);
    int64_t value = reply_int(reply, 0);
    reply_free(reply);
    return value;
}

struct reply *queue_fixture_member(struct queue_fixture *fixture, const char *key, int i,
                                   int64_t *score)
{
    char rank[16];
    (void)snprintf(rank, sizeof rank, "%d", i);
    struct reply *reply = commands_run(fixture->conn, "ZRANGE", key, rank, rank, "WITHSCORES");
    assert_int_equal(reply_count(reply), 2);
    *score = reply_int(reply_at(reply, 1), -1);
    return reply;
}

char *queue_fixture_digest(struct queue_fixture *fixture)
{
    return commands_text(fixture->conn, "DEBUG", "DIGEST");
}

void queue_fixture_expect_unchanged(struct queue_fixture *fixture, char *digest)
{
    char *now = queue_fixture_digest(fixture);
    assert_string_equal(now, digest);
    free(now);
    free(digest);
}

int64_t queue_fixture_server_ms(struct queue_fixture *fixture)
{
    struct reply *reply = commands_run(fixture->conn, "TIME");
    int64_t ms = reply_int(reply_at(reply, 0), 0) * 1000 + reply_int(reply_at(reply, 1), 0) / 1000;
    reply_free(reply);
    return ms;
}

struct settle_answer queue_fixture_settle(struct queue_fixture *fixture, enum settle_kind kind,
                                          const struct lease *lease,
                                          const struct settle_item *items, size_t count)
{
    static void (*const encode[SETTLE_KINDS])(struct request *, const struct lease *,
                                              const struct settle_item *, size_t) = {
        [SETTLE_DONE] = settle_encode_done,
        [SETTLE_RETRY] = settle_encode_retry,
        [SETTLE_BURY] = settle_encode_bury,
        [SETTLE_RELEASE] = settle_encode_release,
    };
    struct request request = {0};
    struct settle_answer answer;
    struct err err = {0};
    encode[kind](&request, lease, items, count);
    if (settle_call(fixture->conn, kind, &request, &answer, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    request_fini(&request);
    return answer;
}

void queue_fixture_done(struct queue_fixture *fixture, const struct lease *lease, int64_t number)
{
    const struct settle_item item = {.number = number};
    struct settle_answer answer = queue_fixture_settle(fixture, SETTLE_DONE, lease, &item, 1);
    assert_true(answer.is_registered);
    assert_int_equal(answer.settled, 1);
}

void queue_fixture_limit(struct queue_fixture *fixture, const char *name, int64_t value)
{
    struct err err = {0};
    if (settings_set(fixture->conn, &fixture->queue, name, value, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
}

void queue_fixture_fill_memory(struct queue_fixture *fixture, bool is_full)
{
    commands_do(fixture->conn, "CONFIG", "SET", "maxmemory", is_full ? "1" : "0");
}
