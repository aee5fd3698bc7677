/* control_group - a control group made by the test, to start workers in. */
#ifndef DARG_TESTS_SUPPORT_CONTROL_GROUP_H
#define DARG_TESTS_SUPPORT_CONTROL_GROUP_H

#include <stdbool.h>
#include <stddef.h>

struct control_group {
    char path[512];
    bool has_controllers; /* memory and pids can be enabled for groups below */
};

/* Makes one that is marked as delegated; false if this process may not, or the system has no
 * control groups of version 2. */
bool control_group_make(struct control_group *group);

/* Removes it. Fails if it contains more than the empty group that a worker which has ended
 * leaves. */
void control_group_remove(const struct control_group *group);

/* How many groups in it have names that begin with `prefix`. */
size_t control_group_count(const struct control_group *group, const char *prefix);

/* Removes the mark that it was delegated. */
void control_group_unmark(const struct control_group *group);

/* Gives it to a user, as a service manager would. */
void control_group_give(const struct control_group *group, unsigned uid);

/* What to start so that argv runs in the group: a shell that enters it and then executes argv.
 * group NULL: argv itself. Borrowed until the next call. */
const char *const *control_group_enter(const struct control_group *group, const char *const *argv);

#endif
