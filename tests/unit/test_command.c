/* What the entry of a command of darg says has to fit together. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "producer/shared/command.h"

struct two {
    const char *first, *second;
};

static const struct option_row rows[] = {
    {"second", 0, OPTION_FIELD(OPT_STRING, struct two, second), .help = "h"},
    OPTIONS_END,
};

static int run(struct context *context, const void *options)
{
    const struct two *two = options;
    (void)context;
    return two->second ? 7 : 8;
}

/* The wait status of a process that runs the command. */
static int run_apart(size_t options_size)
{
    const struct command command = {
        .name = "try", .usage = "", .rows = rows, .options_size = options_size, .run = run};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char name[] = "darg", option[] = "--second", value[] = "x";
        char *argv[] = {name, option, value, NULL};
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        _exit(command_run(&command, "darg try", 3, argv));
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return how;
}

static void test_options_that_do_not_fit_are_a_bug(void **state)
{
    (void)state;
    int how = run_apart(sizeof(struct two));
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 7);
    how = run_apart(sizeof(struct two) - 1);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_that_do_not_fit_are_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
