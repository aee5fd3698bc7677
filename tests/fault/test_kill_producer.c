/* Producers killed in the middle of pushing: what was acknowledged is there, and nothing is half
 * there. */
#include "support/cmocka_all.h"

#include "support/checker.h"
#include "support/cli.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BULK = 200000, WAIT_MS = 20000 };

struct length {
    struct cli *cli;
    int64_t wanted;
};

static int64_t queue_length(struct cli *cli)
{
    return commands_int(cli->conn, "LLEN", "darg:{jobs}");
}

static bool is_so_long(void *context)
{
    const struct length *length = context;
    return queue_length(length->cli) >= length->wanted;
}

static void wait_length(struct cli *cli, int64_t wanted)
{
    struct length length = {cli, wanted};
    assert_true(wait_until(is_so_long, &length, WAIT_MS));
}

/* Each element is the job whose number is its place: whole, in order, none twice, none left out. */
static void expect_prefix(struct cli *cli)
{
    struct reply *jobs = commands_run(cli->conn, "LRANGE", "darg:{jobs}", "0", "-1");
    size_t count = reply_count(jobs);
    for (size_t i = 0; i < count; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "{\"type\":\"noop\",\"id\":\"j%zu\"}", count - 1 - i);
        if (!slice_is(reply_slice(reply_at(jobs, i)), want))
            fail_msg("job %zu of %zu is not whole", count - 1 - i, count);
    }
    reply_free(jobs);
}

static void test_killed_in_a_bulk(void **state)
{
    struct cli *cli = *state;
    char feeder[160];
    (void)snprintf(feeder, sizeof feeder,
                   "seq 0 %d | sed 's/.*/{\"type\":\"noop\",\"id\":\"j&\"}/'", BULK - 1);
    for (int i = 1; i <= 4; i++) {
        commands_do(cli->conn, "DEL", "darg:{jobs}");
        struct process *push = cli_start_fed(cli, feeder, "push --jsonl -q jobs --quiet");
        wait_length(cli, (int64_t)i * 5000);
        process_signal_group(push, SIGKILL);
        assert_int_equal(process_wait(push, WAIT_MS), 128 + SIGKILL);
        process_free(push);
        int64_t length = queue_length(cli);
        print_message("killed after %lld of %d jobs\n", (long long)length, BULK);
        assert_true(length < BULK); /* else it was too late to mean anything */
        expect_prefix(cli);
    }
}

/* A producer whose every push ends before it says so; the whole pipeline is killed at any moment.
 * One more may have arrived than was acknowledged. */
static void test_acknowledged_one_by_one(void **state)
{
    struct cli *cli = *state;
    for (int i = 0; i < 5; i++) {
        commands_do(cli->conn, "DEL", "darg:{jobs}");
        struct process *push =
            cli_start_shell(cli, "i=0; while $DARG push noop -q jobs --id j$i >/dev/null; do\n"
                                 "echo j$i; i=$((i + 1)); done");
        wait_length(cli, 10 + i);
        process_signal_group(push, SIGKILL);
        (void)process_wait(push, WAIT_MS);
        size_t acknowledged = 0;
        for (const char *at = process_stdout(push); (at = strchr(at, '\n')) != NULL; at++)
            acknowledged++;
        struct checker *checker = checker_new(cli->conn, acknowledged + 2);
        checker_expect_runs(checker, acknowledged, 0);
        checker_expect_runs(checker, acknowledged + 1, 0);
        struct checker_findings found = checker_look(checker);
        checker_free(checker);
        process_free(push);
        assert_true(acknowledged >= 9);
        assert_int_equal(found.lost, 0);
        assert_in_range(found.waiting, acknowledged, acknowledged + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_killed_in_a_bulk),
        CLI_TEST(test_acknowledged_one_by_one),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
