/* The end of a program in words, for every way to end and every limit that may explain it. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <string.h>

#include "worker/program/death.h"

enum { MIB = 1 << 20 };

/* As waitpid() has it. */
#define EXITED(code) ((code) << 8)

struct row {
    int wait_status;
    const char *limits;
    int64_t cpu_s, peak_mib, oom_kills;
    bool is_lasting;
    const char *words;
};

static const struct row rows[] = {
    {EXITED(3), NULL, 0, 0, -1, false, "exit status 3"},
    {EXITED(3), "memory=64MiB", 0, 31, -1, false, "exit status 3"},
    {EXITED(3), "memory=64MiB", 0, 32, -1, false,
     "exit status 3; it had 32MiB of memory at most, and may have 64MiB (--limit memory)"},
    {SIGTERM, "memory=64MiB", 0, 60, -1, false, "killed by signal 15 (Terminated)"},
    {SIGSEGV, NULL, 0, 60, -1, false, "killed by signal 11 (Segmentation fault)"},
    {SIGSEGV, "memory=64MiB", 0, 60, -1, false,
     "killed by signal 11 (Segmentation fault); it had 60MiB of memory at most, and may have 64MiB "
     "(--limit memory)"},
    {SIGABRT, "memory=64MiB", 0, 0, -1, false,
     "killed by signal 6 (Aborted); it may have 64MiB of memory (--limit memory)"},
    {SIGXCPU, NULL, 9, 0, -1, false, "killed by signal 24 (CPU time limit exceeded)"},
    {SIGXCPU, "cpu=1m30s", 0, 0, -1, false,
     "killed by signal 24 (CPU time limit exceeded): it may use 1m30s of CPU time (--limit cpu)"},
    {SIGXFSZ, NULL, 0, 0, -1, false, "killed by signal 25 (File size limit exceeded)"},
    {SIGXFSZ, "file-size=2MiB", 0, 0, -1, false,
     "killed by signal 25 (File size limit exceeded): no file it writes to may be larger than 2MiB "
     "(--limit file-size)"},
    {SIGKILL, "cpu=5s", 5, 0, 0, false,
     "killed by signal 9 (Killed): it may use 5s of CPU time (--limit cpu)"},
    {SIGKILL, "cpu=5s", 4, 0, 0, false,
     "killed by signal 9 (Killed), not by darg, nor by the kernel for lack of memory"},
    {SIGKILL, "cpu=5s", 50, 0, 0, true, /* of many jobs */
     "killed by signal 9 (Killed), not by darg, nor by the kernel for lack of memory"},
    {SIGKILL, NULL, 0, 812, -1, false,
     "killed by signal 9 (Killed), not by darg: perhaps by the kernel for lack of memory; it had "
     "812MiB of memory at most"},
    {SIGKILL, NULL, 0, 0, 1, false,
     "killed by signal 9 (Killed), not by darg: perhaps by the kernel for lack of memory (which it "
     "has done 1 time since the worker started)"},
    {SIGKILL, "memory=1GiB", 0, 812, 2, false,
     "killed by signal 9 (Killed), not by darg: perhaps by the kernel for lack of memory (which it "
     "has done 2 times since the worker started); it had 812MiB of memory at most, and may have "
     "1GiB (--limit memory)"},
};

