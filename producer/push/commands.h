/* The commands of this room, each in the file of its name. */
#ifndef DARG_PRODUCER_PUSH_COMMANDS_H
#define DARG_PRODUCER_PUSH_COMMANDS_H

#include "producer/shared/command.h"

extern const struct command push_command, result_command;

#endif
