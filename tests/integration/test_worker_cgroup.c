/* Control groups of a worker's programs: from job to job, and over the death of worker processes.
 * Needs what test_cgroup needs. */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/control_group.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

static struct control_group group;

/* The program's own group, and a process that only the group holds. */
#define OWN_GROUP "OWN=\"$MOUNT$(sed -n s/^0:://p /proc/self/cgroup)\"\n"
#define DAEMON                                                                                     \
    "d=$(setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1' &)\necho $d >>\"${DIR}daemon\"\n"

static int reset(void **state)
{
    static char mount[sizeof group.path + 8];
    struct worker_fixture *f = *state;
    char path[sizeof group.path];
    if (!control_group_make(&group))
        return -1;
    (void)worker_fixture_reset(state);
    memcpy(path, group.path, sizeof path);
    (void)snprintf(mount, sizeof mount, "MOUNT=%s", dirname(path));
    f->env[0] = mount;
    f->env[1] = "DARG_PASS_ENV=DIR,MOUNT";
    f->group = &group;
    return 0;
}

static int end(void **state)
{
    (void)worker_fixture_end(state);
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

static void end_worker(struct process *worker)
{
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(control_group_count(&group, "darg-"), 0);
}

/* ---- from job to job ---- */

static void test_one_for_many_jobs(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "2", "--handler", "t=true");
    worker_fixture_push_many(f, 100, "t", "null");
    worker_fixture_wait_count(f, "done", 100);
    assert_in_range(control_group_count(&group, "darg-job."), 1, 2);
    end_worker(worker);
}

static void test_each_job_with_its_limits(void **state)
{
    struct worker_fixture *f = *state;
    skip_without_controllers();
    const char *handler = worker_fixture_handler(
        f, "limited", OWN_GROUP "cat \"$OWN/memory.max\" \"$OWN/pids.max\" >>\"${DIR}limits\"\n");
    struct process *worker = worker_fixture_start(
        f, "-q", "jobs", "-t", "1", "--handler", handler, "--handler",
        worker_fixture_handler(f, "free", OWN_GROUP "cat \"$OWN/memory.max\" >>\"${DIR}limits\"\n"),
        "--limit", "limited=memory=64MiB,processes=9", "--cgroup", "own");
    worker_fixture_push(f, "{\"type\":\"limited\"}", "{\"type\":\"free\"}",
                        "{\"type\":\"limited\"}");
    worker_fixture_wait_count(f, "done", 3);
    char *limits = worker_fixture_read(worker_fixture_path(f, "limits"));
    assert_string_equal(limits, "67108864\n9\nmax\n67108864\n9\n");
    free(limits);
    assert_int_equal(control_group_count(&group, "darg-job."), 1);
    end_worker(worker);
}

/* Peaks of a group that has served others before. Older kernels cannot begin them anew: then what a
 * smaller job has had is not known, or known of its largest process. */
static int64_t peak_of(struct worker_fixture *f, const char *job, int64_t count)
{
    static const char name[] = "\"peak_kib\":";
    worker_fixture_push(f, job);
    worker_fixture_wait_count(f, "done", count);
    char *reply = commands_text(f->conn, "LPOP", "darg:{jobs}:reply:r");
    assert_non_null(reply);
    const char *at = strstr(reply, name);
    int64_t peak_kib = at ? atoll(at + strlen(name)) : -1;
    free(reply);
    return peak_kib;
}

static bool can_begin_anew(void)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/memory.peak", group.path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool can = fd >= 0 && write(fd, "0", 1) == 1;
    if (fd >= 0)
        close(fd);
    return can;
}

