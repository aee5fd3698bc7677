/* Text from outside that would like to be something else: a shell's command, a command of Redis, a
 * format, a path, a line of the log, an escape of the terminal. In every field it stays what it is.
 */
#include "support/cmocka_all.h"

#include "base/json.h"
#include "support/worker_fixture.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const texts[] = {
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "' ; touch pwned ; '",
    "\" ; touch pwned ; \"",
    "| touch pwned",
    "&& touch pwned",
    "--help",
    "-c",
    "{}",
    "a b  c",
    "*",
    "~root",
    "%s%s%s%n%n%n",
    "%1$*2$s",
    "../../../../etc/passwd",
    "/dev/stdin",
    "\r\nFLUSHALL\r\n",
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "$-1\r\n",
    "'}) redis.call('FLUSHALL') --",
    "]] redis.call('FLUSHALL') --[[",
    "\",\"type\":\"noop\",\"x\":\"",
    "}\n{\"darg\":\"drain\"}",
    "\n2026-01-01T00:00:00.000Z ERROR  all is lost",
    "\x1b[2J\x1b]0;owned\x07",
    "\b\b\b\x7f\t\v",
    "\xc2\x9b"
    "2J", /* CSI in one character */
    "\xe2\x80\xae"
    "gpj.exe", /* text from right to left */
    "name=value",
    "PATH=/tmp",
    "LD_PRELOAD=/tmp/x.so",
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

/* Sees the text as its only argument, its input and the id in its environment, and says whether the
 * three are one; the first is kept to be compared with what was pushed. */
static const char script[] = "printf %s \"$1\" >\"${DIR}argument\"\n"
                             "printf %s \"$DARG_JOB_ID\" >\"${DIR}id\"\n"
                             "[ $# -eq 1 ] || exit 65\n";

static void expect_untouched(struct worker_fixture *f)
{
    assert_int_equal(commands_int(f->conn, "EXISTS", "marker"), 1);
    assert_int_equal(access("pwned", F_OK), -1);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/pwned", f->directory);
    assert_int_equal(access(path, F_OK), -1);
}

/* Nothing that moves a cursor, and no line that we did not begin. */
static void expect_harmless(const char *what, const char *text, const char *line_begins)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        bool is_c1 = c == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0;
        if ((c < 0x20 && c != '\n') || c == 0x7f || is_c1)
            fail_msg("%s has a byte %02x at: %.40s", what, c, at);
    }
    for (const char *line = text; line_begins != NULL && *line != '\0';) {
        if (strspn(line, line_begins) < 2)
            fail_msg("%s has a line of somebody else's: %.80s", what, line);
        line = strchr(line, '\n');
        line = line == NULL ? "" : line + 1;
    }
}

static void expect_file(struct worker_fixture *f, const char *name, const char *text)
{
    char *got = worker_fixture_read(worker_fixture_path(f, name));
    assert_string_equal(got, text);
    free(got);
}

static void push(struct worker_fixture *f, const char *type, const char *text)
{
    struct buf job = {0};
    buf_append_text(&job, "{\"type\":");
    json_append_string(&job, slice_of(type));
    buf_append_text(&job, ",\"max_attempts\":1,\"id\":");
    json_append_string(&job, slice_of(text));
    buf_append_text(&job, ",\"args\":");
    json_append_string(&job, slice_of(text));
    buf_append_char(&job, '}');
    worker_fixture_push(f, buf_text(&job));
    buf_fini(&job);
}

/* As the args and the id of a job whose program is started with them. */
static void test_handler(void **state)
{
    struct worker_fixture *f = *state;
    char handler[300];
    (void)snprintf(handler, sizeof handler, "%s {}", worker_fixture_handler(f, "t", script));
    commands_do(f->conn, "SET", "marker", "1");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--log-level", "debug", "--handler",
                             handler, "--allow-dash", "t");
    for (size_t i = 0; i < TEXTS; i++) {
        push(f, "t", texts[i]);
        worker_fixture_wait_count(f, "done", (int64_t)i + 1);
        expect_file(f, "argument", texts[i]);
        expect_file(f, "id", texts[i]);
        expect_untouched(f);
    }
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    expect_harmless("the log", process_stderr(worker), "0123456789:");
}

/* As the type, the reply's name, and as a job that is dead; and then in every list that shows it.
 */
static void test_lists(void **state)
{
    struct worker_fixture *f = *state;
    const char *const *const commands[] = {
        COMMANDS_ARGS("dead", "list"), COMMANDS_ARGS("dead", "list", "--json"),
        COMMANDS_ARGS("peek", "100"),  COMMANDS_ARGS("peek", "100", "--json"),
        COMMANDS_ARGS("workers"),      COMMANDS_ARGS("workers", "--json"),
        COMMANDS_ARGS("stats"),        COMMANDS_ARGS("stats", "--json"),
        COMMANDS_ARGS("fsck"),
    };
    commands_do(f->conn, "SET", "marker", "1");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--log-level", "debug");
    for (size_t i = 0; i < TEXTS; i++)
        push(f, texts[i], texts[i]);
    worker_fixture_wait_count(f, "buried", TEXTS);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    expect_harmless("the log", process_stderr(worker), "0123456789:");
    for (size_t i = 0; i < TEXTS; i++)
        push(f, texts[i], texts[i]);
    commands_do(f->conn, "ZADD", "darg:{jobs}:workers", "1", texts[24]);
    commands_do(f->conn, "SADD", "darg:queues", texts[24], texts[25]);
    f->program = "darg";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *args[16] = {NULL};
        size_t count = 0;
        for (; commands[i][count] != NULL; count++)
            args[count] = commands[i][count];
        args[count++] = "-r";
        args[count++] = redis_server_url(f->server);
        if (strcmp(args[0], "stats") != 0) {
            args[count++] = "-q";
            args[count++] = "jobs";
        }
        struct process *process = worker_fixture_run_args(f, args, 0);
        (void)process_wait(process, WORKER_FIXTURE_WAIT_MS);
        assert_true(process_stdout_len(process) > 0);
        expect_harmless(args[0], process_stdout(process), NULL);
        expect_harmless(args[0], process_stderr(process), NULL);
    }
    expect_untouched(f);
}

/* As a name that becomes part of a key: refused, or no more than a name. */
static void test_names(void **state)
{
    struct worker_fixture *f = *state;
    commands_do(f->conn, "SET", "marker", "1");
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i][0] == '-')
            continue; /* an option */
        f->program = "darg";
        struct process *push_it = worker_fixture_run(f, "push", texts[i], "1", "-q", texts[i], "-r",
                                                     redis_server_url(f->server));
        (void)process_wait(push_it, WORKER_FIXTURE_WAIT_MS);
        expect_harmless("darg", process_stderr(push_it), NULL);
        f->program = "darg-worker";
        struct process *worker = worker_fixture_run(
            f, "-q", texts[i], "-r", redis_server_url(f->server), "--config", texts[i]);
        worker_fixture_expect_exit(worker, 2);
        expect_harmless("darg-worker", process_stderr(worker), NULL);
        worker_fixture_end(state);
    }
    expect_untouched(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_handler),
        WORKER_TEST(test_lists),
        WORKER_TEST(test_names),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
