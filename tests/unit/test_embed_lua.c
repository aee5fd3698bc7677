/* What makes C of the scripts, and what that refuses. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/scripts.h"
#include "support/script.h"

enum { WAIT_MS = 50 * 1000 };

static void test_a_head_and_a_body_that_disagree(void **state)
{
    (void)state;
    script_run("embed-lua", NULL, WAIT_MS);
}

static void test_the_order_is_the_script_s(void **state)
{
    (void)state;
    struct request request = {0}, further = {0}, follow = {0};
    request_add_text(&further, "reply");
    request_add_text(&follow, "told");
    const struct script_done_call call = {
        .follow = &follow,
        .further = &further,
        .worker = script_text(""),
        .counts = "counts",
        .claimed = "claimed",
        .workers = "workers",
    };
    script_done_begin(&request, &call);
    assert_int_equal(request.count, 9);
    const char *begin = strstr(buf_text(&request.body), "\r\n$1\r\n4\r\n");
    assert_non_null(begin);
    assert_string_equal(begin, "\r\n$1\r\n4\r\n$7\r\nclaimed\r\n$7\r\nworkers\r\n$6\r\ncounts\r\n"
                               "$5\r\nreply\r\n$0\r\n\r\n$4\r\ntold\r\n");
    request_fini(&request);
    request_fini(&further);
    request_fini(&follow);
}

static bool aborts(const struct script_unbox_call *call)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        struct request request = {0};
        script_unbox_begin(&request, call);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT;
}

static void test_what_is_missing_is_a_bug(void **state)
{
    (void)state;
    struct script_unbox_call call = {.inbox = "a", .queue = "b", .limit = script_int(0)};
    assert_false(aborts(&call));
    call.queue = NULL;
    assert_true(aborts(&call));
    call = (struct script_unbox_call){.inbox = "a", .queue = "b"};
    assert_true(aborts(&call));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_and_a_body_that_disagree),
        cmocka_unit_test(test_the_order_is_the_script_s),
        cmocka_unit_test(test_what_is_missing_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
