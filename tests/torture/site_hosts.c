/* The hosts of a site: their start, their end, their logs. */
#include "base/clock.h"
#include "support/wait.h"
#include "support/worker_fixture.h"
#include "torture/site.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGS = 64, END_MS = 60000, PIPE_BYTES = 4096, NAMED_HOST = 1, START_MS = 10000 };

static void handler_option(struct site *site, char option[2 * SITE_PATH], const char *type)
{
    char *program = site_program("torture-handle");
    int len = snprintf(option, 2 * SITE_PATH, "%s=%s %s %s", type, program, site->ran, type);
    ensure(len > 0 && len < 2 * SITE_PATH, "%s is too long", program);
    free(program);
}

/* ---- logs ---- */

/* Torture holds both ends of the pipe: neither it nor the host ever waits for the other to open it,
 * and no host is told that its reader has gone. */
void site_open_log(struct site *site, size_t host)
{
    struct site_log *log = &site->logs[host];
    (void)snprintf(log->pipe, sizeof log->pipe, "%s/pipe-%zu", site->directory, host);
    (void)snprintf(log->file, sizeof log->file, "%s/log-%zu", site->directory, host);
    ensure(mkfifo(log->pipe, 0600) == 0, "%s: %s", log->pipe, strerror(errno));
    log->fd = open(log->pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    log->out = fopen(log->file, "ae");
    ensure(log->fd >= 0 && log->out != NULL, "%s: %s", log->pipe, strerror(errno));
    (void)fcntl(log->fd, F_SETPIPE_SZ, PIPE_BYTES); /* quickly full */
}

void site_close_log(struct site *site, size_t host, bool keep_files)
{
    struct site_log *log = &site->logs[host];
    (void)close(log->fd);
    (void)fclose(log->out);
    (void)unlink(log->pipe);
    if (!keep_files)
        (void)unlink(log->file);
}

void site_read_logs(struct site *site)
{
    char bytes[4096];
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++) {
        struct site_log *log = &site->logs[i];
        ssize_t n;
        while (!log->is_stalled && (n = read(log->fd, bytes, sizeof bytes)) > 0)
            (void)fwrite(bytes, 1, (size_t)n, log->out);
        (void)fflush(log->out);
    }
}

void site_stall_log(struct site *site, size_t host)
{
    struct site_log *log = &site->logs[host];
    log->is_stalled = true;
    while (write(log->fd, "\n", 1) == 1)
        ; /* full: nothing reads the host's next line */
}

void site_read_log_again(struct site *site, size_t host)
{
    site->logs[host].is_stalled = false;
}

/* ---- the life of hosts ---- */

static struct process *start_host(struct site *site, size_t number)
{
    static const char *const types[] = {"quick", "slow", "flaky", "poison", "deadly"};
    enum { TYPES = sizeof types / sizeof types[0] };
    char options[TYPES][2 * SITE_PATH];
    char *program = site_program("darg-worker");
    const char *url = number % 2 == 0        ? proxy_url(site->proxy)
                      : number == NAMED_HOST ? site->named_url
                                             : "";
    url = url[0] == '\0' ? redis_server_url(site->server) : url;
    const char *argv[ARGS] = {"sh",
                              "-c",
                              "exec 2<>\"$0\" \"$@\"",
                              site->logs[number].pipe,
                              program,
                              "-r",
                              url,
                              "--redis-password-file",
                              site->password_file,
                              "-p",
                              "2",
                              "-t",
                              "4",
                              "--lease",
                              "2s",
                              "--max-crashes",
                              "1000",
                              "--backoff",
                              "20ms..200ms",
                              "--log-level",
                              "warn",
                              "--shutdown-timeout",
                              "3s",
                              "--max-job-size",
                              "16KiB"};
    size_t count = 25;
    for (size_t i = 0; i < SITE_QUEUES; i++) { /* each host prefers another one */
        argv[count++] = "-q";
        argv[count++] = site_queues[(i + number) % SITE_QUEUES];
    }
    for (size_t i = 0; i < TYPES; i++) {
        handler_option(site, options[i], types[i]);
        argv[count++] = "--handler";
        argv[count++] = options[i];
    }
    struct process *host = process_start(
        &(struct process_options){.argv = argv,
                                  .env = COMMANDS_ARGS("DARG_REDIS_URL", "REDIS_URL", "DARG_QUEUE",
                                                       "DARG_NAMESPACE", "DARG_LOG_LEVEL")});
    free(program);
    return host;
}

