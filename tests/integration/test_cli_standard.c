/* Standard descriptors that are closed, or that cannot be written to. */
#include "support/cmocka_all.h"
#include "support/cli.h"

#include <stdlib.h>

#define WORKER "\"${DARG%/*}/darg-worker\""

/* Else the connection to Redis would take its number, and what is printed would be a command. */
static void test_output_never_goes_to_redis(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "SET", "mark", "1");
    cli_run_shell(cli, 1,
                  WORKER " --log-level off & $DARG push echo '\"FLUSHALL\"' --wait >&-; code=$?; "
                         "kill $!; wait $!; exit $code");
    cli_expect_err(cli, "darg: cannot write to standard output\n");
    assert_int_equal(commands_int(cli->conn, "EXISTS", "mark"), 1);
    cli_run_shell(cli, 2, "$DARG FLUSHALL 2>&-");
    cli_run_shell(cli, 2, "$DARG FLUSHALL <&- >&- 2>&-");
    assert_int_equal(commands_int(cli->conn, "EXISTS", "mark"), 1);
}

static void test_input_never_comes_from_redis(void **state)
{
    struct cli *cli = *state;
    cli_run_shell(cli, 1, "$DARG push t --lines <&-");
    cli_expect_err_has(cli, "cannot read standard input: Bad file descriptor");
    cli_run_shell(cli, 0, "$DARG push t --id a <&-"); /* which needs none */
    cli_expect_out(cli, "a\n");
}

static void test_output_that_cannot_be_written(void **state)
{
    struct cli *cli = *state;
    static const char *const lines[] = {
        "$DARG --version >/dev/full",        "$DARG stats --json >/dev/full",
        "$DARG push --help >/dev/full",      WORKER " --help >/dev/full",
        WORKER " --print-config >/dev/full", WORKER " --try echo 1 >/dev/full",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cli_run_shell(cli, 1, lines[i]);
        cli_expect_err_has(cli, "cannot write to standard output");
    }
#ifndef __SANITIZE_THREAD__ /* which takes the signal for itself */
    cli_run_shell(cli, 1, "ulimit -f 0; exec $DARG --version >\"$(mktemp -u)\"");
    cli_expect_out(cli, ""); /* nor can the reason be written */
#endif
}

/* Its threads would crash, one after the other. */
static void test_a_stack_that_is_too_small(void **state)
{
#ifdef __SANITIZE_THREAD__
    (void)state;
    skip(); /* which wants more stack than that for itself */
#else
    struct cli *cli = *state;
    cli_run_shell(cli, 2, "ulimit -s 64; exec " WORKER " --burst");
    cli_expect_err(cli, "darg-worker: the limit of stacks is 64KiB, and threads need 512KiB: raise "
                        "it (ulimit -s 512)\n");
    cli_run_shell(cli, 0, "ulimit -s 512; exec " WORKER " --burst --log-level off");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_output_never_goes_to_redis),
        CLI_TEST(test_input_never_comes_from_redis),
        CLI_TEST(test_output_that_cannot_be_written),
        CLI_TEST(test_a_stack_that_is_too_small),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
