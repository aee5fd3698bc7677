/* darg status: where jobs are, with real workers. */
#include "support/cmocka_all.h"

#include "base/buf.h"
#include "support/cli.h"
#include "support/wait.h"
#include "support/worker_fixture.h"

#include <stdlib.h>
#include <string.h>

static struct cli cli_of(struct worker_fixture *f)
{
    return (struct cli){.server = f->server, .conn = f->conn};
}

static void test_places(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    worker_fixture_push(f, "{\"type\":\"noop\",\"id\":\"first\"}",
                        "{\"type\":\"noop\",\"id\":\"\\u0061\"}");
    cli_run(&cli, 0, "push", "noop", "--id", "b", "--delay", "1h", "-q", "jobs");
    cli_run(&cli, 0, "status", "a", "-q", "jobs");
    cli_expect_out(&cli, "id           a\n"
                         "type         noop\n"
                         "state        waiting\n"
                         "before it    1\n"
                         "runs         0\n");
    cli_run(&cli, 0, "status", "b", "-q", "jobs");
    cli_expect_out_has(&cli, "state        delayed\ndue in       59m");
    cli_run(&cli, 0, "status", "a", "-q", "jobs", "--json");
    cli_expect_out(&cli, "[{\"id\":\"a\",\"type\":\"noop\",\"state\":\"waiting\",\"before\":1,"
                         "\"runs\":0,\"attempts\":0,\"crashes\":0}]\n");
    cli_run(&cli, 1, "status", "x", "-q", "jobs");
    cli_expect_err_has(&cli, "no job 'x' in queue 'jobs'");
    cli_run(&cli, 2, "status");
    cli_expect_err_has(&cli, "ID is missing");
    process_free(cli.last);
}

static void test_ended(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    cli_run(&cli, 0, "push", "noop", "--id", "a", "--keep", "1h", "-q", "jobs");
    cli_run(&cli, 0, "push", "fail", "--id", "b", "-q", "jobs");
    cli_run(&cli, 0, "push", "again", "--id", "c", "--backoff", "1h", "-q", "jobs");
    worker_fixture_start(f, "-q", "jobs", "--handler", "fail=sh -c 'echo why >&2; exit 65'",
                         "--handler", "again=sh -c 'echo not yet >&2; exit 1'");
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_wait_count(f, "buried", 1);
    worker_fixture_wait_count(f, "retried", 1);
    cli_run(&cli, 0, "status", "a", "-q", "jobs");
    cli_expect_out(&cli, "id           a\nstate        ended: see `darg result`\n");
    cli_run(&cli, 0, "status", "b", "-q", "jobs");
    cli_expect_out_has(&cli, "state        dead\n");
    cli_expect_out_has(&cli, "runs         1\nerror        why\n");
    cli_run(&cli, 0, "status", "c", "-q", "jobs");
    cli_expect_out_has(&cli, "state        to be retried\ndue in       ");
    cli_expect_out_has(&cli, "error        not yet\n");
    process_free(cli.last);
}

static bool shows_progress(void *context)
{
    struct cli *cli = context;
    cli_run(cli, 0, "status", "a", "-q", "jobs");
    return strstr(process_stdout(cli->last), "progress     {\"percent\":40}\n") != NULL;
}

static void test_progress(void **state)
{
    struct worker_fixture *f = *state;
    struct cli cli = cli_of(f);
    const char *handler =
        worker_fixture_handler(f, "slow",
                               "read hello; read job; echo "
                               "'{\"id\":\"a\",\"progress\":{\"percent\":40}}'; exec sleep 1000");
    struct buf option = {0};
    buf_printf(&option, "slow=stream:%s", strchr(handler, '=') + 1);
    worker_fixture_start(f, "-q", "jobs", "--handler", buf_text(&option));
    worker_fixture_push(f, "{\"type\":\"slow\",\"id\":\"a\"}");
    worker_fixture_wait_held(f, 1);
    assert_true(wait_until(shows_progress, &cli, WORKER_FIXTURE_WAIT_MS));
    cli_expect_out_has(&cli, "state        running\nworker       ");
    cli_expect_out_has(&cli, "running for  ");
    cli_run(&cli, 0, "status", "a", "-q", "jobs", "--json");
    cli_expect_out_has(&cli, "\"progress\":{\"percent\":40},\"runs\":0,");
    buf_fini(&option);
    process_free(cli.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_places),
        WORKER_TEST(test_ended),
        WORKER_TEST(test_progress),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
