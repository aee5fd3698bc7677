/* What --limit understands, and what it says of the rest. */
#include "support/cmocka_all.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/program/limits.h"

static int set_up(void **state)
{
    static struct limits limits;
    limits_init(&limits);
    *state = &limits;
    return 0;
}

static int tear_down(void **state)
{
    limits_fini(*state);
    return 0;
}

static void read_list(struct limits *limits, const char *list)
{
    struct err err = {0};
    if (limits_read(limits, list, &err) != ST_OK)
        fail_msg("%s: %s", list, err_text(&err));
}

static void test_nothing_is_given_at_first(void **state)
{
    for (enum limit_number number = 0; number < LIMIT_NUMBERS; number++) {
        assert_false(limits_have(*state, number));
        assert_false(limits_have(NULL, number));
    }
    assert_false(limits_need_process(*state));
}

static void test_numbers(void **state)
{
    static const int64_t expected[LIMIT_NUMBERS] = {
        [LIMIT_CPU] = 90,           [LIMIT_MEMORY] = 512 << 20, [LIMIT_FILES] = 64,
        [LIMIT_PROCESSES] = 32,     [LIMIT_FILE_SIZE] = 0,      [LIMIT_CORE] = 1 << 10,
        [LIMIT_OUTPUT] = 100 << 10, [LIMIT_TIMEOUT] = 1500,
    };
    const struct limits *limits = *state;
    read_list(*state, "cpu=1m30s,memory=512MiB,files=64,processes=32,file-size=0,core=1KiB,"
                      "output=100KiB,timeout=1.5s");
    for (enum limit_number number = 0; number < LIMIT_NUMBERS; number++)
        assert_int_equal(limits->numbers[number], expected[number]);
}

static void test_the_last_counts(void **state)
{
    const struct limits *limits = *state;
    read_list(*state, "cpu=1s,files=10,directory=/,env=clean,user=root,cpu=2s");
    read_list(*state, "files=20,directory=/usr,env=all,user=0");
    assert_int_equal(limits->numbers[LIMIT_CPU], 2);
    assert_int_equal(limits->numbers[LIMIT_FILES], 20);
    assert_string_equal(limits->directory, "/usr");
    assert_string_equal(limits->user, "root");
    assert_int_equal(limits->environment, ENVIRONMENT_ALL);
}

/* What a handler without a process cannot be held to. */
static void test_what_needs_a_process(void **state)
{
    static const char *const lists[] = {"cpu=1s",  "output=1KiB", "core=0",   "user=root",
                                        "group=0", "directory=/", "env=clean"};
    read_list(*state, "timeout=1s");
    assert_false(limits_need_process(*state));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        read_list(*state, lists[i]);
        assert_true(limits_need_process(*state));
        limits_fini(*state);
    }
}

static void test_refuses(void **state)
{
    static const struct {
        const char *list, *sentence;
    } rows[] = {
        {"", "there is no limit \"\": they are cpu, memory, files, "},
        {"cpu", "there is no limit \"cpu\""},
        {"cpuu=1s", "there is no limit \"cpuu\"; perhaps it is cpu: they are cpu, memory"},
        {"cpu=1s,", "there is no limit \"\""},
        {",cpu=1s", "there is no limit \"\""},
        {" cpu=1s", "there is no limit \" cpu\""},
        {"CPU=1s", "there is no limit \"CPU\""},
        {"cpu=", "cpu: '' is not a duration"},
        {"cpu=10", "cpu: '10' is not a duration"},
        {"cpu=0", "cpu: it must be from 1s to "},
        {"cpu=1500ms", "cpu: it must be a whole number of seconds"},
        {"memory=1", "memory: it must be from 1MiB to "},
        {"memory=-1", "memory: '-1' is not a size"},
        {"memory=99999999GiB", "memory: "},
        {"files=3", "files: '3' is not a whole number from 4 to "},
        {"processes=0", "processes: '0' is not"},
        {"output=0", "output: it must be from 1B to 64MiB"},
        {"timeout=0", "timeout: it must be from 1ms to "},
        {"user=no-such-user-here", "user: there is no user \"no-such-user-here\""},
        {"user=", "user: there is no user \"\""},
        {"user=4000000001", "user: there is no user \"4000000001\""},
        {"group=no-such-group", "group: there is no group \"no-such-group\""},
        {"directory=usr", "directory: \"usr\" must begin with a '/'"},
        {"directory=/etc/passwd", "directory: there is no directory \"/etc/passwd\""},
        {"env=", "env: it must be usual, clean or all"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        assert_int_equal(limits_read(*state, rows[i].list, &err), ST_INVALID);
        if (!strstr(err_text(&err), rows[i].sentence))
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].list, err_text(&err),
                     rows[i].sentence);
    }
}

/* ---- what a user may ---- */

static bool is_refused(const char *list, const char *sentence)
{
    struct limits limits;
    struct err err = {0};
    limits_init(&limits);
    bool is_so = limits_read(&limits, list, &err) == ST_OK &&
                 limits_settle(&limits, false, &err) == ST_INVALID &&
                 strstr(err_text(&err), sentence);
    limits_fini(&limits);
    return is_so;
}

static void test_what_binds_no_root(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(is_refused("processes=10", "the system does not apply it to root"));
    assert_true(is_refused("processes=10,user=root", "the system does not apply it to root"));
    assert_true(is_refused("processes=10,group=0", "the system does not apply it to root"));
}

static bool check_as_somebody(void)
{
    const struct rlimit fifty = {50, 50};
    if ((geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) ||
        setrlimit(RLIMIT_NOFILE, &fifty) != 0)
        return false;
    return is_refused("user=root", "user: only a worker started by root") &&
           is_refused("group=0", "group: only a worker started by root") &&
           is_refused("files=51", "files: this user may have no more than 50");
}

static void test_what_only_root_may(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check_as_somebody() ? 0 : 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_given_at_first), TEST(test_numbers), TEST(test_the_last_counts),
        TEST(test_what_needs_a_process),      TEST(test_refuses), TEST(test_what_binds_no_root),
        TEST(test_what_only_root_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
