/* checker - judges a run of workers and producers: is each job that was pushed done, or in exactly
 * one place, and do the queue's counters agree? `checker --help` says how. */
#include "base/options.h"
#include "support/commands.h"
#include "support/verdict.h"

#include <stdlib.h>
#include <string.h>

enum { GOOD, WRONG, CANNOT_TELL };

struct inputs {
    const char *url, *namespace;
    struct options_list queues, pushed, ran;
    int64_t lease_ms;
    bool is_json;
};

static enum status parse(struct inputs *inputs, int argc, char **argv, bool *done, struct err *err)
{
    static const struct option_row rows[] = {
        {"redis", 'r', OPTION_FIELD(OPT_STRING, struct inputs, url), "URL",
         "redis://127.0.0.1:6379", .help = "Redis"},
        {"namespace", 0, OPTION_FIELD(OPT_STRING, struct inputs, namespace), "NAME", "darg",
         .help = "what all keys begin with"},
        {"queue", 'q', OPTION_FIELD(OPT_LIST, struct inputs, queues), "NAME",
         .help = "again for more; all that were pushed to"},
        {"pushed", 0, OPTION_FIELD(OPT_LIST, struct inputs, pushed), "FILE",
         .help = "lines 'ID' (acknowledged) or '? ID' (uncertain); again for more"},
        {"ran", 0, OPTION_FIELD(OPT_LIST, struct inputs, ran), "FILE",
         .help = "lines 'ID RUN [begin|end|fail]' by the handlers; again for more"},
        {"lease", 0, OPTION_FIELD(OPT_DURATION, struct inputs, lease_ms), "DURATION", "10s",
         .help = "the workers' --lease"},
        {"json", 0, OPTION_FIELD(OPT_FLAG, struct inputs, is_json), .help = "print JSON"},
        {0},
    };
    const struct options_spec spec = {
        .program = "checker",
        .usage = "-r URL -q QUEUE --pushed FILE --ran FILE",
        .summary =
            "Compares what was pushed, what ran and what is in Redis afterwards.\n"
            "Exit code 1: jobs are lost, stuck, in two places or unexpected, or counters are "
            "wrong. 2: could not look.",
        .rows = rows,
        .target = inputs,
        .environment_prefix = "DARG_",
        .version = DARG_VERSION,
    };
    const char **operands = NULL;
    size_t count = 0;
    enum status status = options_parse(&spec, argc, argv, &operands, &count, done, err);
    free(operands);
    if (status == ST_OK && !*done &&
        (count > 0 || inputs->queues.count == 0 || inputs->pushed.count == 0))
        return err_set(err, ST_INVALID, "say --queue and --pushed; see --help");
    return status;
}

static enum status read_files(const struct inputs *inputs, struct ledger *ledger, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < inputs->pushed.count && status == ST_OK; i++)
        status = ledger_read_pushed(ledger, inputs->pushed.items[i], err);
    for (size_t i = 0; i < inputs->ran.count && status == ST_OK; i++)
        status = ledger_read_ran(ledger, inputs->ran.items[i], err);
    return status;
}

static enum status open_conn(const char *url, struct conn **conn, struct err *err)
{
    struct redis_url parsed = {0};
    enum status status = redis_url_parse(url, &parsed, err);
    if (status == ST_OK) {
        *conn = conn_open(&(struct conn_options){.url = &parsed});
        status = conn_connect(*conn, err);
    }
    redis_url_fini(&parsed);
    return status;
}

static enum status reach(const struct inputs *inputs, struct ledger *ledger,
                         struct verdict *verdict, struct err *err)
{
    struct conn *conn = NULL;
    const char **queues = mem_array(inputs->queues.count + 1, sizeof *queues);
    for (size_t i = 0; i < inputs->queues.count; i++)
        queues[i] = inputs->queues.items[i];
    const struct verdict_options options = {inputs->namespace, queues, inputs->lease_ms};
    enum status status = read_files(inputs, ledger, err);
    if (status == ST_OK)
        status = open_conn(inputs->url, &conn, err);
    if (status == ST_OK)
        status = verdict_reach(conn, &options, ledger, verdict, err);
    conn_close(conn);
    free(queues);
    return status;
}

static int check(const struct inputs *inputs, struct err *err)
{
    struct ledger *ledger = ledger_new();
    struct verdict verdict = {0};
    int exit_code = CANNOT_TELL;
    if (reach(inputs, ledger, &verdict, err) == ST_OK) {
        exit_code = verdict_is_good(&verdict) ? GOOD : WRONG;
        (inputs->is_json ? verdict_print_json : verdict_print)(&verdict, stdout);
        if (inputs->is_json)
            putchar('\n');
    }
    verdict_fini(&verdict);
    ledger_free(ledger);
    return exit_code;
}

int main(int argc, char **argv)
{
    struct inputs inputs = {0};
    struct err err = {0};
    bool done = false;
    int exit_code = CANNOT_TELL;
    if (parse(&inputs, argc, argv, &done, &err) == ST_OK)
        exit_code = done ? GOOD : check(&inputs, &err);
    if (exit_code == CANNOT_TELL)
        fprintf(stderr, "checker: %s\n", err_text(&err));
    options_list_fini(&inputs.queues);
    options_list_fini(&inputs.pushed);
    options_list_fini(&inputs.ran);
    return exit_code;
}
