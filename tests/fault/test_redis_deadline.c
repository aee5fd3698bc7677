/* A Redis that says nothing for longer than the deadline of every call. */
#include "support/cmocka_all.h"

#include "support/faults.h"

enum { JOBS = 200 };

/* Calls are repeated though they were carried out; nothing comes of it. */
static void test_deadlines_pass(void **state)
{
    struct worker_fixture *f = *state;
    struct conn *patient = commands_open(redis_server_url(f->server),
                                         (struct conn_options){.command_timeout_ms = 40000});
    commands_must_connect(patient);
    for (int i = 0; i < 2; i++)
        worker_fixture_start(f, "-q", "jobs", "-t", "4", "--lease", "1s");
    worker_fixture_push_many(f, JOBS, "sleep", "20");
    worker_fixture_wait_above(f, "done", JOBS / 4);
    commands_do(patient, "DEBUG", "SLEEP", "11");
    faults_expect_all(f, JOBS, "DEBUG SLEEP 11");
    assert_true(faults_in_logs(f, "no answer in time") > 0);
    assert_int_equal(faults_in_logs(f, " job done "), JOBS); /* each once */
    assert_int_equal(worker_fixture_count(f, "reaped"), 0);
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    for (size_t i = 0; i < f->count; i++)
        worker_fixture_expect_exit(f->workers[i], 0);
    worker_fixture_expect_clean(f);
    conn_close(patient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_deadlines_pass),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
