#include "support/exec_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/wait.h"
#include "worker/handler/exec.h"

enum { PATIENCE_MS = 10000 };

int exec_fixture_count_fds(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

int exec_fixture_set_up(void **state)
{
    static struct exec_fixture fixture;
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    fixture = (struct exec_fixture){.fds_before = exec_fixture_count_fds()};
    const char *tmp = getenv("TMPDIR");
    snprintf(fixture.directory, sizeof fixture.directory, "%.40s/exec-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(fixture.directory) || pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    snprintf(fixture.fifo, sizeof fixture.fifo, "%s/fifo", fixture.directory);
    if (mkfifo(fixture.fifo, 0600) != 0 || setenv("LC_FIFO", fixture.fifo, 1) != 0)
        return -1;
    fixture.fifo_fd = open(fixture.fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fixture.abort_write_fd = ends[1];
    strcpy(fixture.job.type, "t");
    strcpy(fixture.job.id, "j1");
    fixture.call = (struct handler_call){.job = &fixture.job,
                                         .queue = "default",
                                         .run = 3,
                                         .attempt = 2,
                                         .deadline_ms = 1700000000000,
                                         .max_output = 64 << 10,
                                         .abort_fd = ends[0]};
    *state = &fixture;
    return fixture.fifo_fd < 0 ? -1 : 0;
}

static void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    assert_int_equal(rmdir(path), 0);
}

int exec_fixture_tear_down(void **state)
{
    struct exec_fixture *fixture = *state;
    buf_fini(&fixture->result.output);
    buf_fini(&fixture->result.error);
    close(fixture->abort_write_fd);
    close(fixture->call.abort_fd);
    close(fixture->fifo_fd);
    remove_directory(fixture->directory);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(exec_fixture_count_fds(), fixture->fds_before);
    return 0;
}

void exec_fixture_read_limits(const struct exec_fixture *fixture, struct limits *limits)
{
    struct err err = {0};
    limits_init(limits);
    if (fixture->limits && (limits_read(limits, fixture->limits, &err) != ST_OK ||
                            limits_settle(limits, false, &err) != ST_OK))
        fail_msg("%s: %s", fixture->limits, err_text(&err));
}

enum handler_outcome exec_fixture_run(struct exec_fixture *fixture, const char *text,
                                      const char *args)
{
    struct command *command;
    struct limits limits;
    struct err err = {0};
    if (command_parse(text, &command, &err) != ST_OK)
        fail_msg("%s: %s", text, err_text(&err));
    exec_fixture_read_limits(fixture, &limits);
    if (fixture->limits)
        assert_int_equal(command_limit(command, &limits, NULL), ST_OK);
    fixture->job.args = args ? slice_of(args) : (struct slice){NULL, 0};
    fixture->result.output_is_json = true;
    buf_clear(&fixture->result.output);
    buf_clear(&fixture->result.error);
    exec_run(command, &fixture->call, &fixture->result);
    command_free(command);
    limits_fini(&limits);
    assert_false(fixture->result.output_is_json);
    return fixture->result.outcome;
}

void exec_fixture_expect(struct exec_fixture *fixture, const char *command, const char *args,
                         enum handler_outcome outcome, const char *text)
{
    const struct handler_result *result = &fixture->result;
    const char *output = outcome == HANDLER_DONE ? text : "";
    const char *error = outcome == HANDLER_DONE ? "" : text;
    if (exec_fixture_run(fixture, command, args) != outcome ||
        strcmp(buf_text(&result->output), output) != 0 ||
        strcmp(buf_text(&result->error), error) != 0)
        fail_msg("%s: outcome %d, output \"%s\", error \"%s\"", command, (int)result->outcome,
                 buf_text(&result->output), buf_text(&result->error));
}

static bool wait_fifo(const struct exec_fixture *fixture, short event)
{
    struct pollfd fd = {.fd = fixture->fifo_fd, .events = event};
    return poll(&fd, 1, (int)wait_patience_ms(PATIENCE_MS)) == 1 && fd.revents == event;
}

bool exec_fixture_wait_fifo_closed(const struct exec_fixture *fixture)
{
    return wait_fifo(fixture, POLLHUP);
}

bool exec_fixture_wait_fifo_byte(const struct exec_fixture *fixture)
{
    char byte;
    return wait_fifo(fixture, POLLIN) && read(fixture->fifo_fd, &byte, 1) == 1;
}
