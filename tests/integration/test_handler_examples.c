/* The handlers of examples/handlers, each in its language, where that is installed: several jobs
 * through one process, ids that are awkward, and a hello of a version to come. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/process.h"
#include "support/stream_fixture.h"

enum { WAIT_MS = 60000 };

/* Whether there is such a program; says so if not. */
static bool has(const char *program)
{
    struct buf path = {0};
    bool found = false;
    const char *at = getenv("PATH");
    while (at && *at && !found) {
        size_t len = strcspn(at, ":");
        buf_clear(&path);
        buf_printf(&path, "%.*s/%s", (int)len, at, program);
        found = access(buf_text(&path), X_OK) == 0;
        at += len + (at[len] == ':');
    }
    buf_fini(&path);
    if (!found)
        print_message("skipped: there is no %s here\n", program);
    return found;
}

static const char *example(const char *name)
{
    static char path[512];
    char here[256];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(path, sizeof path, "%s/examples/handlers/%s", here, name);
    return path;
}

/* A version that it cannot know: it ends with a failure, and says nothing on standard output. */
static void expect_refusal(const char *interpreter, const char *path)
{
    const char *with[] = {interpreter, path, NULL};
    const char *alone[] = {path, NULL};
    const struct process_options options = {
        .argv = interpreter ? with : alone,
        .stdin_text = "{\"darg\":9,\"type\":\"upper\"}\n{\"id\":\"a\",\"args\":\"x\"}\n"};
    struct process *process = process_start(&options);
    assert_int_equal(process_wait(process, WAIT_MS), 1);
    assert_string_equal(process_stdout(process), "");
    assert_non_null(strstr(process_stderr(process), "of the protocol only"));
    process_free(process);
}

static void expect_upper(struct stream_fixture *f, const char *id)
{
    snprintf(f->exec->job.id, sizeof f->exec->job.id, "%s", id);
    stream_fixture_expect(f, "\"hello, world\"", HANDLER_DONE, "\"HELLO, WORLD\"");
    assert_string_equal(buf_text(&f->said), "progress 100;");
}

static void check_example(struct stream_fixture *f, const char *interpreter, const char *path)
{
    char option[700];
    snprintf(option, sizeof option, "stream:%s '%s'", interpreter ? interpreter : "", path);
    stream_fixture_use(f, option);
    expect_upper(f, "j1");
    expect_upper(f, "j1");
    expect_upper(f, "a \"b\\ ,\"type\":\"c\",\"args\":\xc3\xa9 {}");
    stream_fixture_expect(f, "[1,\n2]", HANDLER_BURY, "args must be a string");
    stream_fixture_expect(f, NULL, HANDLER_BURY, "args must be a string");
    expect_upper(f, "");
    stream_fixture_expect(f, "\"\"", HANDLER_DONE, "\"\"");
    expect_refusal(interpreter, path);
}

static void test_python(void **state)
{
    if (has("python3"))
        check_example(*state, "python3", example("upper.py"));
}

static void test_node(void **state)
{
    if (has("node"))
        check_example(*state, "node", example("upper.js"));
}

static void test_ruby(void **state)
{
    if (has("ruby"))
        check_example(*state, "ruby", example("upper.rb"));
}

static void test_shell(void **state)
{
    check_example(*state, "sh", example("upper.sh"));
    stream_fixture_expect(*state, "\"a\\n\"", HANDLER_BURY,
                          "this handler knows no escapes in args");
}

static void test_go(void **state)
{
    struct stream_fixture *f = *state;
    char program[128];
    char cache[160];
    if (!has("go"))
        return;
    snprintf(program, sizeof program, "%s/upper", f->exec->directory);
    const char *tmp = getenv("TMPDIR");
    snprintf(cache, sizeof cache, "GOCACHE=%.100s/go-cache", tmp ? tmp : "/tmp");
    const char *argv[] = {"go", "build", "-o", program, example("upper.go"), NULL};
    const char *env[] = {cache, "GO111MODULE=off", NULL};
    const struct process_options options = {.argv = argv, .env = env};
    struct process *go = process_start(&options);
    if (process_wait(go, WAIT_MS) != 0)
        fail_msg("%s", process_stderr(go));
    process_free(go);
    check_example(f, NULL, program);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stream_fixture_set_up, stream_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_python), TEST(test_node), TEST(test_ruby), TEST(test_shell), TEST(test_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
