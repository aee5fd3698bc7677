/* cgroup_file - the small files by which the kernel is told and asked about a control group. */
#ifndef DARG_WORKER_PROGRAM_CGROUP_FILE_H
#define DARG_WORKER_PROGRAM_CGROUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CGROUP_TEXT_MAX = 4096 }; /* bytes read of a file */

/* Opens the group `name` below one that is open. -1 with errno. */
int cgroup_open(int directory, const char *name);

/* Writes the text into the group's file; false with errno. */
bool cgroup_put(int directory, const char *file, const char *text);
bool cgroup_put_number(int directory, const char *file, int64_t number);

/* Reads the group's file, with a NUL behind it; false with errno. */
bool cgroup_get(int directory, const char *file, char text[CGROUP_TEXT_MAX]);

/* The number behind a word at the beginning of a line; -1: it is not there. */
int64_t cgroup_number(const char *text, const char *word);

/* False once no process is in the group or below it, but those that have ended already. */
bool cgroup_is_populated(int directory);

/* Sends SIGKILL to every process in the group and below it, and waits until_ms (monotonic clock)
 * for them to have gone. True if they have. */
bool cgroup_make_end(int directory, int64_t until_ms);

/* Removes the group `name`, and those within it. False where processes are left. */
bool cgroup_remove(int directory, const char *name);

#endif
