/* Programs that run into their limits, and as whom they run. The teardown fails if a process, a
 * zombie or a descriptor is left. */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/exec_fixture.h"
#include "support/wait.h"
#include "worker/handler/exec.h"

enum { WAIT_MS = 20000 };

/* Runs the command under the limits; fails unless the reason holds both texts. */
static void expect_reason(struct exec_fixture *fixture, const char *limits, const char *command,
                          const char *beginning, const char *part)
{
    fixture->limits = limits;
    enum handler_outcome outcome = exec_fixture_run(fixture, command, NULL);
    const char *error = buf_text(&fixture->result.error);
    if (outcome != HANDLER_RETRY || strncmp(error, beginning, strlen(beginning)) != 0 ||
        !strstr(error, part))
        fail_msg("%s: outcome %d, \"%s\"", command, (int)outcome, error);
}

static void expect_output(struct exec_fixture *fixture, const char *limits, const char *command,
                          const char *output)
{
    fixture->limits = limits;
    exec_fixture_expect(fixture, command, NULL, HANDLER_DONE, output);
}

/* ---- what it may use ---- */

static void test_processor_time(void **state)
{
    expect_reason(*state, "cpu=1s", "sh -c 'while :; do :; done'",
                  "killed by signal 24 (CPU time limit exceeded): it may use 1s of CPU time "
                  "(--limit cpu)",
                  "");
}

static void test_processor_time_of_one_that_does_not_listen(void **state)
{
    expect_reason(*state, "cpu=1s", "sh -c 'trap \"\" XCPU; while :; do :; done'",
                  "killed by signal 9 (Killed): it may use 1s of CPU time (--limit cpu)", "");
}

/* It is killed for another reason long before its time is up. */
static void test_a_kill_is_not_laid_to_processor_time(void **state)
{
    expect_reason(*state, "cpu=100s", "sh -c 'kill -9 $$'", "killed by signal 9 (Killed), not by",
                  "");
}

static void test_memory_in_the_programs_words(void **state)
{
    expect_reason(*state, "memory=32MiB", "dd if=/dev/zero of=/dev/null bs=64M count=1",
                  "dd: ", "exhausted");
    expect_output(*state, "memory=128MiB", "dd if=/dev/zero of=/dev/null bs=64M count=1", "");
}

/* One that takes more and more: the last line has no end, and tail keeps it. */
static void test_memory_in_ours(void **state)
{
    expect_reason(*state, "memory=64MiB", "sh -c 'head -c 300M /dev/zero | tail 2>/dev/null'",
                  "exit status 1; it had ",
                  "MiB of memory at most, and may have 64MiB (--limit memory)");
    expect_reason(*state, "memory=64MiB", "sh -c 'head -c 300M /dev/zero | tail'", "it had ",
                  "MiB of memory at most, and may have 64MiB (--limit memory): tail: ");
    expect_reason(*state, "memory=64MiB", "sh -c 'exit 4'", "exit status 4", "");
}

static void test_memory_and_a_signal(void **state)
{
    expect_reason(*state, "memory=64MiB", "sh -c 'kill -SEGV $$'",
                  "killed by signal 11 (Segmentation fault); it may have 64MiB of memory "
                  "(--limit memory)",
                  "");
    expect_reason(*state, "memory=64MiB", "sh -c 'kill -9 $$'",
                  "killed by signal 9 (Killed), not by darg",
                  "; it may have 64MiB of memory (--limit memory)");
    struct exec_fixture *fixture = *state;
    fixture->limits = "memory=64MiB";
    exec_fixture_expect(fixture, "sh -c 'kill -TERM $$'", NULL, HANDLER_RETRY,
                        "killed by signal 15 (Terminated)");
}

static void test_files(void **state)
{
    expect_output(*state, "files=17", "sh -c 'ulimit -Sn; ulimit -Hn'", "17\n17\n");
    expect_reason(*state, "files=6",
                  "sh -c 'exec 3</dev/null 4</dev/null 5</dev/null; exec cat /dev/null'",
                  "cat: ", "");
}

static void test_size_of_files(void **state)
{
    expect_reason(*state, "file-size=1MiB", "sh -c 'exec dd if=/dev/zero of=$LC_FIFO.big bs=64K'",
                  "killed by signal 25 (File size limit exceeded): no file it writes to may be "
                  "larger than 1MiB (--limit file-size)",
                  "");
    /* Pipes are no files: the result is not cut. */
    expect_output(*state, "file-size=0", "sh -c 'echo on; echo also >&2'", "on\n");
}

