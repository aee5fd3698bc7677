/* darg fsck: a queue damaged in each way is reported, and mended where that is possible; one that
 * is well is left alone. */
#include "support/cmocka_all.h"

#include "support/cli.h"
#include "support/worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Q "darg:{jobs}"
#define JOB "{\"type\":\"noop\"}"

static void list_queue(struct cli *cli)
{
    commands_do(cli->conn, "SADD", "darg:queues", "jobs");
}

/* Reported, told as mended, and then gone. */
static void expect_mended(struct cli *cli, const char *kind, const char *text)
{
    char wrong[128], mended[128];
    (void)snprintf(wrong, sizeof wrong, "\"kind\":\"%s\",\"level\":\"WRONG\"", kind);
    (void)snprintf(mended, sizeof mended, "\"kind\":\"%s\",\"level\":\"mended\"", kind);
    cli_run(cli, 1, "fsck", "-q", "jobs", "--json", "--lease", "100ms");
    cli_expect_out_has(cli, wrong);
    cli_expect_out_has(cli, text);
    cli_run(cli, 0, "fsck", "-q", "jobs", "--json", "--lease", "100ms", "--repair");
    cli_expect_out_has(cli, mended);
    cli_run(cli, 0, "fsck", "-q", "jobs", "--json", "--lease", "100ms");
    cli_expect_out(cli, "[]\n");
}

static void expect_gone(struct cli *cli, const char *key)
{
    assert_int_equal(commands_int(cli->conn, "EXISTS", key), 0);
}

static void test_nothing_is_wrong(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "fsck", "-q", "jobs");
    cli_expect_err_has(cli, "queue 'jobs': nothing is wrong");
    cli_run(cli, 0, "push", "noop", "-q", "jobs");
    cli_run(cli, 0, "fsck", "--all");
    cli_expect_err_has(cli, "1 queue: nothing is wrong");
    cli_run(cli, 2, "fsck", "--all", "-q", "jobs");
}

static void test_orphan(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "HSET", Q ":claimed:ghost.1", "1", JOB, "2", JOB, "last", "0:2:0");
    commands_do(cli->conn, "HSET", Q ":counts", "claimed", "2");
    expect_mended(cli, "orphan", "\"count\":2,\"key\":\"" Q ":claimed:ghost.1\"");
    expect_gone(cli, Q ":claimed:ghost.1");
    expect_gone(cli, Q ":reaped");
    assert_int_equal(commands_int(cli->conn, "LLEN", Q ":suspects"), 2);
    cli_expect_job(cli, Q ":suspects",
                   "{\"darg\":1,\"runs\":1,\"crashes\":1,\"attempt\":0,\"claim\":\"ghost.1:1\","
                   "\"job\":" JOB "}");
}

/* What reap would not see must not go with the hash. */
static void test_odd_fields_are_kept(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "HSET", Q ":claimed:ghost.1", "x", "mine", "01", "too", "last", "5:1:0",
                "6", JOB, "12345678901234567", "big");
    commands_do(cli->conn, "HSET", Q ":counts", "claimed", "1");
    expect_mended(cli, "field", "\"count\":3");
    assert_int_equal(commands_int(cli->conn, "LLEN", Q ":suspects"), 1);
    assert_int_equal(commands_int(cli->conn, "LLEN", Q), 3);
    assert_int_equal(commands_int(cli->conn, "LREM", Q, "0", "mine"), 1);
    assert_int_equal(commands_int(cli->conn, "LREM", Q, "0", "too"), 1);
    assert_int_equal(commands_int(cli->conn, "LREM", Q, "0", "big"), 1);
}

static void test_receipt(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "HSET", Q ":claimed:ghost.1", "9", JOB, "last", "0:2:0");
    commands_do(cli->conn, "HSET", Q ":counts", "claimed", "1");
    expect_mended(cli, "receipt", "contradicts");
}

static void test_dead_worker(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "ZADD", Q ":workers", "1000", "p.1");
    commands_do(cli->conn, "SADD", Q ":drained", "p.1");
    commands_do(cli->conn, "HSET", Q ":claimed:p.1", "1", JOB, "odd", "kept", "last", "0:1:0");
    commands_do(cli->conn, "HSET", Q ":counts", "claimed", "1");
    expect_mended(cli, "stale", "has not renewed for");
    expect_gone(cli, Q ":workers");
    expect_gone(cli, Q ":drained");
    assert_int_equal(commands_int(cli->conn, "LLEN", Q), 1);
    assert_int_equal(commands_int(cli->conn, "LLEN", Q ":suspects"), 1);
}

