#include "producer/shared/commands.h"

#include "base/options.h"
#include "producer/shared/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 32 };

static const struct command all_commands[] = {
    {"push", "add jobs to a queue, and wait for their results with --wait", push_main},
    {"result", "how a job ended that was pushed with --keep", result_main},
    {"status", "where a job is, and how far", status_main},
    {"cancel", "stop jobs that wait or run", cancel_main},
    {"stats", "what is in the queues and how fast it goes", stats_main},
    {"queues", "the list of queues", queues_main},
    {"workers", "who works on the queues", workers_main},
    {"peek", "the next jobs, without taking them", peek_main},
    {"dead", "look through dead jobs, retry or drop them", dead_main},
    {"pause", "hand out no jobs until resume", pause_main},
    {"resume", "take back pause, stop and quiet", resume_main},
    {"drain", "let the workers finish what is there and exit", drain_main},
    {"stop", "let workers finish what they run and exit", stop_main},
    {"quiet", "let workers take no more jobs, but stay", quiet_main},
    {"limit", "show or set a queue's limits", limit_main},
    {"purge", "throw jobs away", purge_main},
    {"fsck", "look for damage in a queue's keys, and mend it", fsck_main},
    {"doctor", "look for settings of Redis that endanger jobs", doctor_main},
    {"redis", "the private Redis of local: URLs", redis_main},
    {0},
};

static void print_help(const char *program, const char *summary, const struct command *table)
{
    printf("Usage: %s COMMAND [options]\n\n%s\n\nCommands:\n", program, summary);
    for (const struct command *command = table; command->name != NULL; command++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\n'%s COMMAND --help' says more about each.\n", program);
}

static const struct command *find(const struct command *table, const char *name)
{
    for (const struct command *command = table; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static int refuse(const char *program, const struct command *table, const char *word)
{
    if (word[0] == '-') {
        fprintf(stderr, "%s: options come after the command: %s COMMAND %s\n", program, program,
                word);
        return DARG_USAGE;
    }
    const char *names[COMMANDS_MAX + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS_MAX && table[i].name != NULL; i++)
        names[i] = table[i].name;
    const char *nearest = options_suggest(word, names);
    fprintf(stderr, "%s: there is no command '%.60s'", program, word);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\nTry '%s --help'.\n", program);
    return DARG_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `--help=man` and the like: every command answers for itself. */
static int help_of_all(const struct command *table, char *option)
{
    for (const struct command *command = table; command->name != NULL; command++) {
        char *name = mem_dup(command->name);
        char *argv[] = {name, option, NULL};
        int code = command->run(2, argv);
        free(name);
        if (code != DARG_OK)
            return code;
    }
    return DARG_OK;
}

int commands_dispatch(const char *program, const char *summary, const struct command *table,
                      int argc, char **argv)
{
    if (argc < 2 || (is_help(argv[1]) && argc == 2)) {
        print_help(program, summary, table);
        return DARG_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("darg " DARG_VERSION);
        return DARG_OK;
    }
    if (strncmp(argv[1], "--help=", 7) == 0)
        return help_of_all(table, argv[1]);
    bool wants_help = is_help(argv[1]);
    const char *word = argv[wants_help ? 2 : 1];
    const struct command *command = find(table, word);
    if (command == NULL)
        return refuse(program, table, word);
    if (!wants_help)
        return command->run(argc - 1, argv + 1);
    char help[] = "--help";
    char *help_argv[] = {argv[2], help, NULL};
    return command->run(2, help_argv);
}

int commands_main(int argc, char **argv)
{
    return commands_dispatch("darg", "Push jobs onto Redis, and look after the queues.",
                             all_commands, argc, argv);
}
