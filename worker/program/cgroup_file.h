/* cgroup_file - the small files through which the kernel's control groups are managed. */
#ifndef DARG_WORKER_PROGRAM_CGROUP_FILE_H
#define DARG_WORKER_PROGRAM_CGROUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CGROUP_TEXT_MAX = 4096 }; /* bytes read from a file; more are ignored */

/* Opens the group `name` below an open one. -1 with errno. */
int cgroup_open(int directory, const char *name);

/* Writes the text into the group's file; false with errno. */
bool cgroup_put(int directory, const char *file, const char *text);
bool cgroup_put_number(int directory, const char *file, int64_t number);

/* Reads the group's file and ends it with a NUL; false with errno. */
bool cgroup_get(int directory, const char *file, char text[CGROUP_TEXT_MAX]);

/* The number after `word` where that begins a line; -1: no such line. */
int64_t cgroup_number(const char *text, const char *word);

/* False once no process is left in the group or below it, apart from zombies. */
bool cgroup_is_populated(int directory);

/* Sends SIGKILL to every process in the group and below it, and waits for them to go, until
 * until_ms (monotonic) at most. True if they have gone. */
bool cgroup_make_end(int directory, int64_t until_ms);

/* Removes the group `name`, and those inside it. False if processes are left. */
bool cgroup_remove(int directory, const char *name);

#endif
