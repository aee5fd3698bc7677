#include "worker/settings/options_table.h"

#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "queue/keys.h"
#include "redis/secret.h"

static const char examples[] =
    "  darg-worker                                      serve the queue 'default' with 10 threads\n"
    "  darg-worker -q mail -q reports -t 50             mail first, reports when there is no mail\n"
    "  darg-worker -q mail=3 -q reports=1 -p 4          shares 3 to 1, four processes\n"
    "  darg-worker --handler 'sha256=sha256sum -- {}'   run a program for each job of a type\n"
    "  darg-worker --handler zip=zip.sh --limit zip=cpu=10s,memory=512MiB   hold it to limits\n"
    "  darg-worker -r local: --burst                    a private Redis; exit when the queue is "
    "empty\n";

/* The table comes in groups, each appended to `rows` with the addresses of this run's values. */
static void add_rows(struct option_row *rows, size_t *count, const struct option_row *group,
                     size_t group_count)
{
    memcpy(rows + *count, group, group_count * sizeof *rows);
    *count += group_count;
}

#define ADD_ROWS(rows, count, group)                                                               \
    add_rows((rows), (count), (group), sizeof(group) / sizeof(group)[0])

/* Where Redis is. */
static void add_redis_rows(struct option_row *rows, size_t *count, struct options_raw *raw)
{
    const struct option_row group[] = {
        {.name = "redis",
         .letter = 'r',
         .type = OPT_URL,
         .target = &raw->redis,
         .value_name = "URL",
         .default_text = REDIS_DEFAULT_URL,
         .environment = SECRET_URL_ENVIRONMENT,
         .help = "redis://, rediss://, unix:// or local:[DIR]; also $DARG_REDIS_URL, $REDIS_URL"},
        {.name = "redis-password-file",
         .type = OPT_STRING,
         .target = &raw->password_file,
         .value_name = "FILE",
         .help = "read the password from the first line of FILE, for each connection"},
        {.name = "tls-ca",
         .type = OPT_STRING,
         .target = &raw->ca_file,
         .value_name = "FILE",
         .help = "certificate authorities to trust, for rediss://"},
        {.name = "tls-cert",
         .type = OPT_STRING,
         .target = &raw->cert_file,
         .value_name = "FILE",
         .help = "client certificate"},
        {.name = "tls-key",
         .type = OPT_STRING,
         .target = &raw->key_file,
         .value_name = "FILE",
         .help = "its private key"},
        {.name = "namespace",
         .type = OPT_STRING,
         .target = &raw->namespace,
         .value_name = "NAME",
         .default_text = QUEUE_DEFAULT_NAMESPACE,
         .help = "prefix of all keys"},
    };
    ADD_ROWS(rows, count, group);
}

/* What is served, and by how many. */
static void add_work_rows(struct option_row *rows, size_t *count, struct options_raw *raw,
                          struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "queue",
         .letter = 'q',
         .type = OPT_LIST,
         .target = &raw->queues,
         .value_name = "NAME[=WEIGHT]",
         .default_text = QUEUE_DEFAULT_NAME,
         .section = "queues",
         .help = "queue to serve; again for more: in this order, or by weight. Exits once all "
                 "have drained"},
        {.name = "threads",
         .letter = 't',
         .type = OPT_INT,
         .target = &o->threads,
         .value_name = "N",
         .default_text = "10",
         .min = 1,
         .max = 1024,
         .help = "jobs run at the same time in each process"},
        {.name = "processes",
         .letter = 'p',
         .type = OPT_INT,
         .target = &o->processes,
         .value_name = "N",
         .default_text = "1",
         .min = 1,
         .max = 256,
         .help = "worker processes"},
        {.name = "delivery",
         .type = OPT_STRING,
         .target = &raw->delivery,
         .value_name = "MODE",
         .default_text = "at-least-once",
         .help = "at-least-once or at-most-once"},
        {.name = "prefetch",
         .type = OPT_STRING,
         .target = &raw->prefetch,
         .value_name = "N",
         .default_text = "auto",
         .help = "jobs held ready beyond those that run, or auto"},
    };
    ADD_ROWS(rows, count, group);
}

