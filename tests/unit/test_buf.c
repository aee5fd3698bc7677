#include "support/cmocka_all.h"

#include "base/buf.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_buf(const struct buf *buf, const char *expected)
{
    assert_string_equal(buf_text(buf), expected);
    assert_int_equal(buf->len, strlen(expected));
}

static void test_slices(void **state)
{
    (void)state;
    assert_int_equal(slice_of("abc").len, 3);
    assert_int_equal(slice_of("").len, 0);
    assert_true(slice_is((struct slice){"abcdef", 3}, "abc"));
    assert_false(slice_is(slice_of("abc"), "abd"));
    assert_false(slice_is(slice_of("abc"), "ab"));
    assert_false(slice_is((struct slice){"a\0b", 3}, "a"));
    assert_true(slice_is((struct slice){NULL, 0}, ""));
    assert_true(slice_equal((struct slice){"a\0b", 3}, (struct slice){"a\0b", 3}));
    assert_false(slice_equal((struct slice){"a\0b", 3}, (struct slice){"a\0c", 3}));
    assert_true(slice_equal((struct slice){NULL, 0}, slice_of("")));
}

static void test_slice_dup_terminates(void **state)
{
    (void)state;
    char *copy = slice_dup((struct slice){"abcdef", 3});
    assert_string_equal(copy, "abc");
    free(copy);
    copy = slice_dup((struct slice){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

static void test_slice_copy_cuts(void **state)
{
    (void)state;
    char out[4] = "xyz";
    slice_copy((struct slice){NULL, 0}, out, sizeof out);
    assert_string_equal(out, "");
    slice_copy(slice_of("abc"), out, sizeof out);
    assert_string_equal(out, "abc");
    slice_copy(slice_of("defg"), out, sizeof out);
    assert_string_equal(out, "def");
}

static void test_unused_buf_is_empty(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_buf(&buf, "");
    assert_int_equal(buf_slice(&buf).len, 0);
    buf_clear(&buf);
    buf_consume(&buf, 0);
    buf_append(&buf, NULL, 0);
    assert_buf(&buf, "");
    buf_fini(&buf);
    buf_fini(&buf);
}

static void test_appends_of_every_kind(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append(&buf, "abc", 2);
    buf_append_char(&buf, '-');
    buf_append_text(&buf, "text");
    buf_append_slice(&buf, (struct slice){"-slice-", 6});
    buf_append_char(&buf, ' ');
    buf_printf(&buf, "%s=%d", "n", 5);
    assert_buf(&buf, "ab-text-slice n=5");
    buf_fini(&buf);
    assert_buf(&buf, "");
    buf_append_text(&buf, "again");
    assert_buf(&buf, "again");
    buf_fini(&buf);
}

static void test_holds_any_byte(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (int i = 0; i < 256; i++)
        buf_append_char(&buf, (char)i);
    assert_int_equal(buf.len, 256);
    for (int i = 0; i < 256; i++)
        assert_int_equal((unsigned char)buf.ptr[i], i);
    assert_int_equal(buf.ptr[256], 0);
    buf_fini(&buf);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {-7, "-7"},
        {1000, "1000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf buf = {0};
        buf_append_int(&buf, rows[i].value);
        assert_buf(&buf, rows[i].text);
        buf_fini(&buf);
    }
}

static void test_printf_of_any_size(void **state)
{
    (void)state;
    static char text[300000];
    struct buf buf = {0};
    memset(text, 'x', sizeof text - 1);
    for (size_t len = 0; len < 300; len++) { /* every length around the first growths */
        buf_fini(&buf);
        buf_append_text(&buf, "a");
        buf_printf(&buf, "%.*s", (int)len, text);
        assert_int_equal(buf.len, len + 1);
        assert_int_equal(strlen(buf.ptr), len + 1);
    }
    buf_clear(&buf);
    buf_printf(&buf, "<%s>", text);
    assert_int_equal(buf.len, sizeof text + 1);
    assert_int_equal(buf.ptr[buf.len - 1], '>');
    assert_int_equal(buf.ptr[buf.len], 0);
    buf_fini(&buf);
}

static void test_reserve_keeps_bytes_in_place(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_text(&buf, "start");
    buf_reserve(&buf, 1000);
    assert_buf(&buf, "start");
    const char *before = buf.ptr;
    for (int i = 0; i < 1000; i++)
        buf_append_char(&buf, 'x');
    assert_ptr_equal(buf.ptr, before);
    assert_int_equal(buf.len, 1005);
    buf_fini(&buf);
}

static void test_clear_keeps_the_memory(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_text(&buf, "some text");
    size_t capacity = buf.capacity;
    buf_clear(&buf);
    assert_buf(&buf, "");
    assert_int_equal(buf.capacity, capacity);
    buf_fini(&buf);
}

static void test_consume(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_text(&buf, "abcdef");
    buf_consume(&buf, 0);
    assert_buf(&buf, "abcdef");
    buf_consume(&buf, 2);
    assert_buf(&buf, "cdef");
    buf_append_text(&buf, "gh");
    assert_buf(&buf, "cdefgh");
    buf_consume(&buf, 6);
    assert_buf(&buf, "");
    buf_fini(&buf);
}

static void test_take_gives_the_memory_away(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_text(&buf, "mine");
    char *text = buf_take(&buf);
    assert_string_equal(text, "mine");
    free(text);
    assert_buf(&buf, "");
    text = buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
}

static void test_memory_is_zeroed(void **state)
{
    (void)state;
    static const char zeros[240];
    char *one = mem_new(240), *many = mem_array(30, 8), *none = mem_array(0, 8);
    assert_memory_equal(one, zeros, 240);
    assert_memory_equal(many, zeros, 240);
    assert_non_null(none);
    free(one);
    free(many);
    free(none);
}

static void test_mem_dup(void **state)
{
    (void)state;
    assert_null(mem_dup(NULL));
    char *copy = mem_dup("text");
    assert_string_equal(copy, "text");
    free(copy);
}

static void consume_too_much(struct buf *buf)
{
    buf_consume(buf, buf->len + 1);
}

static void reserve_too_much(struct buf *buf)
{
    buf_reserve(buf, SIZE_MAX - buf->len);
}

static void reserve_half_of_all(struct buf *buf)
{
    buf_reserve(buf, SIZE_MAX / 2);
}

static void assert_aborts(void (*break_a_rule)(struct buf *))
{
    int how = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct buf buf = {0};
        buf_append_text(&buf, "abc");
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        break_a_rule(&buf);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGABRT);
}

static void test_broken_rules_end_the_program(void **state)
{
    (void)state;
    assert_aborts(consume_too_much);
    assert_aborts(reserve_too_much);
    assert_aborts(reserve_half_of_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_slice_dup_terminates),
        cmocka_unit_test(test_slice_copy_cuts),
        cmocka_unit_test(test_unused_buf_is_empty),
        cmocka_unit_test(test_appends_of_every_kind),
        cmocka_unit_test(test_holds_any_byte),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_printf_of_any_size),
        cmocka_unit_test(test_reserve_keeps_bytes_in_place),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_take_gives_the_memory_away),
        cmocka_unit_test(test_memory_is_zeroed),
        cmocka_unit_test(test_mem_dup),
        cmocka_unit_test(test_broken_rules_end_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
