/* A private server in a directory of ours: started once however many ask, found again, stopped. */
#include "support/cmocka_all.h"

#include "redis/conn.h"
#include "redis/local.h"
#include "support/commands.h"
#include "support/wait.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 160, DEADLINE_MS = 10000, STARTERS = 8 };

/* A directory that exists and is empty; the server's own is DIR/data. */
struct fixture {
    char parent[PATH_BYTES - 16];
    char directory[PATH_BYTES];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(f->parent, sizeof f->parent, "%s/local.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(f->parent));
    (void)snprintf(f->directory, sizeof f->directory, "%s/data", f->parent);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_return_code(chmod(f->parent, 0700), 0);
    (void)chmod(f->directory, 0700);
    if (local_stop(f->directory, &err) != ST_OK)
        print_error("%s\n", err_text(&err));
    assert_return_code(nftw(f->parent, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

static int64_t pid_of(const char *directory)
{
    struct err err = {0};
    struct local_status status;
    if (local_status(directory, &status, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_int_equal(status.is_running, status.pid != 0);
    return status.pid;
}

static void start(const char *directory)
{
    struct err err = {0};
    struct buf path = {0};
    if (local_start(directory, &path, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_non_null(strstr(buf_text(&path), directory));
    struct stat info;
    assert_return_code(stat(buf_text(&path), &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    buf_fini(&path);
}

static void stop(const char *directory)
{
    struct err err = {0};
    if (local_stop(directory, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static void connect_local(const char *directory, struct conn **conn)
{
    char url[PATH_BYTES + 8];
    (void)snprintf(url, sizeof url, "local:%s", directory);
    *conn = commands_connect(url);
}

static bool is_gone(void *context)
{
    return kill(*(pid_t *)context, 0) != 0;
}

static void test_life(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(pid_of(f->directory), 0);
    stop(f->directory); /* of nothing: fine */
    start(f->directory);
    pid_t pid = (pid_t)pid_of(f->directory);
    assert_true(pid > 0);
    struct stat info;
    assert_return_code(stat(f->directory, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    start(f->directory);
    assert_int_equal(pid_of(f->directory), pid);
    stop(f->directory);
    assert_int_equal(pid_of(f->directory), 0);
    assert_true(wait_until(is_gone, &pid, DEADLINE_MS)); /* not only deaf */
}

static void test_data_survives_a_stop(void **state)
{
    const struct fixture *f = *state;
    struct conn *conn = NULL;
    connect_local(f->directory, &conn);
    commands_do(conn, "SET", "x", "1");
    stop(f->directory);
    struct err err = {0};
    assert_int_equal(commands_status(conn, &err, "GET", "x"), ST_LOST_REPLY);
    commands_must_connect(conn); /* starts it again */
    assert_int_equal(commands_int(conn, "GET", "x"), 1);
    conn_close(conn);
}

/* kill -9 leaves a socket, a pid file and the lock file behind; none of them is in the way. */
static void test_data_survives_a_kill(void **state)
{
    const struct fixture *f = *state;
    struct conn *conn = NULL;
    connect_local(f->directory, &conn);
    commands_do(conn, "CONFIG", "SET", "appendfsync", "always");
    commands_do(conn, "SET", "x", "1");
    pid_t pid = (pid_t)pid_of(f->directory);
    assert_return_code(kill(pid, SIGKILL), 0);
    assert_true(wait_until(is_gone, &pid, DEADLINE_MS));
    assert_int_equal(pid_of(f->directory), 0);
    conn_discard(conn);
    commands_must_connect(conn);
    assert_int_not_equal(pid_of(f->directory), pid);
    assert_int_equal(commands_int(conn, "GET", "x"), 1);
    conn_close(conn);
}

/* Durable, never evicting, reachable by nobody else. */
static void test_settings(void **state)
{
    const struct fixture *f = *state;
    static const char *const expected[][2] = {{"appendonly", "yes"},
                                              {"appendfsync", "everysec"},
                                              {"maxmemory-policy", "noeviction"},
                                              {"save", ""},
                                              {"port", "0"},
                                              {"unixsocketperm", "700"}};
    struct conn *conn = NULL;
    connect_local(f->directory, &conn);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct reply *reply = commands_run(conn, "CONFIG", "GET", expected[i][0]);
        assert_true(slice_is(reply_slice(reply_at(reply, 1)), expected[i][1]));
        reply_free(reply);
    }
    conn_close(conn);
}

/* The server holds its lock, its log, and nothing else of ours; our blocked signals are not its. */
static void test_nothing_is_inherited(void **state)
{
    const struct fixture *f = *state;
    char secret[PATH_BYTES];
    (void)snprintf(secret, sizeof secret, "%s/secret", f->parent);
    int fd = open(secret, O_RDWR | O_CREAT, 0600); /* not close-on-exec */
    assert_true(fd >= 0);
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_return_code(sigprocmask(SIG_BLOCK, &term, &before), 0);
    start(f->directory);
    assert_return_code(sigprocmask(SIG_SETMASK, &before, NULL), 0);

    pid_t pid = (pid_t)pid_of(f->directory);
    assert_int_equal(getsid(pid), getpgid(pid));
    assert_int_not_equal(getsid(pid), getsid(0));
    for (int i = 0; i < 256; i++) {
        char link[64], target[PATH_BYTES];
        (void)snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, i);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n < 0)
            continue;
        target[n] = '\0';
        assert_string_not_equal(target, secret);
    }
    assert_return_code(kill(pid, SIGTERM), 0);
    assert_true(wait_until(is_gone, &pid, DEADLINE_MS));
    close(fd);
}

/* Starts the server from a process of its own, which tells its pid by a pipe. */
static pid_t fork_starter(const char *directory, const int gate[2], int result)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    close(gate[1]); /* the last copy but the test's own: closing that one opens the gate */
    char go = 0;
    struct err err = {0};
    struct buf path = {0};
    struct local_status status = {0};
    bool is_ok = read(gate[0], &go, 1) == 0 && local_start(directory, &path, &err) == ST_OK &&
                 local_status(directory, &status, &err) == ST_OK;
    if (!is_ok)
        fprintf(stderr, "%s\n", err_text(&err));
    buf_fini(&path);
    _exit(is_ok && write(result, &status.pid, sizeof status.pid) == sizeof status.pid ? 0 : 1);
}

/* Many processes ask for it at one moment: there is one server, and all of them have it. */
static void test_race(void **state)
{
    const struct fixture *f = *state;
    for (int round = 0; round < 5; round++) {
        int gate[2], result[2];
        pid_t starters[STARTERS];
        assert_return_code(pipe(gate), 0);
        assert_return_code(pipe(result), 0);
        for (int i = 0; i < STARTERS; i++)
            starters[i] = fork_starter(f->directory, gate, result[1]);
        close(gate[0]);
        close(gate[1]);
        int64_t first = 0;
        for (int i = 0; i < STARTERS; i++) {
            int exit_status = -1;
            assert_int_equal(waitpid(starters[i], &exit_status, 0), starters[i]);
            assert_int_equal(exit_status, 0);
            int64_t pid = 0;
            assert_int_equal(read(result[0], &pid, sizeof pid), sizeof pid);
            first = i == 0 ? pid : first;
            assert_int_equal(pid, first);
        }
        close(result[0]);
        close(result[1]);
        stop(f->directory);
    }
}

static void expect_refusal(const char *directory, enum status expected, const char *words)
{
    struct err err = {0};
    struct buf path = {0};
    assert_int_equal(local_start(directory, &path, &err), expected);
    if (strstr(err_text(&err), words) == NULL)
        fail_msg("no \"%s\" in: %s", words, err_text(&err));
    assert_int_equal(path.len, 0);
    buf_fini(&path);
}

static void test_loose_directory(void **state)
{
    const struct fixture *f = *state;
    assert_return_code(mkdir(f->directory, 0700), 0);
    assert_return_code(chmod(f->directory, 0750), 0);
    expect_refusal(f->directory, ST_INVALID, "chmod 700");
    struct err err = {0};
    struct local_status status;
    assert_int_equal(local_status(f->directory, &status, &err), ST_INVALID);
    assert_int_equal(local_stop(f->directory, &err), ST_INVALID);
    assert_return_code(chmod(f->directory, 0700), 0);
    start(f->directory);
}

/* As root the test gives the directory away; as anybody else it takes one of root's. */
static void test_foreign_directory(void **state)
{
    const struct fixture *f = *state;
    const char *foreign = "/etc";
    if (geteuid() == 0) {
        assert_return_code(mkdir(f->directory, 0700), 0);
        assert_return_code(chown(f->directory, 1, 1), 0);
        foreign = f->directory;
    }
    expect_refusal(foreign, ST_INVALID, "another user");
    if (geteuid() == 0)
        assert_return_code(chown(f->directory, 0, 0), 0);
}

static void test_path_too_long(void **state)
{
    const struct fixture *f = *state;
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/", f->parent);
    memset(path + len, 'a', 107 - strlen("/redis.sock") - (size_t)len);
    path[107 - strlen("/redis.sock")] = '\0';
    start(path); /* just fits */
    stop(path);
    (void)strcat(path, "b");
    expect_refusal(path, ST_INVALID, "too long");
    assert_int_equal(access(path, F_OK), -1); /* and nothing was made */
}

static void test_no_directory_there(void **state)
{
    const struct fixture *f = *state;
    int fd = open(f->directory, O_CREAT | O_CLOEXEC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    expect_refusal(f->directory, ST_SYSTEM, "Not a directory");
}

static void test_no_redis_server(void **state)
{
    const struct fixture *f = *state;
    char *path = mem_dup(getenv("PATH"));
    assert_return_code(setenv("PATH", f->parent, 1), 0);
    expect_refusal(f->directory, ST_SYSTEM, "redis-server is not installed");
    assert_return_code(setenv("PATH", path, 1), 0);
    free(path);
    start(f->directory); /* the failure has left nothing locked */
}

/* A server that dies as it starts is told by the end of its log. */
static void test_damaged_data(void **state)
{
    const struct fixture *f = *state;
    start(f->directory);
    stop(f->directory);
    char path[PATH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/appendonlydir/appendonly.aof.manifest", f->directory);
    FILE *manifest = fopen(path, "w");
    assert_non_null(manifest);
    fputs("no manifest at all\n", manifest);
    assert_int_equal(fclose(manifest), 0);
    expect_refusal(f->directory, ST_SYSTEM, "manifest");
}

static void expect_directory(const char *path, const char *expected)
{
    struct err err = {0};
    struct buf directory = {0};
    if (local_directory(path, &directory, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    assert_string_equal(buf_text(&directory), expected);
    buf_fini(&directory);
}

static void test_default_directory(void **state)
{
    (void)state;
    char *home = mem_dup(getenv("HOME"));
    setenv("HOME", "/home/x", 1);
    unsetenv("XDG_DATA_HOME");
    expect_directory("", "/home/x/.local/share/darg");
    setenv("XDG_DATA_HOME", "/data", 1);
    expect_directory("", "/data/darg");
    setenv("XDG_DATA_HOME", "relative", 1); /* to be ignored, says its specification */
    expect_directory("", "/home/x/.local/share/darg");
    unsetenv("XDG_DATA_HOME");
    expect_directory("/a/b", "/a/b");
    char here[PATH_BYTES], expected[PATH_BYTES + 8];
    assert_non_null(getcwd(here, sizeof here));
    (void)snprintf(expected, sizeof expected, "%s/a b", here);
    expect_directory("a b", expected);
    unsetenv("HOME");
    struct err err = {0};
    struct buf directory = {0};
    assert_int_equal(local_directory("", &directory, &err), ST_SYSTEM);
    assert_non_null(strstr(err_text(&err), "HOME"));
    buf_fini(&directory);
    if (home)
        setenv("HOME", home, 1);
    free(home);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_life),
        TEST(test_data_survives_a_stop),
        TEST(test_data_survives_a_kill),
        TEST(test_settings),
        TEST(test_nothing_is_inherited),
        TEST(test_race),
        TEST(test_loose_directory),
        TEST(test_foreign_directory),
        TEST(test_path_too_long),
        TEST(test_no_directory_there),
        TEST(test_no_redis_server),
        TEST(test_damaged_data),
        cmocka_unit_test(test_default_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
