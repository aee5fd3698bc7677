#include "base/json_writer.h"

#include "base/json.h"
#include "support/cmocka_all.h"

#include <string.h>

static void expect(struct json_writer *writer, const char *text)
{
    enum json_type type;
    struct err err = {0};
    assert_string_equal(buf_text(&writer->out), text);
    assert_int_equal(json_check(buf_slice(&writer->out), JSON_MAX_DEPTH, &type, &err), ST_OK);
    json_writer_fini(writer);
}

static void test_document(void **state)
{
    (void)state;
    struct json_writer w = {0};
    json_open_object(&w, NULL);
    json_put_text(&w, "text", slice_of("a\"\n\xc2\x9b\xff"));
    json_put_int(&w, "least", INT64_MIN);
    json_put_bool(&w, "yes", true);
    json_open_object(&w, "empty");
    json_close_object(&w);
    json_open_array(&w, "list");
    json_put_bool(&w, NULL, false);
    json_put_null(&w, NULL);
    json_open_array(&w, NULL);
    json_close_array(&w);
    json_open_object(&w, NULL);
    json_put_int(&w, "most", INT64_MAX);
    json_close_object(&w);
    json_close_array(&w);
    json_put_null(&w, "none");
    json_close_object(&w);
    expect(&w, "{\"text\":\"a\\\"\\n\\u009b\xef\xbf\xbd\",\"least\":-9223372036854775808,"
               "\"yes\":true,\"empty\":{},\"list\":[false,null,[],{\"most\":9223372036854775807}],"
               "\"none\":null}");
}

static void test_values_alone(void **state)
{
    (void)state;
    struct json_writer w = {0};
    json_put_text(&w, NULL, (struct slice){NULL, 0});
    expect(&w, "\"\"");
    json_put_raw(&w, NULL, slice_of("1e400"));
    expect(&w, "1e400");
}

/* Numbers keep their digits and strings their escapes; what would break the line, or steer a
 * terminal, does not get through. */
static void test_raw(void **state)
{
    (void)state;
    struct json_writer w = {0};
    json_open_array(&w, NULL);
    json_put_raw(&w, NULL, slice_of("{\r\n\t\"a\" : 12345678901234567890}"));
    json_put_raw(&w, NULL, slice_of("\"\\u0007 \x7f \xc2\x9b \xe2\x80\xae \xc3\xa9\""));
    json_close_array(&w);
    expect(&w, "[{   \"a\" : 12345678901234567890},"
               "\"\\u0007 \\u007f \\u009b \\u202e \xc3\xa9\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_values_alone),
        cmocka_unit_test(test_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
