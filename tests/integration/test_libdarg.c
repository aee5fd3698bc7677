/* libdarg: pushing one job, many, later, and with the result. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/darg.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

enum { MANY = 10000, LATER = 5000, SHARED = 500, CALL_MS = 20000 };

static struct darg_client *open_client(struct worker_fixture *f, struct darg_options options)
{
    struct darg_client *client;
    options.size = sizeof options;
    options.url = redis_server_url(f->server);
    options.queue = "jobs";
    assert_int_equal(darg_open(&options, &client), DARG_OK);
    return client;
}

static int64_t waiting(struct worker_fixture *f)
{
    return commands_int(f->conn, "LLEN", "darg:{jobs}");
}

static void expect_next(struct worker_fixture *f, const char *text)
{
    char *job = commands_text(f->conn, "RPOP", "darg:{jobs}");
    assert_non_null(job);
    assert_string_equal(job, text);
    free(job);
}

static void test_one(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    const struct darg_push_options options = {.size = sizeof options,
                                              .id = "a\"b",
                                              .timeout_ms = 5,
                                              .max_attempts = 3,
                                              .backoff = "1s..2s",
                                              .expires_at_ms = 7};
    const struct darg_push_options endless = {.size = sizeof endless, .id = "e", .timeout_ms = -1};
    char id[DARG_ID_SIZE], text[256];
    assert_int_equal(darg_ping(client), DARG_OK);
    assert_int_equal(darg_push(client, "t", "[1, 2]", &options, id), DARG_OK);
    assert_string_equal(id, "a\"b");
    expect_next(f, "{\"id\":\"a\\\"b\",\"type\":\"t\",\"max_attempts\":3,\"timeout_ms\":5,"
                   "\"backoff\":\"1s..2s\",\"expires_at\":7,\"args\":[1, 2]}");
    assert_int_equal(darg_push(client, "t", NULL, &endless, NULL), DARG_OK);
    expect_next(f, "{\"id\":\"e\",\"type\":\"t\",\"timeout_ms\":0}");
    assert_int_equal(darg_push(client, "t", NULL, NULL, id), DARG_OK);
    assert_int_equal(strlen(id), 36);
    snprintf(text, sizeof text, "{\"id\":\"%s\",\"type\":\"t\"}", id);
    expect_next(f, text);
    assert_int_equal(commands_int(f->conn, "SISMEMBER", "darg:queues", "jobs"), 1);
    assert_int_equal(darg_close(client), 0);
}

/* A caller that was built when the structs were shorter. */
static void test_a_shorter_struct(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    const struct darg_push_options options = {
        .size = offsetof(struct darg_push_options, timeout_ms), .id = "x", .timeout_ms = 9};
    assert_int_equal(darg_push(client, "t", NULL, &options, NULL), DARG_OK);
    expect_next(f, "{\"id\":\"x\",\"type\":\"t\"}");
    darg_close(client);
}

static void test_delayed(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    const struct darg_push_options late = {.size = sizeof late, .delay_ms = 3600000};
    struct darg_item items[] = {{.type = "a"},
                                {.type = "b", .options = &late},
                                {.type = "c", .options = &late},
                                {.type = "d"}};
    assert_int_equal(darg_push(client, "t", NULL, &late, NULL), DARG_OK);
    assert_int_equal(darg_push_many(client, items, 4), DARG_OK);
    assert_int_equal(waiting(f), 2);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 3);
    darg_close(client);
}

static struct darg_item *make_items(size_t count, char (**args)[24])
{
    struct darg_item *items = mem_array(count, sizeof *items);
    *args = mem_array(count, sizeof **args);
    for (size_t i = 0; i < count; i++) {
        snprintf((*args)[i], sizeof **args, "%zu", i);
        items[i] = (struct darg_item){.type = "t", .args = (*args)[i], .code = DARG_SYSTEM};
    }
    return items;
}

/* The args of what waits must be 0, 1, 2 ... */
static void expect_in_order(struct worker_fixture *f, size_t count)
{
    struct reply *jobs = commands_run(f->conn, "LRANGE", "darg:{jobs}", "0", "-1");
    assert_int_equal(reply_count(jobs), count);
    for (size_t i = 0; i < count; i++) {
        char end[32];
        struct slice job = reply_slice(reply_at(jobs, count - 1 - i));
        int len = snprintf(end, sizeof end, "\"args\":%zu}", i);
        assert_true(job.len > (size_t)len);
        assert_memory_equal(job.ptr + job.len - (size_t)len, end, (size_t)len);
    }
    reply_free(jobs);
}

static void test_many(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    char(*args)[24];
    struct darg_item *items = make_items(MANY, &args);
    assert_int_equal(darg_push_many(client, items, MANY), DARG_OK);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(items[i].code, DARG_OK);
    expect_in_order(f, MANY);
    assert_int_equal(darg_push_many(client, items, 0), DARG_OK);
    darg_close(client);
    free(items);
    free(args);
}

