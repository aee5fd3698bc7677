/* The users of examples/redis/users.acl: everything works with exactly their rights, and each right
 * is needed. The rules are read from that file and the scenarios are tests/fault/acl/ROLE.sh.
 *
 * A command that has been called in a role's scenario is needed there (Redis would have refused it
 * without the right): for workers and operators Redis's own statistics tell. Producers need others
 * to be at work meanwhile, so their rights are taken away one at a time, as are all key patterns:
 * something must then be refused. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "support/commands.h"
#include "support/process.h"
#include "support/redis_server.h"
#include "support/wait.h"

enum { DEADLINE_MS = 60000, WORDS_MAX = 96, LINE_MAX_BYTES = 4096 };

struct acl {
    struct redis_server *server;
    struct conn *conn;
    char line[LINE_MAX_BYTES]; /* the user's line of the file, cut into words */
    char *words[WORDS_MAX];
    size_t word_count;
};

static int setup(void **state)
{
    struct acl *acl = mem_new(sizeof *acl);
    acl->server = redis_server_start(NULL);
    acl->conn = commands_connect(redis_server_url(acl->server));
    *state = acl;
    return 0;
}

static int teardown(void **state)
{
    struct acl *acl = *state;
    conn_close(acl->conn);
    redis_server_stop(acl->server);
    free(acl);
    return 0;
}

/* ---- the rules ---- */

static void read_rules(struct acl *acl, const char *user)
{
    FILE *file = fopen("examples/redis/users.acl", "r");
    assert_non_null(file);
    acl->word_count = 0;
    while (acl->word_count == 0 && fgets(acl->line, sizeof acl->line, file)) {
        char *rest = acl->line, *word;
        char *first = strtok_r(rest, " \n", &rest);
        char *name = first ? strtok_r(rest, " \n", &rest) : NULL;
        if (!name || strcmp(first, "user") != 0 || strcmp(name, user) != 0)
            continue;
        while ((word = strtok_r(rest, " \n", &rest))) {
            assert_true(acl->word_count < WORDS_MAX);
            acl->words[acl->word_count++] = word;
        }
    }
    fclose(file);
    assert_true(acl->word_count > 0);
}

/* The user gets all rules but `without` (NULL: all), and forgets what it was refused. */
static void set_user(struct acl *acl, const char *user, const char *without)
{
    const char *args[WORDS_MAX + 8] = {"ACL", "SETUSER", user, "reset", ">pw"};
    size_t count = 5;
    for (size_t i = 0; i < acl->word_count; i++)
        if (acl->words[i] != without)
            args[count++] = acl->words[i];
    reply_free(commands_run_args(acl->conn, args));
    commands_do(acl->conn, "ACL", "LOG", "RESET");
}

static bool was_refused(void *context)
{
    struct acl *acl = context;
    struct reply *log = commands_run(acl->conn, "ACL", "LOG");
    bool is_refused = reply_count(log) > 0;
    reply_free(log);
    return is_refused;
}

/* ---- the scenarios ---- */

/* Starts a program with what scenarios need in its environment. To process_free(). */
static struct process *start(struct acl *acl, const char *user, const char *const *argv)
{
    const char *build = getenv("DARG_BUILD_DIR");
    const char *path = redis_server_socket(acl->server);
    struct buf env[5] = {0};
    build = build ? build : "build";
    buf_printf(&env[0], "DARG_REDIS_URL=unix://%s:pw@%s", user, path);
    buf_printf(&env[1], "DARG=%s/darg", build);
    buf_printf(&env[2], "WORKER=%s/darg-worker", build);
    buf_printf(&env[3], "R=redis-cli -s %s", path);
    buf_printf(&env[4], "R_AS_USER=redis-cli --no-auth-warning -s %s --user %s --pass pw", path,
               user);
    const struct process_options options = {
        .argv = argv,
        .working_directory = redis_server_directory(acl->server),
        .env = (const char *const[]){buf_text(&env[0]), buf_text(&env[1]), buf_text(&env[2]),
                                     buf_text(&env[3]), buf_text(&env[4]), "REDIS_URL",
                                     "DARG_QUEUE", "DARG_NAMESPACE", NULL}};
    struct process *process = process_start(&options);
    for (size_t i = 0; i < sizeof env / sizeof *env; i++)
        buf_fini(&env[i]);
    return process;
}

static int run(struct acl *acl, const char *user, const char *scenario, bool is_expected_well)
{
    char script[512], here[256];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(script, sizeof script, "%s/tests/fault/acl/%s.sh", here, scenario);
    struct process *process = start(acl, user, COMMANDS_ARGS("sh", script));
    int code = process_wait(process, DEADLINE_MS);
    if (code != 0 && is_expected_well)
        print_message("%s: %s%s", scenario, process_stdout(process), process_stderr(process));
    process_free(process);
    return code;
}

/* With exactly the user's rules: nothing fails, and nothing is even refused. */
static void run_well(struct acl *acl, const char *user, const char *scenario)
{
    set_user(acl, user, NULL);
    int code = run(acl, user, scenario, true);
    struct reply *log = commands_run(acl->conn, "ACL", "LOG", "1");
    if (reply_count(log) > 0) {
        const struct reply *entry = reply_at(log, 0);
        for (size_t i = 1; i < reply_count(entry) && i < 12; i += 2) {
            struct slice word = reply_slice(reply_at(entry, i));
            print_message("%.*s ", (int)word.len, word.ptr);
        }
        fail_msg("%s was refused something", user);
    }
    reply_free(log);
    assert_int_equal(code, 0);
}

