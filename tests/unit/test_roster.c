#include "support/cmocka_all.h"

#include "support/wait.h"
#include "worker/handler/roster.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 10000, TICKS_MS = 100 };

struct program {
    pid_t pid;
    int wait_status;
};

/* A process that leads a session and waits to be killed; returns once it does. */
static struct program start(struct roster_place *place)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    struct program program = {.pid = fork()};
    assert_true(program.pid >= 0);
    if (program.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        roster_note(place, getpid(), roster_now_ms());
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return program;
}

static bool has_ended(void *context)
{
    struct program *program = context;
    return waitpid(program->pid, &program->wait_status, WNOHANG) == program->pid;
}

static void expect_killed(struct program *program)
{
    assert_true(wait_until(has_ended, program, WAIT_MS));
    assert_true(WIFSIGNALED(program->wait_status));
    assert_int_equal(WTERMSIG(program->wait_status), SIGKILL);
}

static void expect_alive(struct program *program)
{
    assert_false(has_ended(program));
}

static void end(struct program *program)
{
    assert_int_equal(kill(program->pid, SIGKILL), 0);
    expect_killed(program);
}

static void test_what_is_noted_is_killed(void **state)
{
    (void)state;
    struct roster *roster = roster_new(3);
    struct program noted = start(roster_take(roster));
    struct roster_place *place = roster_take(roster);
    struct program struck_out = start(place);
    roster_leave(place);
    struct program unknown = start(NULL);
    roster_end(roster);
    expect_killed(&noted);
    expect_alive(&struck_out);
    expect_alive(&unknown);
    end(&struck_out);
    end(&unknown);
    roster_free(roster);
}

/* The number of a program that has ended may have become another's. */
static void test_a_later_process_is_left_alone(void **state)
{
    (void)state;
    struct roster *roster = roster_new(1);
    struct roster_place *place = roster_take(roster);
    struct program other = start(NULL);
    roster_note(place, other.pid, roster_now_ms() - TICKS_MS);
    roster_end(roster);
    expect_alive(&other);
    end(&other);
    roster_free(roster);
}

static void test_places_are_as_many_as_said(void **state)
{
    (void)state;
    struct roster *roster = roster_new(2);
    struct roster_place *first = roster_take(roster), *second = roster_take(roster);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_null(roster_take(roster));
    roster_leave(first);
    assert_ptr_equal(roster_take(roster), first);
    roster_end(roster);
    assert_non_null(roster_take(roster));
    assert_non_null(roster_take(roster));
    roster_free(roster);
    assert_null(roster_take(NULL));
    roster_end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_noted_is_killed),
        cmocka_unit_test(test_a_later_process_is_left_alone),
        cmocka_unit_test(test_places_are_as_many_as_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
