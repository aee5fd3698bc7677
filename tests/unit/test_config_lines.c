/* What a configuration file is read as, line by line, and what is refused. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"

enum { LINE_BYTES = 64 * 1024, FILE_BYTES = 1 << 20 };

static char path[] = "/tmp/darg-test-lines-XXXXXX";
static struct config config;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/darg-test-lines-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_fini(&config);
    unlink(path);
    return 0;
}

static enum status read_bytes(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    config_fini(&config);
    err = (struct err){0};
    return config_read(path, &config, &err);
}

static void accept(const char *text)
{
    if (read_bytes(text, strlen(text)) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static void refuse_bytes(const char *bytes, size_t len, const char *sentence)
{
    char expected[300];
    snprintf(expected, sizeof expected, "%s:%s", path, sentence);
    assert_int_equal(read_bytes(bytes, len), ST_INVALID);
    assert_string_equal(err_text(&err), expected);
}

static void refuse(const char *text, const char *sentence)
{
    refuse_bytes(text, strlen(text), sentence);
}

/* The next entry is this one. */
static void expect(size_t *at, int line, const char *section, const char *name, const char *value)
{
    assert_in_range(*at, 0, config.count - 1);
    const struct config_entry *entry = &config.entries[(*at)++];
    assert_string_equal(entry->section, section);
    assert_string_equal(entry->name, name);
    assert_string_equal(entry->value, value);
    assert_int_equal(entry->line, line);
}

static void test_values_are_kept_as_they_are(void **state)
{
    (void)state;
    size_t at = 0;
    accept("# one\n; two\n\nname = \"a = b\";c#d # e \t ; a comment\n\t again = 1\nagain=2\n"
           "[queues] ; three\n  a = b=c\nd =\nlast=x");
    expect(&at, 4, "", "name", "\"a = b\";c#d # e");
    expect(&at, 5, "", "again", "1"); /* indented, not a continuation */
    expect(&at, 6, "", "again", "2");
    expect(&at, 8, "queues", "a", "b=c");
    expect(&at, 9, "queues", "d", "");
    expect(&at, 10, "queues", "last", "x");
    assert_int_equal(config.count, at);
    accept("");
    assert_int_equal(config.count, 0);
}

/* Queues and types may have colons in their names; to libinih they are as good as equals signs. */
static void test_colons(void **state)
{
    (void)state;
    size_t at = 0;
    accept("[queues]\nmail:urgent = 3\na:b:c=\nname: value\nother:value\nurl: redis://h?a=b\n"
           "last:5 ; x = y\nurl = a:b\n");
    expect(&at, 2, "queues", "mail:urgent", "3");
    expect(&at, 3, "queues", "a:b:c", "");
    expect(&at, 4, "queues", "name", "value");
    expect(&at, 5, "queues", "other", "value");
    expect(&at, 6, "queues", "url", "redis://h?a=b");
    expect(&at, 7, "queues", "last", "5");
    expect(&at, 8, "queues", "url", "a:b");
    assert_int_equal(config.count, at);
}

/* As an editor on Windows leaves it. */
static void test_byte_order_mark_and_carriage_returns(void **state)
{
    (void)state;
    size_t at = 0;
    accept("\xEF\xBB\xBFthreads = 3\r\nname = \r\n\r\n[queues]\r\nb\xC3\xBCro = \xE2\x82\xAC\r\n");
    expect(&at, 1, "", "threads", "3");
    expect(&at, 2, "", "name", "");
    expect(&at, 5, "queues", "b\xC3\xBCro", "\xE2\x82\xAC");
    at = 0;
    accept("\xEF\xBB\xBF[worker]\nthreads = 3\n");
    expect(&at, 2, "worker", "threads", "3");
}

/* What a reader of INI files would drop without a word, or take for something else. */
static void test_nothing_is_dropped(void **state)
{
    (void)state;
    static const char lonely[] =
        "1: a [SECTION] stands alone on its line; put the rest on the next line";
    refuse("[worker] threads = 1\n", lonely);
    refuse("  [worker]threads = 1", lonely);
    refuse("[worker] [queues]\n", lonely);
    refuse("\xEF\xBB\xBF[worker] threads = 1\n", lonely);
    refuse("[]\nthreads = 1\n", "1: the section has no name");
    refuse("[ \t]\nthreads = 1\n", "1: the section has no name");
    refuse("a = 1\nnonsense\n", "2: neither NAME = VALUE nor [SECTION] nor a comment");
    refuse("[worker\n", "1: neither NAME = VALUE nor [SECTION] nor a comment");
    accept("[worker] ; a\nthreads = 3\n[queues]# b\nq =\n[darg]\r\n");
    assert_int_equal(config.count, 2);
}

/* Also in the last line, which no line feed ends. */
static void test_a_nul_byte(void **state)
{
    (void)state;
    static const char line[] = "threads = 3\0threads\n", last[] = "\nthreads = 3\0";
    refuse_bytes(line, sizeof line - 1, "1: the line holds a NUL byte; remove it");
    refuse_bytes(last, sizeof last - 1, "2: the line holds a NUL byte; remove it");
}

/* A file whose second line, without its end, has this many bytes. */
static enum status read_long_line(size_t len)
{
    static char text[LINE_BYTES + 100];
    int start = snprintf(text, sizeof text, "a = 1\nb = ");
    memset(text + start, 'x', len - strlen("b = "));
    size_t end = strlen("a = 1\n") + len;
    snprintf(text + end, sizeof text - end, "\r\nc = 2\n");
    return read_bytes(text, strlen(text));
}

static void test_a_long_line(void **state)
{
    (void)state;
    char sentence[200];
    assert_int_equal(read_long_line(LINE_BYTES), ST_OK);
    assert_int_equal(config.count, 3);
    assert_int_equal(strspn(config.entries[1].value, "x"), LINE_BYTES - strlen("b = "));
    assert_string_equal(config.entries[2].value, "2");
    snprintf(sentence, sizeof sentence,
             "%s:2: the line is longer than 65536 bytes; shorten it, or put a long command into a "
             "script",
             path);
    assert_int_equal(read_long_line(LINE_BYTES + 1), ST_INVALID);
    assert_string_equal(err_text(&err), sentence);
}

static void test_no_file_to_read(void **state)
{
    (void)state;
    config_fini(&config);
    unlink(path);
    assert_int_equal(config_read(path, &config, &err), ST_SYSTEM);
    assert_non_null(strstr(err_text(&err), path));
    config_fini(&config);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(config_read(path, &config, &err), ST_INVALID);
    assert_non_null(strstr(err_text(&err), "not a regular file"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(read_bytes("", 0), ST_OK);
    assert_int_equal(truncate(path, FILE_BYTES + 1), 0);
    config_fini(&config);
    assert_int_equal(config_read(path, &config, &err), ST_INVALID);
    assert_non_null(strstr(err_text(&err), "larger than 1 MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_are_kept_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_colons, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_byte_order_mark_and_carriage_returns, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_nul_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_file_to_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