/* A fork bomb with a bound of its own, should the limit not hold. */
static void test_processes(void **state)
{
    const char *limits = geteuid() == 0 ? "processes=16,user=nobody" : "processes=1";
    expect_reason(*state, limits,
                  "sh -c 'i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done'",
                  "sh: ", "fork");
}

static void test_core_dumps(void **state)
{
    expect_output(*state, NULL, "sh -c 'ulimit -Sc; ulimit -Hc'", "0\n0\n");
    expect_output(*state, "cpu=10s", "sh -c 'ulimit -Sc; ulimit -Hc'", "0\n0\n");
    if (geteuid() == 0)
        expect_output(*state, "core=1MiB", "sh -c 'ulimit -Sc'", "2048\n");
}

/* What is not limited is as the worker has it. */
static void test_nothing_else_changes(void **state)
{
    struct exec_fixture *fixture = *state;
    static const char command[] = "sh -c 'ulimit -a -S; ulimit -a -H; pwd; id'";
    struct buf before = {0};
    assert_int_equal(exec_fixture_run(fixture, command, NULL), HANDLER_DONE);
    buf_append_slice(&before, buf_slice(&fixture->result.output));
    expect_output(fixture, "timeout=1m,output=1KiB,core=0,env=all", command, buf_text(&before));
    buf_fini(&before);
}

/* ---- as whom, and where ---- */

static void test_user(void **state)
{
    if (geteuid() != 0)
        skip();
    struct buf expected = {0};
    const struct passwd *user = getpwnam("nobody");
    assert_non_null(user);
    buf_printf(&expected, "%u %u %u %s nobody nobody\n", user->pw_uid, user->pw_gid, user->pw_gid,
               user->pw_dir);
    expect_output(*state, "user=nobody",
                  "sh -c 'echo $(id -u) $(id -g) $(id -G) $HOME $USER $LOGNAME'",
                  buf_text(&expected));
    /* Real, effective and saved: none of them is root's, and none can be again. */
    buf_clear(&expected);
    buf_printf(&expected, "Uid:\t%u\t%u\t%u\t%u\nNoNewPrivs:\t1\n", user->pw_uid, user->pw_uid,
               user->pw_uid, user->pw_uid);
    expect_output(*state, "user=nobody", "grep -E '^(Uid|NoNewPrivs):' /proc/self/status",
                  buf_text(&expected));
    buf_fini(&expected);
    assert_int_equal(geteuid(), 0); /* of the worker itself, and of its threads */
    assert_int_equal(getegid(), 0);
}

static void test_group(void **state)
{
    if (geteuid() != 0)
        skip();
    struct buf expected = {0};
    const struct group *group = getgrnam("daemon");
    assert_non_null(group);
    unsigned id = group->gr_gid;
    buf_printf(&expected, "0 %u %u\n", id, id);
    expect_output(*state, "group=daemon", "sh -c 'echo $(id -u) $(id -g) $(id -G)'",
                  buf_text(&expected));
    buf_clear(&expected);
    buf_printf(&expected, "%u %u\n", getpwnam("nobody")->pw_uid, id);
    expect_output(*state, "user=nobody,group=daemon", "sh -c 'echo $(id -u) $(id -g)'",
                  buf_text(&expected));
    buf_fini(&expected);
}

static void test_directory(void **state)
{
    expect_output(*state, "directory=/usr", "pwd", "/usr\n");
    /* A relative path of a program is that of the worker's directory all the same. */
    assert_int_equal(chdir("/bin"), 0);
    expect_output(*state, "directory=/usr", "./pwd", "/usr\n");
    assert_int_equal(chdir("/"), 0);
}

static void test_a_directory_that_the_user_may_not_enter(void **state)
{
    if (geteuid() != 0)
        skip();
    struct exec_fixture *fixture = *state;
    char limits[128], reason[200];
    snprintf(limits, sizeof limits, "user=nobody,directory=%s", fixture->directory);
    snprintf(reason, sizeof reason,
             "cannot run /bin/true: cannot enter the directory %s: Permission denied",
             fixture->directory);
    fixture->limits = limits;
    exec_fixture_expect(fixture, "/bin/true", NULL, HANDLER_RETRY, reason);
}

