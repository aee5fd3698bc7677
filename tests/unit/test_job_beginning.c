/* What can be told of a job by its beginning alone. */
#include "support/cmocka_all.h"

#include <string.h>

#include "job/job.h"

struct row {
    const char *text;
    const char *type, *id, *reply;
    int64_t keep_ms, crashes, attempts;
    bool is_enveloped;
};

#define HEAD                                                                                       \
    "{\"darg\":1,\"runs\":3,\"crashes\":2,\"attempt\":1,\"id\":\"e\",\"claim\":\"w:1\",\"job\":"

static const struct row rows[] = {
    {.text = "{\"type\":\"t\",\"id\":\"i\",\"reply\":\"r\",\"keep_ms\":5,\"args\":\"xxx",
     .type = "t",
     .id = "i",
     .reply = "r",
     .keep_ms = 5},
    {.text = "{\"keep_ms\":5,\"id\":\"i\",\"type\":\"t\",\"args\":[[1,{\"id\":\"no\"",
     .type = "t",
     .id = "i",
     .keep_ms = 5},
    {.text = "{\"type\":\"t\",\"args\":\"xxx\\\"id\\\":\\\"no", .type = "t"},
    {.text = "{\"type\":\"t\",\"id\":\"i", .type = "t"},
    {.text = "{\"type\":\"t\",\"id\":7,\"reply\":\"not a name\",\"keep_ms\":-1,\"args\":1",
     .type = "t"},
    {.text = "{\"type\":\"t\"}", .type = "t"},
    {.text = HEAD "{\"type\":\"t\",\"id\":\"i\",\"reply\":\"r\",\"args\":\"xx",
     .type = "t",
     .id = "i",
     .reply = "r",
     .crashes = 2,
     .attempts = 1,
     .is_enveloped = true},
    {.text = HEAD "{\"type\":\"t\",\"args\":\"xx",
     .type = "t",
     .id = "e",
     .crashes = 2,
     .attempts = 1,
     .is_enveloped = true},
    {.text = "{\"darg\":1,\"runs\":3,\"crashes\":2,\"error\":\"xxx"},
    {.text = "garbage"},
    {.text = ""},
};

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static void test_beginnings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct job job;
        memset(&job, 'x', sizeof job);
        job_read_beginning(slice_of(row->text), &job);
        assert_string_equal(job.type, text_of(row->type));
        assert_string_equal(job.id, text_of(row->id));
        assert_string_equal(job.reply, text_of(row->reply));
        assert_int_equal(job.keep_ms, row->keep_ms);
        assert_int_equal(job.history.crashes, row->crashes);
        assert_int_equal(job.history.attempts, row->attempts);
        assert_int_equal(job.is_enveloped, row->is_enveloped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_beginnings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
