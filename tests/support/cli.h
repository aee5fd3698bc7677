/* cli - runs build/darg against a private server and keeps its output: for tests of the commands.
 *
 * Group setup and teardown start and end the server; cli_reset() empties it before each test. The
 * output of the last run is kept until the next one. One thread only. */
#ifndef DARG_TESTS_SUPPORT_CLI_H
#define DARG_TESTS_SUPPORT_CLI_H

#include <stddef.h>
#include <stdint.h>

#include "support/commands.h"
#include "support/process.h"
#include "support/redis_server.h"

struct cli {
    struct redis_server *server;
    struct conn *conn;
    struct process *last; /* the last run */
};

int cli_setup(void **state);
int cli_teardown(void **state);
int cli_reset(void **state);

#define CLI_TEST(function) cmocka_unit_test_setup(function, cli_reset)

/* Starts darg with these arguments; DARG_REDIS_URL names the server. Free it with
 * process_free(). */
#define cli_start(cli, ...) cli_start_args((cli), NULL, 0, COMMANDS_ARGS(__VA_ARGS__))
struct process *cli_start_args(struct cli *cli, const char *input, size_t len,
                               const char *const *args);

/* Starts a shell command in which $DARG is the program. */
struct process *cli_start_shell(struct cli *cli, const char *line);

/* Starts `$DARG args` with the output of the shell command `feeder` as its input. Unlike with a
 * pipeline in cli_start_shell(), the process is darg itself. */
struct process *cli_start_fed(struct cli *cli, const char *feeder, const char *args);

/* Runs it to its end, which must be `exit_code`. */
#define cli_run(cli, exit_code, ...)                                                               \
    cli_run_args((cli), (exit_code), NULL, 0, COMMANDS_ARGS(__VA_ARGS__))
#define cli_run_input(cli, exit_code, input, len, ...)                                             \
    cli_run_args((cli), (exit_code), (input), (len), COMMANDS_ARGS(__VA_ARGS__))
void cli_run_args(struct cli *cli, int exit_code, const char *input, size_t len,
                  const char *const *args);
void cli_run_shell(struct cli *cli, int exit_code, const char *line);

/* The output of the last run must be, or contain, this. */
void cli_expect_out(struct cli *cli, const char *text);
void cli_expect_out_has(struct cli *cli, const char *text);
void cli_expect_err(struct cli *cli, const char *text);
void cli_expect_err_has(struct cli *cli, const char *text);

/* The job that has waited longest must be this one. Removes it. */
void cli_expect_job(struct cli *cli, const char *key, const char *job);

#endif
