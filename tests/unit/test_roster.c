#include "support/cmocka_all.h"

#include "support/filter.h"
#include "support/programs.h"
#include "support/wait.h"
#include "worker/program/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICKS_MS = 100, WAIT_MS = 10000 };

static void test_what_is_noted_is_killed(void **state)
{
    (void)state;
    struct roster *roster = roster_new(3);
    struct program noted = program_start(roster_take(roster));
    struct roster_place *place = roster_take(roster);
    struct program struck_out = program_start(place);
    roster_leave(place);
    struct program unknown = program_start(NULL);
    roster_end(roster);
    program_expect_killed(&noted);
    program_expect_alive(&struck_out);
    program_expect_alive(&unknown);
    program_end(&struck_out);
    program_end(&unknown);
    roster_free(roster);
}

/* The number of a program that has ended may have become another's. */
static void test_a_later_process_is_left_alone(void **state)
{
    (void)state;
    struct roster *roster = roster_new(1);
    struct roster_place *place = roster_take(roster);
    int64_t noted_ms = roster_now_ms() - TICKS_MS; /* before it begins, however long that takes */
    struct program other = program_start(NULL);
    roster_note(place, other.pid, noted_ms, 0);
    roster_end(roster);
    program_expect_alive(&other);
    program_end(&other);
    roster_free(roster);
}

/* ---- sessions without a leader ---- */

/* What is left of a session: it echoes what it is asked. It is no child of this process. */
struct rest {
    pid_t session;
    int64_t autogroup;
    int ask, answer;
};

