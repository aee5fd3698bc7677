/* Replies in blocks: of all sizes, in any order, cut anywhere. What is read back out of bounds or
 * not freed shows under the sanitizers. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "redis/reply.h"
#include "redis/reply_build.h"

#include <string.h>

static redisReader *open_reader(void)
{
    static redisReplyObjectFunctions functions;
    functions = reply_functions;
    redisReader *reader = redisReaderCreateWithFunctions(&functions);
    assert_non_null(reader);
    return reader;
}

static struct reply *parse(const struct buf *text)
{
    redisReader *reader = open_reader();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, text->ptr, text->len), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    return reply;
}

/* A string of `len` bytes that depend on `number`. */
static void append_string(struct buf *text, size_t number, size_t len)
{
    buf_printf(text, "$%zu\r\n", len);
    buf_reserve(text, len);
    memset(text->ptr + text->len, 'a' + (int)(number % 26), len);
    text->len += len;
    buf_append_text(text, "\r\n");
}

static void assert_string(const struct reply *reply, size_t number, size_t len)
{
    struct slice slice = reply_slice(reply);
    assert_non_null(slice.ptr);
    assert_int_equal(slice.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(slice.ptr[i], 'a' + (int)(number % 26));
    assert_int_equal(slice.ptr[len], 0);
}

/* From less than what fits beside the root to more than a block, up and down. */
static const size_t sizes[] = {0,     1,     7,     8,     9,     100,   511,   512,    513, 4000,
                               16000, 16383, 16384, 16385, 65535, 65536, 65537, 300000, 3,   200};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void test_strings_of_all_sizes(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_printf(&text, "*%d\r\n", 3 * SIZES);
    for (size_t i = 0; i < SIZES; i++) {
        append_string(&text, i, sizes[i]);
        buf_printf(&text, ":%zu\r\n$-1\r\n", i);
    }
    struct reply *reply = parse(&text);
    assert_int_equal(reply_count(reply), 3 * SIZES);
    for (size_t i = 0; i < SIZES; i++) {
        assert_string(reply_at(reply, 3 * i), i, sizes[i]);
        assert_int_equal(reply_int(reply_at(reply, 3 * i + 1), -1), i);
        assert_true(reply_is_nil(reply_at(reply, 3 * i + 2)));
    }
    reply_free(reply);
    buf_fini(&text);
}

/* Each may be the whole reply, too. */
static void test_roots(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct buf text = {0};
        append_string(&text, i, sizes[i]);
        struct reply *reply = parse(&text);
        assert_string(reply, i, sizes[i]);
        reply_free(reply);
        buf_fini(&text);
    }
    struct buf nil = {0}, number = {0}, nothing = {0};
    buf_append_text(&nil, "*-1\r\n");
    buf_append_text(&number, ":42\r\n");
    buf_append_text(&nothing, "*0\r\n");
    struct reply *replies[] = {parse(&nil), parse(&number), parse(&nothing)};
    assert_true(reply_is_nil(replies[0]));
    assert_int_equal(reply_int(replies[1], 0), 42);
    assert_true(reply_is_array(replies[2]));
    for (size_t i = 0; i < 3; i++)
        reply_free(replies[i]);
    buf_fini(&nil);
    buf_fini(&number);
    buf_fini(&nothing);
}

/* As a claim is answered: many jobs in an array in an array. */
static void test_many_in_an_array_in_an_array(void **state)
{
    (void)state;
    enum { JOBS = 5000 };
    struct buf text = {0};
    buf_printf(&text, "*3\r\n$4\r\njobs\r\n:7\r\n*%d\r\n", JOBS);
    for (size_t i = 0; i < JOBS; i++)
        append_string(&text, i, 50 + i % 100);
    struct reply *reply = parse(&text);
    const struct reply *jobs = reply_at(reply, 2);
    assert_int_equal(reply_count(jobs), JOBS);
    for (size_t i = 0; i < JOBS; i++)
        assert_string(reply_at(jobs, i), i, 50 + i % 100);
    reply_free(reply);
    buf_fini(&text);
}

/* A link that ends in the middle of an answer: the reader frees what there is of it. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] = "*4\r\n$5\r\nhello\r\n*2\r\n:1\r\n+OK\r\n-ERR x\r\n*1\r\n$-1\r\n";
    for (size_t len = 0; len < strlen(text); len++) {
        redisReader *reader = open_reader();
        void *reply = NULL;
        assert_int_equal(redisReaderFeed(reader, text, len), REDIS_OK);
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
        assert_null(reply);
        redisReaderFree(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_of_all_sizes),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_many_in_an_array_in_an_array),
        cmocka_unit_test(test_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
