/* darg push: its options, and how jobs get from the command line or standard input to the
 * sender. */
#include "producer/push/commands.h"
#include "producer/push/input.h"
#include "producer/shared/interrupt.h"
#include "job/maker.h"
#include "producer/push/progress.h"
#include "producer/push/sender.h"
#include "producer/push/wait.h"
#include "producer/shared/table.h"

#include "base/clock.h"
#include "base/plural.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLICE_MS = 200, BAD_LINES_SHOWN = 20 };

struct push_options {
    struct maker job; /* its type is the operand */
    struct slice args;
    bool is_lines, is_jsonl, is_wait, is_quiet, no_wait_for_room;
    int64_t delay_ms, wait_timeout_ms;
};

struct push {
    struct context *context;
    const struct push_options *options;
    struct maker job;
    struct sender sender;
    struct wait wait;
    struct input input;
    struct progress progress;
    int64_t bad_lines;
    int64_t start_ms;
};

static bool is_bulk(const struct push_options *options)
{
    return options->is_lines || options->is_jsonl;
}

static void note_bad_line(struct push *push, const char *why)
{
    if (++push->bad_lines <= BAD_LINES_SHOWN)
        context_note("line %lld: %s", (long long)push->input.line, why);
    if (push->bad_lines == BAD_LINES_SHOWN)
        context_note("further bad lines are only counted");
}

/* The text made last becomes a job. It is expected before it is pushed, as its result may come
 * before the answer to the push. */
static enum status commit(struct push *push, struct err *err)
{
    if (push->options->is_wait)
        wait_expect(&push->wait, push->job.last_id);
    return sender_commit(&push->sender, err);
}

static enum status add_line(struct push *push, struct slice line, struct err *err)
{
    struct err why = {0};
    struct buf *out = sender_buffer(&push->sender);
    enum status status = push->options->is_jsonl ? maker_whole(&push->job, line, out, &why)
                                                 : maker_of_line(&push->job, line, out, &why);
    if (status == ST_OK)
        return commit(push, err);
    note_bad_line(push, err_text(&why));
    return ST_OK;
}

/* Nothing to read now: pushes what was read, and takes results until there is more. */
static enum status await_input(struct push *push, struct err *err)
{
    enum status status = sender_flush(&push->sender, err);
    while (status == ST_OK && !interrupt_is_set() && !input_is_ready(&push->input)) {
        struct pollfd item = {.fd = push->input.fd, .events = POLLIN};
        if (push->options->is_wait)
            status = wait_poll(&push->wait, push->input.fd, SLICE_MS, err);
        else
            (void)poll(&item, 1, SLICE_MS);
    }
    return status;
}

static enum status read_more(struct push *push, struct err *err)
{
    enum status status = ST_OK;
    if (!input_is_ready(&push->input))
        status = await_input(push, err);
    if (status != ST_OK || interrupt_is_set())
        return status;
    progress_draw(&push->progress, push->sender.accepted, push->input.bytes_read);
    return input_fill(&push->input, err);
}

static enum status push_input(struct push *push, struct err *err)
{
    enum status status = ST_OK;
    while (status == ST_OK && !interrupt_is_set()) {
        struct slice line;
        switch (input_next(&push->input, &line)) {
        case INPUT_LINE:
            status = add_line(push, line, err);
            break;
        case INPUT_TOO_LONG:
            note_bad_line(push, "too long");
            break;
        case INPUT_MORE:
            status = read_more(push, err);
            break;
        case INPUT_END:
            return sender_flush(&push->sender, err);
        }
    }
    return status;
}

static enum status push_one(struct push *push, struct err *err)
{
    struct slice args = push->options->args;
    enum status status = maker_with_args(&push->job, args, sender_buffer(&push->sender), err);
    if (status == ST_OK)
        status = commit(push, err);
    return status == ST_OK ? sender_flush(&push->sender, err) : status;
}

