#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/dead.h"
#include "support/queue_fixture.h"

#define DEAD(runs, n, job)                                                                         \
    "{\"darg\":1,\"runs\":" runs ",\"crashes\":3,\"attempt\":4,\"id\":\"i\",\"claim\":\"w:" n      \
    "\",\"failed_at\":5,\"error\":\"e\",\"job\":" job "}"

static int64_t revive(struct queue_fixture *f, const struct slice *members, size_t count)
{
    struct err err = {0};
    int64_t moved = -1;
    if (dead_revive(f->conn, &f->queue, members, count, &moved, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return moved;
}

static void test_page(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct reply *page = NULL;
    commands_do(f->conn, "ZADD", f->queue.dead, "1", "a", "2", "b", "3", "c");
    assert_int_equal(dead_page(f->conn, &f->queue, 0, 2, &page, &err), ST_OK);
    assert_int_equal(reply_count(page), 4);
    assert_true(slice_is(reply_slice(reply_at(page, 0)), "c"));
    assert_int_equal(reply_int(reply_at(page, 1), -1), 3);
    assert_true(slice_is(reply_slice(reply_at(page, 2)), "b"));
    reply_free(page);
    assert_int_equal(dead_page(f->conn, &f->queue, 2, 2, &page, &err), ST_OK);
    assert_int_equal(reply_count(page), 2);
    reply_free(page);
    assert_int_equal(dead_page(f->conn, &f->queue, 3, 2, &page, &err), ST_OK);
    assert_int_equal(reply_count(page), 0);
    reply_free(page);
}

/* Crashes and attempts start anew, runs go on; what never ran goes back as it was pushed, and what
 * is no envelope as it is. */
static void test_revive(void **state)
{
    struct queue_fixture *f = *state;
    static const char ran[] = DEAD("7", "1", "{\"n\":9007199254740993}");
    static const char never_ran[] = DEAD("0", "2", "\x01garbage\xff");
    static const char foreign[] = "somebody else's";
    commands_do(f->conn, "ZADD", f->queue.dead, "1", ran, "2", never_ran, "3", foreign, "4",
                "stays");
    const struct slice members[] = {slice_of(ran), slice_of(never_ran), slice_of(foreign),
                                    slice_of("not there")};
    assert_int_equal(revive(f, members, 4), 3);
    queue_fixture_expect_line(f, f->queue.jobs,
                              "{\"darg\":1,\"runs\":7,\"crashes\":0,\"attempt\":0,\"id\":\"i\","
                              "\"job\":{\"n\":9007199254740993}}",
                              "\x01garbage\xff", foreign);
    assert_int_equal(queue_fixture_count(f, "revived"), 3);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 1);
    char *digest = queue_fixture_digest(f);
    assert_int_equal(revive(f, members, 4), 0);
    queue_fixture_expect_unchanged(f, digest);
}

static void test_twins(void **state)
{
    struct queue_fixture *f = *state;
    static const char one[] = DEAD("1", "1", "{}"), two[] = DEAD("1", "2", "{}");
    commands_do(f->conn, "ZADD", f->queue.dead, "1", one, "2", two);
    const struct slice members[] = {slice_of(one), slice_of(two)};
    assert_int_equal(revive(f, members, 2), 2);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 2);
}

static void test_many(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    enum { MEMBERS = 250 };
    static char texts[MEMBERS][32];
    struct slice members[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%d", i);
        commands_do(f->conn, "ZADD", f->queue.dead, texts[i], texts[i]);
        members[i] = slice_of(texts[i]);
    }
    assert_int_equal(revive(f, members, MEMBERS - 120), MEMBERS - 120);
    int64_t dropped = -1;
    assert_int_equal(dead_drop(f->conn, &f->queue, members, MEMBERS, &dropped, &err), ST_OK);
    assert_int_equal(dropped, 120);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.dead), 0);
    char *head = commands_text(f->conn, "LINDEX", f->queue.jobs, "-1");
    assert_string_equal(head, "0");
    free(head);
    assert_int_equal(dead_drop(f->conn, &f->queue, members, 0, &dropped, &err), ST_OK);
    assert_int_equal(dropped, 0);
}

static void test_huge(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    char *text = mem_new((6 << 20) + 1);
    memset(text, 'x', 6 << 20);
    commands_do(f->conn, "ZADD", f->queue.dead, "1", text, "2", "b");
    const struct slice members[] = {slice_of(text), slice_of("b")};
    assert_int_equal(revive(f, members, 1), 1);
    assert_int_equal(commands_int(f->conn, "LLEN", f->queue.jobs), 1);
    int64_t dropped;
    assert_int_equal(dead_drop(f->conn, &f->queue, members, 2, &dropped, &err), ST_OK);
    assert_int_equal(dropped, 1);
    free(text);
}

