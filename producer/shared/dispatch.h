/* dispatch - finds the command that a command line names, also in groups, and runs it.
 *
 * Options common to all commands may come before its words. Handles help, --help, --version and
 * mistyped words. */
#ifndef DARG_PRODUCER_SHARED_DISPATCH_H
#define DARG_PRODUCER_SHARED_DISPATCH_H

#include "producer/shared/command.h"

/* `program` is the group of all commands. Returns the exit code. */
int dispatch(const struct command *program, int argc, char **argv);

#endif
