/* examples/redis/users.acl as a file, and whether test_acl's scenarios are all there. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "support/acl_fixture.h"

/* A server takes it as it is, as its aclfile; nobody can log in as long as there are no passwords.
 */
static void test_file(void **state)
{
    static const char file[] = "examples/redis/users.acl";
    struct acl_fixture *f = *state;
    struct err err = {0};
    char *path = realpath(file, NULL);
    struct redis_server *server = redis_server_start(COMMANDS_ARGS("--aclfile", path));
    struct conn *conn = commands_connect(redis_server_url(server));
    struct reply *users = commands_run(conn, "ACL", "USERS");
    assert_int_equal(reply_count(users), ACL_ROLES + 1);
    for (size_t i = 0; i < ACL_ROLES; i++) {
        commands_must_connect(conn); /* a refusal has ended the link */
        assert_int_not_equal(commands_status(conn, &err, "AUTH", f->roles[i].user, ""), ST_OK);
        assert_non_null(strstr(err_text(&err), "WRONGPASS"));
    }
    reply_free(users);
    conn_close(conn);
    redis_server_stop(server);
    free(path);
}

/* A command without a scenario would have rights that nobody has looked at. (darg redis is about a
 * private server, without users.) */
static void test_all_commands_have_scenarios(void **state)
{
    static const char script[] =
        "for name in $(grep -ohE '\"darg( [a-z]+)+\"' producer/*.c | tr -d '\"' |"
        " sed 's/^darg //; /^redis/d' | tr ' ' '_' | sort -u); do"
        " grep -q \"\\$DARG $(echo \"$name\" | tr '_' ' ')\" tests/fault/acl/*.sh ||"
        " echo \"no scenario has darg $name\"; done";
    (void)state;
    struct process *shell =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", script)});
    assert_int_equal(process_wait(shell, ACL_FIXTURE_WAIT_MS), 0);
    assert_string_equal(process_stdout(shell), "");
    process_free(shell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_all_commands_have_scenarios),
    };
    return cmocka_run_group_tests(tests, acl_fixture_setup, acl_fixture_teardown);
}
