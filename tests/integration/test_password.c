/* Passwords in files: what replaces them counts, a user in the URL goes with them, and a pipe is
 * read once. */
#include "support/cmocka_all.h"

#include "support/cli.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 40000 };

/* The password is what the file holds when the link is made. */
static void write_password(const char *path, const char *password)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    (void)fprintf(out, "%s\n", password);
    (void)fclose(out);
}

/* "al" may do everything, with the password "first", which is in the file. */
static void make_user(struct cli *cli, char url[128], char path[160])
{
    (void)snprintf(url, 128, "unix://al@%s", redis_server_socket(cli->server));
    (void)snprintf(path, 160, "%s/password", redis_server_directory(cli->server));
    commands_do(cli->conn, "ACL", "SETUSER", "al", "reset", "on", ">first", "+@all", "~*", "&*");
    write_password(path, "first");
}

static void test_password_file(void **state)
{
    struct cli *cli = *state;
    struct conn *control = cli->conn;
    char url[128], path[160];
    struct err err = {0};
    make_user(cli, url, path);
    struct conn *conn = commands_open(url, (struct conn_options){.password_file = path});
    commands_must_connect(conn);
    commands_do(control, "ACL", "SETUSER", "al", ">second", "<first");
    conn_discard(conn);
    assert_int_equal(conn_connect(conn, &err), ST_NOAUTH);
    write_password(path, "second");
    commands_must_connect(conn);
    /* A file that is away or empty for a moment is no reason to forget the password. */
    write_password(path, "");
    conn_discard(conn);
    commands_must_connect(conn);
    assert_return_code(unlink(path), 0);
    conn_discard(conn);
    commands_must_connect(conn);
    commands_do(control, "ACL", "SETUSER", "al", ">third", "<second");
    conn_discard(conn);
    assert_int_equal(conn_connect(conn, &err), ST_NOAUTH);
    assert_non_null(strstr(err_text(&err), "cannot read the password file"));
    conn_close(conn);
}

static void test_a_user_in_the_url(void **state)
{
    struct cli *cli = *state;
    char url[128], path[160];
    make_user(cli, url, path);
    cli_run(cli, 0, "stats", "-r", url, "--redis-password-file", path);
    cli_run(cli, 2, "stats", "-r", url);
    cli_expect_err_has(cli, "names a user without a password");
    cli_expect_err_has(cli, "--redis-password-file");
    write_password(path, "wrong");
    cli_run(cli, 3, "stats", "-r", url, "--redis-password-file", path);
    cli_expect_err_has(cli, "does not accept the user or password");
}

/* The command connects twice: once for pushing and once for waiting. */
static void test_a_pipe(void **state)
{
    struct cli *cli = *state;
    char url[128], path[160], line[512];
    make_user(cli, url, path);
    (void)snprintf(line, sizeof line,
                   "echo first | $DARG push noop --wait --wait-timeout 100ms -r %s "
                   "--redis-password-file /dev/stdin",
                   url);
    cli_run_shell(cli, 1, line);
    cli_expect_err_has(cli, "100ms");
}

/* The one job is in, and its link has rested for so long that it is looked at before it is used: on
 * one that breaks in use, a job would be in doubt. */
static bool is_resting(void *context)
{
    struct cli *cli = context;
    char *clients = commands_text(cli->conn, "CLIENT", "LIST", "TYPE", "normal");
    const char *line = strstr(clients, " user=al ");
    while (line != NULL && line > clients && line[-1] != '\n')
        line--;
    const char *idle = line == NULL ? NULL : strstr(line, " idle=");
    bool is = idle != NULL && strtol(idle + 6, NULL, 10) >= 2;
    free(clients);
    return is && commands_int(cli->conn, "LLEN", "darg:{default}") == 1;
}

static bool is_refused(void *context)
{
    struct cli *cli = context;
    struct reply *log = commands_run(cli->conn, "ACL", "LOG");
    bool is = reply_count(log) > 0;
    reply_free(log);
    return is;
}

/* A command that has been let in tries on, within its time to connect. */
static void test_a_change_in_the_middle(void **state)
{
    struct cli *cli = *state;
    char url[128], path[160], gate[160], feeder[400], args[400];
    make_user(cli, url, path);
    (void)snprintf(gate, sizeof gate, "%s/gate", redis_server_directory(cli->server));
    (void)snprintf(feeder, sizeof feeder, "echo a; while ! [ -e %s ]; do sleep 0.02; done; echo b",
                   gate);
    (void)snprintf(args, sizeof args,
                   "push t --lines --connect-timeout 20s -r %s --redis-password-file %s", url,
                   path);
    struct process *push = cli_start_fed(cli, feeder, args);
    assert_true(wait_until(is_resting, cli, WAIT_MS));
    commands_do(cli->conn, "ACL", "LOG", "RESET");
    commands_do(cli->conn, "ACL", "SETUSER", "al", "resetpass", ">second");
    commands_do(cli->conn, "CLIENT", "KILL", "USER", "al");
    write_password(gate, "");
    assert_true(wait_until(is_refused, cli, WAIT_MS));
    write_password(path, "second");
    assert_int_equal(process_wait(push, WAIT_MS), 0);
    assert_int_equal(commands_int(cli->conn, "LLEN", "darg:{default}"), 2);
    process_free(push);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_password_file),
        CLI_TEST(test_a_user_in_the_url),
        CLI_TEST(test_a_pipe),
        CLI_TEST(test_a_change_in_the_middle),
    };
    return cmocka_run_group_tests_name("password", tests, cli_setup, cli_teardown);
}