static void read_limits(struct limits *limits, const char *list)
{
    struct err err = {0};
    limits_init(limits);
    if (list && limits_read(limits, list, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static void expect(const struct row *row, bool has_said, const char *words)
{
    struct limits limits;
    struct buf reason = {0};
    const struct death death = {
        .is_known = true,
        .is_lasting = row->is_lasting,
        .wait_status = row->wait_status,
        .usage = {.is_known = true,
                  .cpu_us = row->cpu_s * 1000000,
                  .peak_bytes = row->peak_mib * MIB},
        .own_cpu_us = row->cpu_s * 1000000,
        .oom_kills = row->oom_kills,
    };
    read_limits(&limits, row->limits);
    death_append(&death, row->limits ? &limits : NULL, has_said, &reason);
    assert_string_equal(buf_text(&reason), words);
    buf_fini(&reason);
    limits_fini(&limits);
}

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(&rows[i], false, rows[i].words);
}

/* A program that has told why it ends is not talked over, but for what it may not know. */
static void test_words_beside_its_own(void **state)
{
    (void)state;
    const struct row plain = {.wait_status = EXITED(1), .oom_kills = -1};
    const struct row large = {
        .wait_status = EXITED(1), .limits = "memory=64MiB", .peak_mib = 63, .oom_kills = -1};
    expect(&plain, true, "");
    expect(&large, true, "it had 63MiB of memory at most, and may have 64MiB (--limit memory)");
}

struct group_row {
    int wait_status;
    const char *limits;
    int64_t peak_mib;
    struct cgroup_usage group;
    const char *words;
};

static const struct group_row group_rows[] = {
    {SIGKILL,
     "memory=64MiB",
     64,
     {.oom_kills = 2, .memory_refusals = 1},
     "killed by signal 9 (Killed) by the kernel for lack of memory; it had 64MiB of memory at "
     "most, and may have 64MiB (--limit memory)"},
    {SIGKILL,
     NULL,
     812,
     {.oom_kills = 1},
     "killed by signal 9 (Killed) by the kernel: the machine, or the worker as a whole, was out of "
     "memory; it had 812MiB of memory at most"},
    {SIGKILL,
     NULL,
     0,
     {.oom_kills = 0},
     "killed by signal 9 (Killed), not by darg, nor by the kernel for lack of memory"},
    {SIGKILL,
     NULL,
     0,
     {.oom_kills = -1}, /* no controller: as without a group */
     "killed by signal 9 (Killed), not by darg: perhaps by the kernel for lack of memory (which it "
     "has done 7 times since the worker started)"},
    {EXITED(3),
     "processes=2",
     0,
     {.processes_refused = 1},
     "exit status 3; it was refused a process 1 time: it may have 2 (--limit processes)"},
    {EXITED(3),
     "processes=2,memory=64MiB",
     60,
     {.processes_refused = 5},
     "exit status 3; it was refused a process 5 times: it may have 2 (--limit processes); it had "
     "60MiB of memory at most, and may have 64MiB (--limit memory)"},
    {EXITED(3), "memory=64MiB", 0, {.processes_refused = 5}, "exit status 3"},
    /* What others in the group have used is not its own. */
    {SIGKILL,
     "cpu=5s",
     0,
     {.user_us = 9000000},
     "killed by signal 9 (Killed), not by darg, nor by the kernel for lack of memory"},
};

static void test_words_of_a_control_group(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof group_rows / sizeof *group_rows; i++) {
        const struct group_row *row = &group_rows[i];
        struct limits limits;
        struct buf reason = {0};
        const struct death death = {
            .is_known = true,
            .wait_status = row->wait_status,
            .usage = {.is_known = true,
                      .cpu_us = row->group.user_us,
                      .peak_bytes = row->peak_mib * MIB},
            .oom_kills = 7,
            .has_group = true,
            .group = row->group,
        };
        read_limits(&limits, row->limits);
        death_append(&death, row->limits ? &limits : NULL, false, &reason);
        assert_string_equal(buf_text(&reason), row->words);
        buf_fini(&reason);
        limits_fini(&limits);
    }
}

static void test_nothing_is_known(void **state)
{
    (void)state;
    struct buf reason = {0};
    const struct death death = {.is_known = false};
    death_append(&death, NULL, false, &reason);
    assert_string_equal(buf_text(&reason), "its exit status is lost");
    buf_fini(&reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_beside_its_own),
        cmocka_unit_test(test_words_of_a_control_group),
        cmocka_unit_test(test_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