static struct rest leave_rest(const char *variable)
{
    const char *const environment[] = {"PATH=/usr/bin:/bin", variable, NULL};
    int questions[2], answers[2], wait_status = 0;
    assert_int_equal(pipe2(questions, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setsid();
        int64_t autogroup = roster_own_autogroup();
        if (write(answers[1], &autogroup, sizeof autogroup) == (ssize_t)sizeof autogroup &&
            dup2(questions[0], 0) == 0 && dup2(answers[1], 1) == 1)
            execle("/bin/sh", "sh", "-c", "exec 3<&0; exec cat <&3 &", (char *)NULL, environment);
        _exit(1);
    }
    close(questions[0]);
    close(answers[1]);
    assert_int_equal(waitpid(pid, &wait_status, 0), pid); /* its number is free but for the rest */
    assert_int_equal(wait_status, 0);
    struct rest rest = {.session = pid, .ask = questions[1], .answer = answers[0]};
    assert_int_equal(read(rest.answer, &rest.autogroup, sizeof rest.autogroup),
                     sizeof rest.autogroup);
    return rest;
}

static bool rest_answers(const struct rest *rest)
{
    char byte = 0;
    struct pollfd item = {.fd = rest->answer, .events = POLLIN};
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    bool is_asked = write(rest->ask, "", 1) == 1;
    signal(SIGPIPE, before);
    assert_true(!is_asked || poll(&item, 1, (int)wait_patience_ms(WAIT_MS)) == 1);
    return is_asked && read(rest->answer, &byte, 1) == 1;
}

/* It reads to the end of what it is asked, and ends. */
static void let_rest_end(const struct rest *rest)
{
    close(rest->ask);
    close(rest->answer);
}

/* The noted program has ended, and a foreign daemon's first process has come by its number. */
static void expect_left_alone(int64_t autogroup, size_t unsure)
{
    struct roster *roster = roster_new(1), *another = roster_new(1);
    char mark[128];
    (void)snprintf(mark, sizeof mark, "%s=%s", ROSTER_VARIABLE, roster_mark(another));
    struct rest rest = leave_rest(mark);
    assert_true(rest_answers(&rest));
    roster_note(roster_take(roster), rest.session, roster_now_ms() - TICKS_MS, autogroup);
    struct roster_rest left = roster_end(roster);
    assert_true(rest_answers(&rest));
    assert_int_equal(left.unsure, unsure);
    assert_int_equal(left.refused, 0);
    let_rest_end(&rest);
    roster_free(roster);
    roster_free(another);
}

static void test_a_daemon_of_others_is_left_alone(void **state)
{
    (void)state;
    expect_left_alone(0, 1);
    int64_t own = roster_own_autogroup(); /* that of another session; 0: there are none */
    expect_left_alone(own, own == 0);
}

static void expect_killed_as_marked(struct roster *roster, struct roster_rest *left)
{
    char mark[128];
    (void)snprintf(mark, sizeof mark, "%s=%s", ROSTER_VARIABLE, roster_mark(roster));
    struct rest rest = leave_rest(mark);
    assert_true(rest_answers(&rest));
    roster_note(roster_take(roster), rest.session, 0, 0);
    *left = roster_end(roster);
    assert_false(rest_answers(&rest));
    let_rest_end(&rest);
}

static void test_what_has_our_mark_is_killed(void **state)
{
    (void)state;
    struct roster *roster = roster_new(1);
    struct roster_rest left;
    expect_killed_as_marked(roster, &left);
    assert_int_equal(left.unsure, 0);
    assert_int_equal(left.refused, 0);
    roster_free(roster);
}

/* Whatever has become of its environment. */
static void test_what_is_of_the_session_is_killed(void **state)
{
    (void)state;
    struct roster *roster = roster_new(1);
    struct rest rest = leave_rest(NULL);
    assert_true(rest_answers(&rest));
    roster_note(roster_take(roster), rest.session, 0, rest.autogroup);
    struct roster_rest left = roster_end(roster);
    assert_int_equal(rest_answers(&rest), rest.autogroup == 0); /* there are none: unsure */
    assert_int_equal(left.unsure, rest.autogroup == 0);
    let_rest_end(&rest);
    roster_free(roster);
}

/* ---- what the kernel refuses ---- */

enum { CANNOT = 77 };

/* Runs the part in a process of its own, since what it gives up is gone for good. */
static void in_another(void (*part)(void))
{
    int wait_status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        part();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_true(WIFEXITED(wait_status));
    if (WEXITSTATUS(wait_status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(wait_status), 0);
}

static void refuse(long call, int error)
{
    if (!filter_refuse(call, error))
        _exit(CANNOT);
}

static void expect(bool is_so, int line)
{
    if (!is_so) {
        print_error("%s:%d: not as expected\n", __FILE__, line);
        _exit(1);
    }
}

static void cannot_kill(void)
{
    struct roster *roster = roster_new(1);
    struct program program = program_start(roster_take(roster));
    pid_t pid = fork();
    if (pid == 0) {
        refuse(SYS_kill, EPERM);
        refuse(SYS_pidfd_send_signal, EPERM);
        struct roster_rest left = roster_end(roster);
        expect(left.refused == 1 && left.unsure == 0, __LINE__);
        _exit(0);
    }
    int wait_status = 0;
    expect(waitpid(pid, &wait_status, 0) == pid, __LINE__);
    program_expect_alive(&program);
    program_end(&program);
    _exit(WEXITSTATUS(wait_status));
}

static void test_what_cannot_be_killed_is_told(void **state)
{
    (void)state;
    in_another(cannot_kill);
}

static void has_no_pidfds(void)
{
    struct roster *roster = roster_new(1);
    struct roster_rest left;
    refuse(SYS_pidfd_open, ENOSYS);
    expect_killed_as_marked(roster, &left);
    expect(left.refused == 0 && left.unsure == 0, __LINE__);
}

static void test_an_older_kernel_kills_as_well(void **state)
{
    (void)state;
    in_another(has_no_pidfds);
}

/* A pid namespace with the /proc of the one around it: the numbers there are others'. */
static void has_anothers_proc(void)
{
    if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
        _exit(CANNOT);
    int wait_status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct roster *roster = roster_new(1);
        expect(!roster_can_look(), __LINE__);
        struct program program = program_start(roster_take(roster));
        (void)roster_end(roster);
        program_expect_killed(&program);
        _exit(0);
    }
    expect(pid > 0 && waitpid(pid, &wait_status, 0) == pid, __LINE__);
    _exit(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1);
}

static void test_the_proc_of_others_is_not_looked_at(void **state)
{
    (void)state;
    assert_true(roster_can_look());
    in_another(has_anothers_proc);
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
        cmocka_unit_test(test_a_daemon_of_others_is_left_alone),
        cmocka_unit_test(test_what_has_our_mark_is_killed),
        cmocka_unit_test(test_what_is_of_the_session_is_killed),
        cmocka_unit_test(test_what_cannot_be_killed_is_told),
        cmocka_unit_test(test_an_older_kernel_kills_as_well),
        cmocka_unit_test(test_the_proc_of_others_is_not_looked_at),
        cmocka_unit_test(test_places_are_as_many_as_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
