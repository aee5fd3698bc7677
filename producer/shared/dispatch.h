/* dispatch - finds the command that a command line names, also in groups, and runs it.
 *
 * Options that are common to all commands may stand before its words. Knows help, --help, --version
 * and mistyped words. */
#ifndef DARG_PRODUCER_SHARED_DISPATCH_H
#define DARG_PRODUCER_SHARED_DISPATCH_H

#include "producer/shared/command.h"

/* `program` is the group of all commands. Answers the exit code. */
int dispatch(const struct command *program, int argc, char **argv);

#endif
