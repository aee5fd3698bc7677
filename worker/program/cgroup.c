#include "worker/program/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "worker/program/cgroup_file.h"

enum { END_MS = 500 };

struct cgroup {
    struct cgroups *owner;
    struct cgroup *next; /* in the list of free groups; undefined while taken */
    char name[CGROUP_NAME_MAX];
    int directory;
    int peak_fd;                /* of memory.peak; -1: the kernel has no such file */
    int64_t memory, processes;  /* the limits that are set; -1: none */
    struct cgroup_usage before; /* its counters when it was taken */
};

struct cgroups {
    const struct cgroup_place *place;
    pthread_mutex_t lock; /* guards the fields below */
    struct cgroup *free;
    size_t made;
};

/* ---- counters ---- */

static int64_t read_peak(const struct cgroup *group)
{
    char text[32] = "";
    int64_t peak = -1;
    ssize_t got = group->peak_fd < 0 ? -1 : pread(group->peak_fd, text, sizeof text - 1, 0);
    if (got > 0)
        (void)parse_digits(slice_of(text), 18, &peak);
    return peak;
}

/* Since Linux 6.12, writing to the file resets the peak for this descriptor. */
static int64_t restart_peak(const struct cgroup *group)
{
    if (group->peak_fd >= 0 && write(group->peak_fd, "0", 1) == 1)
        return 0;
    return read_peak(group);
}

/* All counters except the peak; leaves alone those whose controller is missing. */
static void read_counters(const struct cgroup *group, struct cgroup_usage *usage)
{
    const struct cgroup_place *place = group->owner->place;
    char cpu[CGROUP_TEXT_MAX], memory[CGROUP_TEXT_MAX] = "", processes[CGROUP_TEXT_MAX] = "";
    (void)cgroup_get(group->directory, "cpu.stat", cpu);
    if (place->has_memory)
        (void)cgroup_get(group->directory, "memory.events", memory);
    if (place->has_processes)
        (void)cgroup_get(group->directory, "pids.events", processes);
    *usage = (struct cgroup_usage){
        .user_us = cgroup_number(cpu, "user_usec"),
        .system_us = cgroup_number(cpu, "system_usec"),
        .oom_kills = cgroup_number(memory, "oom_kill"),
        .memory_refusals = cgroup_number(memory, "oom"),
        .processes_refused = cgroup_number(processes, "max"),
    };
}

static int64_t grown(int64_t before, int64_t now)
{
    return before < 0 || now < before ? -1 : now - before;
}

void cgroup_measure(const struct cgroup *group, struct cgroup_usage *usage)
{
    const struct cgroup_usage *before = &group->before;
    struct cgroup_usage now;
    read_counters(group, &now);
    int64_t peak = read_peak(group);
    *usage = (struct cgroup_usage){
        .user_us = grown(before->user_us, now.user_us),
        .system_us = grown(before->system_us, now.system_us),
        /* If the peak was not reset, only a higher one is this program's; a lower one is hidden
         * behind it. */
        .peak_bytes = peak > before->peak_bytes ? peak : -1,
        .oom_kills = grown(before->oom_kills, now.oom_kills),
        .memory_refusals = grown(before->memory_refusals, now.memory_refusals),
        .processes_refused = grown(before->processes_refused, now.processes_refused),
    };
}

/* ---- limits ---- */

/* -1: no limit. A limit that is set already is not written again, to save system calls: mostly the
 * same handler takes the group again. */
static enum status set_limit(const struct cgroup *group, const char *file, int64_t limit,
                             int64_t *current, struct err *err)
{
    if (limit == *current)
        return ST_OK;
    bool is_set = limit < 0 ? cgroup_put(group->directory, file, "max")
                            : cgroup_put_number(group->directory, file, limit);
    if (!is_set)
        return err_system(err, errno, "cannot set %s of the control group %s", file, group->name);
    *current = limit;
    return ST_OK;
}

static int64_t limit_of(const struct limits *limits, enum limit_number number)
{
    return limits_have(limits, number) ? limits->numbers[number] : -1;
}

static enum status set_limits(struct cgroup *group, const struct limits *limits, struct err *err)
{
    const struct cgroup_place *place = group->owner->place;
    enum status status = ST_OK;
    if (place->has_memory)
        status =
            set_limit(group, "memory.max", limit_of(limits, LIMIT_MEMORY), &group->memory, err);
    if (status == ST_OK && place->has_processes)
        status =
            set_limit(group, "pids.max", limit_of(limits, LIMIT_PROCESSES), &group->processes, err);
    return status;
}

bool cgroup_keeps_processes(const struct cgroup *group)
{
    return group->owner->place->has_processes;
}

/* ---- groups ---- */

