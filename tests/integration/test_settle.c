#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "support/queue_fixture.h"

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* Originals that no re-encoding would leave alone. */
static const struct slice originals[] = {
    BYTES("{\"type\":\"t\",\"args\":[9007199254740993,18446744073709551615,1e400,-0.0]}"),
    BYTES("{\"type\":\"t\",\"type\":\"u\",\"a\":1,\"a\":2}"),
    BYTES("{ \"type\" : \"\\u0074\",\n\"x\":\"\\/\",\"z\":1,\"y\":{\"job\":{},\"job\":1}}"),
    BYTES("\0\1\2 \xff\xfe \r\n$5\r\nhello"),
    BYTES(""),
    BYTES("%s %1$s \\ ]] \" '"),
    BYTES("{\"a\":[1,\"job\":2],\"job\":3}"),
    BYTES("{\"darg\":1,\"runs\":1,\"crashes\":0,\"job\":[1"), /* no brace at its end */
    BYTES("{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":1}"),
    BYTES("{\"darg\":1,\"runs\":01,\"crashes\":0,\"job\":{}}"),
};
enum { ORIGINALS = sizeof originals / sizeof originals[0] };

static void claim_one(struct queue_fixture *f, int64_t base, struct slice expected)
{
    struct claim claim = queue_fixture_claim(f, &f->lease, base, 1);
    assert_int_equal(claim.outcome, CLAIM_JOBS);
    assert_int_equal(claim.count, 1);
    if (expected.ptr)
        assert_true(slice_equal(claim_job(&claim, 0).text, expected));
    claim_fini(&claim);
}

/* The head that a worker makes for a job's next envelope. */
static void make_head(struct buf *head, int64_t runs, const char *claim)
{
    const struct job_head next = {.runs = runs,
                                  .attempts = runs,
                                  .failed_at_ms = 1700000000000,
                                  .claim = slice_of(claim),
                                  .error = slice_of("it said \"no\",\"job\":\n")};
    buf_clear(head);
    job_append_head(head, &next);
}

static void expect_envelope(struct slice text, struct slice original, int64_t runs, int64_t crashes)
{
    struct job job;
    job_split(text, &job);
    assert_true(job.is_enveloped);
    assert_true(slice_equal(job.original, original));
    assert_int_equal(job.history.runs, runs);
    assert_int_equal(job.history.crashes, crashes);
}

static struct settle_answer settle_one(struct queue_fixture *f, enum settle_kind kind,
                                       const struct settle_item *item)
{
    return queue_fixture_settle(f, kind, &f->lease, item, 1);
}

/* Takes the only member of a sorted set and puts it into the queue, as promote would. */
static void promote_only(struct queue_fixture *f, const char *key, struct slice original,
                         int64_t runs)
{
    int64_t score;
    struct reply *member = queue_fixture_member(f, key, 0, &score);
    expect_envelope(reply_slice(reply_at(member, 0)), original, runs, 0);
    queue_fixture_push_bytes(f, reply_slice(reply_at(member, 0)));
    reply_free(member);
    commands_do(f->conn, "DEL", key);
}

/* Twice through an envelope: the second replaces the first. */
static void wrap_twice(struct queue_fixture *f, enum settle_kind kind, const char *key)
{
    struct buf head = {0};
    int64_t number = 0;
    for (size_t i = 0; i < ORIGINALS; i++) {
        queue_fixture_push_bytes(f, originals[i]);
        for (int64_t runs = 1; runs <= 2; runs++) {
            claim_one(f, number++, runs == 1 ? originals[i] : (struct slice){0});
            make_head(&head, runs, "p.1:1");
            const struct settle_item item = {
                .number = number, .head = buf_slice(&head), .is_whole = runs == 1};
            struct settle_answer answer = settle_one(f, kind, &item);
            assert_true(answer.is_registered);
            assert_int_equal(answer.settled, 1);
            promote_only(f, key, originals[i], runs);
        }
        claim_one(f, number++, (struct slice){0});
        queue_fixture_done(f, &f->lease, number);
    }
    buf_fini(&head);
}

static void test_retry_keeps_bytes(void **state)
{
    struct queue_fixture *f = *state;
    wrap_twice(f, SETTLE_RETRY, f->queue.scheduled);
    assert_int_equal(queue_fixture_count(f, "retried"), 2 * ORIGINALS);
}

static void test_bury_keeps_bytes(void **state)
{
    struct queue_fixture *f = *state;
    wrap_twice(f, SETTLE_BURY, f->queue.dead);
    assert_int_equal(queue_fixture_count(f, "buried"), 2 * ORIGINALS);
}

