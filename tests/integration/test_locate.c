/* locate, called as whoever is no command calls it. test_cli_status.c has the cases. */
#include "support/cmocka_all.h"

#include <string.h>

#include "queue/locate.h"
#include "queue/report.h"
#include "support/queue_fixture.h"

#define JOB "{\"type\":\"t\",\"id\":\"a\"}"

struct seen {
    enum locate_state states[8];
    size_t count;
    int64_t since_ms;
    char text[64]; /* progress, or outcome */
};

static void copy(char *out, struct slice text)
{
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static enum status visit(void *context, const struct locate_job *job, struct err *err)
{
    struct seen *seen = context;
    (void)err;
    seen->states[seen->count++] = job->state;
    seen->since_ms = job->since_ms;
    if (job->progress.len > 0)
        copy(seen->text, job->progress);
    if (job->outcome.len > 0)
        copy(seen->text, job->outcome);
    return ST_OK;
}

static struct seen locate(struct queue_fixture *f)
{
    struct err err = {0};
    struct seen seen = {.count = 0};
    struct locate locate = {.id = "a", .visit = visit, .context = &seen};
    if (locate_run(f->conn, &f->queue, &locate, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_int_equal(locate.found, seen.count);
    return seen;
}

static void expect(struct queue_fixture *f, enum locate_state state, const char *text)
{
    struct seen seen = locate(f);
    assert_int_equal(seen.count, 1);
    assert_string_equal(locate_state_name(seen.states[0]), locate_state_name(state));
    assert_string_equal(seen.text, text);
}

static void test_on_its_way(void **state)
{
    struct queue_fixture *f = *state;
    assert_int_equal(locate(f).count, 0);
    queue_fixture_push(f, JOB);
    expect(f, LOCATE_WAITING, "");
    struct claim claim = queue_fixture_claim(f, &f->lease, 1, 1);
    expect(f, LOCATE_CLAIMED, "");
    struct err err = {0};
    static const char report[] = "nonsense\n{\"number\":1,\"since_ms\":5}\n"
                                 "{\"number\":2,\"since_ms\":7,\"progress\":[50]}\n";
    assert_int_equal(
        report_write(f->conn, &f->queue, f->lease.worker, slice_of(report), 60000, &err), ST_OK);
    expect(f, LOCATE_RUNNING, "[50]");
    assert_int_equal(locate(f).since_ms, 7);
    queue_fixture_done(f, &f->lease, 2);
    assert_int_equal(locate(f).count, 0);
    commands_do(f->conn, "LPUSH", "darg:{jobs}:result:a", "{\"outcome\":\"done\"}");
    expect(f, LOCATE_ENDED, "{\"outcome\":\"done\"}");
    claim_fini(&claim);
}

static void test_aside(void **state)
{
    struct queue_fixture *f = *state;
    commands_do(f->conn, "ZADD", f->queue.scheduled, "5", JOB);
    expect(f, LOCATE_DELAYED, "");
    commands_do(f->conn, "DEL", f->queue.scheduled);
    commands_do(f->conn, "ZADD", f->queue.scheduled, "5",
                "{\"darg\":1,\"runs\":1,\"crashes\":0,\"attempt\":1,\"job\":" JOB "}");
    expect(f, LOCATE_RETRIED, "");
    commands_do(f->conn, "ZADD", f->queue.dead, "5", JOB);
    struct seen seen = locate(f);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.states[1], LOCATE_DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_on_its_way),
        QUEUE_TEST(test_aside),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