/* Every item says for itself whether it is in the queue. */
static void test_many_without_room(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){.wait_ms = 20});
    char(*args)[24];
    struct darg_item *items = make_items(MANY, &args);
    size_t pushed = 0, full = 0;
    items[3].args = "{";
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "max_len", "1234");
    assert_int_equal(darg_push_many(client, items, MANY), DARG_INVALID);
    assert_non_null(strstr(darg_error(), "8766 of 10000 jobs"));
    assert_non_null(strstr(darg_error(), "item 3: "));
    assert_int_equal(items[3].code, DARG_INVALID);
    for (size_t i = 0; i < MANY; i++) {
        pushed += items[i].code == DARG_OK;
        full += items[i].code == DARG_FULL;
    }
    assert_int_equal(pushed, 1234);
    assert_int_equal(full, MANY - 1235);
    assert_int_equal(waiting(f), 1234);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_FULL);
    assert_string_equal(darg_error(), "queue 'jobs' is full");
    darg_close(client);
    free(items);
    free(args);
}

static void test_waits_for_room(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){.wait_ms = -1});
    char(*args)[24];
    struct darg_item *items = make_items(MANY, &args);
    commands_do(f->conn, "HSET", "darg:{jobs}:settings", "max_len", "100");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--handler", "t=true",
                                                  "--max-attempts", "1", "--timeout", "1m");
    for (size_t i = 0; i < MANY; i++)
        items[i].type = "noop";
    assert_int_equal(darg_push_many(client, items, MANY), DARG_OK);
    worker_fixture_wait_count(f, "done", MANY);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    darg_close(client);
    free(items);
    free(args);
}

static void test_later(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client =
        open_client(f, (struct darg_options){.later_max_jobs = 700, .later_linger_ms = 3600000});
    for (size_t i = 0; i < LATER; i++) {
        char args[24];
        snprintf(args, sizeof args, "%zu", i);
        assert_int_equal(darg_push_later(client, "t", args, NULL, NULL), DARG_OK);
    }
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    expect_in_order(f, LATER);
    assert_int_equal(darg_push_later(client, "t", "nil", NULL, NULL), DARG_INVALID);
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(darg_close(client), 0);
}

static bool has_one(void *context)
{
    return waiting(context) == 1;
}

/* Nobody has to flush. */
static void test_later_by_itself(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    assert_int_equal(darg_push_later(client, "t", "1", NULL, NULL), DARG_OK);
    assert_true(wait_until(has_one, f, CALL_MS));
    darg_close(client);
}

static void *push_some(void *context)
{
    size_t failed = 0;
    for (int i = 0; i < SHARED; i++) {
        failed += darg_push(context, "t", "1", NULL, NULL) != DARG_OK;
        failed += darg_push_later(context, "t", "1", NULL, NULL) != DARG_OK;
    }
    return failed == 0 ? NULL : context;
}

static void test_threads_share_a_client(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    pthread_t threads[2];
    void *failed;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_some, client), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(waiting(f), 2 * 2 * SHARED);
    darg_close(client);
}

static void test_call(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f, (struct darg_options){0});
    const struct darg_push_options once = {.size = sizeof once, .max_attempts = 1};
    struct darg_result result;
    (void)worker_fixture_start(f, "-q", "jobs", "-t", "2");
    assert_int_equal(darg_call(client, "echo", "{\"a\": 1}", NULL, CALL_MS, &result), DARG_OK);
    assert_string_equal(result.text, "{\"a\": 1}");
    assert_int_equal(result.len, 8);
    darg_result_free(&result);
    assert_int_equal(darg_call(client, "fail", "\"no\\n\"", &once, CALL_MS, &result), DARG_FAILED);
    assert_string_equal(result.text, "no\n");
    assert_string_equal(darg_error(), "the job is dead: no?");
    darg_result_free(&result);
    assert_int_equal(darg_call(client, "sleep", "60000", NULL, 10, &result), DARG_TIMED_OUT);
    assert_int_equal(strlen(result.id), 36);
    assert_null(result.text);
    darg_result_free(&result);
    assert_int_equal(darg_call(client, "echo", "?", NULL, 10, &result), DARG_INVALID);
    darg_result_free(&result);
    darg_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_one),
        WORKER_TEST(test_a_shorter_struct),
        WORKER_TEST(test_delayed),
        WORKER_TEST(test_many),
        WORKER_TEST(test_many_without_room),
        WORKER_TEST(test_waits_for_room),
        WORKER_TEST(test_later),
        WORKER_TEST(test_later_by_itself),
        WORKER_TEST(test_threads_share_a_client),
        WORKER_TEST(test_call),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
