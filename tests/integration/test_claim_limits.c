#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "queue/scripts.h"
#include "queue/settings.h"
#include "support/queue_fixture.h"

static struct claim claim_within(struct queue_fixture *f, int64_t base, int64_t n,
                                 int64_t max_bytes)
{
    const struct claim_options options = {
        .max_bytes = max_bytes,
        .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999}};
    return queue_fixture_claim_with(f, &f->lease, base, n, &options);
}

static void test_small_budget(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg", "hhhh");
    struct claim claim = claim_within(f, 0, 100, 9);
    assert_int_equal(claim.count, 3);
    claim_fini(&claim);
    queue_fixture_expect_line(f, f->queue.jobs, "dddd", "eeee", "ffff", "gggg", "hhhh");
    claim = claim_within(f, 3, 100, 0);
    assert_int_equal(claim.count, 1);
    assert_true(slice_is(claim_job(&claim, 0).text, "dddd"));
    claim_fini(&claim);
}

/* `size` bytes that begin with `mark`. */
static void push_huge(struct queue_fixture *f, char mark, size_t size)
{
    char *text = mem_new(size + 1);
    memset(text, 'x', size);
    text[0] = mark;
    queue_fixture_push(f, text);
    free(text);
}

static void expect_huge(struct queue_fixture *f, int64_t base, size_t count, const char *marks,
                        size_t size)
{
    struct claim claim = queue_fixture_claim(f, &f->lease, base, CLAIM_MAX);
    assert_int_equal(claim.outcome, CLAIM_JOBS);
    assert_int_equal(claim.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(claim_job(&claim, i).text.len, size);
        assert_int_equal(claim_job(&claim, i).text.ptr[0], marks[i]);
    }
    claim_fini(&claim);
}

static void test_huge_jobs(void **state)
{
    struct queue_fixture *f = *state;
    for (char mark = 'a'; mark <= 'd'; mark++)
        push_huge(f, mark, 1 << 20);
    push_huge(f, 'e', 64 << 20);
    for (char mark = 'f'; mark <= 'l'; mark++)
        push_huge(f, mark, 400 << 10);
    int64_t base = 0;
    for (const char *mark = "abcd"; *mark; mark++)
        expect_huge(f, base++, 1, mark, 1 << 20);
    expect_huge(f, base++, 1, "e", 64 << 20);
    expect_huge(f, base, 3, "fgh", 400 << 10);
    expect_huge(f, base, 3, "fgh", 400 << 10);
    expect_huge(f, base + 3, 3, "ijk", 400 << 10);
    expect_huge(f, base + 6, 1, "l", 400 << 10);
}

#define SUSPECT(crashes) "{\"darg\":1,\"runs\":3,\"crashes\":" crashes ",\"job\":"

/* `head`, `size` bytes of JSON, `tail`. */
static void push_long(struct queue_fixture *f, const char *head, size_t size, const char *tail)
{
    struct buf text = {0};
    buf_append_text(&text, head);
    char *filler = mem_new(size + 1);
    memset(filler, 'x', size);
    filler[0] = filler[size - 1] = '"';
    buf_append(&text, filler, size);
    buf_append_text(&text, tail);
    queue_fixture_push(f, buf_text(&text));
    free(filler);
    buf_fini(&text);
}

static void expect_one(struct queue_fixture *f, int64_t base, const struct claim_options *options,
                       size_t len, bool is_short, int64_t size)
{
    for (int twice = 0; twice < 2; twice++) {
        struct claim claim = queue_fixture_claim_with(f, &f->lease, base, 1, options);
        assert_int_equal(claim.outcome, CLAIM_JOBS);
        struct claim_job job = claim_job(&claim, 0);
        assert_int_equal(job.text.len, len);
        assert_int_equal(job.is_short, is_short);
        assert_int_equal(job.size, size);
        claim_fini(&claim);
    }
}

/* What the worker would only bury is answered by its size and its beginning, also when the claim is
 * repeated, and recorded whole. An envelope does not count. */
