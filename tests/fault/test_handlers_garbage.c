/* Bytes in the list that are no job, pushed as they are: each is dead, whole, with the reason. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/faults.h"

#include <signal.h>
#include <string.h>

#define BYTES(text, reason)                                                                        \
    {                                                                                              \
        {(text), sizeof(text) - 1}, (reason)                                                       \
    }

struct garbage {
    struct slice bytes;
    const char *reason;
};

static const struct garbage rows[] = {
    BYTES("", "\"error\":\""),
    BYTES("\0\0\0\0", "\"error\":\""),
    BYTES("{\"type\":\"noop\",\"args\":\"\0\"}", "\"error\":\""),
    BYTES("{\"type\":\"noop\"}\0", "\"error\":\""),
    BYTES("{\"type\":\"noop\",\"args\":\"\xff\xfe\"}", "UTF-8"),
    BYTES("{\"type\":\"noop\",\"args\":\"\xed\xa0\x80\"}", "UTF-8"),
    BYTES("\xef\xbb\xbf{\"type\":\"noop\"}", "\"error\":\""),
    BYTES("{\"darg\":1,\"runs\":1,\"crashes\":0,\"task\":{\"type\":\"noop\"}}", "\"error\":\""),
    BYTES("{\"darg\":1,\"runs\":01,\"crashes\":0,\"job\":{\"type\":\"noop\"}}", "\"error\":\""),
    BYTES("{\"darg\":1,\"runs\":9999999,\"crashes\":0,\"job\":{\"type\":\"noop\"}}",
          "\"error\":\""),
    BYTES("{\"darg\":2,\"runs\":1,\"crashes\":0,\"job\":{\"type\":\"noop\"}}", "\"error\":\""),
    BYTES("{\"darg\":\"drain\",\"more\":1}", "\"error\":\""),
};

enum { ROWS = sizeof rows / sizeof rows[0], DEPTH = 100000, LARGE = 5 << 20 };

static void push(struct worker_fixture *f, struct slice bytes)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    request_add_text(&request, "LPUSH");
    request_add_text(&request, "darg:{jobs}");
    request_add(&request, bytes);
    if (conn_call(f->conn, &request, &reply, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    reply_free(reply);
    request_fini(&request);
}

static void expect_whole(struct worker_fixture *f, size_t count, struct slice bytes,
                         const char *reason)
{
    struct buf tail = {0};
    buf_append_text(&tail, ",\"job\":");
    buf_append_slice(&tail, bytes);
    buf_append_text(&tail, "}");
    faults_expect_dead(f, count, buf_slice(&tail), reason);
    buf_fini(&tail);
}

static void test_garbage(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    pid_t child = worker_fixture_child(worker);
    struct buf deep = {0}, large = {0};
    buf_append_text(&deep, "{\"type\":\"noop\",\"args\":");
    for (int i = 0; i < DEPTH; i++)
        buf_append_text(&deep, "[");
    buf_append_text(&large, "{\"type\":\"noop\",\"args\":\"");
    for (int i = 0; i < LARGE / 8; i++)
        buf_append_text(&large, "01234567");
    buf_append_text(&large, "\"}");

    for (size_t i = 0; i < ROWS; i++)
        push(f, rows[i].bytes);
    push(f, buf_slice(&deep));
    push(f, buf_slice(&large));
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "buried", ROWS + 2);
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 0);
    for (size_t i = 0; i < ROWS; i++)
        expect_whole(f, ROWS + 2, rows[i].bytes, rows[i].reason);
    expect_whole(f, ROWS + 2, buf_slice(&deep), "64");
    expect_whole(f, ROWS + 2, buf_slice(&large), "more than the 1048576");
    buf_fini(&deep);
    buf_fini(&large);
    assert_int_equal(worker_fixture_child(worker), child);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_garbage),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
