/* A log goes to a pipe whose reader has gone, or is behind: neither may hold up who logs. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A log that nobody reads any more neither ends the program nor changes errno. */
static void test_reader_that_has_gone(void **state)
{
    (void)state;
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    dup2(ends[1], STDERR_FILENO);
    enum status status = log_open(LOG_INFO, LOG_TEXT, NULL, NULL);
    errno = EXDEV;
    log_printf(LOG_INFO, "nobody reads this");
    int left = errno;
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    signal(SIGPIPE, old);
    assert_int_equal(status, ST_OK);
    assert_int_equal(left, EXDEV);
}

/* Standard error is a pipe that nobody reads from, and it is full. */
struct full_pipe {
    int read_fd, write_fd, kept_fd;
};
static struct full_pipe full;

static void drain(void)
{
    char chunk[4096];
    while (read(full.read_fd, chunk, sizeof chunk) > 0)
        ;
}

/* Leaves just the line that was begun: the filler is NUL. */
static void drain_but_text(char *out, size_t *len, size_t size)
{
    char chunk[4096];
    ssize_t got;
    while ((got = read(full.read_fd, chunk, sizeof chunk)) > 0)
        for (ssize_t i = 0; i < got && *len < size; i++)
            if (chunk[i])
                out[(*len)++] = chunk[i];
}

static int set_up_full_pipe(void **state)
{
    (void)state;
    static const char chunk[4096];
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    while (write(ends[1], chunk, sizeof chunk) > 0)
        ;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0); /* ours block, as those of a program do */
    full = (struct full_pipe){ends[0], ends[1], dup(STDERR_FILENO)};
    assert_true(full.kept_fd >= 0);
    assert_int_equal(dup2(full.write_fd, STDERR_FILENO), STDERR_FILENO);
    return 0;
}

static int tear_down_full_pipe(void **state)
{
    (void)state;
    dup2(full.kept_fd, STDERR_FILENO);
    close(full.kept_fd);
    close(full.read_fd);
    close(full.write_fd);
    return log_open(LOG_INFO, LOG_TEXT, NULL, NULL) == ST_OK ? 0 : -1;
}

static const char *read_pipe(char *out, size_t size)
{
    ssize_t got = read(full.read_fd, out, size - 1);
    out[got > 0 ? got : 0] = 0;
    return out;
}

static void test_lines_for_a_reader_that_is_behind_are_counted(void **state)
{
    (void)state;
    char out[1024];
    assert_int_equal(log_open(LOG_ERROR, LOG_TEXT, NULL, NULL), ST_OK);
    for (int i = 0; i < 3; i++)
        log_printf(LOG_ERROR, "nobody waits for this");
    drain();
    log_printf(LOG_ERROR, "back");
    const char *second = strchr(read_pipe(out, sizeof out), '\n');
    assert_non_null(second);
    assert_memory_equal(out + 12, " WARN  log lines dropped  lines=3\n",
                        sizeof " WARN  log lines dropped  lines=3");
    assert_string_equal(second + 1 + 13, "ERROR back\n");
    log_printf(LOG_ERROR, "and on");
    assert_string_equal(read_pipe(out, sizeof out) + 13, "ERROR and on\n");
}

/* A reader that takes a little now and then is not waited for at each line: sixty would take 6 s.
 */
static void test_a_slow_reader_is_not_waited_for_each_time(void **state)
{
    (void)state;
    char out[5000];
    assert_int_equal(log_open(LOG_ERROR, LOG_TEXT, NULL, NULL), ST_OK);
    int64_t start_ms = clock_mono_ms();
    for (int i = 0; i < 60; i++) {
        for (int k = 0; k < 100; k++)
            log_printf(LOG_ERROR, "%0100d", i);
        (void)read_pipe(out, sizeof out);
    }
    assert_in_range(clock_mono_ms() - start_ms, 0, 4000);
}

