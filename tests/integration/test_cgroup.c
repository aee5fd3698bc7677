/* Control groups of programs, by a worker that is started in a group of the test's own. Needs root
 * and control groups of version 2; what needs the controllers of memory and processes, too, is
 * skipped where another version has them. `make test-cgroup` brings a kernel that has all. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/control_group.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

enum { WAIT_MS = 20000, NOBODY = 65534 };

static struct control_group group;

static int set_up(void **state)
{
    (void)state;
    return control_group_make(&group) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    control_group_remove(&group);
    return 0;
}

static void test_nothing(void **state)
{
    (void)state;
    print_message("skipped: no control group of version 2 can be made here\n");
    skip();
}

static void skip_without_controllers(void)
{
    if (group.has_controllers)
        return;
    print_message("skipped: no controllers of memory and processes here\n");
    skip();
}

/* ---- one job, without Redis ---- */

/* To process_free(). The handler's type is t. */
static struct process *start(const char *handler, const char *const *options)
{
    char program[256];
    const char *argv[24];
    size_t count = 0;
    (void)snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    argv[count++] = program;
    argv[count++] = "--handler";
    argv[count++] = handler;
    argv[count++] = "--try";
    argv[count++] = "t";
    while (*options)
        argv[count++] = *options++;
    argv[count] = NULL;
    return process_start(&(struct process_options){.argv = control_group_enter(&group, argv)});
}

#define START(handler, ...) start((handler), COMMANDS_ARGS(__VA_ARGS__))

static void expect_end(struct process *process, int code, const char *part)
{
    int got = process_wait(process, WAIT_MS);
    if (got != code || !strstr(process_stderr(process), part))
        fail_msg("code %d, stdout \"%s\", stderr \"%s\"", got, process_stdout(process),
                 process_stderr(process));
}

#define EXPECT(code, part, handler, ...)                                                           \
    do {                                                                                           \
        struct process *started = START((handler), __VA_ARGS__);                                   \
        expect_end(started, (code), (part));                                                       \
        process_free(started);                                                                     \
    } while (0)

static void set_descendants(const char *most)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/cgroup.max.descendants", group.path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(most, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The worker's own is one: that there is no other to be had is not the job's fault. */
static void test_no_more_groups(void **state)
{
    (void)state;
    set_descendants("1");
    EXPECT(1, "could not be started, would wait: cannot make a control group below ", "t=true",
           NULL);
    set_descendants("max");
    EXPECT(0, "", "t=true", NULL);
}

/* ---- what it starts ends with it ---- */

/* Leaves a process behind that is in a process group of its own, and prints its id. */
#define DAEMON "d=$(setsid sh -c \"echo \\$\\$; exec sleep 1000 >/dev/null 2>&1\" & ); echo $d"

static void expect_daemon(struct process *process, bool is_alive)
{
    expect_end(process, 0, "");
    pid_t daemon = (pid_t)atoi(process_stdout(process));
    assert_true(daemon > 0);
    assert_int_equal(worker_fixture_is_alive(daemon), is_alive);
    if (is_alive)
        assert_int_equal(kill(daemon, SIGKILL), 0);
    process_free(process);
}

static bool is_empty(void *context)
{
    char path[600];
    (void)context;
    (void)snprintf(path, sizeof path, "%s/cgroup.procs", group.path);
    char *text = worker_fixture_read(path);
    bool is = *text == 0;
    free(text);
    return is;
}

static void test_a_daemon_ends_with_its_job(void **state)
{
    (void)state;
    expect_daemon(START("t=sh -c '" DAEMON "'", NULL), false);
    assert_int_equal(control_group_count(&group, "darg-job."), 0);
    expect_daemon(START("t=sh -c '" DAEMON "'", "--cgroup", "none"), true);
    assert_true(wait_until(is_empty, NULL, WAIT_MS));
}

/* The answer has no id, which is allowed in no answer: the process is killed for it. */
static void test_a_daemon_ends_with_a_process_that_stays(void **state)
{
    (void)state;
    expect_daemon(START("t=stream:sh -c 'read hello; read job; " DAEMON ">/dev/null; "
                        "echo \"{\\\"id\\\":\\\"try\\\",\\\"done\\\":$d}\"; cat >/dev/null'",
                        NULL),
                  false);
    assert_int_equal(control_group_count(&group, "darg-job."), 0);
}

