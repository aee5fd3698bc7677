#include "support/programs.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/wait.h"

enum { WAIT_MS = 10000 };

static _Noreturn void be_program(struct roster_place *place, int asked, int answer)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    roster_note(place, getpid(), roster_now_ms(), roster_own_autogroup());
    do {
        if (write(answer, "", 1) != 1)
            _exit(1);
    } while (read(asked, &byte, 1) == 1);
    _exit(1);
}

struct program program_start(struct roster_place *place)
{
    int questions[2], answers[2];
    char byte = 0;
    assert_int_equal(pipe(questions), 0);
    assert_int_equal(pipe(answers), 0);
    struct program program = {.pid = fork(), .ask = questions[1], .answer = answers[0]};
    assert_true(program.pid >= 0);
    if (program.pid == 0) {
        close(questions[1]);
        close(answers[0]);
        be_program(place, questions[0], answers[1]);
    }
    close(questions[0]);
    close(answers[1]);
    assert_int_equal(read(program.answer, &byte, 1), 1);
    return program;
}

static bool has_ended(void *context)
{
    struct program *program = context;
    return waitpid(program->pid, &program->wait_status, WNOHANG) == program->pid;
}

void program_expect_killed(struct program *program)
{
    assert_true(wait_until(has_ended, program, WAIT_MS));
    assert_true(WIFSIGNALED(program->wait_status));
    assert_int_equal(WTERMSIG(program->wait_status), SIGKILL);
    close(program->ask);
    close(program->answer);
}

void program_expect_alive(struct program *program)
{
    char byte = 0;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(write(program->ask, "", 1), 1);
    assert_int_equal(read(program->answer, &byte, 1), 1);
    signal(SIGPIPE, before);
}

void program_end(struct program *program)
{
    assert_int_equal(kill(program->pid, SIGKILL), 0);
    program_expect_killed(program);
}
