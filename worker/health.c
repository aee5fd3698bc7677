#include "worker/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "worker/pulse.h"

enum {
    BACKLOG = 8,
    ANSWERS_MAX = 16,     /* at once: askers in a loop must not keep the supervisor busy */
    ANSWER_WAIT_S = 3,    /* a supervisor that is well answers within milliseconds */
    ANSWER_LEN = 96,      /* four numbers */
    OUTAGE_MIN_MS = 1000, /* a link that is just being made again is not worth a word */
    EXIT_UNHEALTHY = 1,
};

struct address {
    struct sockaddr_un un;
    socklen_t len;
};

static enum status make_address(const char *name, struct address *address, struct err *err)
{
    struct stat space = {.st_ino = 0}; /* 0 where there is no /proc */
    (void)stat("/proc/self/ns/pid", &space);
    *address = (struct address){.un = {.sun_family = AF_UNIX}};
    char *path = address->un.sun_path + 1; /* after a leading 0: abstract */
    size_t size = sizeof address->un.sun_path - 1;
    int len = snprintf(path, size, "darg-worker/%u/%ju/%s", (unsigned)geteuid(),
                       (uintmax_t)space.st_ino, name);
    if (len < 0 || (size_t)len >= size)
        return err_set(err, ST_INVALID, "--health-name is too long: '%.40s...'", name);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    return ST_OK;
}

/* --- the side of the supervisor ------------------------------------------------------------ */

int health_listen(const char *name)
{
    struct address address;
    struct err err = {0};
    if (make_address(name, &address, &err) != ST_OK) {
        log_printf(LOG_WARN, "%s", err_text(&err));
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address.un, address.len) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    /* Not worth a warning: several workers on a host, which nobody asks. */
    log_printf(LOG_INFO, "--health is not answered by this worker as '%s': %s", name,
               strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void health_answer(int fd, const struct health *health)
{
    char text[ANSWER_LEN];
    int len = snprintf(text, sizeof text, "%" PRId64 " %d %" PRId64 " %d", health->age_ms,
                       (int)health->pid, health->outage_ms, (int)health->outage);
    for (int i = 0; i < ANSWERS_MAX; i++) {
        int asker = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (asker < 0)
            return;
        /* An asker that has gone away is none of our business. */
        (void)send(asker, text, (size_t)len, MSG_NOSIGNAL);
        close(asker);
    }
}

/* --- the asking side ----------------------------------------------------------------------- */

/* An abstract name can be taken by anybody: only a worker of this very user is believed. */
static bool is_own(int fd)
{
    struct ucred peer = {.uid = 0};
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
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

static enum status ask(const char *name, struct health *health, struct err *err)
{
    struct address address;
    enum status status = make_address(name, &address, err);
    if (status != ST_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_system(err, errno, "no socket to ask with");
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    char text[ANSWER_LEN] = "";
    if (connect(fd, (struct sockaddr *)&address.un, address.len) < 0)
        status = errno == ECONNREFUSED
                     ? err_set(err, ST_SYSTEM, "no darg-worker of this user answers as '%s'", name)
                     : err_system(err, errno, "cannot ask darg-worker '%s'", name);
    else if (!is_own(fd))
        status = err_set(err, ST_SYSTEM, "what answers as '%s' is another user's", name);
    else if (recv(fd, text, sizeof text - 1, 0) <= 0 || !read_answer(text, health))
        status = err_set(err, ST_TIMED_OUT, "darg-worker '%s' is there, but does not answer", name);
    close(fd);
    return status;
}

static int say_unhealthy(const char *reason)
{
    printf("unhealthy: %s\n", reason);
    return EXIT_UNHEALTHY;
}

int health_check(const char *name, int64_t limit_ms)
{
    struct err err = {0};
    struct health health = {.pid = 0};
    char age[PARSE_DURATION_MAX], text[128];
    if (ask(name, &health, &err) != ST_OK)
        return say_unhealthy(err_text(&err));
    if (health.age_ms == PULSE_NEVER)
        return say_unhealthy("a process has not begun to fetch jobs");
    format_duration_ms(health.age_ms, age);
    if (health.age_ms <= limit_ms) {
        printf("healthy: the fetch loop turned %s ago", age);
        if (health.outage_ms >= OUTAGE_MIN_MS)
            printf(", but Redis cannot be used for %s: %s",
                   format_duration_ms(health.outage_ms, age), status_text(health.outage));
        printf("\n");
        return 0;
    }
    if (health.pid == 0)
        snprintf(text, sizeof text, "a process has died, and none has fetched in its place for %s",
                 age);
    else
        snprintf(text, sizeof text, "the fetch loop of process %d has not turned for %s",
                 (int)health.pid, age);
    return say_unhealthy(text);
}
