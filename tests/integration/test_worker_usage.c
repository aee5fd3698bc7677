/* What programs have used, as a worker tells it: in its log, in replies, in dead entries. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cli.h"
#include "support/worker_fixture.h"

static void expect_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in %s", part, text);
}

/* Pushes the job, waits until the counter is there, and answers the reply, to free(). */
static char *reply_of(struct worker_fixture *f, const char *job, const char *counter, int64_t count)
{
    worker_fixture_push(f, job);
    worker_fixture_wait_count(f, counter, count);
    char *reply = commands_text(f->conn, "LPOP", "darg:{jobs}:reply:r");
    assert_non_null(reply);
    return reply;
}

/* What the reply has said is in the dead entries, too, for people to see. */
static void expect_in_dead_entries(struct worker_fixture *f)
{
    struct cli cli = {.server = f->server, .conn = f->conn};
    cli_run(&cli, 0, "dead", "list", "--id", "b", "-q", "jobs", "--json");
    cli_expect_out_has(&cli, "\"usage\":{\"exit\":65,\"wall_ms\":");
    cli_run(&cli, 0, "status", "c", "-q", "jobs");
    cli_expect_out_has(&cli, "\nit used      {\"signal\":9,\"wall_ms\":");
    process_free(cli.last);
}

static void test_reply_and_log(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--handler",
                                                  "hog=dd if=/dev/zero of=/dev/null bs=96M count=1",
                                                  "--handler", "bad=sh -c 'exit 65'", "--handler",
                                                  "dies=sh -c 'kill -9 $$'", "--max-attempts", "1");
    char *reply = reply_of(f, "{\"type\":\"hog\",\"id\":\"a\",\"reply\":\"r\"}", "done", 1);
    expect_has(reply, "\"usage\":{\"exit\":0,\"wall_ms\":");
    expect_has(reply, ",\"cpu_ms\":");
    expect_has(reply, ",\"cpu_system_ms\":");
    expect_has(reply, ",\"peak_kib\":");
    expect_has(reply, "},\"result\":");
    free(reply);
    process_wait_stderr(worker, "job done", WORKER_FIXTURE_WAIT_MS);
    const char *line = strstr(process_stderr(worker), "job done");
    assert_non_null(strstr(line, " cpu_ms="));
    assert_non_null(strstr(line, " cpu_system_ms="));
    assert_non_null(strstr(line, " peak_kib="));
    reply = reply_of(f, "{\"type\":\"bad\",\"id\":\"b\",\"reply\":\"r\"}", "buried", 1);
    expect_has(reply, "\"usage\":{\"exit\":65,\"wall_ms\":");
    expect_has(reply, "},\"error\":\"exit status 65\"}");
    free(reply);
    reply = reply_of(f, "{\"type\":\"dies\",\"id\":\"c\",\"reply\":\"r\"}", "buried", 2);
    expect_has(reply, "\"usage\":{\"signal\":9,\"wall_ms\":");
    free(reply);
    process_wait_stderr(worker, " signal=9 ", WORKER_FIXTURE_WAIT_MS);
    expect_in_dead_entries(f);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

/* What the last job has used is not told of the next, which has no process. */
static void test_builtin_handlers_use_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker =
        worker_fixture_start(f, "-q", "jobs", "-t", "1", "--handler", "t=true");
    char *reply = reply_of(f, "{\"type\":\"t\",\"id\":\"a\",\"reply\":\"r\"}", "done", 1);
    expect_has(reply, "\"usage\":{");
    free(reply);
    reply = reply_of(f, "{\"type\":\"echo\",\"id\":\"b\",\"reply\":\"r\"}", "done", 2);
    expect_has(reply, "\"outcome\":\"done\",\"run\":1,\"result\":null}");
    free(reply);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

/* A persistent process is accounted for with each job, and as a whole at its end. */
static void test_process_that_stays(void **state)
{
    struct worker_fixture *f = *state;
    const char *plain = worker_fixture_handler(
        f, "s",
        "read -r hello\nwhile read -r job; do\n"
        "dd if=/dev/zero of=/dev/null bs=96M count=1 2>/dev/null\n"
        "id=${job#*:}; echo \"{\\\"id\\\":${id%%,*},\\\"done\\\":1}\"\ndone\n");
    char option[256];
    snprintf(option, sizeof option, "s=stream,jobs=2:%s", strchr(plain, '=') + 1);
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "-t", "1", "--log-level",
                                                  "debug", "--handler", option);
    for (int64_t i = 1; i <= 3; i++) {
        char *reply = reply_of(f, "{\"type\":\"s\",\"reply\":\"r\"}", "done", i);
        expect_has(reply, "\"usage\":{\"wall_ms\":");
        expect_has(reply, ",\"cpu_ms\":");
        assert_null(strstr(reply, "exit"));
        free(reply);
    }
    process_wait_stderr(worker, "a handler's process ended", WORKER_FIXTURE_WAIT_MS);
    const char *line = strstr(process_stderr(worker), "a handler's process ended");
    assert_non_null(strstr(line, "program=sh answered=2 cpu_ms="));
    const char *peak = strstr(line, " peak_kib=");
    assert_non_null(peak);
    assert_true(strtol(peak + strlen(" peak_kib="), NULL, 10) >= 96 << 10);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

static void test_dead_entry_says_who_killed(void **state)
{
    struct worker_fixture *f = *state;
    struct process *worker = worker_fixture_start(f, "-q", "jobs", "--max-attempts", "1",
                                                  "--handler", "k=sh -c 'kill -9 $$'");
    worker_fixture_push(f, "{\"type\":\"k\",\"id\":\"a\"}");
    worker_fixture_wait_count(f, "buried", 1);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    char *member = slice_dup(reply_slice(reply_at(dead, 0)));
    expect_has(member, "killed by signal 9 (Killed), not by darg");
    free(member);
    reply_free(dead);
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_reply_and_log),
        WORKER_TEST(test_builtin_handlers_use_nothing),
        WORKER_TEST(test_process_that_stays),
        WORKER_TEST(test_dead_entry_says_who_killed),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
