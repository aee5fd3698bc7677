/* What a program has used, and a death that darg has not caused. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "support/exec_fixture.h"
#include "support/stream_fixture.h"
#include "worker/program/oom.h"

enum { MIB = 1 << 20, HOG_MIB = 96 };

/* Fills a buffer of that many bytes: more than the tests have themselves. */
#define HOG "dd if=/dev/zero of=/dev/null bs=96M count=1 2>/dev/null"

static const struct usage *run(struct exec_fixture *fixture, const char *command,
                               enum handler_outcome outcome)
{
    fixture->result.usage = (struct usage){0};
    if (exec_fixture_run(fixture, command, NULL) != outcome)
        fail_msg("%s: outcome %d, %s", command, (int)fixture->result.outcome,
                 buf_text(&fixture->result.error));
    assert_true(fixture->result.usage.is_known);
    return &fixture->result.usage;
}

static void expect_hog(const struct usage *usage)
{
    assert_in_range(usage->peak_bytes, (int64_t)HOG_MIB * MIB, (int64_t)(HOG_MIB + 32) * MIB);
}

static void test_memory_of_the_largest(void **state)
{
    expect_hog(run(*state, "sh -c '" HOG "'", HANDLER_DONE));
    expect_hog(run(*state, "sh -c '" HOG "; exit 3'", HANDLER_RETRY));
}

/* More than the program has, and none of it is the program's. */
static void test_memory_of_the_worker_is_not_counted(void **state)
{
    size_t size = (size_t)HOG_MIB * MIB;
    char *own = malloc(size);
    assert_non_null(own);
    memset(own, 1, size);
    __asm__ volatile("" : : "r"(own) : "memory"); /* it is used, compiler */
    assert_int_equal(run(*state, "true", HANDLER_DONE)->peak_bytes, 0);
    free(own);
}

static void test_time_of_program_and_kernel(void **state)
{
    static const char loop[] = "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'";
    const struct usage *usage = run(*state, loop, HANDLER_DONE);
    assert_true(usage->cpu_us > usage->system_us);
    assert_true(run(*state, "sh -c '" HOG "'", HANDLER_DONE)->system_us > 0);
    int64_t alone = run(*state, loop, HANDLER_DONE)->cpu_us;
    assert_true(run(*state, "sh -c :", HANDLER_DONE)->cpu_us < alone); /* no sum of all so far */
}

/* Where the kernel tells how many it has killed, a kill beyond is not laid to it. */
static void test_killed_by_somebody_else(void **state)
{
    struct exec_fixture *fixture = *state;
    int64_t kills = oom_kills();
    run(fixture, "sh -c 'echo hm >&2; kill -9 $$'", HANDLER_RETRY);
    if (oom_kills() != kills)
        skip(); /* somebody else's misfortune */
    assert_string_equal(
        buf_text(&fixture->result.error),
        kills < 0
            ? "killed by signal 9 (Killed), not by darg: perhaps by the kernel for lack of memory: "
              "hm"
            : "killed by signal 9 (Killed), not by darg, nor by the kernel for lack of memory: hm");
    run(fixture, "sh -c '" HOG "; kill -9 $$'", HANDLER_RETRY);
    const char *reason = buf_text(&fixture->result.error);
    if (!strstr(reason, "for lack of memory; it had ") || !strstr(reason, "MiB of memory at most"))
        fail_msg("%s", reason);
}

/* ---- a persistent process ---- */

static int64_t cpu_us_of_answer(struct stream_fixture *fixture, const char *args)
{
    const struct usage *usage = &fixture->exec->result.usage;
    fixture->exec->result.usage = (struct usage){0};
    stream_fixture_expect(fixture, args, HANDLER_DONE, "1");
    assert_true(usage->is_known);
    assert_false(usage->has_ended);
    assert_true(usage->cpu_us >= 0);
    return usage->cpu_us;
}

/* Of each job what it has taken itself, and no sum. */
static void test_stream_that_answers(void **state)
{
    struct stream_fixture *fixture = *state;
    stream_fixture_script(
        fixture, "",
        "case $job in *long*) i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done;; "
        "esac; echo \"REPLY,\\\"done\\\":1}\"");
    (void)cpu_us_of_answer(fixture, "\"short\"");
    int64_t short_us = cpu_us_of_answer(fixture, "\"short\"");
    int64_t long_us = cpu_us_of_answer(fixture, "\"long\"");
    assert_true(long_us > short_us);
    const struct usage *usage = &fixture->exec->result.usage;
    assert_in_range(usage->peak_bytes, MIB / 4, (int64_t)HOG_MIB * MIB);
    assert_true(cpu_us_of_answer(fixture, "\"short\"") < long_us);
}

static void test_stream_that_dies_is_accounted_for(void **state)
{
    struct stream_fixture *fixture = *state;
    stream_fixture_script(fixture, "", HOG "; kill -9 $$");
    stream_fixture_expect_error(fixture, HANDLER_RETRY,
                                "the handler ended before it answered: killed by signal 9 "
                                "(Killed), not by darg");
    assert_non_null(strstr(buf_text(&fixture->exec->result.error), "; it had "));
    assert_true(fixture->exec->result.usage.is_known);
    expect_hog(&fixture->exec->result.usage);
    stream_fixture_script(fixture, "", "exec <&-; " HOG "; sleep 1000");
    fixture->exec->result.usage = (struct usage){0};
    fixture->exec->call.timeout_ms = 3000;
    stream_fixture_expect(fixture, NULL, HANDLER_RETRY, "timed out after 3s");
    expect_hog(&fixture->exec->result.usage);
}

int main(void)
{
#define EXEC_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, exec_fixture_set_up, exec_fixture_tear_down)
#define STREAM_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, stream_fixture_set_up, stream_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        EXEC_TEST(test_memory_of_the_largest),
        EXEC_TEST(test_time_of_program_and_kernel),
        EXEC_TEST(test_killed_by_somebody_else),
        STREAM_TEST(test_stream_that_answers),
        STREAM_TEST(test_stream_that_dies_is_accounted_for),
        /* The last: from then on this process is as large as the others' programs. */
        EXEC_TEST(test_memory_of_the_worker_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
