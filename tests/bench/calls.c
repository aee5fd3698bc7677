/* calls SOCKET SECONDS: how many commands a second all clients together send to an otherwise idle
 * Redis. MONITOR shows each command with where it comes from; those that a script runs are marked
 * "lua" and not counted: INFO's total_commands_processed would count them too. A plain socket: a
 * monitor's stream of lines is no answer to anything. With -v, shows the lines. */
#include "base/clock.h"
#include "support/measure.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct monitor {
    int fd;
    bool is_verbose;
    struct buf lines; /* read, not yet counted */
    int64_t calls;    /* by clients */
};

static void monitor_open(struct monitor *monitor, const char *path)
{
    static const char request[] = "MONITOR\r\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ensure(strlen(path) < sizeof address.sun_path, "too long: %s", path);
    memcpy(address.sun_path, path, strlen(path));
    monitor->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(connect(monitor->fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
               write(monitor->fd, request, strlen(request)) == (ssize_t)strlen(request),
           "%s: %s", path, strerror(errno));
}

/* +1700000000.123456 [0 unix:/path] "PING"; in place of the address: lua. */
static void count_lines(struct monitor *monitor)
{
    for (;;) {
        const char *start = buf_text(&monitor->lines);
        const char *end = strchr(start, '\n');
        if (end == NULL)
            return;
        const char *source = memchr(start, '[', (size_t)(end - start));
        const char *text = source == NULL ? NULL : strchr(source, ' ');
        bool is_call = text != NULL && strncmp(text, " lua]", 5) != 0;
        monitor->calls += is_call;
        if (is_call && monitor->is_verbose)
            fprintf(stderr, "%.*s\n", (int)(end - start), start);
        buf_consume(&monitor->lines, (size_t)(end - start) + 1);
    }
}

static void watch(struct monitor *monitor, int64_t span_ms)
{
    int64_t end_ms = clock_mono_ms() + span_ms;
    for (int64_t left_ms = span_ms; left_ms > 0; left_ms = end_ms - clock_mono_ms()) {
        struct pollfd item = {.fd = monitor->fd, .events = POLLIN};
        char bytes[4096];
        if (poll(&item, 1, (int)left_ms) <= 0)
            continue;
        ssize_t n = read(monitor->fd, bytes, sizeof bytes);
        ensure(n > 0, "the monitor's connection is closed");
        buf_append(&monitor->lines, bytes, (size_t)n);
        count_lines(monitor);
    }
}

int main(int argc, char **argv)
{
    bool is_verbose = argc == 4 && strcmp(argv[3], "-v") == 0;
    ensure(argc == 3 || is_verbose, "usage: calls SOCKET SECONDS [-v]");
    struct monitor monitor = {.is_verbose = is_verbose};
    int64_t seconds = measure_argument(argv[2]);
    monitor_open(&monitor, argv[1]);
    watch(&monitor, seconds * 1000);
    measure_print("idle", "calls", (double)monitor.calls / (double)seconds);
    close(monitor.fd);
    buf_fini(&monitor.lines);
    return 0;
}
