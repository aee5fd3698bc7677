/* What darg doctor says of a user's rights is so, by the users of examples/redis/users.acl. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/acl_fixture.h"

/* Run as the user in question, with what it needs for that itself, it finds nothing; but it does
 * when any right is missing that can be tried without being used. */
static bool is_content(struct acl_fixture *f, const struct acl_role *role, const char *line)
{
    const char *build = getenv("DARG_BUILD_DIR");
    struct buf program = {0};
    buf_printf(&program, "%s/darg", build ? build : "build");
    commands_do(f->conn, "ACL", "SETUSER", role->user, "+multi", "+discard", "+info");
    struct process *doctor =
        acl_fixture_start(f, role->user, COMMANDS_ARGS(buf_text(&program), "doctor", "-q", "jobs"));
    (void)process_wait(doctor, ACL_FIXTURE_WAIT_MS);
    bool is_good = strstr(process_stdout(doctor), line) != NULL;
    process_free(doctor);
    buf_fini(&program);
    return is_good;
}

static void check_doctor(struct acl_fixture *f, const struct acl_role *role, const char *line)
{
    static const char *const own[] = {"+multi", "+exec", "+discard", "+info", "+client|setname"};
    acl_rules_set(f->conn, role->user, &role->rules, ACL_RULES_ALL, NULL);
    assert_true(is_content(f, role, line));
    for (size_t i = 0; i < role->rules.count; i++) {
        const char *word = role->rules.words[i].text;
        bool is_own = !acl_rules_is_right(word);
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            is_own |= strcmp(word, own[k]) == 0;
        acl_rules_set(f->conn, role->user, &role->rules, i, NULL);
        if (!is_own && is_content(f, role, line))
            fail_msg("darg doctor does not see that %s lacks %s", role->user, word);
    }
    acl_rules_set(f->conn, role->user, &role->rules, ACL_RULES_ALL, NULL);
}

static void test_producer(void **state)
{
    struct acl_fixture *f = *state;
    check_doctor(f, &f->roles[ACL_PRODUCER], "ok       producer");
}

static void test_worker(void **state)
{
    struct acl_fixture *f = *state;
    check_doctor(f, &f->roles[ACL_WORKER], "ok       worker");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_producer),
        cmocka_unit_test(test_worker),
    };
    return cmocka_run_group_tests(tests, acl_fixture_setup, acl_fixture_teardown);
}