static void test_release_keeps_bytes(void **state)
{
    struct queue_fixture *f = *state;
    int64_t number = 0;
    for (size_t i = 0; i < ORIGINALS; i++) {
        queue_fixture_push_bytes(f, originals[i]);
        for (int round = 0; round < 2; round++) {
            claim_one(f, number++, originals[i]);
            settle_one(f, SETTLE_RELEASE, &(struct settle_item){.number = number});
        }
        for (int64_t runs = 0; runs < 3; runs++) {
            claim_one(f, number++, runs == 0 ? originals[i] : (struct slice){0});
            const struct settle_item item = {.number = number, .was_started = true};
            settle_one(f, SETTLE_RELEASE, &item);
            struct reply *text = commands_run(f->conn, "LINDEX", f->queue.jobs, "-1");
            expect_envelope(reply_slice(text), originals[i], runs + 1, 0);
            reply_free(text);
        }
        claim_one(f, number++, (struct slice){0});
        queue_fixture_done(f, &f->lease, number);
    }
}

static void test_counters_stop_at_their_limit(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "{\"darg\":1,\"runs\":999999,\"crashes\":0,\"attempt\":1,\"job\":{}}");
    claim_one(f, 0, (struct slice){0});
    settle_one(f, SETTLE_RELEASE, &(struct settle_item){.number = 1, .was_started = true});
    queue_fixture_expect_line(
        f, f->queue.jobs, "{\"darg\":1,\"runs\":999999,\"crashes\":0,\"attempt\":1,\"job\":{}}");
    /* Seven digits are none of ours: a job, wrapped as it is. */
    commands_do(f->conn, "DEL", f->queue.jobs);
    static const struct slice forged =
        BYTES("{\"darg\":1,\"runs\":1000000,\"crashes\":0,\"job\":1}");
    queue_fixture_push_bytes(f, forged);
    claim_one(f, 1, forged);
    settle_one(f, SETTLE_RELEASE, &(struct settle_item){.number = 2, .was_started = true});
    struct reply *text = commands_run(f->conn, "LINDEX", f->queue.jobs, "-1");
    expect_envelope(reply_slice(text), forged, 1, 0);
    reply_free(text);
}

static void test_release_order(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "a", "b", "c", "d");
    queue_fixture_claim_these(f, &f->lease, 0, 3, "a", "b", "c");
    const struct settle_item items[] = {{.number = 3}, {.number = 2}, {.number = 1}};
    struct settle_answer answer = queue_fixture_settle(f, SETTLE_RELEASE, &f->lease, items, 3);
    assert_int_equal(answer.settled, 3);
    queue_fixture_expect_line(f, f->queue.jobs, "a", "b", "c", "d");
    assert_int_equal(queue_fixture_count(f, "released"), 3);
}

/* Two jobs of the same bytes are two jobs. */
static void test_twins(void **state)
{
    struct queue_fixture *f = *state;
    struct buf heads[2] = {{0}, {0}};
    queue_fixture_push(f, "{}", "{}", "{}", "{}");
    queue_fixture_claim_these(f, &f->lease, 0, 4, "{}", "{}", "{}", "{}");
    for (int64_t first = 1; first <= 3; first += 2) {
        make_head(&heads[0], 1, first == 1 ? "p.1:1" : "p.1:3");
        make_head(&heads[1], 1, first == 1 ? "p.1:2" : "p.1:4");
        const struct settle_item items[] = {
            {.number = first, .head = buf_slice(&heads[0]), .is_whole = true},
            {.number = first + 1, .head = buf_slice(&heads[1]), .is_whole = true}};
        queue_fixture_settle(f, first == 1 ? SETTLE_RETRY : SETTLE_BURY, &f->lease, items, 2);
    }
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.scheduled), 2);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 2);
    buf_fini(&heads[0]);
    buf_fini(&heads[1]);
}

static void test_retry_time(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "{}");
    queue_fixture_claim_these(f, &f->lease, 0, 1, "{}");
    struct buf head = {0};
    make_head(&head, 1, "p.1:1");
    const struct settle_item item = {
        .number = 1, .head = buf_slice(&head), .is_whole = true, .delay_ms = 86400000};
    int64_t before_ms = queue_fixture_server_ms(f), due_ms;
    settle_one(f, SETTLE_RETRY, &item);
    reply_free(queue_fixture_member(f, f->queue.scheduled, 0, &due_ms));
    assert_in_range(due_ms, before_ms + 86400000, queue_fixture_server_ms(f) + 86400000);
    buf_fini(&head);
}

static void test_done_many(void **state)
{
    struct queue_fixture *f = *state;
    struct settle_item *items = mem_array(SETTLE_MAX, sizeof *items);
    for (int64_t i = 0; i < SETTLE_MAX; i++) {
        queue_fixture_push(f, "{}");
        items[i].number = i + 1;
    }
    struct claim claim = queue_fixture_claim(f, &f->lease, 0, CLAIM_MAX);
    assert_int_equal(claim.count, SETTLE_MAX);
    claim_fini(&claim);
    struct settle_answer answer =
        queue_fixture_settle(f, SETTLE_DONE, &f->lease, items, SETTLE_MAX);
    assert_int_equal(answer.settled, SETTLE_MAX);
    assert_int_equal(queue_fixture_count(f, "done"), SETTLE_MAX);
    assert_int_equal(queue_fixture_held(f), 0);
    /* The receipt is no job. */
    assert_int_equal(commands_int(f->conn, "HLEN", f->lease.claimed), 1);
    free(items);
}