static void test_answers_in_short(void **state)
{
    struct queue_fixture *f = *state;
    enum { LIMIT = 100 << 10 };
    const struct claim_options options = {.max_bytes = 1 << 20,
                                          .policy = {.max_job_size = LIMIT, .max_crashes = 5}};
    const size_t head_len = strlen(SUSPECT("4"));
    push_long(f, "", LIMIT, "");
    push_long(f, "", LIMIT + 1, "");
    push_long(f, SUSPECT("0"), LIMIT, "}");
    push_long(f, SUSPECT("0"), LIMIT + 1, "}");
    expect_one(f, 0, &options, LIMIT, false, 0);
    expect_one(f, 1, &options, CLAIM_SHORT_BYTES, true, LIMIT + 1);
    assert_int_equal(commands_int(f->conn, "HSTRLEN", f->lease.claimed, "2"), LIMIT + 1);
    expect_one(f, 2, &options, head_len + LIMIT + 1, false, 0);
    expect_one(f, 3, &options, CLAIM_SHORT_BYTES, true, LIMIT + 1);
    const struct claim_options tiny = {.max_bytes = 1 << 20,
                                       .policy = {.max_job_size = 3, .max_crashes = 5}};
    queue_fixture_push(f, "1234");
    expect_one(f, 4, &tiny, 4, true, 4);
}

/* Poison too, unless it is so small that nobody can die of it. */
static void test_poison_in_short(void **state)
{
    struct queue_fixture *f = *state;
    const struct claim_options options = {.max_bytes = 1 << 20,
                                          .policy = {.max_job_size = 1 << 20, .max_crashes = 5}};
    const size_t head_len = strlen(SUSPECT("4"));
    enum { SIZE = 100 << 10 };
    push_long(f, SUSPECT("4"), SIZE, "}");
    expect_one(f, 0, &options, head_len + SIZE + 1, false, 0);
    queue_fixture_done(f, &f->lease, 1);
    push_long(f, SUSPECT("5"), SIZE, "}");
    expect_one(f, 1, &options, CLAIM_SHORT_BYTES, true, SIZE);
    queue_fixture_done(f, &f->lease, 2);
    push_long(f, SUSPECT("5"), 100, "}");
    expect_one(f, 2, &options, head_len + 100 + 1, false, 0);
}

static void test_paused(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    queue_fixture_push(f, "a");
    commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
    assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_OK);
    struct claim claim = queue_fixture_claim(f, &f->lease, 0, 1);
    assert_int_equal(claim.outcome, CLAIM_WAIT);
    assert_true(claim.wait_ms > 0);
    claim_fini(&claim);
    assert_int_equal(queue_fixture_held(f), 0);
    commands_do(f->conn, "RPUSH", f->queue.inbox, JOB_SENTINEL);
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 1), CLAIM_DRAIN);
    commands_do(f->conn, "LREM", f->queue.jobs, "1", JOB_SENTINEL);
    assert_int_equal(settings_pause(f->conn, &f->queue, false, &err), ST_OK);
    queue_fixture_claim_these(f, &f->lease, 0, 1, "a");
}

static void test_rate(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c", "d", "e");
    queue_fixture_limit(f, "rate", 3);
    queue_fixture_limit(f, "rate_ms", 3600000);
    queue_fixture_claim_these(f, &f->lease, 0, 100, "a", "b", "c");
    struct claim claim = queue_fixture_claim(f, &f->lease, 3, 100);
    assert_int_equal(claim.outcome, CLAIM_WAIT);
    /* One job's time has to pass, less what has passed since. */
    assert_in_range(claim.wait_ms, 1200000 - 60000, 1200000);
    claim_fini(&claim);
    /* As if that time had passed. */
    commands_do(f->conn, "HINCRBYFLOAT", f->queue.settings, "rate_at", "-1200000");
    queue_fixture_claim_these(f, &f->lease, 3, 100, "d");
    /* A clock that was set back by hours does not stop the queue for hours. */
    commands_do(f->conn, "HSET", f->queue.settings, "rate_at", "9000000000000");
    claim = queue_fixture_claim(f, &f->lease, 4, 100);
    assert_int_equal(claim.outcome, CLAIM_WAIT);
    assert_in_range(claim.wait_ms, 1, 1200000);
    claim_fini(&claim);
    queue_fixture_limit(f, "rate", -1);
    queue_fixture_claim_these(f, &f->lease, 4, 100, "e");
}

