/* darg push to a queue with a bound: nobody ever exceeds it, and waiting takes no memory. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/cli.h"
#include "support/wait.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "darg:{default}";
enum { WAIT_MS = 20000 };

static int64_t length(struct cli *cli)
{
    return commands_int(cli->conn, "LLEN", key);
}

static void test_limit_is_shown(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "limit", "--max-len", "1000", "--rate", "100/1m", "--dead-age", "2d");
    cli_expect_out(cli, "LIMIT        VALUE\n"
                        "max-len      1,000\n"
                        "rate         100 / 1m\n"
                        "concurrency  none\n"
                        "dead-max     none\n"
                        "dead-age     2d\n");
    cli_run(cli, 0, "limit", "--max-len", "none", "--rate", "none", "--concurrency", "7",
            "--dead-max", "0", "--json");
    cli_expect_out(cli, "{\"queue\":\"default\",\"max_len\":null,\"rate\":null,\"rate_ms\":null,"
                        "\"concurrency\":7,\"dead_max\":0,\"dead_age_ms\":172800000}\n");
    cli_run(cli, 0, "stats", "--json", "-q", "default");
    cli_expect_out_has(cli, "\"paused\":false,\"max_len\":null,\"rate\":null,\"rate_ms\":null,"
                            "\"concurrency\":7,\"dead_max\":0,\"dead_age_ms\":172800000,");
    cli_run(cli, 2, "limit", "--max-len", "5", "--rate", "100");
    cli_expect_err_has(cli,
                       "--rate: '100' is not a number of jobs and a time like 100/1s, or none");
    cli_run(cli, 2, "limit", "--rate", "5/");
    cli_expect_err_has(cli, "--rate: '5/' is not a number of jobs and a time like 100/1s, or none");
}

static void test_no_wait_for_room(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "limit", "--max-len", "1234");
    cli_run_shell(cli, 1, "seq 100000 | $DARG push t --lines --no-wait-for-room");
    cli_expect_err_has(cli, "queue 'default' is full (1234 jobs)");
    cli_expect_err_has(cli, "1,234 jobs were pushed");
    /* They are the beginning of the input. */
    char *newest = commands_text(cli->conn, "LINDEX", key, "0");
    assert_non_null(strstr(newest, "\"1234\"}"));
    free(newest);
    cli_run(cli, 1, "push", "t", "--no-wait-for-room");
    cli_expect_out(cli, "");
    assert_int_equal(length(cli), 1234);
}

struct seen {
    struct cli *cli;
    int64_t most, taken, wanted;
};

/* A worker that takes what is there, and looks how much that is. */
static bool take_some(void *context)
{
    struct seen *seen = context;
    int64_t now = length(seen->cli);
    seen->most = now > seen->most ? now : seen->most;
    struct reply *jobs = commands_run(seen->cli->conn, "RPOP", key, "100");
    seen->taken += (int64_t)reply_count(jobs);
    reply_free(jobs);
    return seen->taken >= seen->wanted;
}

static void test_two_producers(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "limit", "--max-len", "700");
    struct process *a = cli_start_shell(cli, "seq 6000 | $DARG push a --lines");
    struct process *b = cli_start_shell(cli, "seq 6000 | $DARG push b --lines");
    struct seen seen = {.cli = cli, .wanted = 12000};
    assert_true(wait_until(take_some, &seen, WAIT_MS));
    assert_int_equal(process_wait(a, WAIT_MS), 0);
    assert_int_equal(process_wait(b, WAIT_MS), 0);
    process_free(a);
    process_free(b);
    assert_in_range(seen.most, 1, 700);
    assert_int_equal(seen.taken, 12000);
    assert_int_equal(length(cli), 0);
}

/* Nothing is pushed twice or left out, however often it was cut. */
static void test_every_job_once(void **state)
{
    struct cli *cli = *state;
    enum { JOBS = 5000 };
    static bool is_there[JOBS + 1];
    cli_run(cli, 0, "limit", "--max-len", "333");
    struct process *push = cli_start_shell(cli, "seq 5000 | $DARG push t --lines");
    for (int64_t taken = 0; taken < JOBS;) {
        struct reply *jobs = commands_run(cli->conn, "RPOP", key, "50");
        for (size_t i = 0; i < reply_count(jobs); i++, taken++) {
            char *job = slice_dup(reply_slice(reply_at(jobs, i)));
            long n = strtol(strstr(job, "\"args\":\"") + 8, NULL, 10);
            assert_in_range(n, 1, JOBS);
            assert_false(is_there[n]);
            is_there[n] = true;
            free(job);
        }
        reply_free(jobs);
    }
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    process_free(push);
    assert_int_equal(length(cli), 0);
}

/* The most resident memory that the process ever had, in KiB. */
static int64_t memory_of(pid_t pid)
{
    char path[64], line[256];
    int64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %" SCNd64, &kib) == 1)
            break;
    fclose(file);
    return kib;
}

static bool is_full(void *context)
{
    return length(context) == 1000;
}

/* Far below what `yes` writes in a second, and with room for a sanitizer's own memory. */
enum { MEMORY_KIB = 128 * 1024, GROWTH_KIB = 4 * 1024 };

