/* Every script on a Redis Cluster of one node, where a key that a script uses and does not name, or
 * that is in another slot, is an error. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "queue/cancel.h"
#include "queue/claim.h"
#include "queue/collect.h"
#include "queue/dead.h"
#include "queue/drain.h"
#include "queue/orders.h"
#include "queue/purge.h"
#include "queue/push.h"
#include "queue/report.h"
#include "queue/result.h"
#include "queue/schedule.h"
#include "queue/settings.h"
#include "queue/settle.h"
#include "queue/stats.h"
#include "support/commands.h"
#include "support/redis_server.h"
#include "support/wait.h"

struct cluster {
    struct redis_server *server;
    struct conn *conn;
    struct queue queue;
    struct lease lease;
};

static bool is_up(void *context)
{
    struct cluster *c = context;
    char *info = commands_text(c->conn, "CLUSTER", "INFO");
    bool is_ok = strstr(info, "cluster_state:ok") != NULL;
    free(info);
    return is_ok;
}

static int setup(void **state)
{
    static const char *const args[] = {"--cluster-enabled", "yes", NULL};
    struct cluster *c = mem_new(sizeof *c);
    struct err err = {0};
    c->server = redis_server_start_tcp(args);
    c->conn = commands_connect(redis_server_url(c->server));
    commands_do(c->conn, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    ensure(wait_until(is_up, c, 20000), "the cluster does not come up");
    ensure(queue_init(&c->queue, "darg", "jobs", &err) == ST_OK, "%s", err_text(&err));
    lease_init(&c->lease, &c->queue, "p", 1);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct cluster *c = *state;
    lease_fini(&c->lease);
    queue_fini(&c->queue);
    conn_close(c->conn);
    redis_server_stop(c->server);
    free(c);
    return 0;
}

static void must(enum status status, const struct err *err)
{
    if (status != ST_OK)
        fail_msg("%s", err_text(err));
}

static void enter(struct cluster *c)
{
    struct err err = {0};
    enum lease_register outcome;
    int64_t now_ms;
    must(lease_register(c->conn, &c->lease, 0, &(struct lease_drain){0}, &outcome, &now_ms, &err),
         &err);
    assert_int_equal(outcome, LEASE_REGISTERED);
}

static void push(struct cluster *c, size_t count)
{
    static const char texts[] = "abcdefghij";
    struct err err = {0};
    struct slice jobs[10];
    size_t accepted;
    int64_t length;
    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct slice){texts + i, 1};
    must(push_call(c->conn, &c->queue, jobs, count, &accepted, &length, &err), &err);
    assert_int_equal(accepted, count);
}

static enum claim_outcome claim(struct cluster *c, int64_t base, size_t expected)
{
    const struct claim_options options = {
        .max_bytes = 1 << 20, .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999}};
    struct request request = {0};
    struct err err = {0};
    struct claim got;
    claim_encode(&request, &c->lease, base, 10, &options);
    must(claim_call(c->conn, &request, &got, &err), &err);
    enum claim_outcome outcome = got.outcome;
    assert_int_equal(got.count, expected);
    claim_fini(&got);
    request_fini(&request);
    return outcome;
}

static void settle(struct cluster *c, enum settle_kind kind, int64_t number)
{
    static void (*const encode[SETTLE_KINDS])(struct request *, const struct lease *,
                                              const struct settle_item *, size_t) = {
        [SETTLE_DONE] = settle_encode_done,
        [SETTLE_RETRY] = settle_encode_retry,
        [SETTLE_BURY] = settle_encode_bury,
        [SETTLE_RELEASE] = settle_encode_release,
    };
    const struct settle_item item = {
        .number = number,
        .head = slice_of("{\"darg\":1,\"runs\":1,\"crashes\":0,\"claim\":\"p.1:1\",\"job\":"),
        .is_whole = true,
        .reply_name = "x",
        .result_id = "a b",
        .keep_ms = 100000,
        .told = slice_of("told")};
    struct request request = {0};
    struct err err = {0};
    struct settle_answer answer;
    encode[kind](&request, &c->lease, &item, 1);
    must(settle_call(c->conn, kind, &request, &answer, &err), &err);
    assert_int_equal(answer.settled, 1);
    request_fini(&request);
}

/* Counting is allowed to fail, so it is looked at too. */
static void expect_counts(struct cluster *c, const char *const *names)
{
    for (; *names; names++) {
        char *text = commands_text(c->conn, "HGET", c->queue.counts, *names);
        if (!text)
            fail_msg("nothing counted as %s", *names);
        free(text);
    }
}

