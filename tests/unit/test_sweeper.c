#include "support/cmocka_all.h"

#include "support/filter.h"
#include "support/programs.h"
#include "worker/process/sweeper.h"
#include "worker/program/roster.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_FILTER = 77 };

/* As on a kernel that has none. */
static void take_close_range_away(void)
{
    if (!filter_refuse(SYS_close_range, ENOSYS))
        _exit(CANNOT_FILTER);
}

/* A supervisor that starts a sweeper and is gone, without a word. Its exit code. */
static int be_supervisor(struct roster *roster, void (*prepare)(void))
{
    int wait_status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sweeper sweeper;
        (void)!dup(STDIN_FILENO); /* the lowest number: its socket is to have others */
        if (prepare)
            prepare();
        sweeper_start(&sweeper, &roster, 1);
        _exit(sweeper.fd < 0);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_true(WIFEXITED(wait_status));
    return WEXITSTATUS(wait_status);
}

static void sweeps_after(void (*prepare)(void))
{
    struct roster *roster = roster_new(1);
    struct program program = program_start(roster_take(roster));
    int code = be_supervisor(roster, prepare);
    if (code == CANNOT_FILTER) {
        program_end(&program);
        roster_free(roster);
        skip(); /* this system takes no filters */
    }
    assert_int_equal(code, 0);
    program_expect_killed(&program);
    roster_free(roster);
}

static void test_it_sweeps_once_the_supervisor_is_gone(void **state)
{
    (void)state;
    sweeps_after(NULL);
}

/* It must not hold the supervisor's end of its socket. */
static void test_it_needs_no_close_range(void **state)
{
    (void)state;
    sweeps_after(take_close_range_away);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_sweeps_once_the_supervisor_is_gone),
        cmocka_unit_test(test_it_needs_no_close_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