static void prepare(struct acl *acl)
{
    assert_int_equal(run(acl, "default", "prepare", true), 0);
    commands_do(acl->conn, "CONFIG", "RESETSTAT");
}

/* ---- the tests ---- */

/* "+client|setname" must be among the statistics as "cmdstat_client|setname:". */
static void expect_all_called(struct acl *acl)
{
    char *statistics = commands_text(acl->conn, "INFO", "commandstats");
    for (size_t i = 0; i < acl->word_count; i++) {
        char name[64];
        if (acl->words[i][0] != '+')
            continue;
        snprintf(name, sizeof name, "cmdstat_%s:", acl->words[i] + 1);
        if (!strstr(statistics, name))
            fail_msg("nothing needs the right %s", acl->words[i]);
    }
    free(statistics);
}

static void test_worker(void **state)
{
    struct acl *acl = *state;
    read_rules(acl, "darg-worker");
    prepare(acl);
    run_well(acl, "darg-worker", "worker");
    expect_all_called(acl);
}

static void test_operator(void **state)
{
    struct acl *acl = *state;
    read_rules(acl, "darg-operator");
    prepare(acl);
    run_well(acl, "darg-operator", "operator");
    assert_int_equal(run(acl, "darg-operator", "doctor", true), 0);
    expect_all_called(acl);
}

/* darg doctor, run as the user in question with what it needs for that itself, finds nothing. */
static void test_doctor_agrees(void **state)
{
    static const char *const rows[][2] = {{"darg-worker", "doctor-worker"},
                                          {"darg-producer", "doctor-producer"}};
    struct acl *acl = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_rules(acl, rows[i][0]);
        set_user(acl, rows[i][0], NULL);
        commands_do(acl->conn, "ACL", "SETUSER", rows[i][0], "+multi", "+discard", "+info");
        assert_int_equal(run(acl, rows[i][0], rows[i][1], true), 0);
    }
}

static bool is_right(const char *word)
{
    return word[0] == '~' || (word[0] == '+' && word[1] != '@');
}

/* A worker without the right, or without the key, must be refused something at once. */
static void expect_worker_refused(struct acl *acl, const char *without)
{
    const char *build = getenv("DARG_BUILD_DIR");
    struct buf program = {0};
    buf_printf(&program, "%s/darg-worker", build ? build : "build");
    set_user(acl, "darg-worker", without);
    struct process *worker =
        start(acl, "darg-worker", COMMANDS_ARGS(buf_text(&program), "--log-level", "off"));
    if (!wait_until(was_refused, acl, DEADLINE_MS))
        fail_msg("nothing needs %s", without);
    process_free(worker);
    buf_fini(&program);
}

static void test_worker_needs_its_keys(void **state)
{
    struct acl *acl = *state;
    read_rules(acl, "darg-worker");
    for (size_t i = 0; i < acl->word_count; i++)
        if (acl->words[i][0] == '~')
            expect_worker_refused(acl, acl->words[i]);
}

static void test_operator_needs_its_keys(void **state)
{
    struct acl *acl = *state;
    read_rules(acl, "darg-operator");
    prepare(acl);
    for (size_t i = 0; i < acl->word_count; i++) {
        if (acl->words[i][0] != '~')
            continue;
        set_user(acl, "darg-operator", acl->words[i]);
        (void)run(acl, "darg-operator", "operator", false);
        if (!was_refused(acl))
            fail_msg("nothing needs %s", acl->words[i]);
    }
}

/* Of a producer each right is taken away once; `server`, a worker of somebody else's, goes on. */
static void check_producer(struct acl *acl, const char *user, const char *scenario)
{
    read_rules(acl, user);
    prepare(acl);
    run_well(acl, user, scenario);
    for (size_t i = 0; i < acl->word_count; i++) {
        if (!is_right(acl->words[i]))
            continue;
        commands_do(acl->conn, "SCRIPT", "FLUSH");
        set_user(acl, user, acl->words[i]);
        (void)run(acl, user, scenario, false);
        if (!was_refused(acl))
            fail_msg("%s does not need %s", user, acl->words[i]);
    }
}

static void test_producers(void **state)
{
    struct acl *acl = *state;
    const char *build = getenv("DARG_BUILD_DIR");
    struct buf program = {0};
    buf_printf(&program, "%s/darg-worker", build ? build : "build");
    check_producer(acl, "darg-plain", "plain");
    struct process *server = start(
        acl, "default", COMMANDS_ARGS(buf_text(&program), "-q", "echoes", "--log-level", "off"));
    check_producer(acl, "darg-producer", "producer");
    process_free(server);
    buf_fini(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_producers),
        cmocka_unit_test(test_worker),
        cmocka_unit_test(test_worker_needs_its_keys),
        cmocka_unit_test(test_operator),
        cmocka_unit_test(test_operator_needs_its_keys),
        cmocka_unit_test(test_doctor_agrees),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
