/* One run of a command: its arguments and environment for this job, and what its end means. */
#include "worker/handler/exec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/flatten.h"
#include "base/json.h"
#include "base/parse.h"
#include "worker/handler/exec_watch.h"
#include "worker/program/command.h"
#include "worker/program/death.h"
#include "worker/program/spawn.h"

enum { VARIABLE_COUNT = 6, VARIABLE_BYTES = 192 };

/* What the program is started with; made before vfork(), since the child must not allocate. */
struct start {
    char **argv; /* words without {} are borrowed from the command, the others owned */
    char **environment;
    char variables[VARIABLE_COUNT][VARIABLE_BYTES];
};

/* ---- arguments ---- */

/* Decodes the args for use as an argument. False: no program can take them, and the reason why. */
static bool decode_args(const struct command *command, struct slice args, struct buf *decoded,
                        struct buf *reason)
{
    if (args.len == 0 || args.ptr[0] != '"') {
        buf_printf(reason, "the command has a {}, so args must be a JSON string: %s",
                   args.len == 0 ? "there are none" : "they are another type");
        return false;
    }
    json_decode_string(args, decoded);
    if (decoded->len > 0 && memchr(decoded->ptr, 0, decoded->len)) {
        buf_append_text(reason, "args contain a NUL byte, which a program's argument cannot");
        return false;
    }
    if (command->is_exposed && !command->allows_dash && buf_text(decoded)[0] == '-') {
        buf_append_text(reason, "args begin with -, which the command might take for an option: "
                                "put -- before its {} (or use --allow-dash)");
        return false;
    }
    return true;
}

/* A copy of the word with text for each {}. */
static char *fill_in(const char *word, const char *text)
{
    struct buf filled = {0};
    for (const char *gap; (gap = strstr(word, "{}")); word = gap + 2) {
        buf_append(&filled, word, (size_t)(gap - word));
        buf_append_text(&filled, text);
    }
    buf_append_text(&filled, word);
    return buf_take(&filled);
}

static bool make_argv(const struct command *command, struct slice args, struct start *start,
                      struct buf *reason)
{
    struct buf decoded = {0};
    bool is_good = !command->wants_args || decode_args(command, args, &decoded, reason);
    if (is_good) {
        start->argv = mem_array(command->word_count + 1, sizeof *start->argv);
        for (size_t i = 0; i < command->word_count; i++) {
            char *word = command->words[i];
            start->argv[i] = strstr(word, "{}") ? fill_in(word, buf_text(&decoded)) : word;
        }
    }
    buf_fini(&decoded);
    return is_good;
}

/* ---- environment ---- */

static void make_environment(const struct command *command, const struct handler_call *call,
                             struct start *start)
{
    const struct {
        const char *name;
        const char *text; /* NULL: use the number */
        int64_t number;
    } rows[VARIABLE_COUNT] = {
        {"ID", call->job->id, 0},         {"TYPE", call->job->type, 0},
        {"QUEUE", call->queue, 0},        {"RUN", NULL, call->run},
        {"ATTEMPT", NULL, call->attempt}, {"DEADLINE", NULL, call->deadline_ms},
    };
    size_t count = command->environment_count;
    start->environment = mem_array(count + VARIABLE_COUNT + 1, sizeof *start->environment);
    /* Only pointers: the strings are the command's, made once at the start. */
    memcpy(start->environment, command->environment, count * sizeof *start->environment);
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        char *out = start->variables[i];
        int len = rows[i].text
                      ? snprintf(out, VARIABLE_BYTES, "DARG_JOB_%s=%s", rows[i].name, rows[i].text)
                      : snprintf(out, VARIABLE_BYTES, "DARG_JOB_%s=%" PRId64, rows[i].name,
                                 rows[i].number);
        ensure(len > 0 && len < VARIABLE_BYTES, "DARG_JOB_%s is %d bytes", rows[i].name, len);
        start->environment[count++] = out;
    }
}

