/* libdarg where something is wrong: with what it is given, with Redis, or with the process. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/darg.h"
#include "support/asleep.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

enum { FEW = 20, MANY = 3000 }; /* many: several calls under way at a time */

static struct darg_client *open_at(const char *url)
{
    const struct darg_options options = {.size = sizeof options, .url = url, .queue = "jobs"};
    struct darg_client *client;
    assert_int_equal(darg_open(&options, &client), DARG_OK);
    return client;
}

static struct darg_client *open_here(struct worker_fixture *f)
{
    return open_at(redis_server_url(f->server));
}

static void expect_error(const char *text)
{
    if (!strstr(darg_error(), text))
        fail_msg("it says \"%s\", not \"%s\"", darg_error(), text);
}

static void expect_bad_options(struct darg_options options, const char *text)
{
    struct darg_client *client;
    assert_int_equal(darg_open(&options, &client), DARG_INVALID);
    expect_error(text);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_INVALID);
    expect_error(text);
    assert_int_equal(darg_flush(client, 0), DARG_INVALID);
    assert_int_equal(darg_close(client), 0);
}

static void test_bad_options(void **state)
{
    (void)state;
    enum { SIZE = sizeof(struct darg_options) };
    expect_bad_options((struct darg_options){0}, "the member size of darg_options is not set");
    expect_bad_options((struct darg_options){.size = SIZE, .url = "http://x"},
                       "a Redis URL starts");
    expect_bad_options((struct darg_options){.size = SIZE, .queue = "a b"}, "a b");
    expect_bad_options((struct darg_options){.size = SIZE, .prefix = ""}, "namespace");
    expect_bad_options((struct darg_options){.size = SIZE, .timeout_ms = -1}, "timeout_ms");
    expect_bad_options((struct darg_options){.size = SIZE, .wait_ms = -2}, "wait_ms");
    expect_bad_options((struct darg_options){.size = SIZE, .later_max_jobs = SIZE_MAX},
                       "later_max");
    assert_int_equal(darg_push(NULL, "t", NULL, NULL, NULL), DARG_INVALID);
    assert_int_equal(darg_close(NULL), 0);
}

static void expect_refused(struct darg_client *client, const char *type, const char *args,
                           struct darg_push_options options, const char *text)
{
    options.size = sizeof options;
    assert_int_equal(darg_push(client, type, args, &options, NULL), DARG_INVALID);
    expect_error(text);
}

static void test_bad_jobs(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    const struct darg_push_options none = {0};
    char large[2 << 20];
    memset(large, '1', sizeof large);
    large[sizeof large - 1] = '\0';
    expect_refused(client, "t", "{\"a\":}", none, "5");
    expect_refused(client, "t", "", none, "args is empty");
    expect_refused(client, "t", "1} ", none, "");
    expect_refused(client, "t", "\"\xff\"", none, "");
    expect_refused(client, "t", large, none, "at most 1048576");
    expect_refused(client, NULL, NULL, none, "no type");
    expect_refused(client, "", NULL, none, "TYPE must have 1 to 128 bytes");
    expect_refused(client, "t", NULL, (struct darg_push_options){.id = ""}, "id must have 1 to");
    expect_refused(client, "t", NULL, (struct darg_push_options){.backoff = "x"}, "backoff");
    expect_refused(client, "t", NULL, (struct darg_push_options){.delay_ms = -1}, "delay_ms");
    expect_refused(client, "t", NULL, (struct darg_push_options){.max_attempts = -1},
                   "max_attempts");
    assert_int_equal(darg_push(client, "t", NULL, &none, NULL), DARG_INVALID);
    expect_error("the member size of darg_push_options is not set");
    assert_int_equal(commands_int(f->conn, "EXISTS", "darg:{jobs}"), 0);
    darg_close(client);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct darg_client *client = open_at("unix:///nowhere/redis.sock");
    struct darg_item items[] = {{.type = "a"}, {.type = "b"}};
    struct darg_result result;
    assert_int_equal(darg_ping(client), DARG_UNREACHABLE);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_UNREACHABLE);
    expect_error("/nowhere/redis.sock");
    assert_int_equal(darg_push_many(client, items, 2), DARG_UNREACHABLE);
    assert_int_equal(items[0].code, DARG_UNREACHABLE);
    assert_int_equal(items[1].code, DARG_UNREACHABLE);
    assert_int_equal(darg_call(client, "t", NULL, NULL, 10, &result), DARG_UNREACHABLE);
    darg_result_free(&result);
    for (int i = 0; i < 3; i++)
        assert_int_equal(darg_push_later(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, 30), DARG_TIMED_OUT);
    expect_error("3 jobs are still to be pushed: ");
    assert_int_equal(darg_close(client), 3);
}

