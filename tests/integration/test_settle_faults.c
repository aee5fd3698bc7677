/* Every settling call, repeated, without a lease, on a full server, on one that has forgotten the
 * scripts, and on keys of the wrong type. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "queue/cancel.h"
#include "queue/scripts.h"
#include "support/queue_fixture.h"

static const char head[] =
    "{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":1,\"claim\":\"p.1:1\",\"job\":";

static struct settle_item item_of(int64_t number)
{
    return (struct settle_item){.number = number,
                                .head = slice_of(head),
                                .is_whole = true,
                                .was_started = true,
                                .delay_ms = 1000,
                                .reply_name = "x",
                                .told = slice_of("told")};
}

static void hold_two(struct queue_fixture *f)
{
    queue_fixture_push(f, "{}", "[]");
    queue_fixture_claim_these(f, &f->lease, 0, 2, "{}", "[]");
}

static void test_repeat(void **state)
{
    struct queue_fixture *f = *state;
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        hold_two(f);
        const struct settle_item item = item_of(1);
        assert_int_equal(queue_fixture_settle(f, kind, &f->lease, &item, 1).settled, 1);
        char *digest = queue_fixture_digest(f);
        struct settle_answer again = queue_fixture_settle(f, kind, &f->lease, &item, 1);
        assert_true(again.is_registered);
        assert_int_equal(again.settled, 0);
        queue_fixture_expect_unchanged(f, digest);
        /* Part of a later call is old, part is new. */
        const struct settle_item both[] = {item_of(2), item_of(1)};
        assert_int_equal(queue_fixture_settle(f, kind, &f->lease, both, 2).settled, 1);
        assert_int_equal(queue_fixture_held(f), 0);
        assert_int_equal(queue_fixture_check(state), 0);
    }
}

static void test_no_other_outcome(void **state)
{
    struct queue_fixture *f = *state;
    hold_two(f);
    const struct settle_item item = item_of(1);
    queue_fixture_done(f, &f->lease, 1);
    char *digest = queue_fixture_digest(f);
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++)
        assert_int_equal(queue_fixture_settle(f, kind, &f->lease, &item, 1).settled, 0);
    queue_fixture_expect_unchanged(f, digest);
}

static void test_lost_lease(void **state)
{
    struct queue_fixture *f = *state;
    hold_two(f);
    commands_do(f->conn, "ZREM", f->queue.workers, f->lease.worker);
    const struct settle_item item = item_of(1);
    char *digest = queue_fixture_digest(f);
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++) {
        struct settle_answer answer = queue_fixture_settle(f, kind, &f->lease, &item, 1);
        assert_false(answer.is_registered);
        assert_int_equal(answer.settled, 0);
    }
    queue_fixture_expect_unchanged(f, digest);
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    const struct settle_item item = item_of(1);
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        hold_two(f);
        queue_fixture_fill_memory(f, true);
        assert_int_equal(queue_fixture_settle(f, kind, &f->lease, &item, 1).settled, 1);
        queue_fixture_fill_memory(f, false);
        assert_int_equal(queue_fixture_check(state), 0);
    }
}

static void test_script_flush(void **state)
{
    struct queue_fixture *f = *state;
    const struct settle_item item = item_of(1);
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        hold_two(f);
        commands_do(f->conn, "SCRIPT", "FLUSH");
        assert_int_equal(queue_fixture_settle(f, kind, &f->lease, &item, 1).settled, 1);
    }
}

static void expect_wrong_type(struct queue_fixture *f, enum settle_kind kind, const char *key)
{
    static void (*const encode[SETTLE_KINDS])(struct request *, const struct lease *,
                                              const struct settle_item *, size_t) = {
        [SETTLE_DONE] = settle_encode_done,
        [SETTLE_RETRY] = settle_encode_retry,
        [SETTLE_BURY] = settle_encode_bury,
        [SETTLE_RELEASE] = settle_encode_release,
    };
    commands_do(f->conn, "LPUSH", f->queue.inbox, "woken"); /* which is written to first */
    commands_do(f->conn, "SET", key, "wrong");
    const struct settle_item item = item_of(1);
    struct request request = {0};
    struct settle_answer answer;
    struct err err = {0};
    char *digest = queue_fixture_digest(f);
    encode[kind](&request, &f->lease, &item, 1);
    assert_int_equal(settle_call(f->conn, kind, &request, &answer, &err), ST_WRONGTYPE);
    queue_fixture_expect_unchanged(f, digest);
    request_fini(&request);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    const struct {
        enum settle_kind kind;
        const char *key;
    } rows[] = {
        {SETTLE_DONE, f->lease.claimed},    {SETTLE_DONE, f->queue.workers},
        {SETTLE_RETRY, f->lease.claimed},   {SETTLE_RETRY, f->queue.workers},
        {SETTLE_RETRY, f->queue.scheduled}, {SETTLE_BURY, f->lease.claimed},
        {SETTLE_BURY, f->queue.workers},    {SETTLE_BURY, f->queue.dead},
        {SETTLE_BURY, f->queue.settings},   {SETTLE_RELEASE, f->lease.claimed},
        {SETTLE_RELEASE, f->queue.workers}, {SETTLE_RELEASE, f->queue.jobs},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        hold_two(f);
        expect_wrong_type(f, rows[i].kind, rows[i].key);
    }
}