static void test_a_daemon_ends_with_a_timeout(void **state)
{
    (void)state;
    /* Time enough to start four programs on a busy machine. */
    struct process *process =
        START("t=sh -c '" DAEMON " >&2; exec sleep 1000'", "--limit", "t=timeout=3s");
    expect_end(process, 1, "timed out after 3s: ");
    const char *said = strstr(process_stderr(process), "after 3s: ");
    assert_false(worker_fixture_is_alive((pid_t)atoi(said + strlen("after 3s: "))));
    process_free(process);
}

/* ---- what they use together ---- */

/* A child works, and the program ends without having waited for it. */
#define WORKS_UNWAITED                                                                             \
    "t=sh -c 'x=$(sh -c \"i=0; (while [ \\$i -lt 200000 ]; do i=\\$((i+1)); done) &\"); kill -9 "  \
    "$$'"

static int64_t cpu_ms_of(struct process *process)
{
    expect_end(process, 1, " of CPU time, ");
    const char *text = strstr(process_stderr(process), ", with ") + strlen(", with ");
    double amount = 0;
    char unit[3] = "";
    assert_int_equal(sscanf(text, "%lf%2[ms]", &amount, unit), 2);
    process_free(process);
    return (int64_t)(strcmp(unit, "ms") == 0 ? amount : amount * 1000);
}

static void test_time_of_what_was_not_waited_for(void **state)
{
    (void)state;
    int64_t alone = cpu_ms_of(START(WORKS_UNWAITED, "--cgroup", "none"));
    assert_true(wait_until(is_empty, NULL, WAIT_MS));
    int64_t together = cpu_ms_of(START(WORKS_UNWAITED, NULL));
    assert_in_range(together, 2 * alone + 20, 60000);
}

static void test_memory_together(void **state)
{
    (void)state;
    skip_without_controllers();
    /* Each holds 40 MiB until the other end of its pipe reads, which it does not. */
    EXPECT(1,
           "failed, would be retried: killed by signal 9 (Killed) by the kernel for lack of "
           "memory; it had 64MiB of memory at most, and may have 64MiB (--limit memory)",
           "t=sh -c 'for i in 1 2; do dd if=/dev/zero bs=40M count=1 2>/dev/null | sleep 1000 & "
           "done; wait'",
           "--limit", "t=memory=64MiB");
    EXPECT(0, ", and had 4", "t=sh -c 'dd if=/dev/zero bs=40M count=1 of=/dev/null 2>/dev/null'",
           "--limit", "t=memory=64MiB");
}

static void test_memory_of_a_small_program(void **state)
{
    (void)state;
    skip_without_controllers();
    EXPECT(0, ", and had ", "t=sh -c :", NULL);
}

/* root, whom nothing else holds to it. */
static void test_processes_together(void **state)
{
    (void)state;
    skip_without_controllers();
    EXPECT(1, "it was refused a process 1 time: it may have 4 (--limit processes): ",
           "t=sh -c 'for i in 1 2 3 4 5; do sleep 1000 & done; exit 3'", "--limit", "t=processes=4",
           "--cgroup", "own");
    EXPECT(0, "", "t=sh -c 'for i in 1 2 3; do sleep 0 & done; wait'", "--limit", "t=processes=4",
           "--cgroup", "own");
    EXPECT(2, "set a user, too, or use --cgroup own", "t=true", "--limit", "t=processes=4");
}

static void test_another_user(void **state)
{
    (void)state;
    EXPECT(0, "", "t=grep -q darg-job /proc/self/cgroup", "--limit", "t=user=nobody");
}

/* ---- when there are groups ---- */

static void test_none_that_was_not_given(void **state)
{
    (void)state;
    control_group_unmark(&group);
    EXPECT(1, "", "t=grep -q darg-job /proc/self/cgroup", NULL);
    assert_int_equal(control_group_count(&group, "darg-"), 0);
    if (group.has_controllers)
        EXPECT(0, "", "t=grep -q darg-job /proc/self/cgroup", "--cgroup", "own");
    else
        EXPECT(2, "cannot delegate the controller \"memory\"", "t=true", "--cgroup", "own");
}

