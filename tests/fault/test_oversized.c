/* Jobs that are too large: for the worker's limit, for its memory, and for what the server will
 * send. None stops a queue, none kills for ever, and whoever waits for one is told. */
#include "support/cmocka_all.h"

#include "queue/scripts.h"
#include "support/faults.h"
#include "support/proxy.h"
#include "support/wait.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_MEASURED = 0 }; /* memory is mostly the sanitizer's own */
#else
enum { IS_MEASURED = 1 };
#endif
enum { HUGE_BYTES = 32 << 20, PEAK_KIB = 16 << 10 };

static const char kept_first[] = "{\"type\":\"noop\",\"id\":\"huge\",\"reply\":\"r\",\"args\":";

/* Pushes `first`, a JSON string of so many bytes, and `last`. */
static void push_around(struct worker_fixture *f, const char *first, size_t bytes, const char *last)
{
    struct buf text = {0};
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    char *filler = mem_new(bytes + 1);
    memset(filler, 'x', bytes);
    filler[0] = filler[bytes - 1] = '"';
    buf_append_text(&text, first);
    buf_append(&text, filler, bytes);
    buf_append_text(&text, last);
    request_add_text(&request, "LPUSH");
    request_add_text(&request, "darg:{jobs}");
    request_add(&request, buf_slice(&text));
    if (conn_call(f->conn, &request, &reply, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    reply_free(reply);
    request_fini(&request);
    buf_fini(&text);
    free(filler);
}

/* A job with so many bytes of args, after the members above. */
static void push_huge(struct worker_fixture *f, size_t bytes)
{
    push_around(f, kept_first, bytes, "}");
}

/* A line of /proc/PID/status, in KiB. */
static int64_t status_kib(pid_t pid, const char *name)
{
    char path[64], line[256];
    int64_t kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (kib < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            (void)sscanf(line + strlen(name), ": %" SCNd64, &kib);
    (void)fclose(file);
    return kib;
}

/* The huge job is dead for this reason, and told so. */
static void expect_told(struct worker_fixture *f, const char *reason)
{
    struct reply *told = commands_run(f->conn, "LRANGE", "darg:{jobs}:reply:r", "-1", "-1");
    char *text = slice_dup(reply_slice(reply_at(told, 0)));
    assert_non_null(strstr(text, "\"id\":\"huge\",\"type\":\"noop\",\"outcome\":\"buried\""));
    if (!strstr(text, reason))
        fail_msg("%s", text);
    free(text);
    reply_free(told);
    commands_do(f->conn, "DEL", "darg:{jobs}:reply:r", "darg:{jobs}:dead");
}

static int64_t deaths(struct process *worker)
{
    return (int64_t)faults_in_log(worker, "a worker process has died");
}

/* It waits for a job in BLMOVE: the server knows of a blocked client. */
static bool is_blocked(void *context)
{
    const struct worker_fixture *f = context;
    struct reply *info = commands_run(f->conn, "INFO", "clients");
    char *text = slice_dup(reply_slice(info));
    bool is_blocked = strstr(text, "blocked_clients:1") != NULL;
    free(text);
    reply_free(info);
    return is_blocked;
}

/* Larger than the limit: buried with its size for a reason, and never in the worker's memory, be it
 * that the worker finds it in line or is woken by it. */
static void test_too_large_for_the_limit(void **state)
{
    struct worker_fixture *f = *state;
    push_huge(f, HUGE_BYTES);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2");
    worker_fixture_wait_count(f, "buried", 1);
    expect_told(f, "bytes, more than the 1048576 that --max-job-size allows");
    assert_true(wait_until(is_blocked, f, WORKER_FIXTURE_WAIT_MS));
    push_huge(f, HUGE_BYTES);
    worker_fixture_wait_count(f, "buried", 2);
    expect_told(f, "bytes, more than the 1048576 that --max-job-size allows");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "done", 1);
    int64_t peak = status_kib(worker_fixture_child(worker), "VmHWM");
    print_message("two jobs of 32 MiB: the worker's memory went up to %" PRId64 " KiB\n", peak);
    if (IS_MEASURED)
        assert_in_range(peak, 1, PEAK_KIB);
    assert_int_equal(deaths(worker), 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* The worker gets so much address space beyond what it has now. */
static void limit_memory(struct process *worker, int64_t more_bytes)
{
    pid_t child = worker_fixture_child(worker);
    rlim_t bytes = (rlim_t)(status_kib(child, "VmSize") * 1024 + more_bytes);
    const struct rlimit limit = {bytes, bytes};
    assert_int_equal(prlimit(child, RLIMIT_AS, &limit, NULL), 0);
}

/* Within the limit, but more than the worker can get memory for. */
static void test_no_memory_for_it(void **state)
{
    struct worker_fixture *f = *state;
    if (!IS_MEASURED)
        skip();
    f->env[0] = "MALLOC_ARENA_MAX=1"; /* others hold address space in reserve */
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "2", "--max-job-size", "256MiB");
    f->env[0] = NULL;
    limit_memory(worker, HUGE_BYTES / 2);
    push_huge(f, HUGE_BYTES);
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "buried", 1);
    expect_told(f, "too little memory");
    worker_fixture_wait_count(f, "done", 1);
    assert_int_equal(deaths(worker), 0);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* The worker dies as it reads it: killed for want of memory, say. That job is to blame, not those
 * that run beside it or wait behind it, and after --max-crashes it is dead, unread. */
static void test_death_by_reading(void **state)
{
    enum { SLEEPERS = 3, BEHIND = 20, SIZE = 200 << 10 };
    struct worker_fixture *f = *state;
    f->program = "kill/darg-worker";
    f->env[0] = "DARG_KILL_READER=\"id\":\"huge\"";
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "8", "--max-crashes", "3", "--lease", "1h");
    worker_fixture_push_many(f, SLEEPERS, "sleep", "1000");
    worker_fixture_wait_held(f, SLEEPERS);
    commands_do(f->conn, "MULTI");
    for (int i = 0; i < BEHIND; i++)
        worker_fixture_push(f, "{\"type\":\"noop\"}");
    push_huge(f, SIZE);
    for (int i = 0; i < BEHIND; i++)
        worker_fixture_push(f, "{\"type\":\"noop\"}");
    commands_do(f->conn, "EXEC");
    worker_fixture_wait_count(f, "buried", 1);
    faults_expect_dead(f, 1, slice_of("\"id\":\"huge\""), "poison: 3 workers died");
    worker_fixture_wait_count(f, "done", SLEEPERS + 2 * BEHIND);
    /* Once in a claim of several, which says nothing yet, and then three times alone. */
    assert_in_range(deaths(worker), 3, 4);
    assert_int_equal(worker_fixture_count(f, "buried"), 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

/* A job that kills whoever runs it is the one to blame, however much is claimed meanwhile. */
static void test_death_beside_a_claim(void **state)
{
    enum { BEHIND = 3000 };
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(
        f, "-q", "jobs", "-t", "4", "--max-crashes", "3", "--lease", "1h", "--handler",
        worker_fixture_handler(f, "killer", "sleep 0.02; kill -9 $PPID\n"), "--log-level", "warn");
    commands_do(f->conn, "MULTI");
    worker_fixture_push(f, "{\"type\":\"killer\",\"id\":\"k\"}");
    for (int i = 0; i < BEHIND; i++)
        worker_fixture_push(f, "{\"type\":\"sleep\",\"args\":1}");
    commands_do(f->conn, "EXEC");
    worker_fixture_wait_count(f, "done", BEHIND);
    worker_fixture_wait_count(f, "buried", 1);
    faults_expect_dead(f, 1, slice_of("\"id\":\"k\""), "poison: 3 workers died");
    assert_int_equal(deaths(worker), 3);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
}

struct hits {
    struct proxy *proxy;
    uint64_t wanted;
};

static bool are_hit(void *context)
{
    const struct hits *hits = context;
    return proxy_counts(hits->proxy).all_hit >= hits->wanted;
}

/* Links that break, though everything is well, bury nothing: neither what was asked for nor what
 * comes next. */
static void test_links_that_break(void **state)
{
    enum { SIZE = 100 << 10, MORE = 4 };
    struct worker_fixture *f = *state;
    struct err err = {0};
    assert_int_equal(script_load(f->conn, &script_claim, &err), ST_OK);
    struct proxy *proxy = proxy_start(redis_server_socket(f->server), f->directory, "proxy.sock");
    proxy_arm(proxy, &(struct proxy_fault){
                         .action = PROXY_CUT_REPLY, .word = script_claim.sha1, .times = 2});
    push_huge(f, SIZE);
    (void)worker_fixture_start(f, "-q", "jobs", "-t", "2", "-r", proxy_url(proxy));
    struct hits hits = {proxy, 2};
    assert_true(wait_until(are_hit, &hits, WORKER_FIXTURE_WAIT_MS));
    for (int i = 0; i < MORE; i++)
        push_huge(f, SIZE);
    worker_fixture_wait_count(f, "done", MORE + 1);
    assert_int_equal(worker_fixture_count(f, "buried"), 0);
    worker_fixture_end(state);
    proxy_stop(proxy);
}

/* An envelope that somebody forged, with more in its head than the job has: it is too large, too.
 */
static void test_large_envelope(void **state)
{
    struct worker_fixture *f = *state;
    static const char first[] = "{\"darg\":1,\"runs\":0,\"crashes\":0,\"x\":";
    push_around(f, first, 20 << 20, ",\"job\":{\"type\":\"noop\"}}");
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "2");
    worker_fixture_wait_count(f, "buried", 1);
    worker_fixture_wait_count(f, "done", 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

/* The server closes the link rather than send so much at once: less is asked for, down to one job,
 * and one that is too large by itself is buried. */
static void test_output_buffer_limit(void **state)
{
    enum { MANY = 60, SIZE = 100 << 10 };
    struct worker_fixture *f = *state;
    commands_do(f->conn, "CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 512kb 10");
    for (int i = 0; i < MANY; i++)
        push_huge(f, SIZE);
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "64", "--max-job-size", "8MiB");
    worker_fixture_wait_count(f, "done", MANY);
    assert_true(faults_in_log(worker, "cut off the answer to a claim twice") > 0);
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    commands_do(f->conn, "DEL", "darg:{jobs}:reply:r");
    push_huge(f, 4 << 20);
    worker_fixture_push(f, "{\"type\":\"noop\"}");
    worker_fixture_wait_count(f, "buried", 1);
    expect_told(f, "client-output-buffer-limit");
    worker_fixture_wait_count(f, "done", MANY + 1);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    worker_fixture_expect_clean(f);
    commands_do(f->conn, "CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_too_large_for_the_limit), WORKER_TEST(test_no_memory_for_it),
        WORKER_TEST(test_death_by_reading),        WORKER_TEST(test_death_beside_a_claim),
        WORKER_TEST(test_links_that_break),        WORKER_TEST(test_large_envelope),
        WORKER_TEST(test_output_buffer_limit),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
