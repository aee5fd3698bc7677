#include "producer/commands.h"

#include "producer/operate/commands.h"
#include "producer/push/commands.h"
#include "producer/shared/dispatch.h"

#include <stddef.h>

static const struct command *const all[] = {
    &push_command,   &result_command,  &status_command, &cancel_command, &stats_command,
    &queues_command, &workers_command, &peek_command,   &dead_command,   &pause_command,
    &resume_command, &drain_command,   &stop_command,   &quiet_command,  &limit_command,
    &purge_command,  &fsck_command,    &doctor_command, &redis_command,  NULL,
};

static const struct command darg = {
    .name = "darg",
    .summary = "Push jobs onto Redis, and look after the queues.",
    .members = all,
};

int commands_main(int argc, char **argv)
{
    return dispatch(&darg, argc, argv);
}
