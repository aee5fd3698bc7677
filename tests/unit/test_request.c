#include "support/cmocka_all.h"

#include "redis/reply.h"
#include "redis/reply_build.h"
#include "redis/request.h"

#include <stdlib.h>
#include <string.h>

static void assert_body(const struct request *request, size_t count, const char *expected)
{
    assert_int_equal(request->count, count);
    assert_string_equal(buf_text(&request->body), expected);
}

static void test_arguments(void **state)
{
    (void)state;
    struct request request = {0};
    request_add_text(&request, "SET");
    request_add_text(&request, "");
    request_add_int(&request, INT64_MIN);
    request_add_int(&request, 0);
    assert_body(&request, 4, "$3\r\nSET\r\n$0\r\n\r\n$20\r\n-9223372036854775808\r\n$1\r\n0\r\n");
    request_fini(&request);
    assert_int_equal(request.count, 0);
}

/* Bytes that look like protocol are only bytes. */
static void test_binary_argument(void **state)
{
    (void)state;
    static const char nasty[] = "\r\n*1\r\n$8\r\nFLUSHALL\r\n\0x";
    struct request request = {0};
    request_add(&request, (struct slice){nasty, sizeof nasty - 1});
    request_add(&request, (struct slice){NULL, 0});
    assert_int_equal(request.count, 2);
    static const char expected[] = "$22\r\n\r\n*1\r\n$8\r\nFLUSHALL\r\n\0x\r\n$0\r\n\r\n";
    assert_int_equal(request.body.len, sizeof expected - 1);
    assert_memory_equal(request.body.ptr, expected, sizeof expected - 1);
    request_fini(&request);
}

static void test_clear(void **state)
{
    (void)state;
    struct request request = {0};
    request_add_text(&request, "A");
    request_clear(&request);
    assert_body(&request, 0, "");
    request_add_text(&request, "B");
    assert_body(&request, 1, "$1\r\nB\r\n");
    request_fini(&request);
}

/* Parses one reply from text. */
static struct reply *parse(const char *text)
{
    redisReplyObjectFunctions functions = reply_functions;
    redisReader *reader = redisReaderCreateWithFunctions(&functions);
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void test_reply_types(void **state)
{
    (void)state;
    struct reply *reply =
        parse("*6\r\n$5\r\nhello\r\n:-7\r\n$-1\r\n+OK\r\n-ERR x\r\n*1\r\n$2\r\n42\r\n");
    assert_true(reply_is_array(reply));
    assert_false(reply_is_nil(reply));
    assert_int_equal(reply_count(reply), 6);

    const struct reply *text = reply_at(reply, 0), *number = reply_at(reply, 1);
    assert_true(reply_is_string(text));
    assert_true(slice_is(reply_slice(text), "hello"));
    assert_int_equal(reply_int(text, 9), 9);
    assert_int_equal(reply_count(text), 0);
    assert_null(reply_at(text, 0));
    assert_true(reply_is_int(number));
    assert_int_equal(reply_int(number, 9), -7);
    assert_null(reply_slice(number).ptr);
    assert_true(reply_is_nil(reply_at(reply, 2)));
    assert_true(slice_is(reply_slice(reply_at(reply, 3)), "OK"));

    const struct reply *error = reply_at(reply, 4);
    assert_false(reply_is_string(error));
    assert_null(reply_slice(error).ptr);
    assert_true(slice_is(reply_error(error), "ERR x"));
    assert_null(reply_error(text).ptr);
    assert_int_equal(reply_int(reply_at(reply_at(reply, 5), 0), 9), 42);
    reply_free(reply);
}

/* Looking into what is not there is allowed at every depth. */
static void test_reply_absent(void **state)
{
    (void)state;
    struct reply *reply = parse("*0\r\n");
    assert_null(reply_at(reply, 0));
    assert_null(reply_at(reply_at(reply_at(reply, 3), 1), 2));
    assert_true(reply_is_nil(NULL));
    assert_int_equal(reply_int(NULL, -1), -1);
    assert_null(reply_slice(NULL).ptr);
    assert_int_equal(reply_count(NULL), 0);
    reply_free(reply);
    reply_free(NULL);
}

/* Types of RESP3, and ones that do not exist, are never taken for something else. */
static void test_reply_unknown_types(void **state)
{
    (void)state;
    for (int type = 7; type < 20; type++) {
        redisReply *strange = calloc(1, sizeof *strange);
        assert_non_null(strange);
        strange->type = type;
        strange->elements = 1000;
        strange->len = 1000;
        const struct reply *reply = (const struct reply *)strange;
        assert_false(reply_is_nil(reply) || reply_is_array(reply) || reply_is_string(reply) ||
                     reply_is_int(reply));
        assert_int_equal(reply_count(reply), 0);
        assert_null(reply_at(reply, 0));
        assert_null(reply_slice(reply).ptr);
        assert_int_equal(reply_int(reply, 5), 5);
        free(strange);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),    cmocka_unit_test(test_binary_argument),
        cmocka_unit_test(test_clear),        cmocka_unit_test(test_reply_types),
        cmocka_unit_test(test_reply_absent), cmocka_unit_test(test_reply_unknown_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
