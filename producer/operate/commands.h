/* The commands of this room, each in the file of its name unless it says otherwise. */
#ifndef DARG_PRODUCER_OPERATE_COMMANDS_H
#define DARG_PRODUCER_OPERATE_COMMANDS_H

#include "producer/shared/command.h"

extern const struct command cancel_command, dead_command, doctor_command, drain_command,
    fsck_command, limit_command, peek_command, purge_command, queues_command, redis_command,
    stats_command, status_command, workers_command;
extern const struct command pause_command, quiet_command, resume_command,
    stop_command; /* control.c */

#endif