/* Buries job number `number`, which is pushed and claimed for it. */
static void bury(struct queue_fixture *f, int64_t number)
{
    struct buf head = {0};
    queue_fixture_push(f, "{}");
    queue_fixture_claim_these(f, &f->lease, number - 1, 1, "{}");
    buf_printf(&head, "{\"darg\":1,\"runs\":1,\"crashes\":0,\"claim\":\"p.1:%lld\",\"job\":",
               (long long)number);
    const struct settle_item item = {.number = number, .head = buf_slice(&head), .is_whole = true};
    assert_int_equal(queue_fixture_settle(f, SETTLE_BURY, &f->lease, &item, 1).settled, 1);
    buf_fini(&head);
}

static void test_count_limit(void **state)
{
    struct queue_fixture *f = *state;
    for (int64_t number = 1; number <= 4; number++)
        bury(f, number);
    assert_int_equal(queue_fixture_count(f, "trimmed"), 0);
    /* The oldest go. */
    commands_do(f->conn, "ZADD", f->queue.dead, "1", "oldest", "2", "older");
    queue_fixture_limit(f, "dead_max", 4);
    bury(f, 5);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 4);
    assert_int_equal(queue_fixture_count(f, "trimmed"), 3);
    struct reply *old = commands_run(f->conn, "ZRANGEBYSCORE", f->queue.dead, "0", "2");
    assert_int_equal(reply_count(old), 0);
    reply_free(old);
    queue_fixture_limit(f, "dead_max", 0);
    bury(f, 6);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 0);
    assert_int_equal(queue_fixture_count(f, "trimmed"), 8);
    assert_int_equal(queue_fixture_count(f, "buried"), 6);
}

static void test_age_limit(void **state)
{
    struct queue_fixture *f = *state;
    char recent[32];
    (void)snprintf(recent, sizeof recent, "%lld", (long long)queue_fixture_server_ms(f) - 1000);
    commands_do(f->conn, "ZADD", f->queue.dead, "1", "ancient", recent, "recent");
    queue_fixture_limit(f, "dead_age_ms", 3600000);
    bury(f, 1);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 2);
    assert_int_equal(queue_fixture_count(f, "trimmed"), 1);
    /* Nonsense in a limit must not stop a bury half way. */
    commands_do(f->conn, "HSET", f->queue.settings, "dead_age_ms", "nan", "dead_max", "1.5");
    bury(f, 2);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 3);
}

/* However much there is to trim, one call trims a little. */
static void test_trimming_is_bounded(void **state)
{
    struct queue_fixture *f = *state;
    char text[32];
    for (int i = 0; i < 350; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        commands_do(f->conn, "ZADD", f->queue.dead, "1", text);
    }
    queue_fixture_limit(f, "dead_max", 1);
    bury(f, 1);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 251);
    for (int64_t number = 2; number <= 4; number++)
        bury(f, number);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 1);
    assert_int_equal(queue_fixture_count(f, "trimmed"), 353);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct reply *page = NULL;
    const struct slice member = slice_of("a");
    int64_t n;
    commands_do(f->conn, "ZADD", f->queue.dead, "1", "a");
    commands_do(f->conn, "SET", f->queue.jobs, "wrong");
    char *digest = queue_fixture_digest(f);
    assert_int_equal(dead_revive(f->conn, &f->queue, &member, 1, &n, &err), ST_WRONGTYPE);
    queue_fixture_expect_unchanged(f, digest);
    commands_do(f->conn, "FLUSHALL");
    commands_do(f->conn, "SET", f->queue.dead, "wrong");
    assert_int_equal(dead_revive(f->conn, &f->queue, &member, 1, &n, &err), ST_WRONGTYPE);
    assert_int_equal(dead_drop(f->conn, &f->queue, &member, 1, &n, &err), ST_WRONGTYPE);
    assert_int_equal(dead_page(f->conn, &f->queue, 0, 1, &page, &err), ST_WRONGTYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_page),
        QUEUE_TEST(test_revive),
        QUEUE_TEST(test_twins),
        QUEUE_TEST(test_many),
        QUEUE_TEST(test_huge),
        QUEUE_TEST(test_count_limit),
        QUEUE_TEST(test_age_limit),
        QUEUE_TEST(test_trimming_is_bounded),
        QUEUE_TEST_DAMAGED(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
