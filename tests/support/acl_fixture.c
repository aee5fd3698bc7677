#include "support/cmocka_all.h"
#include "support/acl_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/scripts.h"

static const char file[] = "examples/redis/users.acl";

int acl_fixture_setup(void **state)
{
    static const struct acl_role roles[ACL_ROLES] = {
        {.user = "darg-plain", .scenarios = {"plain"}},
        {.user = "darg-producer", .scenarios = {"producer"}},
        {.user = "darg-worker", .scenarios = {"worker"}, .claims = true},
        {.user = "darg-operator", .scenarios = {"operator", "doctor"}},
    };
    struct acl_fixture *f = mem_new(sizeof *f);
    memcpy(f->roles, roles, sizeof roles);
    f->server = redis_server_start_tcp(NULL);
    f->conn = commands_connect(redis_server_url(f->server));
    key_kinds_read(&f->kinds);
    for (size_t i = 0; i < ACL_ROLES; i++) {
        f->roles[i].calls.kinds = &f->kinds;
        acl_rules_read(&f->roles[i].rules, file, f->roles[i].user);
    }
    *state = f;
    return 0;
}

int acl_fixture_teardown(void **state)
{
    struct acl_fixture *f = *state;
    for (size_t i = 0; i < ACL_ROLES; i++) {
        calls_fini(&f->roles[i].calls);
        acl_rules_fini(&f->roles[i].rules);
    }
    conn_close(f->conn);
    redis_server_stop(f->server);
    free(f);
    return 0;
}

bool acl_fixture_may(struct acl_fixture *f, const char *user, const struct call *call)
{
    return acl_rules_allow(f->conn, user, (const char *const *)call->argv);
}

/* ---- the scenarios ---- */

/* Starts a program with what scenarios need in its environment: the user connects by TCP, everybody
 * else by the socket. Free it with process_free(). */
struct process *acl_fixture_start(struct acl_fixture *f, const char *user, const char *const *argv)
{
    const char *build = getenv("DARG_BUILD_DIR");
    const char *path = redis_server_socket(f->server);
    int port = redis_server_port(f->server);
    struct buf env[6] = {0};
    build = build ? build : "build";
    buf_printf(&env[0], "DARG_REDIS_URL=redis://%s:pw@127.0.0.1:%d", user, port);
    buf_printf(&env[1], "DARG=%s/darg", build);
    buf_printf(&env[2], "WORKER=%s/darg-worker", build);
    buf_printf(&env[3], "R=redis-cli -s %s", path);
    buf_printf(&env[4], "R_AS_USER=redis-cli --no-auth-warning -p %d --user %s --pass pw", port,
               user);
    buf_printf(&env[5], "SERVER=unix://%s", path);
    const struct process_options options = {
        .argv = argv,
        .working_directory = redis_server_directory(f->server),
        .env = (const char *const[]){buf_text(&env[0]), buf_text(&env[1]), buf_text(&env[2]),
                                     buf_text(&env[3]), buf_text(&env[4]), buf_text(&env[5]),
                                     "REDIS_URL", "DARG_QUEUE", "DARG_NAMESPACE", NULL}};
    struct process *process = process_start(&options);
    for (size_t i = 0; i < sizeof env / sizeof *env; i++)
        buf_fini(&env[i]);
    return process;
}

/* Returns its exit code; if that is not 0, shows what it said. */
static int run_scenario(struct acl_fixture *f, const char *user, const char *scenario)
{
    char script[512], here[256];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(script, sizeof script, "%s/tests/fault/acl/%s.sh", here, scenario);
    struct process *process = acl_fixture_start(f, user, COMMANDS_ARGS("sh", script));
    int code = process_wait(process, ACL_FIXTURE_WAIT_MS);
    if (code != 0)
        print_message("%s: %s%s", scenario, process_stdout(process), process_stderr(process));
    process_free(process);
    return code;
}

static void prepare(struct acl_fixture *f)
{
    assert_int_equal(run_scenario(f, "default", "prepare"), 0);
    commands_do(f->conn, "CONFIG", "RESETSTAT");
    commands_do(f->conn, "ACL", "LOG", "RESET");
}

/* Prints what was refused last. */
static bool was_refused(struct acl_fixture *f, const char *user)
{
    struct reply *log = commands_run(f->conn, "ACL", "LOG", "1");
    bool is_refused = reply_count(log) > 0;
    if (is_refused) {
        const struct reply *entry = reply_at(log, 0);
        print_message("%s was refused something:", user);
        for (size_t i = 1; i < reply_count(entry) && i < 12; i += 2) {
            struct slice word = reply_slice(reply_at(entry, i));
            print_message(" %.*s", (int)word.len, word.ptr);
        }
        print_message("\n");
    }
    reply_free(log);
    return is_refused;
}

struct conn *acl_fixture_connect_as(struct acl_fixture *f, const char *user)
{
    char url[128];
    snprintf(url, sizeof url, "redis://%s:pw@127.0.0.1:%d", user,
             (int)redis_server_port(f->server));
    return commands_connect(url);
}

bool acl_fixture_is_script(const struct call *call, const struct script *script)
{
    return call_is_script(call) &&
           (strcmp(call->argv[1], script->sha1) == 0 || strcmp(call->argv[1], script->source) == 0);
}

static const char *key_of(const struct call *call, const char *kind)
{
    for (size_t i = 0; i < call->key_count; i++)
        if (strcmp(call->kinds[i], kind) == 0)
            return call->argv[call->places[i]];
    fail_msg("%s without a key %s", call->name, kind);
    return NULL;
}

/* A claim whose reply was lost is sent again. No scenario can make that happen, so the claimed
 * state is set up as if it had, and the request is repeated. */
static void repeat_claim(struct acl_fixture *f, struct acl_role *role, const char *user)
{
    size_t i = 0;
    while (i < role->calls.count && !acl_fixture_is_script(&role->calls.list[i], &script_claim))
        i++;
    assert_true(i < role->calls.count);
    const struct call *claim = &role->calls.list[i];
    const char *claimed = key_of(claim, "darg:{*}:claimed:*");
    const char *worker = strstr(claimed, ":claimed:") + strlen(":claimed:");
    const char *const *base = (const char *const *)claim->argv + 2;
    while (strcmp(*base++, worker) != 0)
        ;
    char receipt[64];
    snprintf(receipt, sizeof receipt, "%s:1:0", *base);
    commands_do(f->conn, "ZADD", key_of(claim, "darg:{*}:workers"), "1", worker);
    commands_do(f->conn, "HSET", claimed, "last", receipt);
    struct calls_watch *watch = calls_watch(f->server);
    struct conn *conn = acl_fixture_connect_as(f, user);
    struct reply *reply = commands_run_args(conn, (const char *const *)claim->argv);
    assert_true(slice_is(reply_slice(reply_at(reply, 0)), "jobs"));
    reply_free(reply);
    conn_close(conn);
    calls_gather(watch, &role->calls);
}

/* Runs the scenarios as the user. False if something failed, or was refused although nothing may
 * be. */
bool acl_fixture_run_all(struct acl_fixture *f, struct acl_role *role, const char *user)
{
    bool is_good = true;
    prepare(f);
    for (size_t i = 0; is_good && role->scenarios[i] != NULL; i++) {
        struct calls_watch *watch = calls_watch(f->server);
        is_good =
            run_scenario(f, user, role->scenarios[i]) == 0 && (i > 0 || !was_refused(f, user));
        calls_gather(watch, &role->calls);
    }
    if (is_good && role->claims)
        repeat_claim(f, role, user);
    return is_good;
}
