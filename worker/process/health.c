#include "worker/process/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "worker/shared/pulse.h"

enum {
    BACKLOG = 8,
    ANSWERS_MAX = 16,     /* per turn: clients in a loop must not keep the supervisor busy */
    ANSWER_WAIT_S = 3,    /* a healthy supervisor answers within milliseconds */
    ANSWER_LEN = 96,      /* four numbers */
    OUTAGE_MIN_MS = 1000, /* a link that is just being re-established is not mentioned */
    WORKERS_MAX = 16,     /* that can share a name */
    NAME_SHOWN = 80,      /* bytes of a name shown in a sentence */
    EXIT_UNHEALTHY = 1,
};

struct address {
    struct sockaddr_un un;
    socklen_t len;
};

/* Tells containers apart: each has its own PID namespace, even if it shares a directory or the
 * network. 0: there is no /proc. */
static uintmax_t pid_namespace(void)
{
    struct stat space = {.st_ino = 0};
    (void)stat("/proc/self/ns/pid", &space);
    return space.st_ino;
}

/* XDG_RUNTIME_DIR, if it belongs to this user alone; NULL: no such directory. */
static const char *own_directory(void)
{
    const char *path = getenv("XDG_RUNTIME_DIR");
    struct stat what;
    bool is_own = path && path[0] == '/' && stat(path, &what) == 0 && S_ISDIR(what.st_mode) &&
                  what.st_uid == geteuid() && (what.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    return is_own ? path : NULL;
}

/* The first worker of a name gets it without a number. False: there is no such address. */
static bool make_address(enum health_place place, const char *name, int number,
                         struct address *address)
{
    *address = (struct address){.un = {.sun_family = AF_UNIX}};
    bool is_path = place == HEALTH_PATH;
    const char *directory = is_path ? own_directory() : NULL;
    if (is_path && (!directory || strchr(name, '/')))
        return false;
    char suffix[16] = "";
    if (number > 1)
        snprintf(suffix, sizeof suffix, "#%d", number);
    char *path = address->un.sun_path + !is_path; /* an abstract name follows a leading 0 */
    size_t size = sizeof address->un.sun_path - !is_path;
    int len = is_path ? snprintf(path, size, "%s/darg-worker-%ju-%s%s", directory, pid_namespace(),
                                 name, suffix)
                      : snprintf(path, size, "darg-worker/%u/%ju/%s%s", (unsigned)geteuid(),
                                 pid_namespace(), name, suffix);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    return len > 0 && (size_t)len < size;
}

/* --- the side of the supervisor ------------------------------------------------------------ */

static int new_socket(int flags)
{
    /* SEQPACKET: an answer is one packet, so it is received whole or not at all. */
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

static bool try_connect(int fd, const struct address *address)
{
    return connect(fd, (const struct sockaddr *)&address->un, address->len) == 0;
}

/* True if the socket's file is left over from a worker that was killed. */
static bool is_left_over(const struct address *address)
{
    int fd = new_socket(SOCK_NONBLOCK);
    bool is_refused = fd >= 0 && !try_connect(fd, address) && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return is_refused;
}

static bool take_address(int fd, enum health_place place, const struct address *address)
{
    if (bind(fd, (const struct sockaddr *)&address->un, address->len) == 0)
        return true;
    if (place != HEALTH_PATH || errno != EADDRINUSE || !is_left_over(address))
        return false;
    unlink(address->un.sun_path);
    return bind(fd, (const struct sockaddr *)&address->un, address->len) == 0;
}

/* Listens at the first free address; -1: none is free, or there are none of this kind. */
static int listen_at(enum health_place place, const char *name, struct address *address)
{
    for (int number = 1; number <= WORKERS_MAX; number++) {
        if (!make_address(place, name, number, address))
            return -1;
        int fd = new_socket(SOCK_NONBLOCK);
        if (fd >= 0 && take_address(fd, place, address) && listen(fd, BACKLOG) == 0)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

void health_listen(struct health_listener *listener, const char *name)
{
    struct address address;
    *listener = (struct health_listener){.fds = {-1, -1}};
    for (enum health_place place = 0; place < HEALTH_PLACES; place++) {
        listener->fds[place] = listen_at(place, name, &address);
        if (place == HEALTH_PATH && listener->fds[place] >= 0)
            snprintf(listener->path, sizeof listener->path, "%s", address.un.sun_path);
    }
    bool is_heard = listener->fds[HEALTH_PATH] >= 0 || listener->fds[HEALTH_ABSTRACT] >= 0;
    if (!is_heard && !make_address(HEALTH_ABSTRACT, name, WORKERS_MAX, &address))
        log_printf(LOG_WARN, "this worker does not answer --health: its name is too long");
    else if (!is_heard) /* not a warning: with so many workers on a host, nobody may ever ask */
        log_printf(LOG_INFO,
                   "this worker does not answer --health: the name '%s' is taken %d times", name,
                   WORKERS_MAX);
}

void health_forget(struct health_listener *listener)
{
    for (enum health_place place = 0; place < HEALTH_PLACES; place++) {
        if (listener->fds[place] >= 0)
            close(listener->fds[place]);
        listener->fds[place] = -1;
    }
}

void health_close(struct health_listener *listener)
{
    if (listener->path[0])
        unlink(listener->path);
    health_forget(listener);
}

static void answer(int fd, const char *text, size_t len)
{
    for (int i = 0; i < ANSWERS_MAX; i++) {
        int asker = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (asker < 0)
            return;
        /* Failure is ignored: the client has gone away. */
        (void)send(asker, text, len, MSG_NOSIGNAL);
        close(asker);
    }
}

void health_answer(const struct health_listener *listener, const struct health *health)
{
    char text[ANSWER_LEN];
    int len = snprintf(text, sizeof text, "%" PRId64 " %d %" PRId64 " %d", health->age_ms,
                       (int)health->pid, health->outage_ms, (int)health->outage);
    for (enum health_place place = 0; place < HEALTH_PLACES; place++)
        if (listener->fds[place] >= 0)
            answer(listener->fds[place], text, (size_t)len);
}

/* --- the asking side ----------------------------------------------------------------------- */

/* What the workers of a name have answered so far. */
struct survey {
    const char *name;
    pid_t supervisors[WORKERS_MAX]; /* those already asked: most listen in two places */
    size_t count;
    struct health worst;
    bool is_anothers; /* another user's worker has one of the names */
    bool is_mute;     /* a worker does not answer */
};

static bool was_asked(const struct survey *survey, pid_t supervisor)
{
    for (size_t i = 0; i < survey->count; i++)
        if (survey->supervisors[i] == supervisor)
            return true;
    return survey->count == WORKERS_MAX;
}

static bool read_answer(char *text, struct health *health)
{
    enum { AGE, PID, OUTAGE_MS, OUTAGE, NUMBERS };
    int64_t numbers[NUMBERS] = {0};
    char *rest = NULL, *word = strtok_r(text, " ", &rest);
    for (size_t i = 0; i < NUMBERS; i++, word = strtok_r(NULL, " ", &rest))
        if (!word || parse_int(slice_of(word), INT64_MIN, INT64_MAX, &numbers[i], NULL) != ST_OK)
            return false;
    if (numbers[PID] < INT32_MIN || numbers[PID] > INT32_MAX || numbers[OUTAGE] < 0 ||
        numbers[OUTAGE] >= STATUS_COUNT)
        return false;
    *health = (struct health){.age_ms = numbers[AGE],
                              .pid = (pid_t)numbers[PID],
                              .outage_ms = numbers[OUTAGE_MS],
                              .outage = (enum status)numbers[OUTAGE]};
    return true;
}

static void add(struct survey *survey, pid_t supervisor, const struct health *health)
{
    struct health *worst = &survey->worst;
    bool is_first = survey->count == 0;
    survey->supervisors[survey->count++] = supervisor;
    if (is_first || (worst->age_ms != PULSE_NEVER &&
                     (health->age_ms == PULSE_NEVER || health->age_ms > worst->age_ms))) {
        worst->age_ms = health->age_ms;
        worst->pid = health->pid;
    }
    if (is_first || health->outage_ms > worst->outage_ms) {
        worst->outage_ms = health->outage_ms;
        worst->outage = health->outage;
    }
}

/* Anybody can take an abstract name, so only workers of this same user are believed. */
static void ask_connected(struct survey *survey, int fd)
{
    struct ucred peer = {.uid = 0};
    socklen_t len = sizeof peer;
    char text[ANSWER_LEN] = "";
    struct health health;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.uid != geteuid())
        survey->is_anothers = true;
    else if (was_asked(survey, peer.pid))
        return;
    else if (recv(fd, text, sizeof text - 1, 0) > 0 && read_answer(text, &health))
        add(survey, peer.pid, &health);
    else
        survey->is_mute = true;
}

/* EAGAIN means that its queue of connections is full, so that worker does not answer either. */
static void ask(struct survey *survey, enum health_place place, int number)
{
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    struct address address;
    if (!make_address(place, survey->name, number, &address))
        return;
    int fd = new_socket(0);
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (try_connect(fd, &address))
        ask_connected(survey, fd);
    else if (errno == EAGAIN)
        survey->is_mute = true;
    close(fd);
}

/* One worker that does not answer decides it. */
static void ask_all(struct survey *survey)
{
    for (enum health_place place = 0; place < HEALTH_PLACES; place++)
        for (int number = 1; number <= WORKERS_MAX && !survey->is_mute; number++)
            ask(survey, place, number);
}

static int say_unhealthy(const char *reason)
{
    printf("unhealthy: %s\n", reason);
    return EXIT_UNHEALTHY;
}

static int say_healthy(const struct survey *survey, const char *age)
{
    const struct health *worst = &survey->worst;
    char time[PARSE_DURATION_MAX];
    if (survey->count == 1)
        printf("healthy: the fetch loop last ran %s ago", age);
    else
        printf("healthy: the fetch loops of %zu workers all ran within the last %s", survey->count,
               age);
    if (worst->outage_ms >= OUTAGE_MIN_MS)
        printf(", but Redis has been unusable for %s: %s",
               format_duration_ms(worst->outage_ms, time), status_text(worst->outage));
    printf("\n");
    return 0;
}

int health_check(const char *name, int64_t limit_ms)
{
    struct survey survey = {.name = name};
    const struct health *worst = &survey.worst;
    char age[PARSE_DURATION_MAX], text[128 + NAME_SHOWN];
    ask_all(&survey);
    format_duration_ms(worst->age_ms, age);
    if (survey.is_mute)
        snprintf(text, sizeof text, "darg-worker '%.*s' is there, but does not answer", NAME_SHOWN,
                 name);
    else if (survey.count == 0)
        snprintf(text, sizeof text,
                 survey.is_anothers ? "'%.*s' belongs to another user"
                                    : "no darg-worker of this user answers as '%.*s'",
                 NAME_SHOWN, name);
    else if (worst->age_ms == PULSE_NEVER)
        snprintf(text, sizeof text, "a process has not started fetching jobs");
    else if (worst->age_ms <= limit_ms)
        return say_healthy(&survey, age);
    else if (worst->pid == 0)
        snprintf(text, sizeof text,
                 "a process has died, and no other has fetched in its place for %s", age);
    else
        snprintf(text, sizeof text, "the fetch loop of process %d has not run for %s",
                 (int)worst->pid, age);
    return say_unhealthy(text);
}
