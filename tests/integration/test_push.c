#include "support/cmocka_all.h"

#include <stdlib.h>

#include "job/job.h"
#include "queue/push.h"
#include "support/queue_fixture.h"

static struct slice jobs[3];

static size_t push(struct queue_fixture *f, size_t count, int64_t *length)
{
    struct err err = {0};
    size_t accepted = 99;
    if (push_call(f->conn, &f->queue, jobs, count, &accepted, length, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return accepted;
}

static void test_order(void **state)
{
    struct queue_fixture *f = *state;
    int64_t length;
    assert_int_equal(push(f, 3, &length), 3);
    assert_int_equal(length, 3);
    assert_int_equal(push(f, 0, &length), 0);
    assert_int_equal(length, 3);
    queue_fixture_expect_line(f, f->queue.jobs, "a", "b", "c");
}

static void test_most_at_once(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct slice *many = mem_array(PUSH_MAX, sizeof *many);
    for (size_t i = 0; i < PUSH_MAX; i++)
        many[i] = jobs[i % 3];
    size_t accepted;
    int64_t length;
    assert_int_equal(push_call(f->conn, &f->queue, many, PUSH_MAX, &accepted, &length, &err),
                     ST_OK);
    assert_int_equal(accepted, PUSH_MAX);
    assert_int_equal(length, PUSH_MAX);
    char *last = commands_text(f->conn, "LINDEX", f->queue.jobs, "0");
    assert_true(slice_is(many[PUSH_MAX - 1], last));
    free(last);
    free(many);
}

static void test_bound(void **state)
{
    struct queue_fixture *f = *state;
    int64_t length;
    queue_fixture_limit(f, "max_len", 4);
    assert_int_equal(push(f, 3, &length), 3);
    assert_int_equal(push(f, 3, &length), 1);
    assert_int_equal(length, 4);
    queue_fixture_expect_line(f, f->queue.jobs, "a", "b", "c", "a");
    assert_int_equal(push(f, 3, &length), 0);
    assert_int_equal(length, 4);
    queue_fixture_limit(f, "max_len", 2);
    assert_int_equal(push(f, 1, &length), 0);
    queue_fixture_limit(f, "max_len", 0);
    assert_int_equal(push(f, 1, &length), 0);
    queue_fixture_limit(f, "max_len", -1);
    assert_int_equal(push(f, 2, &length), 2);
    assert_int_equal(length, 6);
}

/* Several calls under way at once, as a bulk push makes them. */
static void test_pipelined(void **state)
{
    struct queue_fixture *f = *state;
    struct request request = {0};
    struct err err = {0};
    bool is_plain = true;
    assert_int_equal(push_open(f->conn, &f->queue, &is_plain, &err), ST_OK);
    assert_false(is_plain);
    assert_int_equal(commands_int(f->conn, "SISMEMBER", "darg:queues", "jobs"), 1);
    for (size_t count = 1; count <= 3; count++) {
        push_encode(&request, &f->queue, jobs, count);
        assert_int_equal(conn_send(f->conn, &request, &err), ST_OK);
    }
    push_encode_plain(&request, &f->queue, jobs, 2);
    assert_int_equal(conn_send(f->conn, &request, &err), ST_OK);
    const size_t counts[] = {1, 2, 3, 2}, lengths[] = {1, 3, 6, 8};
    for (size_t i = 0; i < 4; i++) {
        struct reply *reply = NULL;
        size_t accepted;
        int64_t length;
        assert_int_equal(conn_receive(f->conn, &reply, &err), ST_OK);
        assert_int_equal(push_decode(reply, counts[i], &accepted, &length, &err), ST_OK);
        assert_int_equal(accepted, counts[i]);
        assert_int_equal(length, lengths[i]);
        reply_free(reply);
    }
    request_fini(&request);
}

static void test_answers_of_another_shape(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    size_t accepted;
    int64_t length;
    struct reply *reply = commands_run(f->conn, "EVAL", "return {5, 9}", "0");
    assert_int_equal(push_decode(reply, 4, &accepted, &length, &err), ST_PROTOCOL);
    assert_int_equal(push_decode(reply, 5, &accepted, &length, &err), ST_OK);
    reply_free(reply);
    reply = commands_run(f->conn, "PING");
    assert_int_equal(push_decode(reply, 4, &accepted, &length, &err), ST_PROTOCOL);
    reply_free(reply);
}

static bool is_plain_for(struct queue_fixture *f, const char *rule)
{
    commands_do(f->conn, "ACL", "SETUSER", "tester", "reset", "on", "nopass", "~*", "+ping",
                "+lpush", "+client", "+auth");
    if (rule)
        commands_do(f->conn, "ACL", "SETUSER", "tester", rule);
    struct conn *conn = commands_connect(redis_server_url(f->server));
    commands_do(conn, "AUTH", "tester", "x");
    struct err err = {0};
    bool is_plain = false;
    if (push_open(conn, &f->queue, &is_plain, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    struct request request = {0};
    struct reply *reply = NULL;
    if (is_plain) {
        push_encode_plain(&request, &f->queue, jobs, 1);
        assert_int_equal(conn_call(conn, &request, &reply, &err), ST_OK);
    }
    reply_free(reply);
    request_fini(&request);
    conn_close(conn);
    return is_plain;
}

static void test_scripts_forbidden(void **state)
{
    struct queue_fixture *f = *state;
    assert_true(is_plain_for(f, NULL));
    assert_true(is_plain_for(f, "+script"));
    assert_true(is_plain_for(f, "+@scripting"));
    commands_do(f->conn, "ACL", "DELUSER", "tester");
}

static void test_full_memory(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    size_t accepted;
    int64_t length;
    bool is_plain = true;
    queue_fixture_fill_memory(f, true);
    assert_int_equal(push_call(f->conn, &f->queue, jobs, 1, &accepted, &length, &err), ST_OOM);
    assert_int_equal(push_delayed(f->conn, &f->queue, 1, jobs, 1, &err), ST_OOM);
    assert_int_equal(push_open(f->conn, &f->queue, &is_plain, &err), ST_OK);
    assert_false(is_plain);
    queue_fixture_fill_memory(f, false);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.jobs, f->queue.scheduled), 0);
}

static void test_wrong_types(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    size_t accepted;
    int64_t length;
    const char *const keys[] = {f->queue.jobs, f->queue.settings};
    for (size_t i = 0; i < 2; i++) {
        commands_do(f->conn, "FLUSHALL");
        commands_do(f->conn, "SET", keys[i], "wrong");
        char *digest = queue_fixture_digest(f);
        bool is_plain;
        assert_int_equal(push_call(f->conn, &f->queue, jobs, 1, &accepted, &length, &err),
                         ST_WRONGTYPE);
        assert_int_equal(push_open(f->conn, &f->queue, &is_plain, &err), ST_WRONGTYPE);
        queue_fixture_expect_unchanged(f, digest);
    }
    commands_do(f->conn, "SET", f->queue.scheduled, "wrong");
    assert_int_equal(push_delayed(f->conn, &f->queue, 1, jobs, 1, &err), ST_WRONGTYPE);
    commands_do(f->conn, "FLUSHALL");
    /* The set of names only informs. */
    bool is_plain;
    commands_do(f->conn, "SET", "darg:queues", "wrong");
    assert_int_equal(push_open(f->conn, &f->queue, &is_plain, &err), ST_OK);
}

/* Equal jobs stay two, a repeated call adds nothing, and nothing is due early. */
static void test_delayed(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    struct buf members[2] = {{0}, {0}};
    push_wrap(&members[0], slice_of("{\"type\":\"t\"}"));
    push_wrap(&members[1], slice_of("{\"type\":\"t\"}"));
    const struct slice slices[] = {buf_slice(&members[0]), buf_slice(&members[1])};
    int64_t before_ms = queue_fixture_server_ms(f), due_ms;
    for (int i = 0; i < 2; i++)
        assert_int_equal(push_delayed(f->conn, &f->queue, i == 0 ? 60000 : 90000, slices, 2, &err),
                         ST_OK);
    assert_int_equal(commands_int(f->conn, "ZCARD", f->queue.scheduled), 2);
    reply_free(queue_fixture_member(f, f->queue.scheduled, 1, &due_ms));
    assert_in_range(due_ms, before_ms + 60000, queue_fixture_server_ms(f) + 60000);
    buf_fini(&members[0]);
    buf_fini(&members[1]);
}

static void test_wrap(void **state)
{
    (void)state;
    struct buf member = {0}, again = {0};
    struct job job;
    push_wrap(&member, slice_of("{\"n\":1}"));
    job_split(buf_slice(&member), &job);
    assert_true(job.is_enveloped);
    assert_true(slice_is(job.original, "{\"n\":1}"));
    assert_int_equal(job.history.runs, 0);
    /* An envelope never holds an envelope. */
    push_wrap(&again, buf_slice(&member));
    job_split(buf_slice(&again), &job);
    assert_true(slice_is(job.original, "{\"n\":1}"));
    buf_fini(&member);
    buf_fini(&again);
}

int main(void)
{
    jobs[0] = slice_of("a");
    jobs[1] = slice_of("b");
    jobs[2] = slice_of("c");
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_order),
        QUEUE_TEST(test_most_at_once),
        QUEUE_TEST(test_bound),
        QUEUE_TEST(test_pipelined),
        QUEUE_TEST(test_answers_of_another_shape),
        QUEUE_TEST(test_scripts_forbidden),
        QUEUE_TEST(test_full_memory),
        QUEUE_TEST_DAMAGED(test_wrong_types),
        QUEUE_TEST(test_delayed),
        QUEUE_TEST(test_wrap),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
