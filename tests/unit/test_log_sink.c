#include "support/cmocka_all.h"

#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, LONG = PAGE + 2000 };

static char line[LONG];

/* A descriptor of somebody else's: it would block. */
static struct log_sink given(int fd)
{
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    return (struct log_sink){.fd = fd, .kind = LOG_SINK_GIVEN};
}

static void fill(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, line, sizeof line) > 0 || write(fd, line, 1) > 0)
        continue;
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

static void test_a_pipe_of_somebody_elses(void **state)
{
    (void)state;
    int ends[2];
    char page[PAGE];
    assert_int_equal(pipe(ends), 0);
    struct log_sink sink = given(ends[1]);
    assert_int_equal(log_sink_write(&sink, "abc\n", 4), 4);
    assert_int_equal(read(ends[0], page, sizeof page), 4);
    assert_memory_equal(page, "abc\n", 4);
    fill(ends[1]);
    assert_int_equal(log_sink_write(&sink, line, sizeof line), 0);
    assert_int_equal(read(ends[0], page, sizeof page), sizeof page);
    ssize_t wrote = log_sink_write(&sink, line, sizeof line);
    assert_in_range(wrote, 1, LONG - 1);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    close(ends[0]);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(log_sink_write(&sink, "abc\n", 4), -1);
    assert_int_equal(errno, EPIPE);
    signal(SIGPIPE, old);
    close(ends[1]);
}

static void test_a_socket_of_somebody_elses(void **state)
{
    (void)state;
    int ends[2];
    char out[8] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct log_sink sink = given(ends[1]);
    assert_int_equal(log_sink_write(&sink, "abc\n", 4), 4);
    assert_int_equal(read(ends[0], out, sizeof out), 4);
    fill(ends[1]);
    assert_int_equal(log_sink_write(&sink, line, sizeof line), 0);
    close(ends[0]);
    assert_int_equal(log_sink_write(&sink, "abc\n", 4), -1); /* and no signal */
    close(ends[1]);
}

static void test_standard_error_is_not_changed(void **state)
{
    (void)state;
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    struct log_sink sink;
    log_sink_open_stderr(&sink);
    fill(ends[1]);
    ssize_t wrote = log_sink_write(&sink, line, sizeof line);
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    log_sink_close(&sink);
    dup2(kept, STDERR_FILENO);
    assert_int_equal(wrote, 0);
    assert_int_equal(flags & O_NONBLOCK, 0);
    close(kept);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_fifo_that_nobody_reads(void **state)
{
    (void)state;
    struct log_sink sink;
    char directory[] = "/tmp/darg-sink-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    bool is_open = log_sink_open(&sink, path);
    int why = errno;
    unlink(path);
    rmdir(directory);
    assert_false(is_open);
    assert_int_equal(why, ENXIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pipe_of_somebody_elses),
        cmocka_unit_test(test_a_socket_of_somebody_elses),
        cmocka_unit_test(test_standard_error_is_not_changed),
        cmocka_unit_test(test_a_fifo_that_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
