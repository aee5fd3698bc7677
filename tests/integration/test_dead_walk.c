/* dead_walk, called as whoever is no command calls it. test_cli_dead.c has the cases. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "queue/dead_walk.h"
#include "support/queue_fixture.h"

enum { MANY = 120 }; /* more than two pages */

static bool wait_never(void *context, int64_t duration_ms)
{
    (void)duration_ms;
    return !*(bool *)context;
}

struct seen {
    size_t count, last; /* 0: no limit to what may be visited */
    bool is_over;
    char ids[MANY][8];
};

static enum status visit(void *context, const struct dead_walk_job *death, struct err *err)
{
    struct seen *seen = context;
    assert_true(seen->count < MANY);
    strcpy(seen->ids[seen->count++], death->job.id);
    return seen->count == seen->last ? err_set(err, ST_INVALID, "enough") : ST_OK;
}

/* j1, which died first, to jMANY; every third has the type "c". */
static void bury_many(struct queue_fixture *f)
{
    for (int i = 1; i <= MANY; i++) {
        char score[16], job[64];
        snprintf(score, sizeof score, "%d", 1000 + i);
        snprintf(job, sizeof job, "{\"type\":\"%c\",\"id\":\"j%d\"}", "abc"[i % 3], i);
        commands_do(f->conn, "ZADD", f->queue.dead, score, job);
    }
}

static enum status run(struct queue_fixture *f, struct dead_walk *walk, struct seen *seen)
{
    struct err err = {0};
    walk->visit = visit;
    walk->context = seen;
    walk->patience = (struct patience){wait_never, &seen->is_over};
    return dead_walk_run(f->conn, &f->queue, walk, &err);
}

static void test_show(void **state)
{
    struct queue_fixture *f = *state;
    struct seen seen = {0};
    struct dead_walk walk = {.type = "c"};
    bury_many(f);
    assert_int_equal(run(f, &walk, &seen), ST_OK);
    assert_int_equal(walk.found, MANY / 3);
    assert_int_equal(seen.count, MANY / 3);
    assert_false(walk.is_cut);
    assert_string_equal(seen.ids[0], "j119");
    assert_string_equal(seen.ids[seen.count - 1], "j2");
}

/* By the visitor, and by whoever waits. */
static void test_ended(void **state)
{
    struct queue_fixture *f = *state;
    struct seen seen = {.last = 2};
    struct dead_walk walk = {.limit = 0};
    bury_many(f);
    assert_int_equal(run(f, &walk, &seen), ST_INVALID);
    assert_int_equal(seen.count, 2);
    seen = (struct seen){.is_over = true};
    assert_int_equal(run(f, &walk, &seen), ST_OK);
    assert_int_equal(walk.found, 0);
}

static void test_retry_some(void **state)
{
    struct queue_fixture *f = *state;
    struct seen seen = {0};
    struct dead_walk walk = {.type = "a", .limit = 3, .action = DEAD_WALK_RETRY};
    bury_many(f);
    assert_int_equal(run(f, &walk, &seen), ST_OK);
    assert_int_equal(walk.found, 3);
    assert_true(walk.is_cut);
    queue_fixture_expect_line(f, f->queue.jobs, "{\"type\":\"a\",\"id\":\"j120\"}",
                              "{\"type\":\"a\",\"id\":\"j117\"}",
                              "{\"type\":\"a\",\"id\":\"j114\"}");
    walk = (struct dead_walk){.action = DEAD_WALK_DROP};
    assert_int_equal(run(f, &walk, &seen), ST_OK);
    assert_int_equal(walk.found, MANY - 3);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.dead), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_show),
        QUEUE_TEST(test_ended),
        QUEUE_TEST(test_retry_some),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
