#include "support/cmocka_all.h"

#include "base/err.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_every_status_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        assert_true(status_name((enum status)i)[0] != 0);
        assert_true(status_text((enum status)i)[0] != 0);
    }
    assert_string_equal(status_name(ST_NO_MEMORY), "NO_MEMORY");
    assert_string_equal(status_text(ST_NO_MEMORY), "out of memory");
    assert_string_equal(status_name(ST_SERVER), "SERVER");
}

static void test_set_records_and_returns(void **state)
{
    (void)state;
    struct err err = {0};
    assert_string_equal(err_text(&err), "ok");
    assert_int_equal(err_set(&err, ST_INVALID, "%s is %d", "x", 7), ST_INVALID);
    assert_int_equal(err.status, ST_INVALID);
    assert_string_equal(err_text(&err), "x is 7");
}

static void test_no_sentence_falls_back_to_the_status(void **state)
{
    (void)state;
    struct err err = {.status = ST_OOM};
    assert_string_equal(err_text(&err), "Redis has reached its memory limit");
}

static void test_nobody_listens(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ST_BUSY, "x"), ST_BUSY);
    assert_int_equal(err_system(NULL, ENOENT, "x"), ST_SYSTEM);
    err_prefix(NULL, "x");
}

static void test_system_says_why(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_system(&err, ENOENT, "cannot open %s", "f"), ST_SYSTEM);
    assert_int_equal(err.status, ST_SYSTEM);
    assert_string_equal(err_text(&err), "cannot open f: No such file or directory");
}

static void test_prefix_says_where(void **state)
{
    (void)state;
    struct err err = {0};
    (void)err_set(&err, ST_TIMED_OUT, "too slow");
    err_prefix(&err, "queue %s", "q");
    assert_string_equal(err_text(&err), "queue q: too slow");
    assert_int_equal(err.status, ST_TIMED_OUT);

    struct err bare = {.status = ST_OOM};
    err_prefix(&bare, "claim");
    assert_string_equal(err_text(&bare), "claim: Redis has reached its memory limit");
}

static void test_may_quote_its_own_text(void **state)
{
    (void)state;
    struct err err = {0};
    (void)err_set(&err, ST_INVALID, "inner");
    (void)err_set(&err, ST_SERVER, "outer (%s)", err_text(&err));
    assert_string_equal(err_text(&err), "outer (inner)");
}

static void assert_cut(const struct err *err)
{
    assert_int_equal(strlen(err->text), sizeof err->text - 1);
    assert_string_equal(err->text + sizeof err->text - 4, "...");
}

static void test_long_text_is_cut_visibly(void **state)
{
    (void)state;
    char text[2048];
    struct err err = {0};
    memset(text, 'a', sizeof text);
    text[sizeof err.text - 1] = 0;
    (void)err_set(&err, ST_INVALID, "%s", text);
    assert_string_equal(err.text, text); /* just fits */

    text[sizeof err.text - 1] = 'a';
    text[sizeof err.text] = 0;
    (void)err_set(&err, ST_INVALID, "%s", text);
    assert_cut(&err);
    err_prefix(&err, "there");
    assert_cut(&err);
    assert_memory_equal(err.text, "there: aaa", 10);

    text[sizeof err.text] = 'a';
    text[sizeof text - 1] = 0;
    (void)err_system(&err, EIO, "%s", text);
    assert_cut(&err);
}

static void test_control_bytes_cannot_steer_a_terminal(void **state)
{
    (void)state;
    struct err err = {0};
    (void)err_set(&err, ST_INVALID, "a\nb\x1b[31mc\x7f\td \xc3\xa9");
    assert_string_equal(err_text(&err), "a?b?[31mc??d \xc3\xa9");
    err_prefix(&err, "\r");
    assert_memory_equal(err.text, "?: a?b", 6);
}

static void break_a_rule(int out)
{
    int jobs = 3;
    dup2(out, STDERR_FILENO);
    ensure(jobs == 4, "%d jobs", jobs);
}

static void test_ensure_aborts_and_says_what(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        break_a_rule(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    char said[512] = "";
    size_t len = 0;
    ssize_t got;
    while ((got = read(ends[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)got;
    close(ends[0]);
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGABRT);
    assert_non_null(strstr(said, "test_err.c:"));
    assert_non_null(strstr(said, "jobs == 4"));
    assert_non_null(strstr(said, "3 jobs\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_words),
        cmocka_unit_test(test_set_records_and_returns),
        cmocka_unit_test(test_no_sentence_falls_back_to_the_status),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_system_says_why),
        cmocka_unit_test(test_prefix_says_where),
        cmocka_unit_test(test_may_quote_its_own_text),
        cmocka_unit_test(test_long_text_is_cut_visibly),
        cmocka_unit_test(test_control_bytes_cannot_steer_a_terminal),
        cmocka_unit_test(test_ensure_aborts_and_says_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