static void test_clean_environment(void **state)
{
    struct exec_fixture *fixture = *state;
    static const char command[] = "env";
    setenv("LANG", "C", 1);
    setenv("TZ", "UTC", 1);
    setenv("SSL_CERT_FILE", "/ca", 1);
    setenv("HOME", "/here", 1);
    setenv("HOMELY", "x", 1);
    fixture->limits = "env=clean";
    assert_int_equal(exec_fixture_run(fixture, command, NULL), HANDLER_DONE);
    size_t lines = 0;
    static const char *const there[] = {
        "PATH=",    "HOME=/here\n",     "LANG=C\n",          "SSL_CERT_FILE=/ca\n",
        "TZ=UTC\n", "DARG_JOB_ID=j1\n", "DARG_JOB_DEADLINE="};
    const char *output = buf_text(&fixture->result.output);
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        assert_non_null(strstr(output, there[i]));
    for (const char *at = output; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 5 + 6); /* and no FIFO, no HOMELY */
    fixture->limits = "env=clean,env=all";
    assert_int_equal(exec_fixture_run(fixture, command, NULL), HANDLER_DONE);
    assert_non_null(strstr(buf_text(&fixture->result.output), "HOMELY=x\n"));
    fixture->limits = "env=all,env=usual";
    assert_int_equal(exec_fixture_run(fixture, command, NULL), HANDLER_DONE);
    assert_null(strstr(buf_text(&fixture->result.output), "HOMELY=x\n"));
    assert_non_null(strstr(buf_text(&fixture->result.output), "LC_FIFO="));
}

/* ---- a worker that may not, and one that ends ---- */

/* Settled by root, tried by somebody else. */
static bool run_as_nobody(struct exec_fixture *fixture, struct command *command)
{
    if (syscall(SYS_setresuid, 65534, 65534, 65534) != 0)
        return false;
    exec_run(command, &fixture->call, &fixture->result);
    return fixture->result.outcome == HANDLER_RETRY &&
           strcmp(buf_text(&fixture->result.error),
                  "cannot run /bin/true: cannot enter the group of nobody: Operation not "
                  "permitted") == 0;
}

static bool run_for_ever(struct exec_fixture *fixture, struct command *command)
{
    exec_run(command, &fixture->call, &fixture->result);
    return false;
}

/* Runs the function in a child; to waitpid(). */
static pid_t run_in_child(struct exec_fixture *fixture, const char *text,
                          bool (*function)(struct exec_fixture *, struct command *))
{
    struct command *command;
    struct limits limits;
    struct err err = {0};
    fixture->limits = "user=nobody";
    exec_fixture_read_limits(fixture, &limits);
    assert_int_equal(command_parse(text, &command, &err), ST_OK);
    assert_int_equal(command_limit(command, &limits, NULL), ST_OK);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(function(fixture, command) ? 0 : 1);
    command_free(command);
    limits_fini(&limits);
    return pid;
}

static void test_a_worker_that_may_not_change_users(void **state)
{
    if (geteuid() != 0)
        skip();
    int status;
    pid_t pid = run_in_child(*state, "/bin/true", run_as_nobody);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

struct family {
    pid_t parent, child;
};

/* True once the parent has a child that runs sleep. */
static bool find_sleeper(void *context)
{
    struct family *family = context;
    DIR *directory = opendir("/proc");
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) && family->child == 0;) {
        char path[300];
        int pid = 0, parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%d (sleep) %*c %d", &pid, &parent) == 2 &&
            parent == family->parent)
            family->child = pid;
        if (file)
            fclose(file);
    }
    closedir(directory);
    return family->child != 0;
}

/* The kernel forgets that wish when the user changes. */
static void test_dies_with_the_worker_as_another_user(void **state)
{
    if (geteuid() != 0)
        skip();
    struct family family = {run_in_child(*state, "sleep 1000", run_for_ever), 0};
    bool is_found = wait_until(find_sleeper, &family, WAIT_MS);
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, family.child, 0), .events = POLLIN};
    kill(family.parent, SIGKILL);
    assert_int_equal(waitpid(family.parent, NULL, 0), family.parent);
    assert_true(is_found);
    bool has_ended = poll(&end, 1, (int)wait_patience_ms(WAIT_MS)) == 1;
    if (!has_ended)
        kill(family.child, SIGKILL);
    close(end.fd);
    assert_true(has_ended);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, exec_fixture_set_up, exec_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_processor_time),
        TEST(test_processor_time_of_one_that_does_not_listen),
        TEST(test_a_kill_is_not_laid_to_processor_time),
        TEST(test_memory_in_the_programs_words),
        TEST(test_memory_in_ours),
        TEST(test_memory_and_a_signal),
        TEST(test_files),
        TEST(test_size_of_files),
        TEST(test_processes),
        TEST(test_core_dumps),
        TEST(test_nothing_else_changes),
        TEST(test_user),
        TEST(test_group),
        TEST(test_directory),
        TEST(test_a_directory_that_the_user_may_not_enter),
        TEST(test_clean_environment),
        TEST(test_a_worker_that_may_not_change_users),
        TEST(test_dies_with_the_worker_as_another_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
