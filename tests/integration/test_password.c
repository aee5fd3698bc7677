/* Passwords in files: what replaces them counts, a user in the URL goes with them, and a pipe is
 * read once. */
#include "support/cmocka_all.h"

#include "support/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_password_file),
        CLI_TEST(test_a_user_in_the_url),
        CLI_TEST(test_a_pipe),
    };
    return cmocka_run_group_tests_name("password", tests, cli_setup, cli_teardown);
}
