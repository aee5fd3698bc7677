#include "worker/settings/options_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/sections.h"
#include "job/job.h"
#include "queue/keys.h"
#include "queue/options.h"

static const char examples[] =
    "  darg-worker                                      serve the queue 'default' with 10 threads\n"
    "  darg-worker -q mail -q reports -t 50             mail first, reports when there is no mail\n"
    "  darg-worker -q mail=3 -q reports=1 -p 4          shares 3 to 1, four processes\n"
    "  darg-worker --handler 'sha256=sha256sum -- {}'   run a program for each job of a type\n"
    "  darg-worker --handler zip=zip.sh --limit zip=cpu=10s,memory=512MiB   limit what it may use\n"
    "  darg-worker -r local: --burst                    a private Redis; exit when the queue is "
    "empty\n";

/* Which queues are served, and by how many. */
static const struct option_row work_rows[] = {
    {.name = "queue",
     .letter = 'q',
     OPTION_FIELD(OPT_LIST, struct worker_options, given.queues),
     .value_name = "NAME[=WEIGHT]",
     .default_text = QUEUE_DEFAULT_NAME,
     .section = "queues",
     .help = "queue to serve; repeat for more: served in this order, or by weight. Exits once all "
             "have drained"},
    {.name = "threads",
     .letter = 't',
     OPTION_FIELD(OPT_INT, struct worker_options, threads),
     .value_name = "N",
     .default_text = "10",
     .min = 1,
     .max = 1024,
     .help = "jobs that each process runs at the same time"},
    {.name = "processes",
     .letter = 'p',
     OPTION_FIELD(OPT_INT, struct worker_options, processes),
     .value_name = "N",
     .default_text = "1",
     .min = 1,
     .max = 256,
     .help = "worker processes"},
    {.name = "delivery",
     OPTION_FIELD(OPT_STRING, struct worker_options, given.delivery),
     .value_name = "MODE",
     .default_text = "at-least-once",
     .help = "at-least-once or at-most-once"},
    {.name = "prefetch",
     OPTION_FIELD(OPT_STRING, struct worker_options, given.prefetch),
     .value_name = "N",
     .default_text = "auto",
     .help = "jobs to hold ready besides the running ones, or auto"},
    OPTIONS_END,
};

/* What runs the jobs. */
static const struct option_row handler_rows[] = {
    {.name = "handler",
     OPTION_FIELD(OPT_LIST, struct worker_options, given.handlers),
     .value_name = "TYPE=COMMAND",
     .no_environment = true,
     .section = "handlers",
     .help = "program for a type of job, with {} for its args; stream:COMMAND: a persistent one; "
             "or a URL"},
    {.name = "allow-dash",
     OPTION_FIELD(OPT_LIST, struct worker_options, given.dashes),
     .value_name = "TYPE",
     .no_environment = true,
     .help = "let the args of its jobs begin with a - even if there is no -- before {}"},
    {.name = "plugin",
     OPTION_FIELD(OPT_LIST, struct worker_options, given.plugins),
     .value_name = "FILE",
     .no_environment = true,
     .help = "shared object with C handlers; FILE=CONFIG passes CONFIG to its init"},
    {.name = "isolate",
     OPTION_FIELD(OPT_FLAG, struct worker_options, is_isolated),
     .help = "run C handlers in processes of their own: a crash takes one job"},
    {.name = "limit",
     OPTION_FIELD(OPT_LIST, struct worker_options, given.limits),
     .value_name = "TYPE=LIST",
     .no_environment = true,
     .section = "limits",
     .help = "what a type's programs may use: cpu=10s,memory=512MiB,user=NAME ...; *: all types"},
    {.name = "pass-env",
     OPTION_FIELD(OPT_LIST, struct worker_options, given.passed),
     .value_name = "[TYPE=]NAME,...",
     .help = "pass these variables on to its programs, too; NAME*: all that begin with NAME"},
    {.name = "cgroup",
     OPTION_FIELD(OPT_STRING, struct worker_options, given.cgroup),
     .value_name = "MODE",
     .default_text = "auto",
     .help = "control groups for programs: auto (if delegated), own (required) or none"},
    OPTIONS_END,
};

/* How long things may take, and how often they are tried. */
static const struct option_row job_rows[] = {
    {.name = "lease",
     OPTION_FIELD(OPT_DURATION, struct worker_options, lease_ms),
     .value_name = "DURATION",
     .default_text = "10s",
     .min = 1000,
     .max = 3600000,
     .help = "silence after which a worker counts as dead; the same for all workers of a queue"},
    {.name = "shutdown-timeout",
     OPTION_FIELD(OPT_DURATION, struct worker_options, shutdown_timeout_ms),
     .value_name = "DURATION",
     .default_text = "25s",
     .min = 0,
     .max = 86400000,
     .help = "how long running jobs may continue after TERM"},
    {.name = "timeout",
     OPTION_FIELD(OPT_DURATION, struct worker_options, policy.timeout_ms),
     .value_name = "DURATION",
     .default_text = "0",
     .min = 0,
     .max = INT64_MAX / 4,
     .help = "how long a job may run, unless it says so itself; 0: no limit"},
    {.name = "max-attempts",
     OPTION_FIELD(OPT_INT, struct worker_options, policy.max_attempts),
     .value_name = "N",
     .default_text = "25",
     .min = 1,
     .max = JOB_COUNT_MAX,
     .help = "failed attempts after which a job is dead"},
    {.name = "backoff",
     OPTION_FIELD(OPT_STRING, struct worker_options, given.backoff),
     .value_name = "FIRST..LIMIT",
     .default_text = "2s..1h",
     .help = "delay before a retry, doubling from FIRST up to LIMIT"},
    {.name = "max-crashes",
     OPTION_FIELD(OPT_INT, struct worker_options, policy.max_crashes),
     .value_name = "N",
     .default_text = "5",
     .min = 1,
     .max = 1000,
     .help = "workers that may die running a job before it is dead"},
    OPTIONS_END,
};

