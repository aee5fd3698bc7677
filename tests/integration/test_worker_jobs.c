/* What a worker does with a job's bytes, with jobs that fail, and with what is no job. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <stdlib.h>
#include <string.h>

/* A number that no double holds, a name twice, escapes, blanks, an exponent beyond all doubles. */
#define ODD_ARGS                                                                                   \
    "{ \"n\":9007199254740993,\"n\":1e400, \"s\":\"\\u00e9\\/\xc3\xa9\" ,\"a\":[1.10,-0]}"

static void expect_file(const char *path, const char *text)
{
    char *got = worker_fixture_read(path);
    assert_string_equal(got, text);
    free(got);
}

/* The members of the dead set must be this many, and one of them must hold all these texts. */
#define expect_dead(fixture, count, ...)                                                           \
    expect_dead_args((fixture), (count), COMMANDS_ARGS(__VA_ARGS__))
static void expect_dead_args(struct worker_fixture *fixture, size_t count, const char *const *texts)
{
    struct reply *dead = commands_run(fixture->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    assert_int_equal(reply_count(dead), count);
    bool is_found = false;
    for (size_t i = 0; i < count && !is_found; i++) {
        char *member = slice_dup(reply_slice(reply_at(dead, i)));
        is_found = true;
        for (size_t k = 0; texts[k] != NULL; k++)
            is_found = is_found && strstr(member, texts[k]) != NULL;
        free(member);
    }
    if (!is_found)
        fail_msg("no dead job holds all of '%s' ...", texts[0]);
    reply_free(dead);
}

static void test_a_result_is_the_args_byte_for_byte(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_start(f, "-q", "jobs");
    worker_fixture_push(f,
                        "{\"id\":\"a\",\"args\":" ODD_ARGS ",\"reply\":\"r\",\"type\":\"echo\"}");
    worker_fixture_wait_count(f, "done", 1);
    char *reply = commands_text(f->conn, "LPOP", "darg:{jobs}:reply:r");
    assert_string_equal(reply, "{\"id\":\"a\",\"type\":\"echo\",\"outcome\":\"done\",\"run\":1,"
                               "\"result\":" ODD_ARGS "}");
    free(reply);
}

static void test_a_retry_has_the_same_bytes(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "t", "cat >\"${DIR}in$DARG_JOB_RUN\"\n[ $DARG_JOB_ATTEMPT -ge 3 ]\n");
    worker_fixture_start(f, "-q", "jobs", "--handler", handler, "--backoff", "10ms");
    worker_fixture_push(f, "{\"type\":\"t\",\"args\":" ODD_ARGS "}");
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 2);
    assert_int_equal(worker_fixture_count(f, "promoted"), 2);
    expect_file(worker_fixture_path(f, "in1"), ODD_ARGS);
    expect_file(worker_fixture_path(f, "in2"), ODD_ARGS);
    expect_file(worker_fixture_path(f, "in3"), ODD_ARGS);
}

static void test_after_a_crash_the_bytes_are_the_same(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "t", "cat >\"${DIR}in$DARG_JOB_RUN\"\n[ $DARG_JOB_RUN -ge 3 ] || kill -9 $PPID\n");
    worker_fixture_start(f, "-q", "jobs", "--handler", handler);
    worker_fixture_push(f, "{\"type\":\"t\",\"args\":" ODD_ARGS ",\"reply\":\"r\"}");
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "reaped"), 2);
    expect_file(worker_fixture_path(f, "in1"), ODD_ARGS);
    expect_file(worker_fixture_path(f, "in2"), ODD_ARGS);
    expect_file(worker_fixture_path(f, "in3"), ODD_ARGS);
}

static void test_an_unknown_type_is_tried_and_then_dead(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--max-attempts", "3", "--backoff", "10ms");
    static const char job[] = "{\"type\":\"nobody\",\"args\":" ODD_ARGS ",\"reply\":\"r\"}";
    worker_fixture_push(f, job);
    worker_fixture_wait_count(f, "buried", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 2);
    expect_dead(f, 1, "\"runs\":3,\"crashes\":0,\"attempt\":3", "no handler for this type", job);
    process_wait_stderr(worker, "job failed, will be retried", WORKER_FIXTURE_WAIT_MS);
    char *reply = commands_text(f->conn, "LPOP", "darg:{jobs}:reply:r");
    assert_non_null(strstr(reply, "\"outcome\":\"buried\",\"run\":3,\"error\":\"no handler"));
    free(reply);
}

/* 64 levels are allowed; the object itself is one. */
#define NEST16(x) "[[[[[[[[[[[[[[[[" x "]]]]]]]]]]]]]]]]"
#define NEST63                                                                                     \
    NEST16(NEST16(NEST16("[[[[[[[[[[[[[[["                                                         \
                         "1"                                                                       \
                         "]]]]]]]]]]]]]]]")))