/* What runs the jobs. */
static void add_handler_rows(struct option_row *rows, size_t *count, struct options_raw *raw,
                             struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "handler",
         .type = OPT_LIST,
         .target = &raw->handlers,
         .value_name = "TYPE=COMMAND",
         .no_environment = true,
         .section = "handlers",
         .help = "program for a type of job; {}: its args; stream:COMMAND: it stays"},
        {.name = "allow-dash",
         .type = OPT_LIST,
         .target = &raw->dashes,
         .value_name = "TYPE",
         .no_environment = true,
         .help = "args of its jobs may begin with a - though no -- stands before {}"},
        {.name = "plugin",
         .type = OPT_LIST,
         .target = &raw->plugins,
         .value_name = "FILE",
         .no_environment = true,
         .help = "shared object with handlers in C; FILE=CONFIG: what its init is given"},
        {.name = "isolate",
         .type = OPT_FLAG,
         .target = &o->is_isolated,
         .help = "run handlers in C in processes of their own: a crash takes one job"},
        {.name = "limit",
         .type = OPT_LIST,
         .target = &raw->limits,
         .value_name = "TYPE=LIST",
         .no_environment = true,
         .section = "limits",
         .help = "what its programs may use: cpu=10s,memory=512MiB,user=NAME ...; *: all types"},
        {.name = "pass-env",
         .type = OPT_LIST,
         .target = &raw->passed,
         .value_name = "[TYPE=]NAME,...",
         .help = "variables that its programs find in their environment, too; NAME*: all that "
                 "begin so"},
        {.name = "cgroup",
         .type = OPT_STRING,
         .target = &raw->cgroup,
         .value_name = "MODE",
         .default_text = "auto",
         .help =
             "control groups for programs: auto: if they were delegated; own: demand them; none"},
    };
    ADD_ROWS(rows, count, group);
}

/* How long things may take, and how often they are tried. */
static void add_job_rows(struct option_row *rows, size_t *count, struct options_raw *raw,
                         struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "lease",
         .type = OPT_DURATION,
         .target = &o->lease_ms,
         .value_name = "DURATION",
         .default_text = "10s",
         .min = 1000,
         .max = 3600000,
         .help = "silence after which a worker is taken for dead; the same for all of a queue"},
        {.name = "shutdown-timeout",
         .type = OPT_DURATION,
         .target = &o->shutdown_timeout_ms,
         .value_name = "DURATION",
         .default_text = "25s",
         .min = 0,
         .max = 86400000,
         .help = "how long running jobs may go on after TERM"},
        {.name = "timeout",
         .type = OPT_DURATION,
         .target = &o->policy.timeout_ms,
         .value_name = "DURATION",
         .default_text = "0",
         .min = 0,
         .max = INT64_MAX / 4,
         .help = "how long a job may run, unless it says so itself; 0: for ever"},
        {.name = "max-attempts",
         .type = OPT_INT,
         .target = &o->policy.max_attempts,
         .value_name = "N",
         .default_text = "25",
         .min = 1,
         .max = JOB_COUNT_MAX,
         .help = "failed attempts after which a job is dead"},
        {.name = "backoff",
         .type = OPT_STRING,
         .target = &raw->backoff,
         .value_name = "FIRST..LIMIT",
         .default_text = "2s..1h",
         .help = "delay before a retry, doubling from FIRST up to LIMIT"},
        {.name = "max-crashes",
         .type = OPT_INT,
         .target = &o->policy.max_crashes,
         .value_name = "N",
         .default_text = "5",
         .min = 1,
         .max = 1000,
         .help = "workers that may die with a job in hand before it is dead"},
    };
    ADD_ROWS(rows, count, group);
}

/* How large jobs and results may be. */
static void add_size_rows(struct option_row *rows, size_t *count, struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "max-job-size",
         .type = OPT_BYTES,
         .target = &o->policy.max_job_size,
         .value_name = "SIZE",
         .default_text = "1MiB",
         .min = 64,
         .max = 512 << 20,
         .help = "larger jobs are buried"},
        {.name = "max-output",
         .type = OPT_BYTES,
         .target = &o->policy.max_output,
         .value_name = "SIZE",
         .default_text = "64KiB",
         .min = 0,
         .max = 64 << 20,
         .help = "larger results are an error"},
    };
    ADD_ROWS(rows, count, group);
}