/* How large jobs and results may be. */
static const struct option_row size_rows[] = {
    {.name = "max-job-size",
     OPTION_FIELD(OPT_BYTES, struct worker_options, policy.max_job_size),
     .value_name = "SIZE",
     .default_text = "1MiB",
     .min = 64,
     .max = 512 << 20,
     .help = "larger jobs are buried"},
    {.name = "max-output",
     OPTION_FIELD(OPT_BYTES, struct worker_options, policy.max_output),
     .value_name = "SIZE",
     .default_text = "64KiB",
     .min = 0,
     .max = 64 << 20,
     .help = "larger results are an error"},
    OPTIONS_END,
};

/* How the worker ends, and what it reports. */
static const struct option_row run_rows[] = {
    {.name = "burst",
     OPTION_FIELD(OPT_FLAG, struct worker_options, is_burst),
     .help = "exit when the queues are empty and nothing is due"},
    {.name = "ignore-sentinel",
     OPTION_FIELD(OPT_FLAG, struct worker_options, ignores_sentinel),
     .help = "discard drain sentinels: producers cannot stop this worker"},
    {.name = "ready-fd",
     OPTION_FIELD(OPT_INT, struct worker_options, ready_fd),
     .value_name = "FD",
     .min = 0,
     .max = 1 << 20,
     .no_file = true,
     .help = "write a newline to FD once jobs can be claimed"},
    OPTIONS_END,
};

/* The health check, which this program does too. */
static const struct option_row health_rows[] = {
    {.name = "health",
     OPTION_FIELD(OPT_FLAG, struct worker_options, is_health_check),
     .no_environment = true,
     .help = "ask the workers running here: exit 0 if all of them fetch, 1 if one does not"},
    {.name = "health-age",
     OPTION_FIELD(OPT_DURATION, struct worker_options, health_age_ms),
     .value_name = "DURATION",
     .default_text = "30s",
     .min = 1000,
     .max = 3600000,
     .help = "how long ago the fetch loop may have last run"},
    {.name = "health-name",
     OPTION_FIELD(OPT_STRING, struct worker_options, health_name),
     .value_name = "NAME",
     .default_text = "worker",
     .help = "name of this worker; with --health: of the workers to ask"},
    OPTIONS_END,
};

/* One job without Redis. */
static const struct option_row try_rows[] = {
    {.name = "try",
     OPTION_FIELD(OPT_STRING, struct worker_options, try_type),
     .value_name = "TYPE",
     .no_environment = true,
     .no_file = true,
     .help =
         "run one job of TYPE with ARGS (JSON), without Redis; exit 0 if it is done, otherwise 1"},
    OPTIONS_END,
};

/* The args of --try are the only operand. */
static enum status take_operands(const char **operands, size_t count, struct worker_options *o,
                                 struct err *err)
{
    if (o->try_type && count <= 1) {
        o->try_args = count == 1 ? operands[0] : NULL;
        return ST_OK;
    }
    if (o->try_type)
        return err_set(err, ST_INVALID, "--try takes one ARGS, but there is '%s', too: quote them",
                       operands[1]);
    if (count > 0)
        return err_set(err, ST_INVALID, "darg-worker takes no operands, but was given '%s'",
                       operands[0]);
    return ST_OK;
}

static const struct option_row rows[] = {
    {OPTION_GROUP(redis_option_rows, struct redis_options, struct worker_options, given.redis)},
    {OPTION_GROUP(namespace_option_rows, const char *, struct worker_options, namespace)},
    {.group = work_rows},
    {.group = handler_rows},
    {.group = job_rows},
    {.group = size_rows},
    {.group = run_rows},
    {OPTION_GROUP(log_option_rows, struct log_options, struct worker_options, log)},
    {.group = health_rows},
    {.group = try_rows},
    OPTIONS_END,
};

enum status options_table_parse(int argc, char **argv, struct worker_options *o, bool *done,
                                struct err *err)
{
    const struct options_spec spec = {
        .program = "darg-worker",
        .usage = "[options] | --try TYPE [ARGS] [options]",
        .summary =
            "Runs the jobs of one or more queues. TERM or INT: finish what is running, give back\n"
            "the rest, exit 0; a second one: end now. TSTP: claim no more. CONT: go on. TTIN: log\n"
            "what each thread is doing. HUP: reopen the log file, read --config again.",
        .examples = examples,
        .rows = rows,
        .target = o,
        .environment_prefix = "DARG_",
        .version = "darg-worker " DARG_VERSION,
        .record = &o->record,
        .sections = SECTIONS_OF_WORKER,
        .other_sections = SECTIONS_OF_DARG,
    };
    const char **operands = NULL;
    size_t operand_count = 0;
    enum status status = options_parse(&spec, argc, argv, &operands, &operand_count, done, err);
    if (status == ST_OK && !*done)
        status = take_operands(operands, operand_count, o, err);
    free(operands);
    return status;
}

void options_table_fini(struct worker_options *o)
{
    options_free_lists(rows, o);
}