static void test_what_is_no_job_is_buried_whole(void **state)
{
    struct worker_fixture *f = *state;
    static const char *const refused[] = {
        "[1,2]",
        "not json",
        "",
        "{\"args\":1}",
        "{\"type\":7}",
        "{\"type\":\"echo\",\"args\":01}",
        "{\"type\":\"echo\",\"args\":\"\\ud83d\"}",
        "{\"type\":\"echo\",\"args\":[" NEST63 "]}",
        "{\"type\":\"echo\",\"args\":"
        "\"0123456789012345678901234567890123456789012345678901234567890"
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789\"}",
    };
    enum { COUNT = sizeof refused / sizeof refused[0] };
    worker_fixture_start(f, "-q", "jobs", "--max-job-size", "220");
    for (size_t i = 0; i < COUNT; i++)
        worker_fixture_push(f, refused[i]);
    worker_fixture_push(f, "{\"type\":\"echo\",\"args\":" NEST63 "}");
    worker_fixture_wait_count(f, "buried", COUNT);
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 0);
    expect_dead(f, COUNT, "\"error\":\"\\\\ud83d at byte 23 is a lone surrogate, ", "ud83d\"}}");
    for (size_t i = 0; i < COUNT; i++) {
        struct buf tail = {0};
        buf_printf(&tail, ",\"job\":%s}", refused[i]);
        expect_dead(f, COUNT, "\"error\":\"", buf_text(&tail));
        buf_fini(&tail);
    }
}

static bool has_refused_often(void *context)
{
    const struct worker_fixture *f = context;
    char *info = commands_text(f->conn, "INFO", "errorstats");
    const char *at = strstr(info, "errorstat_WRONGTYPE:count=");
    bool is_often = at != NULL && strtol(strchr(at, '=') + 1, NULL, 10) >= 3;
    free(info);
    return is_often;
}

static void test_a_damaged_queue_does_not_stop_the_others(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "SET", "darg:{bad}", "not a list");
    struct process *worker = worker_fixture_start(f, "-q", "bad", "-q", "jobs");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
    assert_true(wait_until(has_refused_often, f, WORKER_FIXTURE_WAIT_MS));
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 2);
    const char *said = strstr(process_stderr(worker), "cannot claim");
    assert_non_null(said);
    assert_null(strstr(said + 1, "cannot claim")); /* once */
    commands_do(f->conn, "DEL", "darg:{bad}");
    commands_do(f->conn, "LPUSH", "darg:{bad}",
                "{\"type\":\"echo\",\"reply\":\"r\",\"args\":\"mended\"}");
    process_wait_stderr(worker, "Redis answers again", WORKER_FIXTURE_WAIT_MS);
    commands_do(f->conn, "BLPOP", "darg:{bad}:reply:r", "5");
}

/* What is no text cannot be a result as it is: that is said, with how much. */
static void test_bytes_in_a_result_are_counted(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--handler", "t=printf a\\\\377b\\\\376\\\\376");
    worker_fixture_push(f, "{\"type\":\"t\",\"id\":\"x\",\"reply\":\"r\"}");
    worker_fixture_wait_count(f, "done", 1);
    char *told = commands_text(f->conn, "RPOP", "darg:{jobs}:reply:r");
    assert_non_null(strstr(told, "\"result\":\"a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd\xef\xbf\xbd\",\"replaced_bytes\":3}"));
    process_wait_stderr(worker, "replaced_bytes=3", WORKER_FIXTURE_WAIT_MS);
    free(told);
}

struct busy {
    struct worker_fixture *fixture;
    const char *wanted;
};

static bool says_busy(void *context)
{
    const struct busy *busy = context;
    struct reply *keys = commands_run(busy->fixture->conn, "KEYS", "darg:worker:*");
    bool is = false;
    if (reply_count(keys) == 1) {
        char *key = slice_dup(reply_slice(reply_at(keys, 0)));
        char *said = commands_text(busy->fixture->conn, "HGET", key, "busy");
        is = said != NULL && strcmp(said, busy->wanted) == 0;
        free(said);
        free(key);
    }
    reply_free(keys);
    return is;
}

/* What a worker says of itself is written anew every 10 s, but for this. */
static void test_how_many_are_busy_is_known_soon(void **state)
{
    struct worker_fixture *f = *state;
    struct busy none = {f, "0"}, one = {f, "1"};
    (void)worker_fixture_start(f, "-q", "jobs", "-t", "2");
    assert_true(wait_until(says_busy, &none, WORKER_FIXTURE_WAIT_MS));
    worker_fixture_push(f, "{\"type\":\"sleep\",\"args\":60000}");
    assert_true(wait_until(says_busy, &one, 7000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_result_is_the_args_byte_for_byte),
        WORKER_TEST(test_a_retry_has_the_same_bytes),
        WORKER_TEST(test_after_a_crash_the_bytes_are_the_same),
        WORKER_TEST(test_an_unknown_type_is_tried_and_then_dead),
        WORKER_TEST(test_what_is_no_job_is_buried_whole),
        WORKER_TEST(test_a_damaged_queue_does_not_stop_the_others),
        WORKER_TEST(test_bytes_in_a_result_are_counted),
        WORKER_TEST(test_how_many_are_busy_is_known_soon),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