/* The counters only tell. */
static void test_damaged_counts(void **state)
{
    struct queue_fixture *f = *state;
    const struct settle_item item = item_of(1);
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++) {
        assert_int_equal(queue_fixture_reset(state), 0);
        hold_two(f);
        commands_do(f->conn, "SET", f->queue.counts, "wrong");
        assert_int_equal(queue_fixture_settle(f, kind, &f->lease, &item, 1).settled, 1);
    }
}

/* What follows a job's end has to be known before anything is done. */
static void test_unknown_verb(void **state)
{
    struct queue_fixture *f = *state;
    const struct queue *q = &f->queue;
    const char *held = f->lease.claimed, *worker = f->lease.worker, *list = "darg:{jobs}:reply:x";
    const char *const *const calls[] = {
        COMMANDS_ARGS("EVAL", script_done.source, "4", held, q->workers, q->counts, list, worker,
                      "shout", "1", "text", "1000"),
        COMMANDS_ARGS("EVAL", script_bury.source, "6", held, q->workers, q->counts, q->dead,
                      q->settings, list, worker, "shout", "1", "text", "1000", "1", head, "1"),
        COMMANDS_ARGS("EVAL", script_cancel.source, "5", q->jobs, q->dead, q->settings, q->counts,
                      list, "waits", "member", "shout", "0", "text", "1000"),
        COMMANDS_ARGS("EVAL", script_settle_popped.source, "4", q->counts, q->dead, q->settings,
                      list, "1", "1", "member", "shout", "0", "text", "1000"),
        /* Too few arguments. */
        COMMANDS_ARGS("EVAL", script_done.source, "4", held, q->workers, q->counts, list, worker),
    };
    hold_two(f);
    queue_fixture_push(f, "waits");
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct err err = {0};
        char *digest = queue_fixture_digest(f);
        assert_int_equal(commands_status_args(f->conn, &err, calls[i]), ST_SERVER);
        assert_non_null(strstr(err_text(&err), "no such verb"));
        queue_fixture_expect_unchanged(f, digest);
    }
}

/* One that is not there any more is not buried, and nobody is told. */
static void test_cancelled_once(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    bool is_removed = false;
    struct job job;
    job_split(slice_of("{\"type\":\"t\",\"id\":\"i\",\"reply\":\"x\"}"), &job);
    const char *const places[] = {f->queue.jobs, f->queue.scheduled};
    for (size_t i = 0; i < 2; i++) {
        queue_fixture_reset(state);
        queue_fixture_push_bytes(f, job.text);
        if (i == 1) {
            commands_do(f->conn, "DEL", f->queue.jobs);
            commands_do(f->conn, "ZADD", f->queue.scheduled, "1", job.text.ptr);
        }
        assert_int_equal(cancel_remove(f->conn, &f->queue, places[i], &job, &is_removed, &err),
                         ST_OK);
        assert_true(is_removed);
        char *digest = queue_fixture_digest(f);
        assert_int_equal(cancel_remove(f->conn, &f->queue, places[i], &job, &is_removed, &err),
                         ST_OK);
        assert_false(is_removed);
        queue_fixture_expect_unchanged(f, digest);
    }
}

static void test_popped(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct settle_item buried = item_of(0), told = {.reply_name = "y", .told = slice_of("well")};
    buried.original = slice_of("{\"n\":9007199254740993}");
    const struct settle_item items[] = {told, buried};
    queue_fixture_fill_memory(f, true);
    assert_int_equal(settle_popped(f->conn, &f->queue, 3, items, 2, &err), ST_OK);
    assert_int_equal(queue_fixture_count(f, "claimed"), 4);
    assert_int_equal(queue_fixture_count(f, "done"), 3);
    assert_int_equal(queue_fixture_count(f, "buried"), 1);
    int64_t score;
    struct reply *member = queue_fixture_member(f, f->queue.dead, 0, &score);
    struct job job;
    job_split(reply_slice(reply_at(member, 0)), &job);
    assert_true(slice_equal(job.original, buried.original));
    reply_free(member);
    char *well = commands_text(f->conn, "LPOP", "darg:{jobs}:reply:y");
    char *wrong = commands_text(f->conn, "LPOP", "darg:{jobs}:reply:x");
    assert_string_equal(well, "well");
    assert_string_equal(wrong, "told");
    free(well);
    free(wrong);
    queue_fixture_fill_memory(f, false);
    assert_int_equal(settle_popped(f->conn, &f->queue, 0, NULL, 0, &err), ST_OK);
    commands_do(f->conn, "SET", f->queue.dead, "wrong");
    assert_int_equal(settle_popped(f->conn, &f->queue, 1, items, 2, &err), ST_WRONGTYPE);
    assert_int_equal(queue_fixture_count(f, "done"), 3);
    commands_do(f->conn, "DEL", f->queue.dead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_repeat),
        QUEUE_TEST(test_no_other_outcome),
        QUEUE_TEST(test_lost_lease),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST(test_script_flush),
        QUEUE_TEST_DAMAGED(test_wrong_types),
        QUEUE_TEST_DAMAGED(test_damaged_counts),
        QUEUE_TEST(test_unknown_verb),
        QUEUE_TEST(test_cancelled_once),
        QUEUE_TEST(test_popped),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
