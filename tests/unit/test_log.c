#include "support/cmocka_all.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[32];
    char path[64];
    char moved[64];
    struct buf read; /* what was last read from a file */
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/darg-log-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/log", f->dir);
    snprintf(f->moved, sizeof f->moved, "%s/log.1", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, NULL, NULL), ST_OK);
    unlink(f->path);
    unlink(f->moved);
    rmdir(f->dir);
    buf_fini(&f->read);
    free(f);
    return 0;
}

static void open_log(struct fixture *f, enum log_level level, enum log_format format)
{
    struct err err = {0};
    if (log_open(level, format, f->path, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static const char *read_file(struct fixture *f, const char *path)
{
    char chunk[4096];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    buf_clear(&f->read);
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        buf_append(&f->read, chunk, (size_t)got);
    close(fd);
    return buf_text(&f->read);
}

/* The one line of a text log behind its time, which is checked. */
static const char *read_text(struct fixture *f)
{
    const char *line = read_file(f, f->path);
    assert_true(strlen(line) > 13);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    const char pattern[] = "dd:dd:dd.ddd ";
    for (int i = 0; pattern[i]; i++)
        assert_true(pattern[i] == 'd' ? line[i] >= '0' && line[i] <= '9' : line[i] == pattern[i]);
    return line + 13;
}

static void test_names(void **state)
{
    (void)state;
    enum log_level level;
    enum log_format format;
    struct err err = {0};
    assert_int_equal(log_parse_level(slice_of("debug"), &level, &err), ST_OK);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_parse_level(slice_of("warn"), &level, &err), ST_OK);
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_parse_level(slice_of("off"), &level, &err), ST_OK);
    assert_int_equal(level, LOG_OFF);
    assert_int_equal(log_parse_level(slice_of("warning"), &level, &err), ST_INVALID);
    assert_string_equal(err_text(&err),
                        "the log level must be debug, info, warn, error or off, not 'warning'");
    assert_int_equal(log_parse_level((struct slice){NULL, 0}, &level, &err), ST_INVALID);
    assert_int_equal(log_parse_format(slice_of("json"), &format, &err), ST_OK);
    assert_int_equal(format, LOG_JSON);
    assert_int_equal(log_parse_format(slice_of("text"), &format, &err), ST_OK);
    assert_int_equal(format, LOG_TEXT);
    assert_int_equal(log_parse_format(slice_of("JSON"), &format, &err), ST_INVALID);
    assert_string_equal(err_text(&err), "the log format must be text or json, not 'JSON'");
}

static void test_text_line(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_INFO, LOG_TEXT);
    log_fields(LOG_INFO, "worker w1 started", LOG_STR("queue", "default"), LOG_INT("threads", 10));
    assert_string_equal(read_text(f), "INFO  worker w1 started  queue=default threads=10\n");
}

static void test_text_values_that_need_quotes(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_INFO, LOG_TEXT);
    log_fields(LOG_WARN, "m", LOG_STR("a", "two words"), LOG_STR("b", "say \"hi\""),
               LOG_STR("c", ""), LOG_STR("d", "x=y"), LOG_STR("e", "back\\slash"),
               LOG_STR("f", "caf\xc3\xa9"), LOG_STR("g", "plain-1.5s"),
               LOG_SLICE("h", ((struct slice){"cut here", 3})));
    assert_string_equal(read_text(f),
                        "WARN  m  a=\"two words\" b=\"say \\\"hi\\\"\" c=\"\" d=\"x=y\""
                        " e=\"back\\\\slash\" f=\"caf\xc3\xa9\" g=plain-1.5s h=cut\n");
}

static void test_nothing_from_outside_starts_a_line(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_INFO, LOG_TEXT);
    log_fields(LOG_ERROR, "one\ntwo\x1b[2J\r", LOG_STR("v", "a\nERROR b\x1b\x7f\t"),
               LOG_SLICE("w", ((struct slice){"\0\xff", 2})));
    assert_string_equal(read_text(f), "ERROR one?two?[2J?  v=\"a\\nERROR b\\u001b\\u007f\\t\" "
                                      "w=\"\\u0000\xef\xbf\xbd\"\n");
}

static void test_absent_fields_are_left_out(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_INFO, LOG_TEXT);
    log_fields(LOG_INFO, "m", LOG_STR("a", NULL), LOG_INT("b", INT64_MIN), LOG_STR("c", NULL));
    assert_string_equal(read_text(f), "INFO  m  b=-9223372036854775808\n");
}

