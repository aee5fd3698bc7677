/* Options before the command are not read here: they are counted, and moved behind its word, where
 * the command's own parser reads them with all others. Reading them first would mean two parsers of
 * one line, of which the later one has to win, and values to be handed from one to the other; and a
 * command that takes no --json would have to be told of one that was given. */
#include "producer/shared/dispatch.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = 32, DEPTH_MAX = 4, GO_ON = -1 };

/* How far the words have been followed. */
struct way {
    const struct command *program, *command;
    struct buf name; /* of the command, in full: "darg dead" */
    char **words;    /* not read yet */
    int left;        /* how many of them */
    char **argv;     /* for the command: its word, and the options that came before it */
    int argc;
    bool wants_help;
};

static void print_help(const char *program, const struct command *group)
{
    printf("Usage: %s COMMAND [options]\n\n%s\n\nCommands:\n", program, group->summary);
    for (size_t i = 0; group->members[i]; i++)
        printf("  %-10s %s\n", group->members[i]->name, group->members[i]->title);
    printf("\n'%s COMMAND --help' says more about each. Options common to all commands, such as "
           "--redis,\nmay also stand before COMMAND.\n",
           program);
}

static const struct command *find_member(const struct command *group, const char *name)
{
    for (size_t i = 0; group->members[i]; i++)
        if (strcmp(group->members[i]->name, name) == 0)
            return group->members[i];
    return NULL;
}

static int refuse_word(const struct way *way, const char *word)
{
    const char *names[MEMBERS_MAX + 1] = {NULL};
    for (size_t i = 0; i < MEMBERS_MAX && way->command->members[i]; i++)
        names[i] = way->command->members[i]->name;
    const char *nearest = options_suggest(word, names);
    if (nearest)
        return command_refuse(buf_text(&way->name),
                              "there is no command '%.60s'; did you mean '%s'?", word, nearest);
    return command_refuse(buf_text(&way->name), "there is no command '%.60s'", word);
}

/* ---- an option that is not common to all ---- */

