#include "worker/program/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "worker/program/environment.h"
#include "worker/program/oom.h"
#include "worker/program/roster.h"

static const char blanks[] = " \t\n";

/* ---- words ---- */

/* Each reader starts after the character that opened it, appends to word, and returns where to go
 * on; NULL if the command ends too early. */
static const char *read_single_quoted(const char *at, struct buf *word)
{
    const char *end = strchr(at, '\'');
    if (!end)
        return NULL;
    buf_append(word, at, (size_t)(end - at));
    return end + 1;
}

static const char *read_double_quoted(const char *at, struct buf *word)
{
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1] && strchr("\"\\$`", at[1]))
            at++;
        buf_append_char(word, *at);
    }
    return *at ? at + 1 : NULL;
}

static const char *read_escaped(const char *at, struct buf *word)
{
    if (!*at)
        return NULL;
    buf_append_char(word, *at);
    return at + 1;
}

static const char *read_word(const char *at, struct buf *word)
{
    while (at && *at && !strchr(blanks, *at)) {
        char c = *at++;
        if (c == '\'')
            at = read_single_quoted(at, word);
        else if (c == '"')
            at = read_double_quoted(at, word);
        else if (c == '\\')
            at = read_escaped(at, word);
        else
            buf_append_char(word, c);
    }
    return at;
}

/* A shell takes nothing after `-c SCRIPT` for an option of its own, so args may begin with a '-'
 * there. */
static bool has_script(const struct command *command)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh", NULL};
    const char *slash = strrchr(command->words[0], '/');
    const char *name = slash ? slash + 1 : command->words[0];
    bool is_shell = false;
    for (const char *const *shell = shells; *shell; shell++)
        is_shell = is_shell || strcmp(name, *shell) == 0;
    return is_shell && command->word_count > 2 && strcmp(command->words[1], "-c") == 0;
}

/* Finds where args could act as something other than an ordinary argument. */
static void look_for_dangers(struct command *command)
{
    bool is_safe = has_script(command);
    command->is_script = is_safe && strstr(command->words[2], "{}");
    for (size_t i = 1; i < command->word_count && !is_safe; i++) {
        is_safe = strcmp(command->words[i], "--") == 0;
        if (strncmp(command->words[i], "{}", 2) == 0)
            command->is_exposed = true;
    }
}

static enum status split(const char *text, struct command *command, struct err *err)
{
    struct buf word = {0};
    const char *at = text + strspn(text, blanks);
    /* Every word but the last takes at least two bytes, with the blank after it. */
    command->words = mem_array(strlen(text) / 2 + 2, sizeof *command->words);
    while (at && *at) {
        buf_clear(&word);
        at = read_word(at, &word);
        if (!at)
            break;
        if (strstr(buf_text(&word), "{}"))
            command->wants_args = true;
        command->words[command->word_count++] = mem_dup(buf_text(&word));
        at += strspn(at, blanks);
    }
    buf_fini(&word);
    if (!at)
        return err_set(err, ST_INVALID, "the command has an open quote or ends in a backslash: %s",
                       text);
    if (command->word_count == 0 || !*command->words[0])
        return err_set(err, ST_INVALID, "the command is empty");
    if (strstr(command->words[0], "{}"))
        return err_set(err, ST_INVALID, "{} cannot name the program: no job may choose what runs");
    look_for_dangers(command);
    return ST_OK;
}

/* ---- the program ---- */