static enum status await_results(struct push *push, struct err *err)
{
    enum status status = ST_OK;
    while (status == ST_OK && !interrupt_is_set() && context_flush_output() &&
           wait_left(&push->wait) > 0) {
        status = wait_poll(&push->wait, -1, SLICE_MS, err);
        if (status == ST_OK && wait_left(&push->wait) > 0)
            status = wait_check_time(&push->wait, err);
    }
    return status;
}

static void print_outcomes(const struct push *push)
{
    char done[TABLE_NUMBER_MAX], failed[TABLE_NUMBER_MAX], gone[TABLE_NUMBER_MAX];
    const struct wait *wait = &push->wait;
    context_note("%s %s done, %s failed%s%s%s", table_number(wait->done, done),
                 plural_of(wait->done, "job is", "jobs are"), table_number(wait->failed, failed),
                 wait->gone > 0 ? ", " : "", wait->gone > 0 ? table_number(wait->gone, gone) : "",
                 wait->gone > 0 ? plural_of(wait->gone, " is gone", " are gone") : "");
}

static void print_summary(struct push *push)
{
    char count[TABLE_NUMBER_MAX], rate[TABLE_NUMBER_MAX], other[TABLE_NUMBER_MAX];
    int64_t span_ms = clock_mono_ms() - push->start_ms;
    int64_t accepted = push->sender.accepted;
    double seconds = (double)(span_ms > 0 ? span_ms : 1) / 1000;
    progress_clear(&push->progress);
    if (push->options->is_quiet)
        return;
    context_note("pushed %s %s to '%s' in %.2f s (%s/s)", table_number(accepted, count),
                 plural_of(accepted, "job", "jobs"), push->context->queue.name, seconds,
                 table_number((int64_t)((double)accepted / seconds), rate));
    if (push->bad_lines > 0)
        context_note("%s %s refused", table_number(push->bad_lines, other),
                     plural_of(push->bad_lines, "line was", "lines were"));
    if (push->options->is_wait)
        print_outcomes(push);
}

/* Says how far it got: a caller has to know what not to push again. */
static int fail(struct push *push, const struct err *err)
{
    char accepted[TABLE_NUMBER_MAX], uncertain[TABLE_NUMBER_MAX];
    int64_t doubtful = sender_settle(&push->sender);
    progress_clear(&push->progress);
    context_note("%s", err_text(err));
    if (is_bulk(push->options))
        context_note("%s %s pushed", table_number(push->sender.accepted, accepted),
                     plural_of(push->sender.accepted, "job was", "jobs were"));
    if (is_bulk(push->options) && push->options->is_wait)
        print_outcomes(push);
    if (doubtful > 0)
        context_note("%s %s may have been pushed or not: the answer is lost%s%s",
                     table_number(doubtful, uncertain), plural_of(doubtful, "job", "jobs"),
                     is_bulk(push->options) ? "" : "; id ",
                     is_bulk(push->options) ? "" : push->job.last_id);
    return DARG_FAILED;
}

static int interrupted(struct push *push)
{
    struct err err = {0};
    if (push->options->is_wait && wait_left(&push->wait) > 0)
        (void)!err_set(&err, ST_TIMED_OUT, "interrupted while waiting for %lld %s",
                       (long long)wait_left(&push->wait),
                       plural_of(wait_left(&push->wait), "result", "results"));
    else
        (void)!err_set(&err, ST_TIMED_OUT, "interrupted");
    return fail(push, &err);
}

static enum status push_all(struct push *push, struct err *err)
{
    enum status status = sender_open(&push->sender, err);
    if (status == ST_OK)
        status = is_bulk(push->options) ? push_input(push, err) : push_one(push, err);
    if (status == ST_OK && !interrupt_is_set() && !is_bulk(push->options) &&
        !push->options->is_wait)
        puts(push->job.last_id);
    if (status == ST_OK && is_bulk(push->options) && push->options->is_wait)
        progress_clear(&push->progress);
    if (status == ST_OK && push->options->is_wait)
        status = await_results(push, err);
    return status;
}

