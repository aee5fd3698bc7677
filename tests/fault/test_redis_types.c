/* Keys under our names that hold something else: said once, the other queues go on, and nothing is
 * lost when somebody has mended it. */
#include "support/cmocka_all.h"

#include "support/faults.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_two_outcomes(void *context)
{
    const struct worker_fixture *f = context;
    return commands_int(f->conn, "LLEN", "darg:{bad}:reply:r") == 2;
}

static void expect_outcomes(struct worker_fixture *f, const char *key)
{
    if (!wait_until(has_two_outcomes, f, 10000))
        fail_msg("%s: the jobs did not end after it was mended", key);
    struct reply *all = commands_run(f->conn, "LRANGE", "darg:{bad}:reply:r", "0", "-1");
    size_t done = 0;
    for (size_t i = 0; i < reply_count(all); i++) {
        char *text = slice_dup(reply_slice(reply_at(all, i)));
        done += strstr(text, "\"outcome\":\"done\"") != NULL;
        free(text);
    }
    reply_free(all);
    assert_int_equal(done, 1); /* the other is buried */
    assert_int_equal(commands_int(f->conn, "ZCARD", "darg:{bad}:dead"), 1);
}

static void push_bad(struct worker_fixture *f)
{
    commands_do(f->conn, "LPUSH", "darg:{bad}", "{\"type\":\"noop\",\"reply\":\"r\"}",
                "{\"type\":\"fail\",\"max_attempts\":2,\"reply\":\"r\"}");
}

/* `hinders`: jobs of that queue cannot end until the key is mended. */
static void damage(struct worker_fixture *f, const char *suffix, bool hinders)
{
    char key[64];
    assert_int_equal(worker_fixture_reset((void **)&f), 0);
    (void)snprintf(key, sizeof key, "darg:{bad}%s", suffix);
    struct process *worker =
        worker_fixture_start(f, "-q", "bad", "-q", "jobs", "--backoff", "10ms");
    commands_do(f->conn, "DEL", key);
    commands_do(f->conn, "SET", key, "this is none of ours");
    if (suffix[0] != 0)
        push_bad(f);
    worker_fixture_push_many(f, 50, "sleep", "50");
    worker_fixture_wait_count(f, "done", 50);
    if (hinders)
        process_wait_stderr(worker, "WRONGTYPE", WORKER_FIXTURE_WAIT_MS);
    /* One line for each call that meets it, not for each time: fetcher's, finisher's, and up to
     * three of the keeper's, by how far it has got. */
    assert_in_range(faults_in_log(worker, "WRONGTYPE"), hinders, 5);
    if (hinders)
        assert_false(has_two_outcomes(f));
    commands_do(f->conn, "DEL", key);
    if (suffix[0] == 0)
        push_bad(f);
    expect_outcomes(f, key);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(faults_in_log(worker, "worker process has died"), 0);
    print_message("%s: %zu lines\n", key, faults_in_log(worker, "WRONGTYPE"));
}

static void test_wrong_types(void **state)
{
    struct worker_fixture *f = *state;
    damage(f, "", true);
    damage(f, ":inbox", true);
    damage(f, ":workers", true);
    damage(f, ":reaped", false);
    damage(f, ":scheduled", true);
    damage(f, ":dead", true);
    damage(f, ":settings", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