static void test_each_job_with_its_peak(void **state)
{
    static const char large[] = "{\"type\":\"large\",\"reply\":\"r\"}";
    static const char small[] = "{\"type\":\"small\",\"reply\":\"r\"}";
    enum { MIB = 1024 };
    struct worker_fixture *f = *state;
    skip_without_controllers();
    struct process *worker = worker_fixture_start(
        f, "-q", "jobs", "-t", "1", "--handler",
        "large=dd if=/dev/zero of=/dev/null bs=96M count=1", "--handler", "small=sh -c :");
    assert_in_range(peak_of(f, small, 1), 1, 40 * MIB);
    assert_in_range(peak_of(f, large, 2), 96 * MIB, 136 * MIB);
    assert_in_range(peak_of(f, small, 3) + 1, can_begin_anew() ? 2 : 0, 40 * MIB);
    end_worker(worker);
}

/* A group that has been divided takes in no process; the next job must not meet that. */
static void test_a_job_that_divides_its_group(void **state)
{
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(
        f, "divide",
        OWN_GROUP
        "mkdir -p \"$OWN/inner/more\" && echo $$ >\"$OWN/inner/cgroup.procs\" || exit 65\n"
        "echo +pids >\"$OWN/cgroup.subtree_control\" 2>/dev/null\nexit 0\n");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", handler);
    worker_fixture_push_many(f, 3, "divide", "null");
    worker_fixture_wait_count(f, "done", 3);
    end_worker(worker);
}

/* ---- the death of worker processes ---- */

static bool are_gone(void *context)
{
    char *text = worker_fixture_read(context);
    bool is_any = false;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        is_any = is_any || worker_fixture_is_alive((pid_t)atoi(line));
    free(text);
    return !is_any;
}

/* Starts a daemon, and waits for ever in the first run. */
static const char *hanging_handler(struct worker_fixture *f)
{
    return worker_fixture_handler(f, "hang",
                                  "[ -e \"${DIR}daemon\" ] && exit 0\n" DAEMON "exec sleep 1000\n");
}

static void test_a_killed_process(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", hanging_handler(f));
    worker_fixture_push(f, "{\"type\":\"hang\"}");
    const char *daemons = worker_fixture_path(f, "daemon");
    worker_fixture_wait_lines(daemons, 1);
    char path[256];
    (void)snprintf(path, sizeof path, "%s", daemons);
    assert_false(are_gone(path));
    assert_int_equal(kill(worker_fixture_child(worker), SIGKILL), 0);
    worker_fixture_wait_count(f, "done", 1);
    assert_true(wait_until(are_gone, path, WORKER_FIXTURE_WAIT_MS));
    end_worker(worker);
}

/* Then nobody is there to end what it has left, until the next worker comes to that place: which no
 * process can where controllers are handed on, so that whoever starts it has to clear it. */
static void test_a_killed_worker(void **state)
{
    struct worker_fixture *f = *state;
    char path[256];
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", hanging_handler(f));
    worker_fixture_push(f, "{\"type\":\"hang\"}");
    (void)snprintf(path, sizeof path, "%s", worker_fixture_path(f, "daemon"));
    worker_fixture_wait_lines(path, 1);
    worker_fixture_kill(worker);
    assert_false(are_gone(path));
    if (group.has_controllers) {
        char control[600];
        (void)snprintf(control, sizeof control, "%s/cgroup.subtree_control", group.path);
        FILE *file = fopen(control, "we");
        assert_non_null(file);
        assert_true(fputs("-memory -pids", file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", hanging_handler(f));
    assert_true(are_gone(path));
    worker_fixture_wait_count(f, "done", 1);
    end_worker(worker);
}

int main(void)
{
#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, reset, end)
    const struct CMUnitTest tests[] = {
        GROUP_TEST(test_one_for_many_jobs),      GROUP_TEST(test_each_job_with_its_limits),
        GROUP_TEST(test_each_job_with_its_peak), GROUP_TEST(test_a_job_that_divides_its_group),
        GROUP_TEST(test_a_killed_process),       GROUP_TEST(test_a_killed_worker),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(test_nothing)};
    if (!control_group_make(&group))
        return cmocka_run_group_tests(none, NULL, NULL);
    control_group_remove(&group);
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
