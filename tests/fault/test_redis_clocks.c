/* Workers whose wall clocks are an hour wrong: nothing is early, and nobody loses a lease. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/faults.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 300, DELAY_MS = 2500 };

static void start_at(struct worker_fixture *f, const char *library, const char *offset)
{
    char preload[300], time[64];
    char program[256];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    (void)snprintf(time, sizeof time, "FAKETIME=%s", offset);
    (void)snprintf(program, sizeof program, "%s/darg-worker", build == NULL ? "build" : build);
    const char *const argv[] = {
        program,      "-q", "jobs", "-t", "4", "--lease", "1s", "-r", redis_server_url(f->server),
        "--ready-fd", "7",  NULL};
    const char *const env[] = {preload, time, "FAKETIME_DONT_FAKE_MONOTONIC=1", NULL};
    struct process *worker =
        process_start(&(struct process_options){.argv = argv, .env = env, .ready_fd = 7});
    f->workers[f->count++] = worker;
    process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
}

static void test_wrong_clocks(void **state)
{
    struct worker_fixture *f = *state;
    glob_t found = {0};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* which have to be loaded first */
#endif
    if (glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) != 0)
        skip(); /* libfaketime is not installed */
    start_at(f, found.gl_pathv[0], "+1h");
    start_at(f, found.gl_pathv[0], "-1h");
    globfree(&found);

    struct reply *now = commands_run(f->conn, "TIME");
    char *seconds = slice_dup(reply_slice(reply_at(now, 0)));
    reply_free(now);
    char due[32];
    (void)snprintf(due, sizeof due, "%lld", (strtoll(seconds, NULL, 10) * 1000) + DELAY_MS + 1000);
    free(seconds);
    int64_t begin_ms = clock_mono_ms();
    commands_do(f->conn, "ZADD", "darg:{jobs}:scheduled", due,
                "{\"type\":\"noop\",\"id\":\"j300\",\"reply\":\"r\"}");
    worker_fixture_push_many(f, JOBS, "sleep", "20");
    worker_fixture_wait_above(f, "promoted", 1);
    assert_true(clock_mono_ms() - begin_ms >= DELAY_MS);
    faults_expect_all(f, JOBS + 1, "clocks an hour ahead and behind");
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    assert_int_equal(faults_in_logs(f, "lease lost"), 0);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    for (size_t i = 0; i < f->count; i++)
        worker_fixture_expect_exit(f->workers[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_wrong_clocks),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
