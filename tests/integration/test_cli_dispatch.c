/* How darg finds its command: options before it, help of every kind, and what it refuses. */
#include "support/cmocka_all.h"

#include "support/cli.h"

static void test_common_options_before_the_command(void **state)
{
    struct cli *cli = *state;
    cli_run(cli, 0, "-q", "mail", "--namespace=n", "push", "t", "1", "--id", "x");
    cli_expect_job(cli, "n:{mail}", "{\"id\":\"x\",\"type\":\"t\",\"args\":1}");
    cli_run(cli, 0, "-qmail", "push", "t", "2", "--id", "y");
    cli_run(cli, 0, "--json", "-q", "mail", "peek");
    cli_expect_out_has(cli, "\"id\":\"y\"");
    cli_run(cli, 0, "--json", "queues");
    cli_expect_out_has(cli, "\"queue\":\"mail\"");
    cli_run(cli, 0, "-q", "mail", "dead", "--json", "list");
    cli_expect_out(cli, "[]\n");
    cli_run(cli, 0, "-q", "elsewhere", "-q", "other", "--print-config=json", "stats", "-q", "mail");
    cli_expect_out_has(cli, "{\"name\":\"queue\",\"value\":\"mail\",\"from\":\"-q\"}");
    /* The environment names a server that is there. */
    cli_run(cli, 3, "--redis", "unix:///nowhere/redis.sock", "--connect-timeout", "50ms", "stats");
    cli_expect_err_has(cli, "unix:///nowhere/redis.sock");
    cli_run(cli, 3, "--redis=unix:///nowhere/redis.sock", "dead", "--connect-timeout=50ms", "list");
    cli_expect_err_has(cli, "unix:///nowhere/redis.sock");
    cli_run(cli, 2, "--config", "/nowhere/darg.conf", "stats");
    cli_expect_err_has(cli, "/nowhere/darg.conf");
    /* Taken for the command's own, which has to want it. */
    cli_run(cli, 2, "--json", "pause");
    cli_expect_err_has(cli, "darg pause: unknown option --json");
}

static void test_other_options_belong_after_it(void **state)
{
    struct cli *cli = *state;
    static const struct {
        const char *args[6];
        const char *says;
    } cases[] = {
        {{"--wait", "push", "t"}, "darg: --wait belongs after the command: darg push --wait\n"},
        {{"-w", "result", "x"}, "darg: -w belongs after the command: darg result -w\n"},
        {{"--wait"}, "darg: --wait belongs after the command: darg push --wait\n"},
        {{"--json", "--timeout=1s", "drain"},
         "darg: --timeout belongs after the command: darg drain --timeout\n"},
        {{"--type", "x", "dead", "retry"},
         "darg: --type belongs after the command: darg dead retry --type\n"},
        {{"dead", "--yes", "drop"},
         "darg dead: --yes belongs after the command: darg dead drop --yes\n"},
        {{"--when-empty", "stop"},
         "darg: --when-empty belongs after the command: darg stop --when-empty\n"},
        {{"--rediss", "x", "stats"}, "darg: unknown option --rediss; did you mean --redis?\n"},
        {{"-x", "stats"}, "darg: unknown option -x; see darg --help\n"},
        {{"--json=1", "stats"}, "darg: --json=1 takes no value\n"},
        {{"--redis"}, "darg: --redis needs a value\n"},
        {{"--json"}, "darg: COMMAND is missing\n"},
        {{"dead", "--json"}, "darg dead: COMMAND is missing\n"},
        {{"--", "stats"}, "darg: there is no command '--'\n"},
        {{"-q", "x", "psuh"}, "darg: there is no command 'psuh'; did you mean 'push'?\n"},
        {{"dead", "ls"}, "darg dead: there is no command 'ls'"},
        {{"queues", "--all"}, "darg queues list: unknown option --all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cli_run_args(cli, 2, NULL, 0, cases[i].args);
        cli_expect_err_has(cli, cases[i].says);
        cli_expect_out(cli, "");
    }
    /* Once is enough. */
    cli_run(cli, 2, "-x", "stats");
    cli_expect_err(cli, "darg: unknown option -x; see darg --help\n");
}

static void test_help(void **state)
{
    struct cli *cli = *state;
    static const struct {
        const char *args[6];
        const char *says;
    } cases[] = {
        {{"dead"}, "Usage: darg dead COMMAND [options]\n"},
        {{"dead", "--help"}, "Usage: darg dead COMMAND [options]\n"},
        {{"help", "dead"}, "Usage: darg dead COMMAND [options]\n"},
        {{"queues", "-h"}, "Usage: darg queues COMMAND [options]\n"},
        {{"help", "dead", "list"}, "Usage: darg dead list [options]\n"},
        {{"dead", "help", "list"}, "Usage: darg dead list [options]\n"},
        {{"--help", "dead", "list"}, "Usage: darg dead list [options]\n"},
        {{"--json", "--help", "stats"}, "Usage: darg stats [options]\n"},
        {{"-q", "x", "--help"}, "Usage: darg COMMAND [options]\n"},
        {{"-V"}, "darg "},
        {{"--json", "--version"}, "darg "},
        {{"queues", "--version"}, "darg "},
        {{"--help=man"}, ".SS \"darg redis stop -r local:[dir] [options]\"\n"},
        {{"dead", "--help=man"}, ".SS \"darg dead drop "},
        {{"--help=completion"}, "option\tredis\tr\tURL\t"},
        {{"--help=completion"}, "command\tdarg queues forget\t"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cli_run_args(cli, 0, NULL, 0, cases[i].args);
        cli_expect_out_has(cli, cases[i].says);
        cli_expect_err(cli, "");
    }
    cli_run(cli, 2, "--help=html");
    cli_expect_err_has(cli, "--help must be text, man or completion, not 'html'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_common_options_before_the_command),
        CLI_TEST(test_other_options_belong_after_it),
        CLI_TEST(test_help),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