static void test_none_where_others_are(void **state)
{
    (void)state;
    struct process *other = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("sh", "-c", "echo $$ >\"$0/cgroup.procs\"; echo in; exec sleep 1000",
                              group.path)});
    process_wait_stdout(other, "in\n", WAIT_MS);
    EXPECT(1, "programs run without control groups: the control group /", "t=false", NULL);
    EXPECT(2, "holds other processes, too", "t=true", "--cgroup", "own");
    assert_int_equal(control_group_count(&group, "darg-"), 0);
    process_free(other);
    assert_true(wait_until(is_empty, NULL, WAIT_MS));
}

static void test_none_for_what_has_no_programs(void **state)
{
    (void)state;
    char program[256];
    (void)snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    struct process *process = process_start(&(struct process_options){
        .argv = control_group_enter(&group, COMMANDS_ARGS(program, "--try", "noop"))});
    expect_end(process, 0, "");
    process_free(process);
    assert_int_equal(control_group_count(&group, "darg-"), 0);
}

static void test_wrong_mode(void **state)
{
    (void)state;
    EXPECT(2, "--cgroup: it must be auto, own or none, not 'yes'", "t=true", "--cgroup", "yes");
}

static struct process *start_as_nobody(void)
{
    char program[256];
    (void)snprintf(program, sizeof program, "%s/darg-worker", getenv("DARG_BUILD_DIR"));
    return process_start(&(struct process_options){
        .argv = control_group_enter(
            &group,
            COMMANDS_ARGS("setpriv", "--reuid", "65534", "--clear-groups", program, "--handler",
                          "t=sh -c 'cat /proc/self/cgroup; " DAEMON "'", "--try", "t"))});
}

static pid_t daemon_of(struct process *process)
{
    return (pid_t)atoi(strchr(strrchr(process_stdout(process), '/'), '\n') + 1);
}

/* As under a service manager that has given the group to the service's user. Before: a container's
 * group is marked as given, too, but cannot be written to, and that is no reason for a warning. */
static void test_an_ordinary_user(void **state)
{
    (void)state;
    struct process *process = start_as_nobody();
    if (process_wait(process, WAIT_MS) == 127) {
        print_message("skipped: no setpriv, or it may not run what was built\n");
        process_free(process);
        skip();
    }
    expect_end(process, 0, "it took ");
    assert_null(strstr(process_stderr(process), "control groups"));
    assert_null(strstr(process_stdout(process), "/darg-job."));
    assert_int_equal(kill(daemon_of(process), SIGKILL), 0);
    process_free(process);
    assert_true(wait_until(is_empty, NULL, WAIT_MS));
    control_group_give(&group, NOBODY);
    process = start_as_nobody();
    expect_end(process, 0, "");
    assert_non_null(strstr(process_stdout(process), "/darg-job."));
    assert_false(worker_fixture_is_alive(daemon_of(process)));
    assert_int_equal(control_group_count(&group, "darg-job."), 0);
    process_free(process);
}

int main(void)
{
#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        GROUP_TEST(test_no_more_groups),
        GROUP_TEST(test_a_daemon_ends_with_its_job),
        GROUP_TEST(test_a_daemon_ends_with_a_process_that_stays),
        GROUP_TEST(test_a_daemon_ends_with_a_timeout),
        GROUP_TEST(test_time_of_what_was_not_waited_for),
        GROUP_TEST(test_memory_together),
        GROUP_TEST(test_memory_of_a_small_program),
        GROUP_TEST(test_processes_together),
        GROUP_TEST(test_another_user),
        GROUP_TEST(test_none_that_was_not_given),
        GROUP_TEST(test_none_where_others_are),
        GROUP_TEST(test_none_for_what_has_no_programs),
        GROUP_TEST(test_wrong_mode),
        GROUP_TEST(test_an_ordinary_user),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(test_nothing)};
    if (!control_group_make(&group))
        return cmocka_run_group_tests(none, NULL, NULL);
    control_group_remove(&group);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
