#include "worker/handler/roster.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    FREE = 0,
    TAKEN = -1,
    ROUNDS_MAX = 20, /* of looking for what still runs: what is killed may have just forked */
    ROUND_MS = 5,
    SLACK_MS = 20, /* the kernel tells the start of a process in ticks, of 10 ms at most */
};

struct roster_place {
    _Atomic pid_t leader; /* or FREE, or TAKEN */
    _Atomic int64_t noted_ms;
};

struct roster {
    size_t count;
    _Atomic size_t next; /* where to look for a free place first */
    struct roster_place places[];
};

static size_t size_of(size_t count)
{
    return sizeof(struct roster) + count * sizeof(struct roster_place);
}

struct roster *roster_new(size_t count)
{
    struct roster *roster =
        mmap(NULL, size_of(count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (roster == MAP_FAILED)
        return NULL;
    roster->count = count; /* fresh pages are zero: all places are free */
    return roster;
}

void roster_free(struct roster *roster)
{
    if (roster)
        munmap(roster, size_of(roster->count));
}

/* ---- in the worker process, and in its programs before they are executed ---- */

struct roster_place *roster_take(struct roster *roster)
{
    for (size_t i = 0; roster && i < roster->count; i++) {
        size_t at = atomic_fetch_add(&roster->next, 1) % roster->count;
        pid_t expected = FREE;
        if (atomic_compare_exchange_strong(&roster->places[at].leader, &expected, TAKEN))
            return &roster->places[at];
    }
    return NULL;
}

int64_t roster_now_ms(void)
{
    struct timespec now = {.tv_sec = 0};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void roster_note(struct roster_place *place, pid_t leader, int64_t now_ms)
{
    if (!place)
        return;
    atomic_store(&place->noted_ms, now_ms);
    atomic_store(&place->leader, leader);
}

void roster_leave(struct roster_place *place)
{
    if (place)
        atomic_store(&place->leader, FREE);
}

/* ---- after its death ---- */

struct process {
    char state;
    pid_t session;
    int64_t started_ms;
};

/* The fields of /proc/PID/stat, counted from the state, which follows the name in parentheses. */
enum { SESSION = 3, START = 19 };

/* False: there is no such process, or no /proc. */
static bool look_at(pid_t pid, struct process *process)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = 0;
    char *at = strrchr(text, ')'); /* the name may hold anything */
    if (!at || strlen(at) < 4)
        return false;
    *process = (struct process){.state = at[2]};
    at += 3;
    for (int field = 1; field <= START; field++) {
        int64_t number = strtoll(at, &at, 10);
        if (field == SESSION)
            process->session = (pid_t)number;
        if (field == START)
            process->started_ms = number * 1000 / sysconf(_SC_CLK_TCK);
    }
    return true;
}

static bool has_ended(const struct process *process)
{
    return process->state == 'Z' || process->state == 'X';
}

/* As long as anything is left of a session, its number is nobody else's. */
static bool is_anothers(const struct roster_place *place)
{
    struct process leader;
    return look_at(place->leader, &leader) &&
           leader.started_ms > atomic_load(&place->noted_ms) + SLACK_MS;
}

static bool is_noted(const struct roster *roster, pid_t session)
{
    for (size_t i = 0; session > 0 && i < roster->count; i++)
        if (atomic_load(&roster->places[i].leader) == session)
            return true;
    return false;
}

/* The descriptor first: it goes on standing for the process that was looked at. */
static bool kill_if_noted(const struct roster *roster, pid_t pid)
{
    struct process process;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool is_found = fd >= 0 && look_at(pid, &process) && !has_ended(&process) &&
                    is_noted(roster, process.session);
    if (is_found)
        (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    if (fd >= 0)
        close(fd);
    return is_found;
}

/* Process groups of their own within a session: `timeout`, shells with job control. */
static bool kill_sessions(const struct roster *roster)
{
    bool any = false;
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && kill_if_noted(roster, pid))
            any = true;
    }
    if (directory)
        closedir(directory);
    return any;
}

void roster_end(struct roster *roster)
{
    bool any = false;
    for (size_t i = 0; roster && i < roster->count; i++) {
        struct roster_place *place = &roster->places[i];
        pid_t leader = atomic_load(&place->leader);
        if (leader <= 0 || is_anothers(place)) {
            atomic_store(&place->leader, FREE);
            continue;
        }
        kill(-leader, SIGKILL);
        any = true;
    }
    for (int i = 0; any && kill_sessions(roster) && i < ROUNDS_MAX; i++)
        (void)poll(NULL, 0, ROUND_MS);
    for (size_t i = 0; any && i < roster->count; i++)
        atomic_store(&roster->places[i].leader, FREE);
}