static void discard(struct cgroup *group)
{
    (void)cgroup_remove(group->owner->place->directory, group->name);
    if (group->peak_fd >= 0)
        close(group->peak_fd);
    close(group->directory);
    free(group);
}

/* If the kernel kills for lack of memory, it kills the whole group: half a program would be left
 * otherwise. And no swap, or a program could have more than its limit by being swapped out.
 * Failures are ignored: not every kernel has swap, or counts it. */
static void furnish(struct cgroup *group)
{
    if (!group->owner->place->has_memory)
        return;
    (void)cgroup_put(group->directory, "memory.oom.group", "1");
    (void)cgroup_put(group->directory, "memory.swap.max", "0");
    group->peak_fd = openat(group->directory, "memory.peak", O_RDWR | O_CLOEXEC);
    if (group->peak_fd < 0)
        group->peak_fd = openat(group->directory, "memory.peak", O_RDONLY | O_CLOEXEC);
}

/* Skips names that an earlier process with the same id may have left behind. */
static bool make_directory(struct cgroups *groups, char name[CGROUP_NAME_MAX])
{
    enum { TRIES_MAX = 10000 };
    bool is_made = false;
    pthread_mutex_lock(&groups->lock);
    for (int i = 0; !is_made && i < TRIES_MAX; i++) {
        cgroup_place_name(name, groups->made++);
        is_made = mkdirat(groups->place->directory, name, 0755) == 0;
        if (!is_made && errno != EEXIST)
            break;
    }
    pthread_mutex_unlock(&groups->lock);
    return is_made;
}

/* NULL with a sentence. */
static struct cgroup *make(struct cgroups *groups, struct err *err)
{
    int place = groups->place->directory;
    struct cgroup *group = mem_new(sizeof *group);
    *group = (struct cgroup){
        .owner = groups, .directory = -1, .peak_fd = -1, .memory = -1, .processes = -1};
    if (make_directory(groups, group->name))
        group->directory = cgroup_open(place, group->name);
    if (group->directory < 0) {
        (void)err_system(err, errno, "cannot make a control group below %s", groups->place->name);
        free(group);
        return NULL;
    }
    furnish(group);
    return group;
}

/* A group that was given back may still hold killed processes that have not ended yet. */
static bool is_empty(const struct cgroup *group)
{
    return !cgroup_is_populated(group->directory);
}

/* A job may have made groups inside its own. The kernel then refuses new processes in it. */
static bool is_divided(const struct cgroup *group)
{
    struct stat stat;
    return fstat(group->directory, &stat) == 0 && stat.st_nlink > 2;
}

/* A group that was given back and is empty; NULL: there is none. */
static struct cgroup *find_empty(struct cgroups *groups)
{
    pthread_mutex_lock(&groups->lock);
    struct cgroup **link = &groups->free;
    while (*link && !is_empty(*link))
        link = &(*link)->next;
    struct cgroup *found = *link;
    if (found)
        *link = found->next;
    pthread_mutex_unlock(&groups->lock);
    return found;
}

enum status cgroup_take(struct cgroups *groups, const struct limits *limits, struct cgroup **taken,
                        struct err *err)
{
    struct cgroup *group;
    while ((group = find_empty(groups)) && is_divided(group))
        discard(group);
    if (!group)
        group = make(groups, err);
    if (!group)
        return ST_SYSTEM;
    enum status status = set_limits(group, limits, err);
    if (status != ST_OK) {
        discard(group);
        return status;
    }
    read_counters(group, &group->before);
    group->before.peak_bytes = restart_peak(group);
    *taken = group;
    return ST_OK;
}

void cgroup_give(struct cgroup *group)
{
    struct cgroups *groups = group->owner;
    pthread_mutex_lock(&groups->lock);
    group->next = groups->free;
    groups->free = group;
    pthread_mutex_unlock(&groups->lock);
}

int cgroup_entrance(const struct cgroup *group)
{
    return openat(group->directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
}

void cgroup_kill(const struct cgroup *group)
{
    (void)cgroup_make_end(group->directory, 0);
}

struct cgroups *cgroups_new(const struct cgroup_place *place)
{
    if (!place)
        return NULL;
    struct cgroups *groups = mem_new(sizeof *groups);
    groups->place = place;
    pthread_mutex_init(&groups->lock, NULL);
    return groups;
}

void cgroups_free(struct cgroups *groups)
{
    if (!groups)
        return;
    int64_t until_ms = clock_mono_ms() + END_MS;
    while (groups->free) {
        struct cgroup *group = groups->free;
        groups->free = group->next;
        (void)cgroup_make_end(group->directory, until_ms);
        discard(group);
    }
    pthread_mutex_destroy(&groups->lock);
    free(groups);
}