/* The key of the queue holds something else: a person has to mend that. */
static void test_redis_refuses(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    struct darg_item items[] = {{.type = "a"}, {.type = "b"}};
    commands_do(f->conn, "SET", "darg:{jobs}", "1");
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_REFUSED);
    expect_error("WRONGTYPE");
    assert_int_equal(darg_push_many(client, items, 2), DARG_REFUSED);
    assert_int_equal(items[1].code, DARG_REFUSED);
    assert_int_equal(darg_push_later(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, 30), DARG_TIMED_OUT);
    expect_error("1 job is still to be pushed: ");
    commands_do(f->conn, "DEL", "darg:{jobs}");
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 2);
    darg_close(client);
}

/* A server that has forgotten the script is taught it again. */
static void test_script_is_forgotten(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    commands_do(f->conn, "SCRIPT", "FLUSH");
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    commands_do(f->conn, "SCRIPT", "FLUSH");
    assert_int_equal(darg_push_later(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 3);
    darg_close(client);
}

/* So is it in the middle of many: it is not the queue that is full, also for who does not wait. */
static void test_script_is_forgotten_by_many(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    static struct darg_item items[MANY];
    for (size_t i = 0; i < MANY; i++)
        items[i].type = "t";
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    commands_do(f->conn, "SCRIPT", "FLUSH");
    if (darg_push_many(client, items, MANY) != DARG_OK)
        fail_msg("%s", darg_error());
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), MANY + 1);
    darg_close(client);
}

/* A user who may run no scripts pushes all the same. */
static void test_a_plain_user(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_item items[] = {{.type = "a"}, {.type = "b"}};
    char url[256];
    commands_do(f->conn, "ACL", "SETUSER", "plain", "on", ">pw", "~*", "&*", "+@all",
                "-@scripting");
    snprintf(url, sizeof url, "unix://plain:pw@%s", redis_server_socket(f->server));
    struct darg_client *client = open_at(url);
    assert_int_equal(darg_push_many(client, items, 2), DARG_OK);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 2);
    darg_close(client);
    snprintf(url, sizeof url, "unix://plain:wrong@%s", redis_server_socket(f->server));
    client = open_at(url);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_REFUSED);
    expect_error("does not accept the user or password");
    assert_null(strstr(darg_error(), "wrong"));
    darg_close(client);
    commands_do(f->conn, "ACL", "DELUSER", "plain");
}

/* Jobs in the buffer outlive an outage; a client finds its way back by itself. */
static void test_an_outage(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    redis_server_kill(f->server);
    for (int i = 0; i < FEW; i++)
        assert_int_equal(darg_push_later(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, 30), DARG_TIMED_OUT);
    enum darg_code code = darg_push(client, "t", NULL, NULL, NULL);
    assert_true(code == DARG_UNREACHABLE || code == DARG_UNCERTAIN);
    redis_server_restart(f->server);
    conn_discard(f->conn);
    commands_must_connect(f->conn);
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), FEW);
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    darg_close(client);
}

struct pusher {
    struct darg_client *client;
    _Atomic pid_t thread;
    _Atomic bool is_done;
    enum darg_code code;
};

static void *push_once(void *context)
{
    struct pusher *pusher = context;
    pusher->thread = gettid();
    pusher->code = darg_push(pusher->client, "t", NULL, NULL, NULL);
    pusher->is_done = true;
    pthread_testcancel();
    return context;
}