static int push_and_report(struct push *push)
{
    const struct push_options *options = push->options;
    struct err err = {0};
    push->start_ms = clock_mono_ms();
    progress_init(&push->progress, STDIN_FILENO,
                  is_bulk(options) && !options->is_quiet &&
                      !(options->is_wait && isatty(STDOUT_FILENO)));
    enum status status = push_all(push, &err);
    if (interrupt_is_set())
        return interrupted(push);
    if (status != ST_OK)
        return fail(push, &err);
    if (is_bulk(options))
        print_summary(push);
    return push->bad_lines > 0 || push->wait.failed + push->wait.gone > 0 ? DARG_FAILED : DARG_OK;
}

static enum status begin(struct push *push, struct err *err)
{
    const struct push_options *options = push->options;
    input_init(&push->input, STDIN_FILENO, (size_t)options->job.max_bytes);
    push->job = options->job;
    push->sender.context = push->context;
    push->sender.delay_ms = options->delay_ms;
    push->sender.no_wait_for_room = options->no_wait_for_room;
    if (options->is_wait) {
        wait_init(&push->wait, push->context, is_bulk(options));
        push->wait.timeout_ms = options->wait_timeout_ms;
        push->sender.wait = &push->wait;
        push->job.reply = push->wait.reply;
    }
    return maker_init(&push->job, err);
}

static int run(struct context *context, const void *options)
{
    struct push push = {.context = context, .options = options};
    struct err err = {0};
    int code = begin(&push, &err) == ST_OK ? push_and_report(&push) : context_fail(&err);
    wait_fini(&push.wait);
    input_fini(&push.input);
    sender_close(&push.sender);
    maker_fini(&push.job);
    return code;
}

/* Checks the options against each other. */
static enum status check_options(const struct push_options *options, size_t operands,
                                 struct err *err)
{
    const struct maker *job = &options->job;
    if (options->is_lines && options->is_jsonl)
        return err_set(err, ST_INVALID, "--lines and --jsonl cannot be combined");
    if (options->is_jsonl && operands > 0)
        return err_set(err, ST_INVALID, "with --jsonl each line gives its own type");
    if (options->is_jsonl && (job->max_attempts > 0 || job->timeout_ms >= 0 || job->backoff))
        return err_set(err, ST_INVALID,
                       "with --jsonl each line gives its own max_attempts, timeout_ms and backoff");
    if (!options->is_jsonl && operands == 0)
        return err_set(err, ST_INVALID, "TYPE is missing");
    if (options->is_lines && operands > 1)
        return err_set(err, ST_INVALID, "with --lines the args come from standard input");
    if (!options->is_wait && options->wait_timeout_ms > 0)
        return err_set(err, ST_INVALID, "--wait-timeout needs --wait");
    if (is_bulk(options) && job->id)
        return err_set(err, ST_INVALID, "--id is for a single job");
    return ST_OK;
}

static enum status try_args(struct maker *trial, struct slice args, struct err *err)
{
    struct buf ignored = {0};
    enum status status = maker_with_args(trial, args, &ignored, err);
    buf_fini(&ignored);
    if (status == ST_INVALID) {
        err_prefix(err, "ARGS");
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len,
                 " (a string needs quotes of its own: '\"hello\"')");
    }
    return status;
}

/* Makes the job once without pushing it, so that mistakes are found before connecting to Redis. */
static enum status try_job(const struct push_options *options, struct err *err)
{
    char reply[ID_UUID_LEN + 1]; /* as long as the real one */
    struct maker trial = options->job;
    id_uuid7(reply);
    trial.reply = options->is_wait ? reply : NULL;
    enum status status = maker_init(&trial, err);
    if (status == ST_OK && !is_bulk(options))
        status = try_args(&trial, options->args, err);
    maker_fini(&trial);
    return status;
}

static enum status check(const struct context *context, void *given, struct err *err)
{
    struct push_options *options = given;
    enum status status = check_options(options, context->operand_count, err);
    if (status != ST_OK)
        return status;
    if (!options->is_jsonl)
        options->job.type = context->operands[0];
    if (context->operand_count > 1)
        options->args = slice_of(context->operands[1]);
    if (context->operand_count > 1 && options->args.len == 0)
        return err_set(err, ST_INVALID, "ARGS is empty, which is not JSON; leave it out");
    return try_job(options, err);
}

