/* The users of examples/redis/users.acl: everything works with exactly their rights, each right is
 * needed, and what is not needed is refused.
 *
 * What a role calls in its scenarios is taken from the server itself, so the test knows by itself
 * what a role needs: commands on the kinds of keys of docs/protocol.md. That scenarios reach all
 * that scripts may call is seen by the text of these. ACL DRYRUN says what rules let through. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/scripts.h"
#include "support/acl_fixture.h"

/* ---- what is needed ---- */

static void print_call(const struct call *call)
{
    print_message("+%s", call->name);
    for (size_t i = 0; i < call->key_count; i++)
        print_message(" ~%s", call->kinds[i]);
    print_message("\n");
}

/* Somebody who may do everything does it: what would the user have been refused? */
static void name_missing(struct acl_fixture *f, struct acl_role *role)
{
    commands_do(f->conn, "ACL", "SETUSER", "everybody", "on", ">pw", "~*", "&*", "+@all");
    (void)acl_fixture_run_all(f, role, "everybody");
    for (size_t i = 0; i < role->calls.count; i++) {
        if (acl_fixture_may(f, role->user, &role->calls.list[i]))
            continue;
        print_message("%s needs ", role->user);
        print_call(&role->calls.list[i]);
    }
}

/* MONITOR does not show the commands of administrators; Redis's statistics do. */
static bool is_hidden_call(struct acl_fixture *f, const char *right)
{
    char name[64];
    snprintf(name, sizeof name, "cmdstat_%s:", right + 1);
    if (strncmp(right, "+config|", 8) != 0)
        return false;
    char *statistics = commands_text(f->conn, "INFO", "commandstats");
    bool is_called = strstr(statistics, name) != NULL;
    free(statistics);
    return is_called;
}

/* Would any of the role's calls be refused if its rules had `replacement` in place of this word? */
static bool is_needed(struct acl_fixture *f, struct acl_role *role, size_t word,
                      const char *replacement)
{
    acl_rules_set(f->conn, "changed", &role->rules, word, replacement);
    for (size_t i = 0; i < role->calls.count; i++)
        if (!acl_fixture_may(f, "changed", &role->calls.list[i]))
            return true;
    return false;
}

static void expect_all_needed(struct acl_fixture *f, struct acl_role *role)
{
    size_t unneeded = 0;
    for (size_t i = 0; i < role->rules.count; i++) {
        const char *word = role->rules.words[i].text;
        char narrower[2][KEY_KIND_BYTES + 8];
        if (!acl_rules_is_right(word) || is_hidden_call(f, word))
            continue;
        snprintf(narrower[0], sizeof narrower[0], "%%R%s", word);
        snprintf(narrower[1], sizeof narrower[1], "%%W%s", word);
        const char *enough = !is_needed(f, role, i, NULL) ? "nothing" : NULL;
        for (size_t k = 0; k < 2 && word[0] == '~' && enough == NULL; k++)
            enough = is_needed(f, role, i, narrower[k]) ? NULL : narrower[k];
        if (enough != NULL)
            print_message("%s: in place of %s in selector %d, %s would do\n", role->user, word,
                          role->rules.words[i].selector, enough);
        unneeded += enough != NULL;
    }
    assert_int_equal(unneeded, 0);
}

/* ---- what scripts may call ---- */

static const struct script *find_script(const struct call *call)
{
    for (size_t i = 0; script_all[i] != NULL; i++)
        if (acl_fixture_is_script(call, script_all[i]))
            return script_all[i];
    fail_msg("a script that is none of ours");
    return NULL;
}

static bool has_called(const struct acl_role *role, const char *name, const char *kind)
{
    for (size_t i = 0; i < role->calls.count; i++) {
        const struct call *call = &role->calls.list[i];
        for (size_t k = 0; k < call->key_count; k++)
            if (strcmp(call->name, name) == 0 && strcmp(call->kinds[k], kind) == 0)
                return true;
    }
    return false;
}

/* Rights that the rare branches of a script need would be missing without anybody noticing: so the
 * scenarios have to reach them all. */
static size_t count_unreached(const struct acl_role *role, const struct script *script)
{
    char path[128], line[160], name[32], kind[KEY_KIND_BYTES];
    size_t count = 0;
    snprintf(path, sizeof path, "common/queue/lua/%s.lua", script->name);
    struct process *awk = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("awk", "-f", "tests/fault/acl/sites.awk", path)});
    assert_int_equal(process_wait(awk, ACL_FIXTURE_WAIT_MS), 0);
    for (const char *at = process_stdout(awk); *at != '\0'; at = strchr(at, '\n') + 1) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        assert_int_equal(sscanf(line, "%31s %63s", name, kind), 2);
        if (has_called(role, name, kind))
            continue;
        print_message("no scenario has %s's %s call %s\n", role->user, script->name, line);
        count++;
    }
    process_free(awk);
    return count;
}

