/* Limits of a persistent process: in force from its start, but its processor time is each job's. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/stream_fixture.h"

#define DIED "the handler ended before it answered: "

static void test_processor_time(void **state)
{
    struct stream_fixture *f = *state;
    f->exec->limits = "cpu=1s";
    stream_fixture_script(f, "", "while :; do :; done");
    stream_fixture_expect(f, NULL, HANDLER_RETRY,
                          DIED "killed by signal 24 (CPU time limit exceeded): it may use 1s of "
                               "CPU time (--limit cpu)");
}

/* Three jobs, each of which takes one second of the two that it may: more than two in all. The
 * shell tells its own time in the first line of `times`, as "0m1.23s 0m0.01s". */
static void test_processor_time_is_for_each_job(void **state)
{
    struct stream_fixture *f = *state;
    f->exec->limits = "cpu=2s";
    stream_fixture_script(f, "",
                          "jobs=$((jobs + 1)); seconds=0;"
                          "while [ $seconds -lt $jobs ]; do"
                          "  i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done;"
                          "  times >$LC_FIFO.times; read -r user system <$LC_FIFO.times;"
                          "  user=${user#*m}; seconds=${user%%.*};"
                          "done; echo \"REPLY,\\\"done\\\":$jobs}\"");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "1");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "2");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "3");
}

static void test_memory(void **state)
{
    struct stream_fixture *f = *state;
    f->exec->limits = "memory=64MiB";
    stream_fixture_script(f, "", "head -c 300M /dev/zero | tail 2>/dev/null; exit 3");
    stream_fixture_expect_error(f, HANDLER_RETRY, DIED "exit status 3; it had ");
    assert_non_null(strstr(buf_text(&f->exec->result.error),
                           "MiB of memory at most, and may have 64MiB (--limit memory)"));
}

static void test_user_and_directory(void **state)
{
    if (geteuid() != 0)
        skip();
    struct stream_fixture *f = *state;
    f->exec->limits = "user=nobody,directory=/usr,env=clean";
    stream_fixture_script(
        f, "", "echo \"REPLY,\\\"done\\\":\\\"$(id -un) $PWD $HOME ${LC_FIFO-no}\\\"}\"");
    stream_fixture_expect(f, NULL, HANDLER_DONE, "\"nobody /usr /nonexistent no\"");
}

/* No death of a process blames the job that has seen none of it. */
static void test_what_cannot_be_set(void **state)
{
    if (geteuid() != 0)
        skip();
    struct stream_fixture *f = *state;
    char limits[128];
    snprintf(limits, sizeof limits, "user=nobody,directory=%s", f->exec->directory);
    f->exec->limits = limits;
    stream_fixture_script(f, "", ":");
    stream_fixture_expect_error(f, HANDLER_RETRY, DIED "exit status 127");
    assert_non_null(strstr(buf_text(&f->exec->result.error), "cannot enter the directory "));
    assert_false(f->exec->result.is_crash);
}

static void test_output(void **state)
{
    struct stream_fixture *f = *state;
    f->exec->limits = "output=1KiB";
    f->exec->call.max_output = 4;
    stream_fixture_script(f, "", "echo \"REPLY,\\\"done\\\":12345}\"");
    stream_fixture_expect(f, NULL, HANDLER_BURY, "the result is larger than 4B (--limit output)");
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, stream_fixture_set_up, stream_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_processor_time),
        TEST(test_processor_time_is_for_each_job),
        TEST(test_memory),
        TEST(test_user_and_directory),
        TEST(test_what_cannot_be_set),
        TEST(test_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
