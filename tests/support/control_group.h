/* control_group - a control group of the test's own, for workers to be started in. */
#ifndef DARG_TESTS_SUPPORT_CONTROL_GROUP_H
#define DARG_TESTS_SUPPORT_CONTROL_GROUP_H

#include <stdbool.h>
#include <stddef.h>

struct control_group {
    char path[512];
    bool has_controllers; /* it can hand on limits of memory and of processes */
};

/* Makes one that is marked as delegated; false where this process may not, or the system has none
 * of version 2. */
bool control_group_make(struct control_group *group);

/* Fails if there is anything in it but what a worker that has ended leaves, which is empty. */
void control_group_remove(const struct control_group *group);

/* How many groups there are in it whose names begin so. */
size_t control_group_count(const struct control_group *group, const char *prefix);

/* Takes back that it was delegated. */
void control_group_unmark(const struct control_group *group);

/* Gives it to a user, as a service manager would. */
void control_group_give(const struct control_group *group, unsigned uid);

/* What is to be started for argv to run in the group: argv with a shell in front that enters it.
 * NULL: argv itself. Borrowed until the next call. */
const char *const *control_group_enter(const struct control_group *group, const char *const *argv);

#endif