static void test_json_line(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_DEBUG, LOG_JSON);
    int64_t before = clock_wall_ms();
    log_fields(LOG_DEBUG, "a \"quoted\"\nmessage", LOG_STR("queue", "q\t\x01\xff"),
               LOG_INT("n", -5), LOG_STR("none", NULL), LOG_STR("empty", ""));
    int64_t after = clock_wall_ms();
    const char *line = read_file(f, f->path);
    char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
    clock_format(before, from);
    clock_format(after, to);

    struct json_field fields[] = {{.name = "time"},  {.name = "level"}, {.name = "msg"},
                                  {.name = "queue"}, {.name = "n"},     {.name = "none"},
                                  {.name = "empty"}};
    assert_int_equal(line[f->read.len - 1], '\n');
    assert_int_equal(json_read_object(buf_slice(&f->read), 1, fields, 7, NULL), ST_OK);
    assert_int_equal(fields[0].value.text.len, 26);
    assert_true(memcmp(fields[0].value.text.ptr + 1, from, 24) >= 0);
    assert_true(memcmp(fields[0].value.text.ptr + 1, to, 24) <= 0);
    assert_true(slice_is(fields[1].value.text, "\"debug\""));
    assert_true(slice_is(fields[2].value.text, "\"a \\\"quoted\\\"\\nmessage\""));
    assert_true(slice_is(fields[3].value.text, "\"q\\t\\u0001\xef\xbf\xbd\""));
    assert_true(slice_is(fields[4].value.text, "-5"));
    assert_int_equal(fields[5].value.type, JSON_NONE);
    assert_true(slice_is(fields[6].value.text, "\"\""));
}

static void test_values_are_capped(void **state)
{
    struct fixture *f = *state;
    static char large[100000];
    memset(large, 'x', sizeof large - 1);
    open_log(f, LOG_INFO, LOG_TEXT);
    log_fields(LOG_INFO, "m", LOG_STR("a", large), LOG_INT("b", 1));
    const char *line = read_text(f);
    assert_in_range(strlen(line), 1000, 1100);
    assert_string_equal(line + strlen(line) - 5, " b=1\n");
}

/* The cut may fall into a character: what is left is JSON all the same. */
static void test_json_values_are_capped(void **state)
{
    struct fixture *f = *state;
    static char large[100002]; /* one byte, 50000 pairs, the end */
    for (size_t at = 0; at < sizeof large - 1; at++)
        large[at] = at % 2 ? '\xc3' : '\xa9';
    large[0] = 'x';
    open_log(f, LOG_INFO, LOG_JSON);
    log_fields(LOG_INFO, "m", LOG_STR("a", large), LOG_INT("b", 1));
    const char *line = read_file(f, f->path);
    struct json_field fields[] = {{.name = "a"}, {.name = "b"}};
    assert_int_equal(line[f->read.len - 1], '\n');
    assert_int_equal(json_read_object(buf_slice(&f->read), 1, fields, 2, NULL), ST_OK);
    assert_in_range(fields[0].value.text.len, 1000, 1100);
    assert_true(slice_is(fields[1].value.text, "1"));
}

static void test_levels(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_WARN, LOG_TEXT);
    assert_false(log_enabled(LOG_DEBUG));
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    assert_true(log_enabled(LOG_ERROR));
    log_printf(LOG_INFO, "not this");
    log_line(LOG_DEBUG, "nor this", NULL, 0);
    log_printf(LOG_WARN, "but %s, %d", "this", 7);
    assert_string_equal(read_text(f), "WARN  but this, 7\n");

    unlink(f->path);
    open_log(f, LOG_OFF, LOG_TEXT);
    assert_false(log_enabled(LOG_ERROR));
    log_printf(LOG_ERROR, "never");
    log_printf(LOG_OFF, "never");
    assert_string_equal(read_file(f, f->path), "");
}

static int count_calls(int *calls)
{
    return ++*calls;
}

static void test_fields_of_no_line_cost_nothing(void **state)
{
    struct fixture *f = *state;
    int calls = 0;
    open_log(f, LOG_ERROR, LOG_TEXT);
    log_fields(LOG_INFO, "m", LOG_INT("n", count_calls(&calls)));
    assert_int_equal(calls, 0);
    log_fields(LOG_ERROR, "m", LOG_INT("n", count_calls(&calls)));
    assert_int_equal(calls, 1);
}

