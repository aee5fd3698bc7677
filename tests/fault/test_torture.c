/* The short form of `make torture`: some seconds of faults at random, with seeds that stay the
 * same, and then the checker's judgement. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/commands.h"
#include "support/process.h"

enum { DEADLINE_MS = 150000 };

static void torture(const char *seed, const char *seconds)
{
    char program[512];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(program, sizeof program, "%s/torture", build ? build : "build");
    struct process *process = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS(program, "--seed", seed, "--seconds", seconds, "--calm-kills", "4")});
    int code = process_wait(process, DEADLINE_MS);
    (void)fputs(process_stdout(process), stdout); /* longer than print_message() takes */
    if (code != 0)
        (void)fputs(process_stderr(process), stdout);
    assert_int_equal(code, 0);
    /* It has pushed, ended and injected something: a judgement of nothing is none. */
    assert_null(strstr(process_stdout(process), "\npushed              0"));
    assert_null(strstr(process_stdout(process), "\nended               0"));
    assert_null(strstr(process_stdout(process), "faults injected: 0"));
    process_free(process);
}

static void test_torture(void **state)
{
    (void)state;
    const char *slowness = getenv("TEST_TIMEOUT_MULT");
    if (slowness && strcmp(slowness, "1") != 0) {
        print_message("its leases are too short for a build as slow as this: skipped\n");
        skip();
    }
    torture("7", "8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