static void test_concurrency(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c");
    queue_fixture_limit(f, "concurrency", 2);
    queue_fixture_claim_these(f, &f->lease, 0, 100, "a", "b");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 2, 100), CLAIM_WAIT);
    queue_fixture_done(f, &f->lease, 2);
    queue_fixture_claim_these(f, &f->lease, 2, 100, "c");
    commands_do(f->conn, "HSET", f->queue.settings, "concurrency", "0");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 3, 100), CLAIM_WAIT);
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    bool woken;
    queue_fixture_push(f, "a", "b");
    queue_fixture_fill_memory(f, true);
    assert_int_equal(claim_wait_begin(f->conn, &f->queue, 1000, &err), ST_OK);
    assert_int_equal(claim_wait_end(f->conn, &woken, &err), ST_OOM);
    queue_fixture_claim_these(f, &f->lease, 0, 100, "a", "b");
    queue_fixture_claim_these(f, &f->lease, 0, 100, "a", "b");
}

static void test_script_flush(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b");
    for (int64_t base = 0; base < 2; base++) {
        commands_do(f->conn, "SCRIPT", "FLUSH");
        queue_fixture_claim_these(f, &f->lease, base, 1, base == 0 ? "a" : "b");
    }
}

/* One clear status, and not a byte changed. */
static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    const char *const keys[] = {f->queue.jobs,
                                f->queue.inbox,
                                f->lease.claimed,
                                f->queue.workers,
                                f->queue.settings,
                                f->queue.suspects,
                                NULL};
    const struct claim_options options = {
        .max_bytes = 1 << 20, .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999}};
    for (const char *const *key = keys; *key; key++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        queue_fixture_push(f, "a", "b");
        commands_do(f->conn, "LMOVE", f->queue.jobs, f->queue.inbox, "RIGHT", "LEFT");
        commands_do(f->conn, "SET", *key, "wrong");
        char *before = queue_fixture_digest(f);
        struct request request = {0};
        struct err err = {0};
        struct claim claim;
        claim_encode(&request, &f->lease, 0, 5, &options);
        assert_int_equal(claim_call(f->conn, &request, &claim, &err), ST_WRONGTYPE);
        request_fini(&request);
        queue_fixture_expect_unchanged(f, before);
    }
}

/* What a claim only informs of, or counts in, cannot stop it. */
static void test_wrong_types_of_no_matter(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    commands_do(f->conn, "SET", f->queue.scheduled, "wrong");
    commands_do(f->conn, "SET", f->queue.counts, "wrong");
    commands_do(f->conn, "SET", f->queue.drained, "wrong");
    queue_fixture_limit(f, "concurrency", 1);
    queue_fixture_claim_these(f, &f->lease, 0, 5, "a");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 1, 5), CLAIM_EMPTY);
}

/* What no caller sends. */
static void test_nonsense_arguments(void **state)
{
    struct queue_fixture *f = *state;
    const struct queue *q = &f->queue;
    static const char *const good[] = {"0", "1", "9", "0", "9", "9"};
    static const struct {
        size_t at;
        const char *value;
    } bad[] = {{0, "-1"}, {0, "x"},   {1, "0"}, {1, "1001"},
               {1, ""},   {2, "1.5"}, {4, ""},  {5, "9999999999999999"}};
    queue_fixture_push(f, "a");
    char *digest = queue_fixture_digest(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *v[6];
        struct err err = {0};
        memcpy(v, good, sizeof v);
        v[bad[i].at] = bad[i].value;
        assert_int_equal(commands_status(f->conn, &err, "EVAL", script_claim.source, "9", q->jobs,
                                         q->inbox, f->lease.claimed, q->workers, q->scheduled,
                                         q->settings, q->counts, q->drained, q->suspects,
                                         f->lease.worker, v[0], v[1], v[2], v[3], v[4], v[5]),
                         ST_SERVER);
        assert_non_null(strstr(err_text(&err), "out of range"));
    }
    queue_fixture_expect_unchanged(f, digest);
}

/* Nonsense in a setting is as good as none. */
static void test_nonsense_settings(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a");
    commands_do(f->conn, "HSET", f->queue.settings, "rate", "nan", "rate_ms", "1e9", "concurrency",
                "99999999999999999999", "rate_at", "inf");
    queue_fixture_claim_these(f, &f->lease, 0, 5, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_small_budget),
        QUEUE_TEST(test_huge_jobs),
        QUEUE_TEST(test_answers_in_short),
        QUEUE_TEST(test_poison_in_short),
        QUEUE_TEST(test_paused),
        QUEUE_TEST(test_rate),
        QUEUE_TEST(test_concurrency),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST(test_script_flush),
        QUEUE_TEST_DAMAGED(test_wrong_types),
        QUEUE_TEST_DAMAGED(test_wrong_types_of_no_matter),
        QUEUE_TEST(test_nonsense_arguments),
        QUEUE_TEST(test_nonsense_settings),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
