/* The processes of a worker, as /proc shows them. */
#include "support/cmocka_all.h"
#include "support/worker_fixture.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Reads the state and the parent of a process; false: there is no such process. */
static bool look_at(pid_t pid, char *process_state, pid_t *parent)
{
    char path[64], line[512] = "";
    int ppid = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const char *read = fgets(line, sizeof line, file);
    (void)fclose(file);
    const char *end = read == NULL ? NULL : strrchr(line, ')');
    if (end == NULL || sscanf(end, ") %c %d", process_state, &ppid) != 2)
        return false;
    *parent = ppid;
    return true;
}

bool worker_fixture_is_alive(pid_t pid)
{
    char process_state = 0;
    pid_t parent;
    return look_at(pid, &process_state, &parent) && process_state != 'Z' && process_state != 'X';
}

size_t worker_fixture_children(const struct process *worker, pid_t *children, size_t max)
{
    size_t count = 0;
    DIR *directory = opendir("/proc");
    ensure(directory != NULL, "no /proc");
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), parent = 0;
        char process_state = 0;
        if (isdigit((unsigned char)entry->d_name[0]) && look_at(pid, &process_state, &parent) &&
            parent == process_pid(worker) && process_state != 'Z' && count < max)
            children[count++] = pid;
    }
    (void)closedir(directory);
    return count;
}

pid_t worker_fixture_child(const struct process *worker)
{
    pid_t child = 0;
    assert_int_equal(worker_fixture_children(worker, &child, 1), 1);
    return child;
}
