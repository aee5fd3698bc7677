/* Large numbers and large jobs: a million in line, payloads of 10 MB. What a worker needs of memory
 * follows from what it has taken, never from what waits. */
#include "support/cmocka_all.h"

#include "support/faults.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 100000, IS_MEASURED = 0 }; /* slower, and memory is mostly the sanitizer's own */
#else
enum { MANY = 1000000, IS_MEASURED = 1 };
#endif
enum { MANY_KIB = 16 * 1024, PAYLOAD = 10 << 20, PAYLOAD_KIB = PAYLOAD >> 10, LARGE_JOBS = 12 };

/* The most resident memory that the process ever had, in KiB. */
static int64_t peak_kib(pid_t pid)
{
    char path[64], line[256];
    int64_t kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (kib < 0 && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmHWM: %" SCNd64, &kib);
    (void)fclose(file);
    return kib;
}

static void expect_peak(const struct process *worker, int64_t most_kib, const char *what)
{
    int64_t kib = peak_kib(worker_fixture_child(worker));
    print_message("%s: the worker's memory went up to %" PRId64 " KiB\n", what, kib);
    if (IS_MEASURED)
        assert_in_range(kib, 1, most_kib);
}

/* `feeder`: a shell command that prints the args of a job a line. */
static void push_lines(struct worker_fixture *f, const char *feeder, const char *type)
{
    char line[1024];
    const char *build = getenv("DARG_BUILD_DIR");
    (void)snprintf(line, sizeof line,
                   "%s | %s/darg push %s --lines --quiet -q jobs -r '%s' --max-job-size 16MiB",
                   feeder, build == NULL ? "build" : build, type, redis_server_url(f->server));
    struct process *push =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", line)});
    worker_fixture_expect_exit(push, 0);
    process_free(push);
}

static void end(struct worker_fixture *f, struct process *worker)
{
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

static void test_many(void **state)
{
    struct worker_fixture *f = *state;
    char feeder[64];
    (void)snprintf(feeder, sizeof feeder, "seq %d", MANY);
    push_lines(f, feeder, "noop");
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{jobs}"), MANY);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "4");
    worker_fixture_wait_count(f, "done", MANY);
    worker_fixture_wait_held(f, 0);
    expect_peak(worker, MANY_KIB, "a million jobs");
    /* Where the pool got no time for a while, some were given back and claimed again. */
    assert_int_equal(worker_fixture_count(f, "claimed") - worker_fixture_count(f, "released"),
                     MANY);
    end(f, worker);
}

/* Its args arrive whole each time: after the push, after a retry, and from a worker that died. */
static void test_payload(void **state)
{
    struct worker_fixture *f = *state;
    static const char script[] = "wc -c >>\"${DIR}sizes\"\n"
                                 "[ $DARG_JOB_RUN -ne 1 ] || exit 1\n"
                                 "[ $DARG_JOB_RUN -ne 2 ] || kill -9 $PPID\n";
    char feeder[96], size[32];
    (void)snprintf(feeder, sizeof feeder, "{ head -c %d /dev/zero | tr '\\0' x; echo; }", PAYLOAD);
    (void)snprintf(size, sizeof size, "%d\n", PAYLOAD + 2); /* with its quotes */
    push_lines(f, feeder, "t");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "--max-job-size", "16MiB", "--backoff", "10ms..10ms",
                             "--lease", "1h", "--handler", worker_fixture_handler(f, "t", script));
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(worker_fixture_count(f, "retried"), 1);
    assert_int_equal(worker_fixture_count(f, "reaped"), 1);
    char *sizes = worker_fixture_read(worker_fixture_path(f, "sizes"));
    char expected[128];
    (void)snprintf(expected, sizeof expected, "%s%s%s", size, size, size);
    assert_string_equal(sizes, expected);
    free(sizes);
    end(f, worker);
}

/* Many of them wait: a claim takes so many bytes, not so many jobs. */
static void test_payloads(void **state)
{
    struct worker_fixture *f = *state;
    char feeder[160];
    (void)snprintf(feeder, sizeof feeder,
                   "for i in $(seq %d); do head -c %d /dev/zero | tr '\\0' x; echo; done",
                   LARGE_JOBS, PAYLOAD);
    push_lines(f, feeder, "noop");
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "2", "--max-job-size", "16MiB");
    worker_fixture_wait_count(f, "done", LARGE_JOBS);
    expect_peak(worker, (int64_t)6 * PAYLOAD_KIB, "12 jobs of 10 MB");
    end(f, worker);
}

/* What is larger than a worker takes is dead, whole. */
static void test_too_large(void **state)
{
    struct worker_fixture *f = *state;
    char feeder[96];
    (void)snprintf(feeder, sizeof feeder, "{ head -c %d /dev/zero | tr '\\0' x; echo; }", PAYLOAD);
    push_lines(f, feeder, "noop");
    struct process *worker = worker_fixture_start(f, "-q", "jobs");
    worker_fixture_wait_count(f, "buried", 1);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "0");
    assert_true(reply_slice(reply_at(dead, 0)).len > PAYLOAD);
    reply_free(dead);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_many),
        WORKER_TEST(test_payload),
        WORKER_TEST(test_payloads),
        WORKER_TEST(test_too_large),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