static void test_reaped_leftovers(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "SADD", Q ":reaped", "p.1", "p.2");
    /* Of these jobs one was running, as the first step of the reap has noted. */
    commands_do(cli->conn, "HSET", Q ":claimed:p.2", "1", JOB, "2", JOB, "last", "0:2:0", "blame",
                "2");
    commands_do(cli->conn, "HSET", Q ":counts", "claimed", "2");
    expect_mended(cli, "reaped", "no worker lives to finish it");
    expect_gone(cli, Q ":reaped");
    assert_int_equal(commands_int(cli->conn, "LLEN", Q ":suspects"), 1);
    assert_int_equal(commands_int(cli->conn, "LLEN", Q), 1);
}

static void test_inbox_drained_and_name(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "LPUSH", Q ":inbox", JOB, JOB, JOB);
    expect_mended(cli, "unlisted", "darg stats does not see it");
    assert_int_equal(commands_int(cli->conn, "LLEN", Q), 3);
    commands_do(cli->conn, "LPUSH", Q ":inbox", JOB);
    expect_mended(cli, "inbox", "\"count\":1");
    assert_int_equal(commands_int(cli->conn, "LLEN", Q), 4);
    commands_do(cli->conn, "SADD", Q ":drained", "nobody.1");
    expect_mended(cli, "drained", "nobody.1");
    expect_gone(cli, Q ":drained");
}

static void test_counters(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "HSET", Q ":counts", "claimed", "9", "done", "4");
    expect_mended(cli, "counters", "say that 5 more jobs are held than are");
    assert_int_equal(commands_int(cli->conn, "HGET", Q ":counts", "released"), 5);
    commands_do(cli->conn, "HSET", Q ":counts", "done", "6");
    expect_mended(cli, "counters", "say that -2 more jobs");
    assert_int_equal(commands_int(cli->conn, "HGET", Q ":counts", "claimed"), 11);
}

static void test_what_only_a_person_can_mend(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "SET", Q ":claimed:ghost.1", "x");
    cli_run(cli, 1, "fsck", "-q", "jobs", "--repair");
    cli_expect_out_has(cli, "should be a hash");
    commands_do(cli->conn, "SET", Q ":dead", "x");
    cli_run(cli, 1, "fsck", "-q", "jobs", "--repair");
    cli_expect_out_has(cli, "is a string, should be a zset");
    assert_int_equal(commands_int(cli->conn, "EXISTS", Q ":dead", Q ":claimed:ghost.1"), 2);
}

static void test_notes_are_no_failure(void **state)
{
    struct cli *cli = *state;
    list_queue(cli);
    commands_do(cli->conn, "ZADD", Q ":scheduled", "1", JOB);
    cli_run(cli, 0, "fsck", "-q", "jobs");
    cli_expect_out_has(cli, "note");
    cli_expect_out_has(cli, "members without an envelope");
}

/* A worker that lives keeps what it holds, however its lease compares with ours, and its counters
 * are right at every moment. */
static void test_beside_a_worker(void **state)
{
    struct worker_fixture *fixture = *state;
    struct cli cli = {.server = fixture->server, .conn = fixture->conn};
    worker_fixture_push_many(fixture, 4, "sleep", "60000");
    worker_fixture_start(fixture, "-q", "jobs", "--threads", "8");
    worker_fixture_wait_held(fixture, 4);
    cli_run_shell(&cli, 0, "$DARG push --lines noop -q jobs <<EOF\n$(seq 1 20000)\nEOF");
    for (int i = 0; i < 3; i++) {
        cli_run(&cli, 0, "fsck", "-q", "jobs", "--repair", "--json", "--lease", "100ms");
        cli_expect_out(&cli, "[]\n");
    }
    worker_fixture_wait_count(fixture, "done", 20000);
    cli_run(&cli, 0, "fsck", "-q", "jobs", "--repair", "--json", "--lease", "100ms");
    cli_expect_out(&cli, "[]\n");
    assert_int_equal(worker_fixture_held(fixture), 4);
    assert_int_equal(worker_fixture_count(fixture, "reaped"), 0);
    process_free(cli.last);
}

int main(void)
{
    const struct CMUnitTest damaged[] = {
        CLI_TEST(test_nothing_is_wrong),
        CLI_TEST(test_orphan),
        CLI_TEST(test_odd_fields_are_kept),
        CLI_TEST(test_receipt),
        CLI_TEST(test_dead_worker),
        CLI_TEST(test_reaped_leftovers),
        CLI_TEST(test_inbox_drained_and_name),
        CLI_TEST(test_counters),
        CLI_TEST(test_what_only_a_person_can_mend),
        CLI_TEST(test_notes_are_no_failure),
    };
    const struct CMUnitTest alive[] = {WORKER_TEST(test_beside_a_worker)};
    int failed = cmocka_run_group_tests_name("fsck", damaged, cli_setup, cli_teardown);
    return failed + cmocka_run_group_tests_name("fsck_alive", alive, worker_fixture_setup,
                                                worker_fixture_teardown);
}