static void expect_result(struct queue_fixture *f, const char *key, const char *expected)
{
    int64_t ttl_ms = commands_int(f->conn, "PTTL", key);
    assert_in_range(ttl_ms, 1, SETTLE_REPLY_TTL_MS);
    char *text = commands_text(f->conn, "LPOP", key);
    assert_string_equal(text, expected);
    free(text);
}

static void test_replies(void **state)
{
    struct queue_fixture *f = *state;
    struct buf head = {0};
    make_head(&head, 1, "p.1:4");
    queue_fixture_push(f, "1", "2", "3", "4", "5");
    queue_fixture_claim_these(f, &f->lease, 0, 5, "1", "2", "3", "4", "5");
    const struct settle_item ended[] = {
        {.number = 1, .reply_name = "x", .told = slice_of("one")},
        {.number = 2},
        {.number = 3, .reply_name = "y", .told = slice_of("three")},
    };
    struct settle_answer answer = queue_fixture_settle(f, SETTLE_DONE, &f->lease, ended, 3);
    assert_int_equal(answer.settled, 3);
    expect_result(f, "darg:{jobs}:reply:x", "one");
    expect_result(f, "darg:{jobs}:reply:y", "three");
    const struct settle_item buried[] = {
        {.number = 5, .head = buf_slice(&head), .is_whole = true, .reply_name = ""},
        {.number = 4, .head = buf_slice(&head), .reply_name = "z", .told = slice_of("four")},
    };
    answer = queue_fixture_settle(f, SETTLE_BURY, &f->lease, buried, 2);
    assert_int_equal(answer.settled, 2);
    expect_result(f, "darg:{jobs}:reply:z", "four");
    /* Repeated: nobody is told twice. */
    queue_fixture_settle(f, SETTLE_DONE, &f->lease, ended, 3);
    queue_fixture_settle(f, SETTLE_BURY, &f->lease, buried, 2);
    assert_int_equal(commands_int(f->conn, "EXISTS", "darg:{jobs}:reply:x", "darg:{jobs}:reply:y",
                                  "darg:{jobs}:reply:z"),
                     0);
    buf_fini(&head);
}

/* The last result of an id takes the place of what is there, whatever that is. */
static void test_kept_results(void **state)
{
    struct queue_fixture *f = *state;
    const char *const result = "darg:{jobs}:result:a b";
    struct buf head = {0};
    make_head(&head, 1, "p.1:2");
    queue_fixture_push(f, "1", "2");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "1", "2");
    commands_do(f->conn, "SET", result, "wrong");
    struct settle_item item = {
        .number = 1, .result_id = "a b", .keep_ms = 5000, .reply_name = "x", .told = slice_of("1")};
    assert_int_equal(settle_one(f, SETTLE_DONE, &item).settled, 1);
    expect_result(f, "darg:{jobs}:reply:x", "1");
    assert_in_range(commands_int(f->conn, "PTTL", result), 1, 5000);
    assert_int_equal(settle_one(f, SETTLE_DONE, &item).settled, 0);
    item.number = 2;
    item.told = slice_of("2");
    item.head = buf_slice(&head);
    item.is_whole = true;
    assert_int_equal(settle_one(f, SETTLE_BURY, &item).settled, 1);
    expect_result(f, result, "2");
    expect_result(f, "darg:{jobs}:reply:x", "2");
    assert_int_equal(commands_int(f->conn, "EXISTS", result), 0);
    buf_fini(&head);
}

static void test_reply_list_of_wrong_type(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_push(f, "1", "2");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "1", "2");
    commands_do(f->conn, "SET", "darg:{jobs}:reply:x", "wrong");
    struct buf head = {0};
    make_head(&head, 1, "p.1:2");
    const struct settle_item items[] = {
        {.number = 1, .reply_name = "x", .told = slice_of("one")},
        {.number = 2, .reply_name = "x", .head = buf_slice(&head), .is_whole = true}};
    assert_int_equal(settle_one(f, SETTLE_DONE, &items[0]).settled, 1);
    assert_int_equal(settle_one(f, SETTLE_BURY, &items[1]).settled, 1);
    buf_fini(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_retry_keeps_bytes),
        QUEUE_TEST(test_bury_keeps_bytes),
        QUEUE_TEST(test_release_keeps_bytes),
        QUEUE_TEST(test_counters_stop_at_their_limit),
        QUEUE_TEST(test_release_order),
        QUEUE_TEST(test_twins),
        QUEUE_TEST(test_retry_time),
        QUEUE_TEST(test_done_many),
        QUEUE_TEST(test_replies),
        QUEUE_TEST(test_kept_results),
        QUEUE_TEST(test_reply_list_of_wrong_type),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
