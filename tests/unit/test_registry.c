#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker/handler/builtin.h"
#include "worker/handler/exec.h"
#include "worker/handler/registry.h"

static int set_up(void **state)
{
    *state = registry_new();
    return 0;
}

static int tear_down(void **state)
{
    registry_free(*state);
    return 0;
}

static void add(struct registry *registry, const char *option)
{
    struct err err = {0};
    enum status status = registry_add_option(registry, option, &err);
    if (status != ST_OK)
        fail_msg("%s: %s", option, err_text(&err));
}

static void assert_types(const struct registry *registry, const char *types)
{
    struct buf out = {0};
    buf_append_text(&out, "types=");
    registry_append_types(registry, &out);
    assert_string_equal(buf_text(&out) + strlen("types="), types);
    buf_fini(&out);
}

static void test_has_the_builtin_handlers(void **state)
{
    assert_types(*state, "echo,fail,noop,sleep");
    for (const struct handler *row = builtin_handlers; row->type; row++) {
        const struct handler *found = registry_find(*state, row->type);
        assert_non_null(found);
        assert_string_equal(found->type, row->type);
        assert_true(found->run == row->run);
    }
}

static void test_unknown_types_have_none(void **state)
{
    const char *unknown[] = {"", "a", "ech", "echoo", "Echo", "zzz", "noop "};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_null(registry_find(*state, unknown[i]));
}

static void test_options_add_in_any_order(void **state)
{
    add(*state, "zip=true");
    add(*state, "Mail.send=cat -u");
    add(*state, "\xc3\xa9t\xc3\xa9=sh -c 'a=b; exit $a'");
    add(*state, "m=true");
    assert_types(*state, "Mail.send,echo,fail,m,noop,sleep,zip,\xc3\xa9t\xc3\xa9");
    const char *added[] = {"zip", "Mail.send", "\xc3\xa9t\xc3\xa9", "m"};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        const struct handler *found = registry_find(*state, added[i]);
        assert_non_null(found);
        assert_string_equal(found->type, added[i]);
        assert_true(found->run == exec_run);
    }
    assert_true(registry_find(*state, "echo")->run != exec_run);
}

static void test_a_later_row_replaces(void **state)
{
    add(*state, "t=true");
    const void *first = registry_find(*state, "t")->state;
    add(*state, "t=false");
    assert_ptr_not_equal(registry_find(*state, "t")->state, first);
    add(*state, "echo=cat");
    assert_true(registry_find(*state, "echo")->run == exec_run);
    assert_types(*state, "echo,fail,noop,sleep,t");
}

static void assert_refused(struct registry *registry, const char *option, const char *sentence)
{
    struct err err = {0};
    assert_int_equal(registry_add_option(registry, option, &err), ST_INVALID);
    if (!strstr(err_text(&err), sentence))
        fail_msg("%s: \"%s\" does not say \"%s\"", option, err_text(&err), sentence);
    assert_types(registry, "echo,fail,noop,sleep");
}