/* Records, once, a host that was told to end and has not by its deadline. */
static void note_lateness(struct site *site, size_t host)
{
    int64_t late_ms = clock_mono_ms() - site->term_ms[host] - SITE_STOP_MS;
    if (site->term_ms[host] <= 0 || late_ms <= 0)
        return;
    fprintf(stderr, "torture: host %zu still runs %d ms after TERM\n", host,
            (int)(late_ms + SITE_STOP_MS));
    site->late++;
    site->term_ms[host] = -1;
}

/* 1: something could not be given back, for example because Redis was away. */
static void note_end(struct site *site, size_t host)
{
    int code = site->hosts[host] == NULL ? 0 : process_poll(site->hosts[host]);
    if (site->term_ms[host] > 0 && code <= 1) {
        int64_t took_ms = clock_mono_ms() - site->term_ms[host];
        site->stops++;
        site->slowest_ms = took_ms > site->slowest_ms ? took_ms : site->slowest_ms;
    }
    /* Redis refuses the password of one that starts while it changes. */
    bool is_refused = code == 3 && clock_mono_ms() - site->start_ms[host] < START_MS;
    if (code <= 1 || code == 128 + SIGKILL || is_refused)
        return;
    fprintf(stderr, "torture: host %zu ended by itself with %d\n", host, code);
    site->bad_ends++;
}

void site_stop_host(struct site *site, size_t host, enum site_stop way)
{
    pid_t children[SITE_CHILDREN * 4];
    size_t count = worker_fixture_children(site->hosts[host], children, SITE_CHILDREN * 4);
    if (way == SITE_STOP_SUPERVISOR_FIRST || way == SITE_STOP_ONE)
        process_signal(site->hosts[host], SIGTERM);
    for (size_t i = 0; i < count; i++) {
        (void)kill(children[i], SIGCONT); /* one that is frozen cannot end */
        if (way != SITE_STOP_ONE)
            (void)kill(children[i], SIGTERM);
    }
    if (way == SITE_STOP_CHILDREN_FIRST)
        process_signal(site->hosts[host], SIGTERM);
    if (site->term_ms[host] == 0)
        site->term_ms[host] = clock_mono_ms();
}

size_t site_tend(struct site *site)
{
    size_t started = 0;
    site_read_logs(site);
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++) {
        if (site->hosts[i] != NULL && process_poll(site->hosts[i]) < 0) {
            note_lateness(site, i);
            continue;
        }
        note_end(site, i);
        process_free(site->hosts[i]);
        bool is_wanted = i < site->host_count;
        site->hosts[i] = is_wanted ? start_host(site, i) : NULL;
        site->term_ms[i] = 0;
        site->start_ms[i] = clock_mono_ms();
        started += is_wanted;
    }
    return started;
}

void site_lose_host(struct site *site, size_t host)
{
    if (site->hosts[host] == NULL)
        return;
    worker_fixture_kill(site->hosts[host]);
    process_free(site->hosts[host]);
    site->hosts[host] = NULL;
    site->term_ms[host] = 0;
}

static bool have_ended(void *context)
{
    struct site *site = context;
    bool is_one_left = false;
    site_read_logs(site);
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++) {
        if (site->hosts[i] == NULL || process_poll(site->hosts[i]) >= 0)
            continue;
        note_lateness(site, i);
        is_one_left = true;
    }
    return !is_one_left;
}

bool site_dismiss(struct site *site)
{
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++)
        if (site->hosts[i] != NULL)
            site_stop_host(site, i, SITE_STOP_ONE);
    bool is_good = wait_until(have_ended, site, END_MS);
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++) {
        if (site->hosts[i] != NULL && is_good && process_poll(site->hosts[i]) != 0) {
            fprintf(stderr, "torture: host %zu ended with %d\n", i, process_poll(site->hosts[i]));
            is_good = false;
        }
    }
    return is_good;
}