static void test_a_job_s_life(void **state)
{
    struct cluster *c = *state;
    struct err err = {0};
    bool is_plain = true, woken = false, is_registered = false;
    int64_t n;
    struct schedule_promoted promoted;
    must(push_open(c->conn, &c->queue, &is_plain, &err), &err);
    assert_false(is_plain);
    enter(c);
    push(c, 6);
    must(claim_wait_begin(c->conn, &c->queue, 1000, &err), &err);
    must(claim_wait_end(c->conn, &woken, &err), &err);
    assert_true(woken);
    must(schedule_unbox(c->conn, &c->queue, 10, &n, &err), &err);
    assert_int_equal(n, 1);
    must(settings_set(c->conn, &c->queue, "rate", 1000, &err), &err);
    must(settings_set(c->conn, &c->queue, "rate_ms", 1000, &err), &err);
    must(settings_set(c->conn, &c->queue, "concurrency", 100, &err), &err);
    must(settings_set(c->conn, &c->queue, "dead_max", 100, &err), &err);
    must(settings_set(c->conn, &c->queue, "dead_age_ms", 100000, &err), &err);
    assert_int_equal(claim(c, 0, 6), CLAIM_JOBS);
    for (enum settle_kind kind = 0; kind < SETTLE_KINDS; kind++)
        settle(c, kind, (int64_t)kind + 1);
    must(schedule_promote(c->conn, &c->queue, 10, &promoted, &err), &err);
    assert_int_equal(n, 1);
    struct reply *page = NULL;
    must(dead_page(c->conn, &c->queue, 0, 10, &page, &err), &err);
    const struct slice member = reply_slice(reply_at(page, 0));
    must(dead_revive(c->conn, &c->queue, &member, 1, &n, &err), &err);
    assert_int_equal(n, 1);
    reply_free(page);
    must(push_delayed(c->conn, &c->queue, 0, &(struct slice){"later", 5}, 1, &err), &err);
    const struct settle_item popped = {.head = slice_of("{\"darg\":1,\"runs\":1,\"crashes\":0,"),
                                       .original = slice_of("{}"),
                                       .reply_name = "y",
                                       .told = slice_of("told")};
    must(settle_popped(c->conn, &c->queue, 1, &popped, 1, &err), &err);
    struct reply *results = NULL;
    must(collect_call(c->conn, &c->queue, "x", 0, &results, &err), &err);
    assert_int_equal(reply_count(results), 2);
    reply_free(results);
    struct stats stats;
    must(stats_read(c->conn, &c->queue, &stats, &err), &err);
    assert_int_equal(stats.held, 2);
    must(lease_deregister(c->conn, &c->lease, &(int64_t){5}, 1, &is_registered, &n, &err), &err);
    assert_int_equal(n, 2);
    struct purged purged;
    must(purge_queue(c->conn, &c->queue, PLACE_ALL, &purged, &err), &err);
    assert_int_equal(purged.waiting, 5);
    expect_counts(c, COMMANDS_ARGS("claimed", "done", "retried", "buried", "released", "promoted",
                                   "revived", "purged"));
}

static void test_a_cancelled_job(void **state)
{
    struct cluster *c = *state;
    struct err err = {0};
    struct job job;
    const char *const id = "a b";
    int64_t now_ms;
    bool is_removed = false;
    struct reply *reply = NULL;
    const char *const text = "{\"type\":\"t\",\"id\":\"a b\",\"reply\":\"x\",\"keep_ms\":5000}";
    commands_do(c->conn, "LPUSH", c->queue.jobs, text);
    must(cancel_mark(c->conn, &c->queue, &id, 1, &now_ms, &err), &err);
    assert_true(now_ms > 0);
    must(job_read(slice_of(text), 1000, &job, &err), &err);
    must(cancel_remove(c->conn, &c->queue, c->queue.jobs, &job, &is_removed, &err), &err);
    assert_true(is_removed);
    must(cancel_remove(c->conn, &c->queue, c->queue.jobs, &job, &is_removed, &err), &err);
    assert_false(is_removed); /* repeated: nothing */
    assert_int_equal(commands_int(c->conn, "ZCARD", c->queue.dead), 1);
    must(cancel_unmark(c->conn, &c->queue, &id, 1, &err), &err);
    assert_int_equal(commands_int(c->conn, "EXISTS", c->queue.cancel), 0);
    must(result_read(c->conn, &c->queue, id, &reply, &err), &err);
    assert_true(reply_is_string(reply));
    reply_free(reply);
    must(report_write(c->conn, &c->queue, "p.1", slice_of("told"), 1000, &err), &err);
    must(report_read(c->conn, &c->queue, "p.1", &reply, &err), &err);
    assert_true(slice_is(reply_slice(reply), "told"));
    reply_free(reply);
    expect_counts(c, COMMANDS_ARGS("cancelled"));
}

static void test_a_worker_s_end(void **state)
{
    struct cluster *c = *state;
    struct err err = {0};
    enum drain_outcome drain;
    struct drain_sentinel sentinel;
    struct lease_state renewed;
    struct lease_reaped reaped;
    const struct lease_blame all = {.is_known = false};
    commands_do(c->conn, "FLUSHALL");
    enter(c);
    push(c, 3);
    assert_int_equal(claim(c, 0, 3), CLAIM_JOBS);
    const struct lease_ask too_much = {.order_keys = &(const char *){"darg:shutdown"},
                                       .order_key_count = 1};
    assert_int_equal(lease_renew(c->conn, &c->lease, &too_much, &renewed, &err), ST_CLUSTER);
    must(lease_renew(c->conn, &c->lease, &(struct lease_ask){0}, &renewed, &err), &err);
    assert_true(renewed.is_registered);
    must(lease_reap(c->conn, &c->queue, c->lease.worker, NULL, &all, &reaped, &err), &err);
    assert_int_equal(reaped.moved, 3);
    assert_int_equal(reaped.suspects, 3);
    commands_do(c->conn, "DEL", c->queue.suspects);
    lease_fini(&c->lease);
    lease_init(&c->lease, &c->queue, "p", 2);
    enter(c);
    must(drain_push_sentinel(c->conn, &c->queue, NULL, false, &sentinel, &err), &err);
    assert_int_equal(claim(c, 0, 0), CLAIM_DRAIN);
    must(drain_return_sentinel(c->conn, &c->queue, false, &err), &err);
    must(drain_tick(c->conn, &c->lease, &(struct lease_drain){.is_known = true},
                    &(struct drain_look){.cursor = ""}, &drain, &err),
         &err);
    assert_int_equal(drain, DRAIN_ENDED);
    struct orders orders;
    must(orders_read(c->conn, "darg", "p", &orders, &err), &err);
    expect_counts(c, COMMANDS_ARGS("claimed", "reaped", "drains"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_s_life),
        cmocka_unit_test(test_a_cancelled_job),
        cmocka_unit_test(test_a_worker_s_end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
