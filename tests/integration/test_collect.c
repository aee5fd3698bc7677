/* Results are taken off a list in parts, none twice and none lost. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "queue/collect.h"
#include "support/queue_fixture.h"

enum { RESULT_BYTES = 100 << 10 };

/* So many bytes, the first of which is `mark`. */
static void tell(struct queue_fixture *f, char mark, size_t bytes)
{
    char *text = mem_new(bytes + 1);
    memset(text, 'x', bytes);
    text[0] = mark;
    commands_do(f->conn, "RPUSH", "darg:{jobs}:reply:r", text);
    free(text);
}

static size_t collect(struct queue_fixture *f, int64_t received, char first)
{
    struct err err = {0};
    struct reply *page = NULL;
    if (collect_call(f->conn, &f->queue, "r", received, &page, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    size_t count = reply_count(page);
    if (count > 0)
        assert_int_equal(reply_slice(reply_at(page, 0)).ptr[0], first);
    reply_free(page);
    return count;
}

/* A call that is repeated answers the same; and one answer holds no more than goes through. */
static void test_in_parts(void **state)
{
    struct queue_fixture *f = *state;
    for (char mark = 'a'; mark <= 'e'; mark++)
        tell(f, mark, RESULT_BYTES);
    tell(f, 'f', 10 * RESULT_BYTES);
    tell(f, 'g', 1);
    assert_int_equal(collect(f, 0, 'a'), 2);
    assert_int_equal(collect(f, 0, 'a'), 2);
    assert_int_equal(collect(f, 2, 'c'), 2);
    assert_int_equal(collect(f, 4, 'e'), 1);
    assert_int_equal(collect(f, 5, 'f'), 1);
    assert_int_equal(collect(f, 6, 'g'), 1);
    assert_int_equal(collect(f, 7, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {QUEUE_TEST(test_in_parts)};
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