static const char examples[] =
    "  darg push mail '{\"to\":\"a@example.org\"}'\n"
    "  darg push echo '\"hello\"' --wait\n"
    "  darg push thumbnail --delay 10m --id photo-17 '[\"photo17.jpg\"]'\n"
    "  find . -name '*.jpg' | darg push thumbnail --lines -q images\n"
    "  darg push report --id report-17 --keep 1h && darg result report-17 --wait\n"
    "  darg push --jsonl --wait < jobs.jsonl > results.tsv\n";

static const struct option_row rows[] = {
    {"lines", 'l', OPTION_FIELD(OPT_FLAG, struct push_options, is_lines),
     .help = "a job for each line of standard input, which becomes its args, a string"},
    {"jsonl", 0, OPTION_FIELD(OPT_FLAG, struct push_options, is_jsonl),
     .help = "each line of standard input is a whole job: {\"type\":...,\"args\":...}"},
    {"wait", 'w', OPTION_FIELD(OPT_FLAG, struct push_options, is_wait),
     .help = "wait for the jobs and print their results; exit 1 if one fails or is gone"},
    {"wait-timeout", 0, OPTION_FIELD(OPT_DURATION, struct push_options, wait_timeout_ms),
     .value_name = "DURATION",
     .help = "with --wait: how long at most, from the last push on; then exit 1; 0: for ever"},
    {"id", 0, OPTION_FIELD(OPT_STRING, struct push_options, job.id), .value_name = "ID",
     .help = "the job's id (default: a new UUIDv7)"},
    {"max-attempts", 0, OPTION_FIELD(OPT_INT, struct push_options, job.max_attempts),
     .value_name = "N", .min = 1, .max = JOB_COUNT_MAX,
     .help = "failed attempts after which the job is dead"},
    {"timeout", 0, OPTION_FIELD(OPT_DURATION, struct push_options, job.timeout_ms),
     .value_name = "DURATION", .help = "how long a run may take; 0: for ever"},
    {"backoff", 0, OPTION_FIELD(OPT_STRING, struct push_options, job.backoff),
     .value_name = "FIRST..LIMIT", .help = "pause between attempts: 2s..1h, or 30s"},
    {"keep", 'k', OPTION_FIELD(OPT_DURATION, struct push_options, job.keep_ms),
     .value_name = "DURATION", .min = 1, .max = (int64_t)JOB_KEEP_DAYS_MAX * 24 * 60 * 60 * 1000,
     .help = "how long to keep the result for `darg result ID`"},
    {"delay", 0, OPTION_FIELD(OPT_DURATION, struct push_options, delay_ms),
     .value_name = "DURATION", .help = "how much later the job joins the queue"},
    {"no-wait-for-room", 0, OPTION_FIELD(OPT_FLAG, struct push_options, no_wait_for_room),
     .help = "fail if the queue is full, instead of waiting"},
    {"max-job-size", 0, OPTION_FIELD(OPT_BYTES, struct push_options, job.max_bytes),
     .value_name = "BYTES", .default_text = "1MiB", .min = 64, .max = 256 << 20,
     .help = "refuse larger jobs"},
    {"quiet", 0, OPTION_FIELD(OPT_FLAG, struct push_options, is_quiet),
     .help = "show no progress and no summary"},
    OPTIONS_END,
};

/* Zero is a valid timeout, too. */
static const struct push_options defaults = {.job.timeout_ms = -1};

const struct command push_command = {
    .name = "push",
    .title = "add jobs to a queue, and wait for their results with --wait",
    .usage = "TYPE [ARGS] [options]",
    .summary = "Pushes a job, or many with --lines or --jsonl. ARGS is JSON. Waits while the queue "
               "is full. Prints the id of a single job.",
    .examples = examples,
    .rows = rows,
    .options_size = sizeof(struct push_options),
    .defaults = &defaults,
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION | NEEDS_INTERRUPT,
    .operands_max = 2,
    .check = check,
    .run = run,
};