/* How the worker ends, and what it says. */
static void add_run_rows(struct option_row *rows, size_t *count, struct options_raw *raw,
                         struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "burst",
         .type = OPT_FLAG,
         .target = &o->is_burst,
         .help = "exit when the queues are empty and nothing is due"},
        {.name = "ignore-sentinel",
         .type = OPT_FLAG,
         .target = &o->ignores_sentinel,
         .help = "discard drain sentinels: producers may not stop this worker"},
        {.name = "ready-fd",
         .type = OPT_INT,
         .target = &o->ready_fd,
         .value_name = "FD",
         .min = 0,
         .max = 1 << 20,
         .no_file = true,
         .help = "write a newline to FD once jobs can be claimed"},
        {.name = "log-level",
         .type = OPT_STRING,
         .target = &raw->log_level,
         .value_name = "LEVEL",
         .default_text = "info",
         .help = "debug, info, warn, error or off"},
        {.name = "log-format",
         .type = OPT_STRING,
         .target = &raw->log_format,
         .value_name = "FORMAT",
         .default_text = "text",
         .help = "text or json"},
        {.name = "log-file",
         .type = OPT_STRING,
         .target = &o->log_file,
         .value_name = "FILE",
         .help = "append the log to FILE; HUP opens it anew"},
    };
    ADD_ROWS(rows, count, group);
}

/* The health check, which is this program too. */
static void add_health_rows(struct option_row *rows, size_t *count, struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "health",
         .type = OPT_FLAG,
         .target = &o->is_health_check,
         .no_environment = true,
         .help = "ask the workers that run here: exit 0 if they fetch, 1 if one does not"},
        {.name = "health-age",
         .type = OPT_DURATION,
         .target = &o->health_age_ms,
         .value_name = "DURATION",
         .default_text = "30s",
         .min = 1000,
         .max = 3600000,
         .help = "how long ago its fetch loop may have turned"},
        {.name = "health-name",
         .type = OPT_STRING,
         .target = &o->health_name,
         .value_name = "NAME",
         .default_text = "worker",
         .help = "of the worker, or, with --health, of those to ask: only they are"},
    };
    ADD_ROWS(rows, count, group);
}

/* One job without Redis. */
static void add_try_rows(struct option_row *rows, size_t *count, struct worker_options *o)
{
    const struct option_row group[] = {
        {.name = "try",
         .type = OPT_STRING,
         .target = &o->try_type,
         .value_name = "TYPE",
         .no_environment = true,
         .no_file = true,
         .help = "run one job of TYPE with ARGS (JSON) and no Redis; exit 0 if it is done, else 1"},
    };
    ADD_ROWS(rows, count, group);
}

/* The args of --try are the only operand there is. */
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
        return err_set(err, ST_INVALID, "darg-worker takes no operand, but was given '%s'",
                       operands[0]);
    return ST_OK;
}

enum { ROWS_MAX = 48 };

enum status options_table_parse(int argc, char **argv, struct options_raw *raw,
                                struct worker_options *o, bool *done, struct err *err)
{
    struct option_row rows[ROWS_MAX] = {{.name = NULL}};
    size_t count = 0;
    add_redis_rows(rows, &count, raw);
    add_work_rows(rows, &count, raw, o);
    add_handler_rows(rows, &count, raw, o);
    add_job_rows(rows, &count, raw, o);
    add_size_rows(rows, &count, o);
    add_run_rows(rows, &count, raw, o);
    add_health_rows(rows, &count, o);
    add_try_rows(rows, &count, o);
    const struct options_spec spec = {
        .program = "darg-worker",
        .usage = "[options] | --try TYPE [ARGS] [options]",
        .summary =
            "Runs the jobs of one or more queues. TERM or INT: finish what runs, give back "
            "the rest, exit 0;\na second one ends it now. TSTP: claim no more. CONT: go on. "
            ""
            "TTIN: log what each thread does.\nHUP: open the log file anew, read --config again.",
        .examples = examples,
        .rows = rows,
        .environment_prefix = "DARG_",
        .version = "darg-worker " DARG_VERSION,
        .record = &raw->record,
        .section = "worker",
        .other_sections = "darg",
    };
    const char **operands = NULL;
    size_t operand_count = 0;
    o->ready_fd = -1;
    enum status status = options_parse(&spec, argc, argv, &operands, &operand_count, done, err);
    if (status == ST_OK && !*done)
        status = take_operands(operands, operand_count, o, err);
    free(operands);
    return status;
}
