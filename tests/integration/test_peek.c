#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "queue/peek.h"
#include "support/queue_fixture.h"

enum { MANY = 100, LARGE = 100000 };

struct seen {
    struct buf text; /* the first bytes of each element */
    int64_t last;    /* 0: no limit to what may be visited */
    int64_t count;
};

static enum status visit(void *context, struct slice element, struct err *err)
{
    struct seen *seen = context;
    buf_append(&seen->text, element.ptr, element.len < 4 ? element.len : 4);
    buf_append_char(&seen->text, ' ');
    return ++seen->count == seen->last ? err_set(err, ST_INVALID, "enough") : ST_OK;
}

static void expect(struct queue_fixture *f, int64_t count, const char *text)
{
    struct err err = {0};
    struct seen seen = {.count = 0};
    struct peek peek = {.count = count, .visit = visit, .context = &seen};
    char *digest = queue_fixture_digest(f);
    assert_int_equal(peek_run(f->conn, &f->queue, &peek, &err), ST_OK);
    assert_string_equal(buf_text(&seen.text), text);
    assert_int_equal(peek.shown, seen.count);
    queue_fixture_expect_unchanged(f, digest);
    buf_fini(&seen.text);
}

/* The suspects are claimed before what is in the inbox, and that before the rest. */
static void test_order(void **state)
{
    struct queue_fixture *f = *state;
    expect(f, 5, "");
    queue_fixture_push(f, "a", "b", "c");
    commands_do(f->conn, "LPUSH", f->queue.suspects, "s");
    commands_do(f->conn, "LPUSH", f->queue.inbox, "i");
    expect(f, 9, "s i a b c ");
    expect(f, 4, "s i a b ");
    expect(f, 1, "s ");
}

/* Large ones are read a few at a time, and many small ones many at a time: the order is the same.
 */
static void test_pages(void **state)
{
    struct queue_fixture *f = *state;
    struct buf text = {0}, job = {0};
    for (int i = 0; i < MANY; i++) {
        buf_clear(&job);
        buf_printf(&job, "%03d", i);
        for (int j = 0; i % 3 == 0 && j < LARGE; j++)
            buf_append_char(&job, '.');
        queue_fixture_push_bytes(f, buf_slice(&job));
    }
    for (int i = 0; i < MANY - 1; i++)
        buf_printf(&text, "%03d%s ", i, i % 3 == 0 ? "." : "");
    expect(f, MANY - 1, buf_text(&text));
    buf_fini(&text);
    buf_fini(&job);
}

static void test_ended_by_the_visitor(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct seen seen = {.last = 2};
    struct peek peek = {.count = 9, .visit = visit, .context = &seen};
    queue_fixture_push(f, "a", "b", "c");
    assert_int_equal(peek_run(f->conn, &f->queue, &peek, &err), ST_INVALID);
    assert_string_equal(buf_text(&seen.text), "a b ");
    buf_fini(&seen.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_order),
        QUEUE_TEST(test_pages),
        QUEUE_TEST(test_ended_by_the_visitor),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
