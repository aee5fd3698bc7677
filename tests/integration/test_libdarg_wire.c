/* libdarg on a link that breaks at a chosen call: every job is in the queue, not in it, or said to
 * be uncertain. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/darg.h"
#include "support/proxy.h"
#include "support/worker_fixture.h"

enum { MANY = 6000, CALL_MS = 20000 };

static struct proxy *proxy; /* of the test */
static int proxies;         /* so far: each has a socket of its own */

static struct darg_client *open_client(struct worker_fixture *f)
{
    char name[32];
    snprintf(name, sizeof name, "libdarg-%d", proxies++);
    proxy = proxy_start(redis_server_socket(f->server), redis_server_directory(f->server), name);
    const struct darg_options options = {
        .size = sizeof options, .url = proxy_url(proxy), .queue = "jobs"};
    struct darg_client *client;
    assert_int_equal(darg_open(&options, &client), DARG_OK);
    return client;
}

static void end(struct darg_client *client)
{
    assert_int_equal(darg_close(client), 0);
    proxy_stop(proxy);
}

/* Cuts `times` calls that hold the word, after `skip` of them. */
static void cut(enum proxy_action action, const char *word, unsigned skip, unsigned times)
{
    const struct proxy_fault fault = {
        .action = action, .word = word, .skip = skip, .times = times, .keep = 1};
    proxy_arm(proxy, &fault);
}

static int64_t waiting(struct worker_fixture *f)
{
    return commands_int(f->conn, "LLEN", "darg:{jobs}");
}

static void test_a_lost_answer(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f);
    char id[DARG_ID_SIZE] = "";
    cut(PROXY_CUT_REPLY, "\"type\":\"cut\"", 0, 1);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_push(client, "cut", NULL, NULL, id), DARG_UNCERTAIN);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(waiting(f), 2);
    assert_int_equal(darg_push(client, "cut", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(waiting(f), 3);
    end(client);
}

static void test_a_lost_request(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f);
    cut(PROXY_CUT_REQUEST, "\"type\":\"cut\"", 0, 1);
    assert_int_equal(darg_push(client, "cut", NULL, NULL, NULL), DARG_UNCERTAIN);
    assert_int_equal(waiting(f), 0);
    assert_int_equal(darg_push(client, "cut", NULL, NULL, NULL), DARG_OK);
    end(client);
}

/* How often each number is among the args of what waits. */
static unsigned char *count_args(struct worker_fixture *f)
{
    unsigned char *counts = mem_new(MANY);
    struct reply *jobs = commands_run(f->conn, "LRANGE", "darg:{jobs}", "0", "-1");
    for (size_t i = 0; i < reply_count(jobs); i++) {
        char *job = slice_dup(reply_slice(reply_at(jobs, i)));
        size_t number = strtoul(strstr(job, "\"args\":") + 7, NULL, 10);
        assert_true(number < MANY);
        counts[number]++;
        free(job);
    }
    reply_free(jobs);
    return counts;
}

/* The third of the calls under way loses its answer, and with it those behind it. */
static void test_many_are_cut(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f);
    static struct darg_item items[MANY];
    static char args[MANY][24];
    size_t codes[DARG_GONE + 1] = {0};
    for (size_t i = 0; i < MANY; i++) {
        snprintf(args[i], sizeof args[i], "%zu", i);
        items[i] = (struct darg_item){.type = "t", .args = args[i]};
    }
    cut(PROXY_CUT_REPLY, "\"type\":\"t\"", 2, 1);
    assert_int_equal(darg_push_many(client, items, MANY), DARG_UNCERTAIN);
    unsigned char *counts = count_args(f);
    for (size_t i = 0; i < MANY; i++) {
        codes[items[i].code]++;
        if (items[i].code == DARG_OK)
            assert_int_equal(counts[i], 1);
        else if (items[i].code == DARG_UNREACHABLE)
            assert_int_equal(counts[i], 0);
        else
            assert_int_equal(items[i].code, DARG_UNCERTAIN);
    }
    free(counts);
    assert_int_equal(codes[DARG_OK], 1000);
    assert_true(codes[DARG_UNCERTAIN] >= 500);
    assert_int_equal(darg_push(client, "t", "0", NULL, NULL), DARG_OK);
    end(client);
}

/* Nothing is under way: nobody needs to hear of it. */
static void test_an_idle_link_is_closed(void **state)
{
    struct worker_fixture *f = *state;
    /* Without the proxy, which would tell of it only a moment later. */
    const struct darg_options options = {
        .size = sizeof options, .url = redis_server_url(f->server), .queue = "jobs"};
    struct darg_client *client;
    assert_int_equal(darg_open(&options, &client), DARG_OK);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
        assert_int_equal(waiting(f), i);
        commands_do(f->conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    }
    darg_close(client);
}

/* Repeating is harmless for them, so there is no doubt. */
static void test_delayed_jobs_are_repeated(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f);
    const struct darg_push_options late = {.size = sizeof late, .delay_ms = 3600000};
    cut(PROXY_CUT_REPLY, ":scheduled", 0, 1);
    assert_int_equal(darg_push(client, "t", NULL, &late, NULL), DARG_OK);
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{jobs}:scheduled"), 1);
    end(client);
}

static void test_later_tells_once(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f);
    cut(PROXY_CUT_REPLY, "\"type\":\"cut\"", 0, 1);
    assert_int_equal(darg_push_later(client, "cut", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, -1), DARG_UNCERTAIN);
    assert_non_null(strstr(darg_error(), "1 job may have been pushed or not: "));
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(darg_push_later(client, "cut", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(waiting(f), 2);
    end(client);
}

/* A result stays on its list until it has been received. */
static void test_a_result_is_asked_for_again(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_client(f);
    struct darg_result result;
    (void)worker_fixture_start(f, "-q", "jobs", "-t", "1");
    cut(PROXY_CUT_REPLY, ":reply:", 0, 3);
    assert_int_equal(darg_call(client, "echo", "[7]", NULL, CALL_MS, &result), DARG_OK);
    assert_string_equal(result.text, "[7]");
    darg_result_free(&result);
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_lost_answer),
        WORKER_TEST(test_a_lost_request),
        WORKER_TEST(test_many_are_cut),
        WORKER_TEST(test_an_idle_link_is_closed),
        WORKER_TEST(test_delayed_jobs_are_repeated),
        WORKER_TEST(test_later_tells_once),
        WORKER_TEST(test_a_result_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
