/* Logs that cannot be written, and a worker that works all the same. */
#include "support/cmocka_all.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOBS = 60 };

#define NOOP "{\"type\":\"noop\"}"

struct expected {
    const char *path, *text;
    struct worker_fixture *f;
};

static bool has_text(void *context)
{
    const struct expected *expected = context;
    char *text = worker_fixture_read(expected->path);
    bool is_there = strstr(text, expected->text) != NULL;
    free(text);
    return is_there;
}

static bool has_text_of_a_job(void *context)
{
    const struct expected *expected = context;
    worker_fixture_push(expected->f, NOOP);
    return has_text(context);
}

static void wait_text(const char *path, const char *text)
{
    struct expected expected = {.path = path, .text = text};
    if (!wait_until(has_text, &expected, WORKER_FIXTURE_WAIT_MS))
        fail_msg("%s does not have: %s", path, text);
}

/* Logs two lines for each job; the second has some 6 KiB, more than a pipe takes as a whole. */
static const char chatter[] =
    "read -r hello\n"
    "said=$(head -c 1000 /dev/zero | sed 's/\\x00/\\\\u0001/g')\n"
    "while read -r job; do\n"
    "    id=${job#*:}\n"
    "    printf '{\"log\":\"%.3600s\"}\\n' \"$said\"\n"
    "    printf '{\"log\":\"%s\"}\\n{\"id\":%s,\"done\":1}\\n' \"$said\" \"${id%%,*}\"\n"
    "done\n";

/* The lines of the start and the first of the job's take most of the one, so its second is too much
 * for what is left, which a poll() cannot see. */
static void leave_two_pages(const char *path)
{
    static const char page[4096];
    int writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(writer >= 0);
    int64_t pages = fcntl(writer, F_GETPIPE_SZ) / (int)sizeof page;
    for (int64_t i = 2; i < pages; i++)
        assert_int_equal(write(writer, page, sizeof page), sizeof page);
    close(writer);
}

static void test_a_reader_that_has_stalled(void **state)
{
    struct worker_fixture *f = *state;
    char path[256], option[300];
    (void)snprintf(path, sizeof path, "%s", worker_fixture_path(f, "fifo"));
    const char *plain = worker_fixture_handler(f, "chatter", chatter);
    (void)snprintf(option, sizeof option, "chatter=stream:%s", strchr(plain, '=') + 1);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    leave_two_pages(path);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--log-file", path,
                                                  "--log-format", "json", "--handler", option);
    worker_fixture_push_many(f, JOBS, "chatter", "1");
    worker_fixture_wait_count(f, "done", JOBS);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    close(reader);
}

static void limit_files(struct process *worker, rlim_t size)
{
    const struct rlimit limit = {.rlim_cur = size, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(worker_fixture_child(worker), RLIMIT_FSIZE, &limit, NULL), 0);
    assert_int_equal(prlimit(process_pid(worker), RLIMIT_FSIZE, &limit, NULL), 0);
}

static void test_a_file_that_may_grow_no_more(void **state)
{
    struct worker_fixture *f = *state;
    const char *path = worker_fixture_path(f, "log");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--log-file", path);
    limit_files(worker, 1);
    worker_fixture_push(f, NOOP);
    worker_fixture_wait_count(f, "done", 1);
    process_signal(worker, SIGHUP); /* the supervisor has something to say, too */
    limit_files(worker, RLIM_INFINITY);
    worker_fixture_push(f, NOOP);
    worker_fixture_wait_count(f, "done", 2);
    wait_text(path, "log lines dropped");
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

static void test_a_file_that_cannot_be_opened_anew(void **state)
{
    struct worker_fixture *f = *state;
    char directory[256], moved[256], path[300], old[300];
    (void)snprintf(directory, sizeof directory, "%s", worker_fixture_path(f, "logs"));
    (void)snprintf(moved, sizeof moved, "%s", worker_fixture_path(f, "moved"));
    (void)snprintf(path, sizeof path, "%s/log", directory);
    (void)snprintf(old, sizeof old, "%s/log", moved);
    assert_int_equal(mkdir(directory, 0700), 0);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--log-file", path);
    assert_int_equal(rename(directory, moved), 0);
    process_signal(worker, SIGHUP);
    wait_text(old, "HUP: cannot reopen the log file");
    wait_text(old, "logging continues in the old file; trying again later");
    assert_int_equal(mkdir(directory, 0700), 0);
    struct expected expected = {path, "job done", f};
    assert_true(wait_until(has_text_of_a_job, &expected, WORKER_FIXTURE_WAIT_MS));
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_a_reader_that_has_stalled),
        WORKER_TEST(test_a_file_that_may_grow_no_more),
        WORKER_TEST(test_a_file_that_cannot_be_opened_anew),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
