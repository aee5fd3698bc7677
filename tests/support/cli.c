#include "support/cmocka_all.h"
#include "support/cli.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 20000 };

int cli_setup(void **state)
{
    struct cli *cli = mem_new(sizeof *cli);
    cli->server = redis_server_start(NULL);
    cli->conn = commands_connect(redis_server_url(cli->server));
    *state = cli;
    return 0;
}

int cli_teardown(void **state)
{
    struct cli *cli = *state;
    process_free(cli->last);
    conn_close(cli->conn);
    redis_server_stop(cli->server);
    free(cli);
    return 0;
}

int cli_reset(void **state)
{
    struct cli *cli = *state;
    commands_do(cli->conn, "FLUSHALL");
    return 0;
}

static char *program_path(void)
{
    struct buf path = {0};
    const char *directory = getenv("DARG_BUILD_DIR");
    buf_printf(&path, "%s/darg", directory == NULL ? "build" : directory);
    return buf_take(&path);
}

static struct process *start(struct cli *cli, const char *input, size_t len,
                             const char *const *argv, const char *program)
{
    struct buf url = {0}, darg = {0};
    buf_printf(&url, "DARG_REDIS_URL=%s", redis_server_url(cli->server));
    buf_printf(&darg, "DARG=%s", program);
    const char *const env[] = {buf_text(&url), buf_text(&darg),  "REDIS_URL",
                               "DARG_QUEUE",   "DARG_NAMESPACE", NULL};
    const struct process_options options = {
        .argv = argv, .env = env, .stdin_text = input, .stdin_len = len};
    struct process *process = process_start(&options);
    buf_fini(&url);
    buf_fini(&darg);
    return process;
}

struct process *cli_start_args(struct cli *cli, const char *input, size_t len,
                               const char *const *args)
{
    char *program = program_path();
    const char *argv[24] = {program};
    for (size_t i = 0; args[i] != NULL; i++) {
        ensure(i + 2 < sizeof argv / sizeof argv[0], "%zu arguments", i + 1);
        argv[i + 1] = args[i];
    }
    struct process *process = start(cli, input, len, argv, program);
    free(program);
    return process;
}

struct process *cli_start_shell(struct cli *cli, const char *line)
{
    char *program = program_path();
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct process *process = start(cli, NULL, 0, argv, program);
    free(program);
    return process;
}

struct process *cli_start_fed(struct cli *cli, const char *feeder, const char *args)
{
    struct buf line = {0};
    const char *directory = redis_server_directory(cli->server);
    buf_printf(&line,
               "rm -f '%s/feed'; mkfifo '%s/feed'; { %s; } >'%s/feed' & exec $DARG %s <'%s/feed'",
               directory, directory, feeder, directory, args, directory);
    struct process *process = cli_start_shell(cli, buf_text(&line));
    buf_fini(&line);
    return process;
}

static void finish(struct cli *cli, struct process *process, int exit_code)
{
    process_free(cli->last);
    cli->last = process;
    int got = process_wait(process, DEADLINE_MS);
    if (got != exit_code)
        fail_msg("exit code %d, not %d\n-- stdout:\n%s-- stderr:\n%s", got, exit_code,
                 process_stdout(process), process_stderr(process));
}

void cli_run_args(struct cli *cli, int exit_code, const char *input, size_t len,
                  const char *const *args)
{
    finish(cli, cli_start_args(cli, input, len, args), exit_code);
}

void cli_run_shell(struct cli *cli, int exit_code, const char *line)
{
    finish(cli, cli_start_shell(cli, line), exit_code);
}

static void expect_has(const char *where, const char *got, const char *text)
{
    if (strstr(got, text) == NULL)
        fail_msg("%s does not hold '%s' but is:\n%s", where, text, got);
}

void cli_expect_out(struct cli *cli, const char *text)
{
    assert_string_equal(process_stdout(cli->last), text);
}

void cli_expect_out_has(struct cli *cli, const char *text)
{
    expect_has("stdout", process_stdout(cli->last), text);
}

void cli_expect_err(struct cli *cli, const char *text)
{
    assert_string_equal(process_stderr(cli->last), text);
}

void cli_expect_err_has(struct cli *cli, const char *text)
{
    expect_has("stderr", process_stderr(cli->last), text);
}

void cli_expect_job(struct cli *cli, const char *key, const char *job)
{
    char *got = commands_text(cli->conn, "RPOP", key);
    assert_non_null(got);
    assert_string_equal(got, job);
    free(got);
}