static void expect_all_reached(const struct acl_role *role)
{
    size_t unreached = 0;
    for (size_t i = 0; i < role->calls.count; i++)
        if (call_is_script(&role->calls.list[i]))
            unreached += count_unreached(role, find_script(&role->calls.list[i]));
    assert_int_equal(unreached, 0);
}

/* MONITOR of Valkey 8.1 does not escape quotes: what belongs to a script's text is not to be told.
 */
static bool is_monitor_plain(struct acl_fixture *f)
{
    struct reply *info = commands_run(f->conn, "INFO", "server");
    struct slice text = reply_slice(info);
    bool is_valkey = memmem(text.ptr, text.len, "server_name:valkey", 18) != NULL;
    reply_free(info);
    return is_valkey;
}

static void check(struct acl_fixture *f, struct acl_role *role)
{
    acl_rules_set(f->conn, role->user, &role->rules, ACL_RULES_ALL, NULL);
    if (!acl_fixture_run_all(f, role, role->user)) {
        name_missing(f, role);
        fail_msg("%s cannot do what it has to", role->user);
    }
    expect_all_reached(role);
    expect_all_needed(f, role);
}

static void test_plain(void **state)
{
    struct acl_fixture *f = *state;
    if (is_monitor_plain(f))
        skip();
    check(f, &f->roles[ACL_PLAIN]);
}

static void test_producer(void **state)
{
    struct acl_fixture *f = *state;
    if (is_monitor_plain(f))
        skip();
    check(f, &f->roles[ACL_PRODUCER]);
}

static void test_worker(void **state)
{
    struct acl_fixture *f = *state;
    if (is_monitor_plain(f))
        skip();
    check(f, &f->roles[ACL_WORKER]);
}

static void test_operator(void **state)
{
    struct acl_fixture *f = *state;
    if (is_monitor_plain(f))
        skip();
    check(f, &f->roles[ACL_OPERATOR]);
}

/* ---- what is refused ---- */

/* A pattern may match keys of another kind, too: darg:worker:* those of darg:worker:*:shutdown. Who
 * may name several keys in a call may also name one of them. */
static bool covers(const struct call *own, const struct call *call, char *const *keys)
{
    if (strcmp(own->name, call->name) != 0)
        return false;
    if (call->key_count == 1) {
        for (size_t k = 0; k < own->key_count; k++)
            if (key_kinds_match(own->kinds[k], keys[0]))
                return true;
        return false;
    }
    bool is_same = own->key_count == call->key_count;
    for (size_t k = 0; is_same && k < call->key_count; k++)
        is_same = key_kinds_match(own->kinds[k], keys[k]);
    return is_same;
}

/* Does the role call this command with keys like these? */
static bool is_called(const struct acl_role *role, const struct call *call, char *const *keys)
{
    for (size_t i = 0; i < role->calls.count; i++)
        if (covers(&role->calls.list[i], call, keys))
            return true;
    return false;
}

/* What nobody of this role does must be refused: whatever any role calls, here with these keys. */
static size_t expect_refused(struct acl_fixture *f, const struct acl_role *role,
                             const struct call *call, char *const *keys)
{
    char *saved[CALL_KEYS_MAX];
    for (size_t k = 0; k < call->key_count; k++) {
        saved[k] = call->argv[call->places[k]];
        call->argv[call->places[k]] = keys[k];
    }
    bool is_wrong = !is_called(role, call, keys) && acl_fixture_may(f, role->user, call);
    for (size_t k = 0; k < call->key_count; k++)
        call->argv[call->places[k]] = saved[k];
    if (is_wrong)
        print_message("%s may, and need not: %s %s\n", role->user, call->name,
                      call->key_count > 0 ? keys[0] : "");
    return is_wrong;
}

/* Commands with one key: with each kind of key. (Which keys a script is given says little: whatever
 * it calls with them is tried by itself.) */
static size_t expect_others_refused(struct acl_fixture *f, const struct acl_role *role,
                                    const struct call *call)
{
    size_t wrong = 0;
    char examples[CALL_KEYS_MAX][KEY_KIND_BYTES];
    char *keys[CALL_KEYS_MAX];
    if (call_is_script(call))
        return 0;
    for (size_t i = 0; call->key_count == 1 && i < f->kinds.count; i++) {
        key_kinds_example(f->kinds.patterns[i], examples[0]);
        keys[0] = examples[0];
        wrong += expect_refused(f, role, call, keys);
    }
    for (size_t k = 0; k < call->key_count; k++) {
        key_kinds_example(call->kinds[k], examples[k]);
        keys[k] = examples[k];
    }
    return wrong + (call->key_count == 1 ? 0 : expect_refused(f, role, call, keys));
}