static void test_count_of_dropped_lines_is_a_line_like_others(void **state)
{
    (void)state;
    char out[1024];
    struct json_field fields[] = {{.name = "time"}, {.name = "level"}, {.name = "lines"}};
    assert_int_equal(log_open(LOG_INFO, LOG_JSON, NULL, NULL), ST_OK);
    log_printf(LOG_INFO, "nobody waits for this");
    drain();
    log_printf(LOG_INFO, "back");
    const char *end = strchr(read_pipe(out, sizeof out), '\n');
    assert_non_null(end);
    struct slice line = {out, (size_t)(end - out)};
    assert_int_equal(json_read_object(line, 1, fields, 3, NULL), ST_OK);
    assert_int_equal(fields[0].value.text.len, 26);
    assert_true(slice_is(fields[1].value.text, "\"warn\""));
    assert_true(slice_is(fields[2].value.text, "1"));
    assert_non_null(strstr(end + 1, "\"msg\":\"back\"}\n"));
}

/* There is room for a part of the line: whoever logs is not held up, and the line stays whole. */
static void test_a_long_line_is_written_in_parts(void **state)
{
    (void)state;
    enum { PAGE = 4096, LINE_MAX = 16 << 10 };
    char said[1024], out[LINE_MAX];
    memset(said, 1, sizeof said); /* six bytes each, once escaped */
    assert_int_equal(log_open(LOG_INFO, LOG_JSON, NULL, NULL), ST_OK);
    assert_int_equal(read(full.read_fd, out, PAGE), PAGE);
    log_fields(LOG_INFO, "long", LOG_SLICE("said", ((struct slice){said, sizeof said})));
    log_printf(LOG_INFO, "dropped");
    size_t len = 0;
    drain_but_text(out, &len, sizeof out - 1);
    log_printf(LOG_INFO, "back");
    drain_but_text(out, &len, sizeof out - 1);
    out[len] = 0;
    char *end = strchr(out, '\n');
    assert_non_null(end);
    assert_true(end - out > 6 * (int)sizeof said);
    assert_memory_equal(end - 2, "\"}", 2);
    assert_non_null(strstr(end, "\"log lines dropped\",\"lines\":1}\n"));
    assert_non_null(strstr(end, "\"msg\":\"back\"}\n"));
    assert_null(strstr(end, "\"msg\":\"dropped\""));
}

static void drain_in_handler(int signal_number)
{
    (void)signal_number;
    int kept_errno = errno;
    drain();
    errno = kept_errno;
}

static void ignore_in_handler(int signal_number)
{
    (void)signal_number;
}

/* Logs a line, and has a signal handled while it waits for the reader. */
static void log_with_signal(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}, old;
    struct itimerval soon = {.it_value = {.tv_usec = 10000}}, never = {.it_value = {.tv_sec = 0}};
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, NULL, NULL), ST_OK);
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    log_printf(LOG_INFO, "the line");
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
}

/* The reader catches up while the line waits; that a signal came too is no reason to drop it. */
static void test_signal_drops_no_line(void **state)
{
    (void)state;
    char out[1024];
    log_with_signal(drain_in_handler);
    assert_string_equal(read_pipe(out, sizeof out) + 13, "INFO  the line\n");
}

/* Nor is it one to write, and be held up, though the reader is still behind. */
static void test_signal_holds_up_nobody(void **state)
{
    (void)state;
    char out[1024];
    log_with_signal(ignore_in_handler);
    drain();
    log_printf(LOG_INFO, "back");
    assert_non_null(strstr(read_pipe(out, sizeof out), "log lines dropped  lines=1\n"));
}

#define WITH_FULL_PIPE(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, set_up_full_pipe, tear_down_full_pipe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_that_has_gone),
        WITH_FULL_PIPE(test_lines_for_a_reader_that_is_behind_are_counted),
        WITH_FULL_PIPE(test_a_slow_reader_is_not_waited_for_each_time),
        WITH_FULL_PIPE(test_count_of_dropped_lines_is_a_line_like_others),
        WITH_FULL_PIPE(test_a_long_line_is_written_in_parts),
        WITH_FULL_PIPE(test_signal_drops_no_line),
        WITH_FULL_PIPE(test_signal_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