static bool is_done(void *context)
{
    return ((struct pusher *)context)->is_done;
}

/* A thread that is cancelled while it pushes leaves the client to the others. */
static void test_cancelled_thread(void **state)
{
    struct worker_fixture *f = *state;
    struct pusher first = {.client = open_here(f)}, second = {.client = first.client};
    pthread_t thread;
    void *ended = NULL;
    assert_int_equal(darg_ping(first.client), DARG_OK);
    redis_server_freeze(f->server);
    assert_int_equal(pthread_create(&thread, NULL, push_once, &first), 0);
    asleep_wait(&first.thread, 1);
    assert_int_equal(pthread_cancel(thread), 0);
    redis_server_thaw(f->server);
    assert_int_equal(pthread_join(thread, &ended), 0);
    assert_ptr_equal(ended, PTHREAD_CANCELED);
    assert_true(first.is_done);
    assert_int_equal(first.code, DARG_OK);
    assert_int_equal(pthread_create(&thread, NULL, push_once, &second), 0);
    assert_true(wait_until(is_done, &second, 20000));
    assert_int_equal(pthread_join(thread, &ended), 0);
    assert_ptr_equal(ended, &second);
    assert_int_equal(second.code, DARG_OK);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 2);
    darg_close(first.client);
}

/* The only job is purged while it is waited for, for ever. */
static void *purge(void *context)
{
    struct worker_fixture *f = context;
    struct conn *conn = commands_connect(redis_server_url(f->server));
    while (commands_int(conn, "UNLINK", "darg:{jobs}") == 0)
        sched_yield();
    conn_close(conn);
    return NULL;
}

static void test_a_job_that_is_gone(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    struct darg_result result;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, purge, f), 0);
    assert_int_equal(darg_call(client, "t", NULL, NULL, -1, &result), DARG_GONE);
    expect_error("the job is gone");
    assert_int_equal(strlen(result.id), 36);
    assert_int_equal(pthread_join(thread, NULL), 0);
    darg_result_free(&result);
    darg_close(client);
}

/* What a child does with its parent's client; its exit code. */
static int use_in_child(struct darg_client *client)
{
    struct darg_item item = {.type = "t"};
    struct darg_result result;
    bool is_good = darg_push(client, "t", NULL, NULL, NULL) == DARG_FORKED;
    is_good = is_good && strstr(darg_error(), "belongs to process") != NULL;
    is_good = is_good && darg_push_many(client, &item, 1) == DARG_FORKED;
    is_good = is_good && item.code == DARG_FORKED;
    is_good = is_good && darg_push_later(client, "t", NULL, NULL, NULL) == DARG_FORKED;
    is_good = is_good && darg_flush(client, -1) == DARG_FORKED;
    is_good = is_good && darg_ping(client) == DARG_FORKED;
    is_good = is_good && darg_call(client, "t", NULL, NULL, 1, &result) == DARG_FORKED;
    darg_close(client);
    return is_good ? 0 : 1;
}

static void test_fork(void **state)
{
    struct worker_fixture *f = *state;
    struct darg_client *client = open_here(f);
    int status = -1;
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_push_later(client, "t", NULL, NULL, NULL), DARG_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(use_in_child(client));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* The parent's link is as it was. */
    assert_int_equal(darg_push(client, "t", NULL, NULL, NULL), DARG_OK);
    assert_int_equal(darg_flush(client, -1), DARG_OK);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), 3);
    assert_int_equal(darg_close(client), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_bad_options),
        WORKER_TEST(test_bad_jobs),
        WORKER_TEST(test_unreachable),
        WORKER_TEST(test_redis_refuses),
        WORKER_TEST(test_a_plain_user),
        WORKER_TEST(test_script_is_forgotten),
        WORKER_TEST(test_an_outage),
        WORKER_TEST(test_fork),
        WORKER_TEST(test_cancelled_thread),
        WORKER_TEST(test_a_job_that_is_gone),
        WORKER_TEST(test_script_is_forgotten_by_many),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