static void test_nothing_else(void **state)
{
    struct acl_fixture *f = *state;
    if (is_monitor_plain(f))
        skip();
    size_t wrong = 0, tried = 0;
    for (size_t i = 0; i < ACL_ROLES; i++)
        for (size_t from = 0; from < ACL_ROLES; from++)
            for (size_t k = 0; k < f->roles[from].calls.count; k++, tried++)
                wrong += expect_others_refused(f, &f->roles[i], &f->roles[from].calls.list[k]);
    assert_int_equal(wrong, 0);
    assert_true(tried > ACL_ROLES * 100);
}

/* By name, what would hurt most. */
static void test_attacks(void **state)
{
    if (is_monitor_plain(*state))
        skip();
    enum { PLAIN = 1, PRODUCER = 2, WORKER = 4, OPERATOR = 8, ALL = 15 };
    static const struct {
        unsigned roles;
        const char *argv[8];
    } attacks[] = {
        {ALL, {"FLUSHALL"}},
        {ALL, {"KEYS", "*"}},
        {ALL, {"CONFIG", "SET", "maxmemory", "1"}},
        {ALL, {"ACL", "SETUSER", "x", "on"}},
        {ALL, {"SHUTDOWN"}},
        {ALL, {"CLIENT", "KILL", "TYPE", "normal"}},
        {ALL, {"SCRIPT", "FLUSH"}},
        {ALL, {"MONITOR"}},
        {ALL, {"SET", "other", "x"}},
        {ALL, {"GET", "other"}},
        {ALL, {"RENAME", "darg:{x}", "darg:{y}"}},
        {PLAIN | PRODUCER | WORKER, {"SCAN", "0"}},
        {PLAIN | PRODUCER | WORKER, {"SET", "darg:{x}:shutdown", "stop"}},
        {PLAIN | PRODUCER | WORKER, {"SET", "darg:shutdown", "stop"}},
        {PLAIN | PRODUCER | WORKER, {"SET", "darg:worker:x:shutdown", "stop"}},
        {PLAIN | PRODUCER | WORKER, {"DEL", "darg:{x}"}},
        {PLAIN | PRODUCER | WORKER, {"DEL", "darg:queues"}},
        {PLAIN | PRODUCER | WORKER, {"DEL", "darg:{x}:dead"}},
        {PLAIN | PRODUCER | WORKER, {"LRANGE", "darg:{x}", "0", "-1"}},
        {PLAIN | PRODUCER | WORKER, {"ZRANGE", "darg:{x}:dead", "0", "-1"}},
        {PLAIN | PRODUCER, {"ZRANGE", "darg:{x}:scheduled", "0", "-1"}},
        {PLAIN | PRODUCER, {"LINDEX", "darg:{x}", "0"}},
        {PLAIN | PRODUCER, {"RPOP", "darg:{x}"}},
        {PLAIN | PRODUCER, {"BLMOVE", "darg:{x}", "darg:{x}:result:x", "LEFT", "LEFT", "1"}},
        {PLAIN | PRODUCER, {"HGETALL", "darg:{x}:claimed:x"}},
        {PLAIN | PRODUCER, {"HSET", "darg:{x}:settings", "paused", "1"}},
        {PLAIN | PRODUCER, {"DEL", "darg:worker:x"}},
        {PLAIN | PRODUCER, {"ZADD", "darg:{x}:workers", "1", "x"}},
        {PLAIN, {"EVALSHA", "0", "0"}},
    };
    struct acl_fixture *f = *state;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        for (size_t r = 0; r < ACL_ROLES; r++)
            if ((attacks[i].roles >> r & 1) != 0 &&
                acl_rules_allow(f->conn, f->roles[r].user, attacks[i].argv))
                fail_msg("%s may %s %s", f->roles[r].user, attacks[i].argv[0],
                         attacks[i].argv[1] ? attacks[i].argv[1] : "");
}

/* A script has no more rights than who calls it. */
static void test_scripts_are_no_way_around(void **state)
{
    if (is_monitor_plain(*state))
        skip();
    static const char source[] = "return redis.call('DEL', KEYS[1])";
    struct acl_fixture *f = *state;
    struct err err = {0};
    struct conn *conn = acl_fixture_connect_as(f, "darg-producer");
    commands_do(f->conn, "LPUSH", "darg:{x}", "a");
    assert_int_not_equal(commands_status(conn, &err, "EVAL", source, "1", "darg:{x}"), ST_OK);
    assert_int_equal(err.status, ST_NOPERM);
    assert_int_equal(commands_int(f->conn, "LLEN", "darg:{x}"), 1);
    conn_close(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_producer),
        cmocka_unit_test(test_worker),
        cmocka_unit_test(test_operator),
        cmocka_unit_test(test_nothing_else),
        cmocka_unit_test(test_attacks),
        cmocka_unit_test(test_scripts_are_no_way_around),
    };
    return cmocka_run_group_tests(tests, acl_fixture_setup, acl_fixture_teardown);
}