/* 0, or the errno that says why the file cannot be run. */
static int why_not_runnable(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return errno;
    if (!S_ISREG(info.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

static enum status find_by_path(const char *name, char **program, struct err *err)
{
    struct buf path = {0};
    /* Made absolute, because the program may be started in another directory (--limit
     * directory). */
    if (name[0] != '/') {
        char *here = get_current_dir_name();
        if (!here)
            return err_set(err, ST_INVALID, "cannot run \"%s\": the current directory is gone",
                           name);
        buf_printf(&path, "%s/", here);
        free(here);
    }
    buf_append_text(&path, name);
    int why = why_not_runnable(buf_text(&path));
    *program = buf_take(&path);
    if (why != 0)
        return err_set(err, ST_INVALID, "cannot run \"%s\": %s", name, strerror(why));
    return ST_OK;
}

/* Only absolute directories count: what a name means must not depend on the current directory. */
static enum status find_in_path(const char *name, char **program, struct err *err)
{
    const char *list = getenv("PATH");
    struct buf path = {0};
    int why = ENOENT;
    for (const char *at = list ? list : "/usr/bin:/bin"; *at;) {
        size_t len = strcspn(at, ":");
        if (at[0] == '/') {
            buf_clear(&path);
            buf_printf(&path, "%.*s/%s", (int)len, at, name);
            int why_here = why_not_runnable(buf_text(&path));
            if (why_here == 0) {
                *program = buf_take(&path);
                return ST_OK;
            }
            /* Like a shell: searches on, but remembers that there was one. */
            if (why_here == EACCES)
                why = EACCES;
        }
        at += len + (at[len] == ':');
    }
    buf_fini(&path);
    return err_set(err, ST_INVALID, "cannot run \"%s\": %s in the directories of PATH", name,
                   why == EACCES ? "it is not executable" : "there is no such program");
}

/* ---- the environment ---- */

static void free_strings(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

/* Makes it again, from the limits and what was added. */
static void make_environment(struct command *command)
{
    free_strings(command->environment);
    size_t count;
    char **base = environment_make(command->limits, &count);
    command->environment = mem_array(count + command->added_count + 1, sizeof *base);
    memcpy(command->environment, base, count * sizeof *base);
    for (size_t i = 0; i < command->added_count; i++)
        command->environment[count++] = mem_dup(command->added[i]);
    command->environment_count = count;
    free(base);
}

enum status command_limit(void *state, const struct limits *limits, struct err *err)
{
    struct command *command = state;
    command->limits = limits;
    make_environment(command);
    return environment_check(command->environment, command->words, err);
}

void command_add_variable(struct command *command, const char *name, const char *value)
{
    char **added = mem_array(command->added_count + 2, sizeof *added);
    struct buf variable = {0};
    buf_printf(&variable, "%s=%s", name, value);
    if (command->added_count > 0)
        memcpy(added, command->added, command->added_count * sizeof *added);
    added[command->added_count++] = buf_take(&variable);
    free(command->added);
    command->added = added;
    make_environment(command);
}

static int64_t soft_limit_of_files(void)
{
    struct rlimit limit;
    bool is_known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_known && limit.rlim_cur <= INT64_MAX ? (int64_t)limit.rlim_cur : 0;
}

enum status command_parse(const char *text, struct command **parsed, struct err *err)
{
    struct command *command = mem_new(sizeof *command);
    enum status status = split(text, command, err);
    if (status == ST_OK) {
        const char *name = command->words[0];
        status = strchr(name, '/') ? find_by_path(name, &command->program, err)
                                   : find_in_path(name, &command->program, err);
    }
    if (status == ST_OK) {
        make_environment(command);
        status = environment_check(command->environment, command->words, err);
    }
    if (status != ST_OK) {
        command_free(command);
        command = NULL;
    } else {
        command->oom_kills = oom_kills();
        command->files = soft_limit_of_files();
    }
    *parsed = command;
    return status;
}

bool command_allow_dash(void *state)
{
    struct command *command = state;
    command->allows_dash = command->is_exposed;
    return command->is_exposed;
}

void command_warn(const void *state, const char *type)
{
    const struct command *command = state;
    if (command->is_exposed && !command->allows_dash)
        log_fields(LOG_WARN,
                   "jobs whose args begin with - will fail for good: put -- before the {} so that "
                   "they cannot be taken for options (or use --allow-dash)",
                   LOG_STR("type", type), LOG_STR("program", command->words[0]));
    if (command->is_script)
        log_fields(LOG_WARN,
                   "the shell would run a job's args as code: write \"$1\" instead of {} in the "
                   "script, and put sh {} after it",
                   LOG_STR("type", type), LOG_STR("program", command->words[0]));
}

enum status command_begin(void *state, const struct home *home, struct err *err)
{
    struct command *command = state;
    (void)err;
    /* Only the first time: begin may be called again. */
    if (home->roster && !command->home.roster)
        command_add_variable(command, ROSTER_VARIABLE, roster_mark(home->roster));
    command->home = *home;
    return ST_OK;
}

void command_free(void *state)
{
    struct command *command = state;
    if (!command)
        return;
    free(command->program);
    free_strings(command->words);
    free_strings(command->environment);
    free_strings(command->added);
    free(command);
}
