/* A disk that is full under the append-only file: Redis refuses all writes (MISCONF) until there is
 * room again. Needs root, for a small file system of its own. */
#include "support/cmocka_all.h"

#include "support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOBS = 400, WAIT_MS = 20000, PIECE = 4096 };

/* Fills what is left of the file system with a file, to be removed again. */
static void fill(int directory)
{
    static const char piece[PIECE];
    int fd = openat(directory, "ballast", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, piece, sizeof piece) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
}

static void test_disk_full(void **state)
{
    struct worker_fixture *f = *state;
    char disk[160];
    (void)snprintf(disk, sizeof disk, "%s/disk", f->directory);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("none", disk, "tmpfs", 0, "size=4m") != 0) {
        print_message("no file system can be mounted here (%s): skipped\n", strerror(errno));
        assert_int_equal(rmdir(disk), 0);
        skip();
    }
    struct redis_server *server = redis_server_start(COMMANDS_ARGS(
        "--appendonly", "yes", "--appendfsync", "everysec", "--appenddirname", "a", "--dir", disk));
    /* It goes with its last user, whatever becomes of this test. */
    int directory = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    assert_int_equal(umount2(disk, MNT_DETACH), 0);
    assert_int_equal(rmdir(disk), 0);
    struct conn *conn = commands_connect(redis_server_url(server));
    struct conn *own = f->conn;
    f->conn = conn;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "4", "-r", redis_server_url(server));
    worker_fixture_push_many(f, JOBS, "sleep", "5");
    worker_fixture_wait_above(f, "done", 20);
    fill(directory);
    process_wait_stderr(worker, "MISCONF", WAIT_MS);
    assert_int_equal(unlinkat(directory, "ballast", 0), 0);
    faults_expect_all(f, JOBS, "disk full");
    /* A line for each call that meets it, of fetcher, finisher and keeper; each is tried many
     * times. */
    assert_in_range(faults_in_log(worker, "MISCONF"), 1, 6);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    worker_fixture_expect_exit(worker, 0);
    f->conn = own;
    conn_close(conn);
    redis_server_stop(server);
    (void)close(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORKER_TEST(test_disk_full)};
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