static bool is_among(const char *name, char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

/* Finds a command with such an option, among those whose words follow or among all. Returns the
 * option's row, and in `path` how the command is reached from the group, ending with NULL; NULL:
 * there is none. */
static const struct option_row *find_owner(const struct command *group, const struct way *way,
                                           bool is_named, const struct command **path)
{
    const struct option_row *row = NULL;
    for (size_t i = 0; !row && group->members[i]; i++) {
        const struct command *member = group->members[i];
        if (is_named && !is_among(member->name, way->words, way->left))
            continue;
        path[0] = member;
        path[1] = NULL;
        if (member->members)
            row = find_owner(member, way, is_named, path + 1);
        else if (member->rows)
            row = options_find(member->rows, way->words[0]);
    }
    return row;
}

static int refuse_option(const struct way *way)
{
    const char *program = buf_text(&way->name), *word = way->words[0];
    const struct command *path[DEPTH_MAX + 1] = {NULL};
    const struct option_row *row = find_owner(way->command, way, true, path);
    struct buf option = {0};
    if (!row)
        row = find_owner(way->command, way, false, path);
    if (!row) {
        char *argv[] = {way->argv[0], way->words[0], NULL};
        return command_run_common(program, 2, argv);
    }
    if (word[1] == '-')
        buf_printf(&option, "--%s", row->name);
    else
        buf_printf(&option, "-%c", row->letter);
    fprintf(stderr, "%s: %s belongs after the command: %s", program, buf_text(&option), program);
    for (size_t i = 0; path[i]; i++)
        fprintf(stderr, " %s", path[i]->name);
    fprintf(stderr, " %s\n", buf_text(&option));
    buf_fini(&option);
    return DARG_USAGE;
}

/* ---- the words ---- */

static void step_into(struct way *way, const struct command *command)
{
    way->command = command;
    buf_printf(&way->name, " %s", command->name);
}

static void skip(struct way *way, int count)
{
    way->words += count;
    way->left -= count;
}

/* Common options are for the command that follows. */
static int take_options(struct way *way)
{
    struct err err = {0};
    int count = 0;
    if (command_count_leading(way->left + 1, way->words - 1, &count, &err) != ST_OK)
        return command_refuse(buf_text(&way->name), "%s", err_text(&err));
    memcpy(way->argv + way->argc, way->words, (size_t)count * sizeof *way->argv);
    way->argc += count;
    skip(way, count);
    return GO_ON;
}

static int run_members(const struct command *group, const char *program, char **argv);

/* After the last word. */
static int end_of_words(struct way *way)
{
    const struct command *group = way->command;
    if (group->otherwise && !way->wants_help) {
        step_into(way, group->otherwise);
        return GO_ON;
    }
    if (way->argc > 1 && !way->wants_help)
        return command_refuse(buf_text(&way->name), "COMMAND is missing");
    print_help(buf_text(&way->name), group);
    return DARG_OK;
}

static int take_option(struct way *way, char *word)
{
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("darg " DARG_VERSION);
        return DARG_OK;
    }
    if (strncmp(word, "--help=", 7) == 0) {
        char *argv[] = {way->argv[0], word, NULL};
        bool is_whole = way->command == way->program && strcmp(word, "--help=completion") == 0;
        int code = is_whole ? command_run_common(buf_text(&way->name), 2, argv) : DARG_OK;
        return code == DARG_OK ? run_members(way->command, buf_text(&way->name), argv) : code;
    }
    if (!way->command->otherwise)
        return refuse_option(way);
    step_into(way, way->command->otherwise);
    return GO_ON;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && strcmp(word, "--") != 0;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Follows one word; returns GO_ON, or the exit code. */
static int step(struct way *way)
{
    int code = take_options(way);
    if (code != GO_ON)
        return code;
    if (way->left == 0)
        return end_of_words(way);
    char *word = way->words[0];
    const struct command *member = find_member(way->command, word);
    if (is_help(word)) {
        way->wants_help = true;
        skip(way, 1);
        return GO_ON;
    }
    if (is_option(word))
        return take_option(way, word);
    if (!member)
        return refuse_word(way, word);
    step_into(way, member);
    skip(way, 1);
    return GO_ON;
}

/* The command has been found. */
static int arrive(struct way *way)
{
    const char *program = buf_text(&way->name);
    char help[] = "--help", *help_argv[] = {way->argv[0], help, NULL};
    if (way->wants_help)
        return command_run(way->command, program, 2, help_argv);
    memcpy(way->argv + way->argc, way->words, (size_t)way->left * sizeof *way->argv);
    return command_run(way->command, program, way->argc + way->left, way->argv);
}

/* `--help=man` and the like: every command answers for itself. */
static int run_members(const struct command *group, const char *program, char **argv)
{
    int code = DARG_OK;
    for (size_t i = 0; code == DARG_OK && group->members[i]; i++) {
        const struct command *member = group->members[i];
        struct buf name = {0};
        buf_printf(&name, "%s %s", program, member->name);
        code = member->members ? run_members(member, buf_text(&name), argv)
                               : command_run(member, buf_text(&name), 2, argv);
        buf_fini(&name);
    }
    return code;
}

int dispatch(const struct command *program, int argc, char **argv)
{
    struct way way = {.program = program,
                      .command = program,
                      .words = argv + 1,
                      .left = argc > 1 ? argc - 1 : 0,
                      .argc = 1};
    int code = GO_ON;
    way.argv = mem_array((size_t)argc + 1, sizeof *way.argv);
    way.argv[0] = argv[0];
    buf_append_text(&way.name, program->name);
    while (code == GO_ON && way.command->members)
        code = step(&way);
    if (code == GO_ON)
        code = arrive(&way);
    buf_fini(&way.name);
    free(way.argv);
    return code;
}
