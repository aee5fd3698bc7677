/* Tables: what they look like in a pipe and on a terminal, whatever stands in them. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ROWS = 2500, TEXT_MAX = 4096 };

/* On the screen: four columns, one, and two. */
#define WIDE_JOB "{\"type\":\"e\xcc\x81t\",\"id\":\"\xe6\xbc\xa2\xe5\xad\x97\",\"args\":1}"
#define EMOJI_JOB "{\"type\":\"\xf0\x9f\x91\x8d\",\"id\":\"abc\",\"args\":\"\xf0\x9f\x91\x8d\"}"

static void push(struct cli *cli, const char *job)
{
    commands_do(cli->conn, "LPUSH", "darg:{default}", job);
}

static const char wide_table[] = "ID    TYPE  RUNS  SIZE  ARGS\n"
                                 "\xe6\xbc\xa2\xe5\xad\x97  e\xcc\x81t       0   38B  1\n"
                                 "abc   \xf0\x9f\x91\x8d       0   40B  \"\xf0\x9f\x91\x8d\"\n";

/* In any locale: the text is UTF-8, and so is the terminal. */
static void test_wide_characters(void **state)
{
    static const char *const locales[] = {"C", "POSIX", "C.UTF-8", "tr_TR.UTF-8", "no such"};
    struct cli *cli = *state;
    struct buf line = {0};
    push(cli, WIDE_JOB);
    push(cli, EMOJI_JOB);
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        buf_clear(&line);
        buf_printf(&line, "LC_ALL='%s' $DARG peek", locales[i]);
        cli_run_shell(cli, 0, buf_text(&line));
        cli_expect_out(cli, wide_table);
    }
    buf_fini(&line);
}

/* A byte that is no UTF-8, a character that is none, controls of one, two and three bytes. */
static void test_unsafe_text(void **state)
{
    struct cli *cli = *state;
    push(cli, "{\"type\":\"t\",\"id\":\"a\\u001b[31m\\n\\t\\u007f\"}");
    push(cli, "{\"type\":\"\\u202e\\u0085\",\"id\":\"b\\ufdd0\"}");
    commands_do(cli->conn, "ZADD", "darg:{default}:workers", "1", "\xff\xc3(\\x41.1");
    cli_run(cli, 0, "peek");
    cli_expect_out(cli, "ID         TYPE   RUNS  SIZE  ARGS\n"
                        "a?[31m???  t         0   41B\n"
                        "b\xef\xbf\xbd         ?????     0   38B\n");
    cli_run(cli, 0, "workers", "-q", "default");
    cli_expect_out_has(cli, "\n\xef\xbf\xbd\xef\xbf\xbd(\\x41.1  default  ?");
}

static void test_without_rows(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "dead", "list");
    cli_expect_out(cli, "ID  TYPE  DIED AGO  RUNS  ERROR\n");
}

/* More than are held at once: the columns of those that are printed last are where they were. */
static void test_many_rows(void **state)
{
    struct cli *cli = *state;
    for (int i = 0; i < ROWS; i++) {
        char score[16], job[128];
        snprintf(score, sizeof score, "%d", ROWS - i);
        snprintf(job, sizeof job,
                 "{\"darg\":1,\"runs\":%d,\"crashes\":0,\"id\":\"%s%d\",\"error\":\"e\",\"job\":"
                 "{\"type\":\"%s\"}}",
                 i == 0 ? 1000 : 1, i == 0 ? "a-long-one-" : "", i, i == 1 ? "type" : "t");
        commands_do(cli->conn, "ZADD", "darg:{default}:dead", score, job);
    }
    cli_run(cli, 0, "dead", "list", "--all");
    const char *line = process_stdout(cli->last);
    size_t width = strcspn(line, "\n"), lines = 0;
    for (size_t len; *line != '\0'; line += len + 1, lines++) {
        len = strcspn(line, "\n");
        assert_int_equal(len, lines == 0 ? width : width - strlen("RROR"));
    }
    assert_int_equal(lines, ROWS + 1);
}

/* ---- on a terminal ---- */

static int open_terminal(unsigned short columns)
{
    const struct winsize size = {.ws_row = 24, .ws_col = columns};
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(grantpt(fd), 0);
    assert_int_equal(unlockpt(fd), 0);
    assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
    return fd;
}

/* What `peek` prints to a terminal that is so wide, with these variables. */
static char *peek_on_terminal(struct cli *cli, unsigned short columns, const char *variables)
{
    int terminal = open_terminal(columns);
    int kept = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC); /* or what is read may end */
    assert_true(kept >= 0);
    struct buf line = {0};
    buf_printf(&line, "%s $DARG peek >%s", variables, ptsname(terminal));
    cli_run_shell(cli, 0, buf_text(&line));
    char text[TEXT_MAX] = "";
    assert_true(read(terminal, text, sizeof text - 1) > 0);
    close(kept);
    close(terminal);
    buf_fini(&line);
    return mem_dup(text);
}

static void expect_on_terminal(struct cli *cli, unsigned short columns, const char *variables,
                               const char *expected)
{
    char *text = peek_on_terminal(cli, columns, variables);
    assert_string_equal(text, expected);
    free(text);
}

#define LONG_JOB                                                                                   \
    "{\"type\":\"long\",\"id\":\"a\",\"args\":\"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97"  \
    " and so on\"}"

static void test_narrow_terminal(void **state)
{
    struct cli *cli = *state;
    push(cli, LONG_JOB);
    /* Not half a character: there is one column less. */
    expect_on_terminal(cli, 30, "NO_COLOR=1 LC_ALL=C",
                       "ID  TYPE  RUNS  SIZE  ARGS\r\n"
                       "a   long     0   56B  \"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\r\n");
    /* What the user says goes before that. */
    expect_on_terminal(
        cli, 30, "NO_COLOR=1 COLUMNS=32",
        "ID  TYPE  RUNS  SIZE  ARGS\r\n"
        "a   long     0   56B  \"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\r\n");
    /* There is an end to it. */
    expect_on_terminal(cli, 1, "NO_COLOR=1",
                       "ID  TYPE  RUNS  SIZE  ARGS\r\n"
                       "a   long     0   56B  \"\xe6\xbc\xa2\r\n");
    cli_run_shell(cli, 0, "COLUMNS=30 $DARG peek");
    cli_expect_out_has(cli, " and so on\"\n");
}

static void test_head_is_bold(void **state)
{
    struct cli *cli = *state;
    push(cli, "{\"type\":\"t\",\"id\":\"a\"}");
    expect_on_terminal(cli, 80, "",
                       "\033[1mID  TYPE  RUNS  SIZE  ARGS\033[0m\r\n"
                       "a   t        0   21B\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_wide_characters), CLI_TEST(test_unsafe_text),     CLI_TEST(test_without_rows),
        CLI_TEST(test_many_rows),       CLI_TEST(test_narrow_terminal), CLI_TEST(test_head_is_bold),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