static void free_start(const struct command *command, struct start *start)
{
    for (size_t i = 0; start->argv && i < command->word_count; i++)
        if (start->argv[i] != command->words[i])
            free(start->argv[i]);
    free(start->argv);
    free(start->environment);
}

/* ---- the end ---- */

const char *exec_output_option(const struct limits *limits)
{
    return limits_have(limits, LIMIT_OUTPUT) ? "--limit output" : "--max-output";
}

/* What an exit means. The reason stays empty if the program gave one on standard error. */
static enum handler_outcome judge_exit(const struct death *death, const struct limits *limits,
                                       bool has_errors, struct buf *reason)
{
    bool has_exited = WIFEXITED(death->wait_status);
    int code = WEXITSTATUS(death->wait_status);
    if (has_exited && code == 0)
        return HANDLER_DONE;
    death_append(death, limits, has_errors, reason);
    return has_exited && code == EX_DATAERR ? HANDLER_BURY : HANDLER_RETRY;
}

static enum handler_outcome judge(enum exec_end end, const struct death *death,
                                  const struct limits *limits, const struct handler_call *call,
                                  bool has_errors, struct buf *reason)
{
    char timeout[PARSE_DURATION_MAX];
    char limit[PARSE_BYTES_MAX];
    switch (end) {
    case EXEC_ENDED:
        return judge_exit(death, limits, has_errors, reason);
    case EXEC_TIMED_OUT:
        buf_printf(reason, "timed out after %s", format_duration_ms(call->timeout_ms, timeout));
        return HANDLER_RETRY;
    case EXEC_ABORTED:
        buf_append_text(reason, "told to end");
        return HANDLER_ABORTED;
    case EXEC_TOO_LARGE: /* it would be no smaller next time */
        buf_printf(reason, "the output is larger than %s (%s)",
                   format_bytes(call->max_output, limit), exec_output_option(limits));
        return HANDLER_BURY;
    case EXEC_LOST:
        break;
    }
    buf_append_text(reason, "the exit status is lost");
    return HANDLER_RETRY;
}

/* Puts the reason before what the program said itself. */
static void conclude(enum exec_end end, const struct death *death, const struct limits *limits,
                     const struct handler_call *call, struct handler_result *result)
{
    struct buf reason = {0};
    flatten_text(&result->error);
    struct slice said = buf_slice(&result->error);
    result->outcome = judge(end, death, limits, call, said.len > 0, &reason);
    result->usage = death->usage;
    result->is_stop = end == EXEC_ENDED && death_is_stop(death);
    if (result->outcome == HANDLER_DONE) {
        buf_clear(&result->error);
    } else {
        if (reason.len > 0 && said.len > 0)
            buf_append_text(&reason, ": ");
        buf_append_slice(&reason, said);
        buf_clear(&result->error);
        buf_append_slice(&result->error, buf_slice(&reason));
        buf_clear(&result->output);
    }
    buf_fini(&reason);
}

void exec_run(void *state, const struct handler_call *call, struct handler_result *result)
{
    const struct command *command = state;
    struct slice args = call->job->args;
    struct start start = {0};
    struct spawn_child child;
    struct err err = {0};
    result->output_is_json = false;
    if (!make_argv(command, args, &start, &result->error)) {
        result->outcome = HANDLER_BURY;
        return;
    }
    make_environment(command, call, &start);
    struct spawn_program program = {.path = command->program,
                                    .argv = start.argv,
                                    .environment = start.environment,
                                    .limits = command->limits,
                                    .oom_kills = command->oom_kills,
                                    .home = &command->home,
                                    .files = command->files};
    if (spawn_start(&program, &child, &err) == ST_OK) {
        struct death death;
        struct slice input = command->wants_args ? (struct slice){NULL, 0} : args;
        enum exec_end end = exec_watch(&child, input, call, result, &death);
        conclude(end, &death, command->limits, call, result);
    } else {
        buf_append_text(&result->error, err_text(&err));
        result->outcome = HANDLER_UNABLE;
    }
    free_start(command, &start);
}
