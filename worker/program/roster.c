#include "worker/program/roster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"

enum {
    FREE = 0,
    TAKEN = -1,
    ROUNDS_MAX = 20, /* of killing what still runs: a killed process may have just forked */
    ROUND_MS = 5,
    SLACK_MS = 20, /* the kernel gives start times in ticks, of 10 ms at most */
};

struct roster_place {
    _Atomic pid_t leader;                /* of the program's session; or FREE, or TAKEN */
    _Atomic int64_t noted_ms, autogroup; /* undefined unless there is a leader */
};

struct roster {
    size_t count;
    char mark[sizeof ROSTER_VARIABLE + 33]; /* NAME=VALUE, in the environment of all programs */
    _Atomic size_t next;                    /* where to look first for a free place */
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
    roster->count = count; /* fresh pages are zero, so all places are free */
    snprintf(roster->mark, sizeof roster->mark, "%s=%016" PRIx64 "%016" PRIx64, ROSTER_VARIABLE,
             id_random(), id_random());
    return roster;
}

void roster_free(struct roster *roster)
{
    if (roster)
        munmap(roster, size_of(roster->count));
}

const char *roster_mark(const struct roster *roster)
{
    return roster->mark + sizeof ROSTER_VARIABLE;
}

/* ---- in the worker process, and in its programs before they are executed ---- */

int64_t roster_now_ms(void)
{
    struct timespec now = {.tv_sec = 0};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads "/autogroup-12 nice 0". 0 tells nothing: processes that never had a session of their own
 * have it. */
static int64_t read_autogroup(const char *path)
{
    static const char start[] = "/autogroup-";
    char text[64] = "";
    int64_t number = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read(fd, text, sizeof text - 1);
        close(fd);
    }
    if (strncmp(text, start, sizeof start - 1) != 0)
        return 0;
    for (const char *at = text + sizeof start - 1; *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (*at - '0');
    return number;
}

int64_t roster_own_autogroup(void)
{
    return read_autogroup("/proc/self/autogroup");
}

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

void roster_note(struct roster_place *place, pid_t leader, int64_t now_ms, int64_t autogroup)
{
    if (!place)
        return;
    atomic_store(&place->noted_ms, now_ms);
    atomic_store(&place->autogroup, autogroup);
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

/* Fields of /proc/PID/stat, counted from the state, which follows the name in parentheses. */
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
    char *at = strrchr(text, ')'); /* the name may contain anything, parentheses too */
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

enum kin { NOT_OURS, UNSURE, OURS };

/* While anything is left of a session, its number is not reused. If the leader exists, its start
 * time tells whether it is ours. If it does not, this may be a later session with the same number
 * whose leader has gone, as those of daemons do. */
static enum kin whose_session(const struct roster_place *place)
{
    struct process leader;
    if (!look_at(atomic_load(&place->leader), &leader))
        return UNSURE;
    return leader.started_ms > atomic_load(&place->noted_ms) + SLACK_MS ? NOT_OURS : OURS;
}

static const struct roster_place *find(const struct roster *roster, pid_t session)
{
    for (size_t i = 0; session > 0 && i < roster->count; i++)
        if (atomic_load(&roster->places[i].leader) == session)
            return &roster->places[i];
    return NULL;
}

/* Our programs, and those that they start, have a mark in their environment that nobody can guess.
 * Also false if the environment may not be read. */
static bool is_marked(const struct roster *roster, pid_t pid)
{
    char path[32], text[8192];
    size_t mark_len = strlen(roster->mark), kept = 0;
    ssize_t len;
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (!is_found && fd >= 0 && (len = read(fd, text + kept, sizeof text - kept)) > 0) {
        size_t have = kept + (size_t)len;
        is_found = memmem(text, have, roster->mark, mark_len) != NULL;
        kept = have < mark_len ? have : mark_len; /* the mark may straddle two reads */
        memmove(text, text + have - kept, kept);
    }
    if (fd >= 0)
        close(fd);
    return is_found;
}

static enum kin whose(const struct roster *roster, pid_t pid, const struct process *process)
{
    char path[32];
    const struct roster_place *place = find(roster, process->session);
    if (!place)
        return NOT_OURS;
    snprintf(path, sizeof path, "/proc/%d/autogroup", (int)pid);
    int64_t noted = atomic_load(&place->autogroup);
    int64_t found = noted > 0 ? read_autogroup(path) : 0;
    if (found > 0)
        return found == noted ? OURS : NOT_OURS;
    enum kin kin = whose_session(place);
    return kin == UNSURE && is_marked(roster, pid) ? OURS : kin;
}

/* Without pidfds (before Linux 5.3, or with system calls filtered) the number has to do. */
static bool send_kill(pid_t pid, int fd)
{
    bool is_sent = fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
    bool has_gone = fd >= 0 && !is_sent && errno == ESRCH; /* its number may already be another's */
    return is_sent || (!has_gone && kill(pid, SIGKILL) == 0);
}

struct tally {
    size_t killed, refused, unsure;
};

/* The descriptor is opened first: it keeps referring to the process that is then examined, even if
 * that ends and its number is reused. */
static void kill_if_ours(const struct roster *roster, pid_t pid, struct tally *tally)
{
    struct process process;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool is_there = look_at(pid, &process) && !has_ended(&process);
    enum kin kin = is_there ? whose(roster, pid, &process) : NOT_OURS;
    if (kin == OURS && send_kill(pid, fd))
        tally->killed++;
    else if (kin == OURS && errno != ESRCH)
        tally->refused++;
    else if (kin == UNSURE)
        tally->unsure++;
    if (fd >= 0)
        close(fd);
}

/* Goes through all processes, because killing the leader's group is not enough: `timeout`, and
 * shells with job control, make further process groups within the session. */
static struct tally kill_sessions(const struct roster *roster)
{
    struct tally tally = {0};
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0)
            kill_if_ours(roster, pid, &tally);
    }
    if (directory)
        closedir(directory);
    return tally;
}

bool roster_can_look(void)
{
    char own[32] = "";
    return readlink("/proc/self", own, sizeof own - 1) > 0 && strtol(own, NULL, 10) == getpid();
}

/* Kills whole process groups at once, where they are certainly ours, or where /proc cannot tell. */
static bool kill_groups(struct roster *roster, bool can_look)
{
    bool any = false;
    for (size_t i = 0; i < roster->count; i++) {
        pid_t leader = atomic_load(&roster->places[i].leader);
        if (leader <= 0)
            continue;
        any = true;
        if (!can_look || whose_session(&roster->places[i]) == OURS)
            kill(-leader, SIGKILL);
    }
    return any;
}

struct roster_rest roster_end(struct roster *roster)
{
    struct tally tally = {0};
    bool can_look = roster_can_look();
    bool any = roster && kill_groups(roster, can_look);
    for (int i = 0; any && can_look && i < ROUNDS_MAX; i++) {
        tally = kill_sessions(roster);
        if (tally.killed == 0)
            break;
        (void)poll(NULL, 0, ROUND_MS);
    }
    for (size_t i = 0; roster && i < roster->count; i++)
        atomic_store(&roster->places[i].leader, FREE);
    return (struct roster_rest){.refused = tally.refused, .unsure = tally.unsure};
}