/* A sanitizer keeps freed memory for a while, so that there is nothing to be measured. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool has_sanitizer = true;
#else
static const bool has_sanitizer = false;
#endif

/* Endless input into a full queue: memory does not grow, Ctrl-C tells how many are in. */
static void test_endless_input(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "limit", "--max-len", "1000");
    struct process *push = cli_start_fed(cli, "yes", "push t --lines");
    assert_true(wait_until(is_full, cli, WAIT_MS));
    struct seen seen = {.cli = cli, .wanted = 20000};
    assert_true(wait_until(take_some, &seen, WAIT_MS));
    int64_t before = memory_of(process_pid(push));
    seen.taken = 0;
    assert_true(wait_until(take_some, &seen, WAIT_MS));
    int64_t after = memory_of(process_pid(push));
    if (!has_sanitizer) {
        assert_in_range(after, 1, MEMORY_KIB);
        assert_true(after <= before + GROWTH_KIB);
    }
    assert_true(seen.most <= 1000);
    process_signal(push, SIGINT);
    assert_int_equal(process_wait(push, WAIT_MS), 128 + SIGINT);
    process_wait_stderr(push, "jobs were pushed", WAIT_MS);
    process_free(push);
}

/* A Redis at its memory limit is waited for, too. */
static void test_full_redis(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "CONFIG", "SET", "maxmemory", "1");
    cli_run(cli, 1, "push", "t", "--no-wait-for-room");
    cli_expect_err_has(cli, "OOM");
    struct process *push = cli_start(cli, "push", "t", "--id", "x");
    process_wait_stderr(push, "waiting: ", WAIT_MS);
    commands_do(cli->conn, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    process_free(push);
    cli_expect_job(cli, key, "{\"id\":\"x\",\"type\":\"t\"}");
}

static bool has_one(void *context)
{
    return length(context) == 1;
}

/* A master that is demoted in the middle is waited for; a replica from the start is the wrong
 * server. */
static void test_a_replica(void **state)
{
    struct cli *cli = *state;
    char gate[160], feeder[300];
    (void)snprintf(gate, sizeof gate, "%s/gate", redis_server_directory(cli->server));
    (void)snprintf(feeder, sizeof feeder, "echo a; while ! [ -e %s ]; do sleep 0.02; done; echo b",
                   gate);
    struct process *push = cli_start_fed(cli, feeder, "push t --lines");
    assert_true(wait_until(has_one, cli, WAIT_MS));
    commands_do(cli->conn, "REPLICAOF", "127.0.0.1", "1");
    fclose(fopen(gate, "we"));
    process_wait_stderr(push, "waiting: ", WAIT_MS);
    cli_run(cli, 1, "push", "t");
    cli_expect_err_has(cli, "READONLY");
    commands_do(cli->conn, "REPLICAOF", "NO", "ONE");
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    process_free(push);
    assert_int_equal(length(cli), 2);
}

static bool is_cluster_up(void *context)
{
    struct cli *cli = context;
    char *info = commands_text(cli->conn, "CLUSTER", "INFO");
    bool is_up = strstr(info, "cluster_state:ok") != NULL;
    free(info);
    return is_up;
}

/* Where a cluster's slots are is not waited for: who calls it learns that not all was pushed. */
static void test_a_slot_that_moves(void **state)
{
    static const char *const args[] = {"--cluster-enabled", "yes", NULL};
    struct cli here = {.server = redis_server_start_tcp(args)}, *cli = &here;
    char gate[160], feeder[300];
    (void)state;
    cli->conn = commands_connect(redis_server_url(cli->server));
    commands_do(cli->conn, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    assert_true(wait_until(is_cluster_up, cli, WAIT_MS));
    (void)snprintf(gate, sizeof gate, "%s/gate", redis_server_directory(cli->server));
    (void)snprintf(feeder, sizeof feeder, "echo a; while ! [ -e %s ]; do sleep 0.02; done; echo b",
                   gate);
    struct process *push = cli_start_fed(cli, feeder, "push t --lines");
    assert_true(wait_until(has_one, cli, WAIT_MS));
    commands_do(cli->conn, "CLUSTER", "DELSLOTSRANGE", "0", "16383");
    fclose(fopen(gate, "we"));
    assert_int_equal(process_wait(push, WAIT_MS), 1);
    process_wait_stderr(push, "CLUSTERDOWN", WAIT_MS);
    process_wait_stderr(push, "1 job was pushed", WAIT_MS);
    process_free(push);
    conn_close(cli->conn);
    redis_server_stop(cli->server);
}

static void test_wrong_type(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "SET", key, "no list");
    cli_run_shell(cli, 1, "seq 10000 | $DARG push t --lines");
    cli_expect_err_has(cli, "WRONGTYPE");
    cli_expect_err_has(cli, "0 jobs were pushed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_limit_is_shown),    CLI_TEST(test_no_wait_for_room),
        CLI_TEST(test_two_producers),     CLI_TEST(test_every_job_once),
        CLI_TEST(test_endless_input),     CLI_TEST(test_full_redis),
        CLI_TEST(test_a_replica),         CLI_TEST(test_wrong_type),
        CLI_TEST(test_a_slot_that_moves),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