static void test_refuses_bad_options(void **state)
{
    static const struct {
        const char *option;
        const char *sentence;
    } rows[] = {
        {"", "TYPE=COMMAND"},
        {"true", "TYPE=COMMAND"},
        {"=true", "1 to 128 bytes"},
        {"a b=true", "without blanks"},
        {"a,b=true", "without blanks, commas"},
        {"a\nb=true", "control"},
        {"t=", "empty"},
        {"t= \t\n", "empty"},
        {"t=''", "empty"},
        {"t=true 'x", "open quote"},
        {"t=true \"x\\\"", "open quote"},
        {"t=true x\\", "backslash"},
        {"t={}", "no job may choose"},
        {"t=/bin/{} x", "no job may choose"},
        {"t=darg-no-such-program", "no such program"},
        {"t=/nonexistent/true", "No such file"},
        {"t=./nonexistent", "No such file"},
        {"t=/etc/passwd", "Permission denied"},
        {"t=/usr", "Permission denied"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(*state, rows[i].option, rows[i].sentence);
}

static void test_length_of_a_type(void **state)
{
    char option[JOB_TYPE_MAX + 16] = {0};
    memset(option, 'x', JOB_TYPE_MAX + 1);
    memcpy(option + JOB_TYPE_MAX + 1, "=true", 6);
    assert_refused(*state, option, "1 to 128 bytes");
    add(*state, option + 1);
    option[JOB_TYPE_MAX + 1] = '\0';
    assert_non_null(registry_find(*state, option + 1));
}

/* ---- limits ---- */

#define GIVEN(...)                                                                                 \
    (&(const struct registry_options){(const char *const[]){__VA_ARGS__},                          \
                                      sizeof((const char *const[]){__VA_ARGS__}) /                 \
                                          sizeof(const char *)})
#define SET_LIMITS(registry, err, ...)                                                             \
    registry_set_limits((registry), GIVEN(__VA_ARGS__), &(const struct registry_options){0},       \
                        false, (err))

static void test_limits_of_a_type_count_more(void **state)
{
    struct err err = {0};
    add(*state, "a=true");
    add(*state, "b=stream:cat");
    add(*state, "c=true");
    assert_int_equal(SET_LIMITS(*state, &err, "a=timeout=1s", "*=timeout=2s,output=1KiB",
                                "*=output=2KiB", "b=output=3KiB", "a=timeout=4s"),
                     ST_OK);
    const struct handler *a = registry_find(*state, "a");
    const struct handler *b = registry_find(*state, "b");
    const struct handler *c = registry_find(*state, "c");
    assert_int_equal(a->timeout_ms, 4000);
    assert_int_equal(b->timeout_ms, 2000);
    assert_int_equal(c->timeout_ms, 2000);
    assert_int_equal(a->max_output, 2 << 10);
    assert_int_equal(b->max_output, 3 << 10);
    assert_int_equal(c->max_output, 2 << 10);
}

static void test_limits_of_what_has_no_process(void **state)
{
    struct err err = {0};
    assert_int_equal(SET_LIMITS(*state, &err, "*=cpu=1s,output=1KiB,timeout=3s", "echo=timeout=1s"),
                     ST_OK);
    assert_int_equal(registry_find(*state, "echo")->timeout_ms, 1000);
    assert_int_equal(registry_find(*state, "sleep")->timeout_ms, 3000);
    assert_int_equal(registry_find(*state, "echo")->max_output, 0);
}

static void test_refuses_bad_limits(void **state)
{
    static const struct {
        const char *option, *sentence;
    } rows[] = {
        {"t", "\"t\" is not of the form TYPE=LIST"},
        {"x=cpu=1s", "there is no handler for 'x': there are echo,fail,noop,sleep,t"},
        {"=cpu=1s", "there is no handler for ''"},
        {"t=cup=1s", "\"t\": there is no limit \"cup\""},
        {"*=cpu=x", "\"*\": cpu: 'x' is not a duration"},
        {"echo=cpu=1s", "\"echo\": it is built in and has no process"},
    };
    add(*state, "t=true");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        assert_int_equal(SET_LIMITS(*state, &err, rows[i].option), ST_INVALID);
        if (!strstr(err_text(&err), rows[i].sentence))
            fail_msg("%s: \"%s\"", rows[i].option, err_text(&err));
    }
}

/* A job may shorten what its type has, and never lengthen it. */
static void test_which_timeout_counts(void **state)
{
    (void)state;
    const struct handler plain = {.timeout_ms = 0};
    const struct handler limited = {.timeout_ms = 300, .max_output = 7};
    assert_int_equal(handler_timeout_ms(&plain, -1, 100), 100);
    assert_int_equal(handler_timeout_ms(&plain, 0, 100), 0);
    assert_int_equal(handler_timeout_ms(&plain, 500, 100), 500);
    assert_int_equal(handler_timeout_ms(&limited, -1, 100), 300);
    assert_int_equal(handler_timeout_ms(&limited, -1, 0), 300);
    assert_int_equal(handler_timeout_ms(&limited, 0, 100), 300);
    assert_int_equal(handler_timeout_ms(&limited, 200, 100), 200);
    assert_int_equal(handler_timeout_ms(&limited, 400, 100), 300);
    assert_int_equal(handler_max_output(&plain, 5), 5);
    assert_int_equal(handler_max_output(&limited, 5), 7);
}

/* Makes a file in the directory and returns its path, to free(). */
static char *make_file(const char *directory, const char *name, mode_t mode)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", directory, name);
    int fd = open(buf_text(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    close(fd);
    return buf_take(&path);
}

static void test_searches_path_as_it_is_now(void **state)
{
    char directory[] = "/tmp/darg-registry-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char *plain = make_file(directory, "darg-test-plain", 0600);
    char *program = make_file(directory, "darg-test-program", 0700);
    char *path = mem_dup(getenv("PATH"));

    struct buf extended = {0};
    buf_printf(&extended, "/nonexistent::relative:%s", directory);
    assert_refused(*state, "t=darg-test-program", "no such program");
    setenv("PATH", buf_text(&extended), 1);
    assert_refused(*state, "t=darg-test-plain", "not executable");
    add(*state, "t=darg-test-program");

    setenv("PATH", ".", 1);
    assert_int_equal(chdir(directory), 0);
    struct err err = {0};
    assert_int_equal(registry_add_option(*state, "u=darg-test-program", &err), ST_INVALID);
    add(*state, "u=./darg-test-program");
    assert_int_equal(chdir("/"), 0);

    if (path)
        setenv("PATH", path, 1);
    unlink(plain);
    unlink(program);
    assert_int_equal(rmdir(directory), 0);
    buf_fini(&extended);
    free(path);
    free(plain);
    free(program);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_has_the_builtin_handlers),      TEST(test_unknown_types_have_none),
        TEST(test_options_add_in_any_order),      TEST(test_a_later_row_replaces),
        TEST(test_refuses_bad_options),           TEST(test_length_of_a_type),
        TEST(test_searches_path_as_it_is_now),    TEST(test_limits_of_a_type_count_more),
        TEST(test_limits_of_what_has_no_process), TEST(test_refuses_bad_limits),
        TEST(test_which_timeout_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
