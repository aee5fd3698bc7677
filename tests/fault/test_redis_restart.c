/* A Redis that dies and comes back, loads itself anew, or forgets everything, while jobs are pushed
 * and run. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/checker.h"
#include "support/faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KILLS = 5, RELOADS = 15, LINES_PER_ROUND = 25, JOBS_MAX = 100000 };

static struct process *start(struct worker_fixture *f)
{
    return worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s");
}

/* Pushes j0, j1 ... one by one until it is killed, and says which Redis has acknowledged; one whose
 * answer did not come is not tried again. */
static struct process *start_pushing(struct worker_fixture *f, const char *acknowledged)
{
    const char *build = getenv("DARG_BUILD_DIR");
    struct buf line = {0};
    buf_printf(&line,
               "i=0; while :; do\n"
               "echo '{\"type\":\"sleep\",\"args\":5,\"id\":\"j'$i'\",\"reply\":\"r\"}' |\n"
               "%s/darg push --jsonl --quiet -q jobs -r %s 2>/dev/null && echo j$i 1 >>%s\n"
               "i=$((i + 1)); done",
               build == NULL ? "build" : build, redis_server_url(f->server), acknowledged);
    const char *const argv[] = {"sh", "-c", buf_text(&line), NULL};
    struct process *pushing = process_start(&(struct process_options){.argv = argv});
    buf_fini(&line);
    return pushing;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

static void expect_acknowledged(struct worker_fixture *f, const char *path, const char *what)
{
    struct checker *checker = checker_new(f->conn, JOBS_MAX);
    for (size_t i = 0; i < JOBS_MAX; i++)
        checker_expect_runs(checker, i, 0);
    char *text = worker_fixture_read(path);
    for (const char *at = text; *at != 0; at = strchr(at, '\n') + 1)
        checker_expect_runs(checker, strtoul(at + 1, NULL, 10), 1);
    checker_note_replies(checker, "darg:{jobs}:reply:r");
    struct checker_findings found = checker_look(checker);
    checker_free(checker);
    /* Beyond the acknowledged: pushes that were carried out though their answer was lost. */
    print_message("%s: %zu pushes acknowledged, %zu runs beyond\n", what, count_lines(text),
                  found.repeated);
    assert_int_equal(found.lost, 0);
    assert_int_equal(found.doubled, 0);
    assert_int_equal(found.stuck + found.waiting + found.scheduled + found.dead, 0);
    assert_int_equal(found.unaccounted, 0);
    assert_true(found.repeated <= KILLS);
    free(text);
}

/* A drain ends the workers; what was pushed before it is done. */
static void drain(struct worker_fixture *f)
{
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    for (size_t i = 0; i < f->count; i++)
        worker_fixture_expect_exit(f->workers[i], 0);
    worker_fixture_expect_clean(f);
}

static void test_killed_with_every_write_on_disk(void **state)
{
    struct worker_fixture *f = *state;
    char path[256];
    (void)snprintf(path, sizeof path, "%s", worker_fixture_path(f, "acknowledged"));
    start(f);
    start(f);
    struct process *pushing = start_pushing(f, path);
    for (int i = 1; i <= KILLS; i++) {
        worker_fixture_wait_lines(path, (size_t)i * LINES_PER_ROUND);
        redis_server_restart(f->server);
        conn_discard(f->conn);
        commands_must_connect(f->conn);
    }
    worker_fixture_wait_lines(path, (size_t)(KILLS + 1) * LINES_PER_ROUND);
    process_free(pushing); /* killed: it may have one more under way */
    drain(f);
    expect_acknowledged(f, path, "Redis killed");
}

static void test_reloaded_under_load(void **state)
{
    enum { JOBS = 2000 };
    struct worker_fixture *f = *state;
    start(f);
    start(f);
    worker_fixture_push_many(f, JOBS, "sleep", "4");
    for (int i = 1; i <= RELOADS; i++) {
        worker_fixture_wait_above(f, "done", (int64_t)JOBS * i / (RELOADS + 1));
        commands_do(f->conn, "DEBUG", "RELOAD");
    }
    faults_expect_all(f, JOBS, "DEBUG RELOAD");
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    drain(f);
}

/* What was in it is gone, by somebody's will; the workers start over without being restarted. */
static void test_emptied(void **state)
{
    struct worker_fixture *f = *state;
    struct process *workers[] = {start(f), start(f)};
    for (int i = 0; i < 2; i++) {
        worker_fixture_push_many(f, 100, "sleep", "100");
        worker_fixture_wait_above(f, "done", 8);
        commands_do(f->conn, "FLUSHALL");
    }
    for (int i = 0; i < 2; i++)
        process_wait_stderr(workers[i], "worker registered again", WORKER_FIXTURE_WAIT_MS);
    assert_int_equal(faults_in_logs(f, "worker process has died"), 0);
    /* One after another: both have to be at work for a drain to end. */
    worker_fixture_push_many(f, 100, "sleep", "5");
    faults_expect_all(f, 100, "after FLUSHALL");
    drain(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_killed_with_every_write_on_disk),
        WORKER_TEST(test_reloaded_under_load),
        WORKER_TEST(test_emptied),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup_durable, worker_fixture_teardown);
}