static void test_file_is_appended_to_and_not_for_all(void **state)
{
    struct fixture *f = *state;
    mode_t mask = umask(0);
    open_log(f, LOG_INFO, LOG_TEXT);
    umask(mask);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    log_printf(LOG_INFO, "first");
    open_log(f, LOG_INFO, LOG_TEXT);
    log_printf(LOG_INFO, "second");
    const char *lines = read_file(f, f->path);
    assert_non_null(strstr(lines, "first\n"));
    assert_non_null(strstr(lines, "second\n"));
}

static void test_rotation(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_INFO, LOG_TEXT);
    log_printf(LOG_INFO, "old");
    assert_int_equal(rename(f->path, f->moved), 0);
    log_printf(LOG_INFO, "still old");
    assert_int_equal(log_reopen(NULL), ST_OK);
    log_printf(LOG_INFO, "new");
    assert_string_equal(read_text(f), "INFO  new\n");
    assert_non_null(strstr(read_file(f, f->moved), "still old\n"));
}

static void test_rotation_that_fails_keeps_the_old_file(void **state)
{
    struct fixture *f = *state;
    open_log(f, LOG_INFO, LOG_TEXT);
    assert_int_equal(rename(f->path, f->moved), 0);
    assert_int_equal(mkdir(f->path, 0700), 0); /* cannot be opened for writing, not even by root */
    struct err err = {0};
    assert_int_equal(log_reopen(&err), ST_SYSTEM);
    assert_non_null(strstr(err_text(&err), f->path));
    log_printf(LOG_INFO, "kept");
    assert_int_equal(rmdir(f->path), 0);
    assert_non_null(strstr(read_file(f, f->moved), "kept\n"));
}

static void test_file_that_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/none/log", f->dir);
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, path, &err), ST_SYSTEM);
    assert_non_null(strstr(err_text(&err), path));
    assert_non_null(strstr(err_text(&err), "No such file or directory"));
}

static void test_standard_error(void **state)
{
    struct fixture *f = *state;
    int kept = dup(STDERR_FILENO);
    int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(kept >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    enum status status = log_open(LOG_INFO, LOG_TEXT, NULL, NULL);
    assert_int_equal(log_reopen(NULL), ST_OK);
    log_printf(LOG_INFO, "here");
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(fd);
    assert_int_equal(status, ST_OK);
    assert_string_equal(read_text(f), "INFO  here\n");
}

enum { THREADS = 8, EACH = 500 };

static void *write_lines(void *arg)
{
    const char *name = arg;
    for (int i = 0; i < EACH; i++) {
        if (i % 50 == 0)
            assert_int_equal(log_reopen(NULL), ST_OK);
        log_fields(LOG_INFO, name, LOG_INT("n", i), LOG_STR("filler", "some text\twith blanks"));
    }
    return NULL;
}

static void test_lines_of_threads_stay_whole(void **state)
{
    struct fixture *f = *state;
    char names[THREADS][2] = {{0}};
    int next[THREADS] = {0};
    pthread_t threads[THREADS];
    open_log(f, LOG_INFO, LOG_JSON);
    for (int i = 0; i < THREADS; i++) {
        names[i][0] = (char)('A' + i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *at = read_file(f, f->path);
    for (int lines = 0; lines < THREADS * EACH; lines++) {
        struct json_field fields[] = {{.name = "msg"}, {.name = "n"}};
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        struct slice line = {at, (size_t)(end - at)};
        assert_int_equal(json_read_object(line, 1, fields, 2, NULL), ST_OK);
        int thread = fields[0].value.text.ptr[1] - 'A';
        int64_t number = -1;
        assert_int_equal(json_read_int(fields[1].value, 0, EACH, &number, NULL), ST_OK);
        assert_int_equal(number, next[thread]++); /* in its thread's order, none lost */
        at = end + 1;
    }
    assert_int_equal(*at, 0);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        WITH_FILE(test_text_line),
        WITH_FILE(test_text_values_that_need_quotes),
        WITH_FILE(test_nothing_from_outside_starts_a_line),
        WITH_FILE(test_absent_fields_are_left_out),
        WITH_FILE(test_json_line),
        WITH_FILE(test_values_are_capped),
        WITH_FILE(test_json_values_are_capped),
        WITH_FILE(test_levels),
        WITH_FILE(test_fields_of_no_line_cost_nothing),
        WITH_FILE(test_file_is_appended_to_and_not_for_all),
        WITH_FILE(test_rotation),
        WITH_FILE(test_rotation_that_fails_keeps_the_old_file),
        WITH_FILE(test_file_that_cannot_be_opened),
        WITH_FILE(test_standard_error),
        WITH_FILE(test_lines_of_threads_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
