#include "torture/site.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS = 48, DEADLINE_MS = 300, END_MS = 60000 };

const char *const site_queues[] = {"mail", "images", "reports", NULL};

char *site_program(const char *name)
{
    struct buf path = {0};
    const char *build = getenv("DARG_BUILD_DIR");
    buf_printf(&path, "%s/%s", build == NULL ? "build" : build, name);
    return buf_take(&path);
}

static void make_file(char path[SITE_PATH], const char *directory, const char *name)
{
    int len = snprintf(path, SITE_PATH, "%s/%s", directory, name);
    ensure(len > 0 && len < SITE_PATH, "%s is too long", directory);
    worker_fixture_touch(path);
}

void site_open(struct site *site, size_t hosts)
{
    const char *parent = getenv("TMPDIR");
    *site = (struct site){.host_count = hosts};
    int len =
        snprintf(site->directory, SITE_PATH, "%s/torture.XXXXXX", parent == NULL ? "/tmp" : parent);
    ensure(len > 0 && len < SITE_PATH && mkdtemp(site->directory) != NULL, "mkdtemp: %s",
           strerror(errno));
    make_file(site->pushed, site->directory, "pushed");
    make_file(site->ran, site->directory, "ran");
    site->server =
        redis_server_start(COMMANDS_ARGS("--appendonly", "yes", "--appendfsync", "always"));
    site->proxy = proxy_start(redis_server_socket(site->server),
                              redis_server_directory(site->server), "proxy.sock");
    site->conn = commands_open(redis_server_url(site->server),
                               (struct conn_options){.connect_timeout_ms = DEADLINE_MS,
                                                     .command_timeout_ms = DEADLINE_MS});
}

/* --- hosts --------------------------------------------------------------------------------- */

static void handler_option(struct site *site, char option[2 * SITE_PATH], const char *type)
{
    char *program = site_program("torture-handle");
    int len = snprintf(option, 2 * SITE_PATH, "%s=%s %s %s", type, program, site->ran, type);
    ensure(len > 0 && len < 2 * SITE_PATH, "%s is too long", program);
    free(program);
}

static struct process *start_host(struct site *site, size_t number)
{
    static const char *const types[] = {"quick", "slow", "flaky", "poison", "deadly"};
    enum { TYPES = sizeof types / sizeof types[0] };
    char options[TYPES][2 * SITE_PATH];
    char *program = site_program("darg-worker");
    const char *url = number % 2 == 0 ? proxy_url(site->proxy) : redis_server_url(site->server);
    const char *argv[ARGS] = {program, "-r",        url,           "-p",          "2",
                              "-t",    "4",         "--lease",     "2s",          "--max-crashes",
                              "1000",  "--backoff", "20ms..200ms", "--log-level", "warn"};
    size_t count = 15;
    for (size_t i = 0; i < SITE_QUEUES; i++) { /* each host prefers another */
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

size_t site_tend(struct site *site)
{
    size_t started = 0;
    for (size_t i = 0; i < site->host_count; i++) {
        if (site->hosts[i] != NULL && process_poll(site->hosts[i]) < 0)
            continue;
        process_free(site->hosts[i]);
        site->hosts[i] = start_host(site, i);
        started++;
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
}

static bool have_ended(void *context)
{
    const struct site *site = context;
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++)
        if (site->hosts[i] != NULL && process_poll(site->hosts[i]) < 0)
            return false;
    return true;
}

bool site_dismiss(struct site *site)
{
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++)
        if (site->hosts[i] != NULL)
            process_signal(site->hosts[i], SIGTERM);
    bool is_good = wait_until(have_ended, site, END_MS);
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++) {
        if (site->hosts[i] != NULL && is_good && process_poll(site->hosts[i]) != 0) {
            fprintf(stderr, "torture: host %zu ended with %d:\n%s", i, process_poll(site->hosts[i]),
                    process_stderr(site->hosts[i]));
            is_good = false;
        }
    }
    return is_good;
}

/* --- Redis --------------------------------------------------------------------------------- */

bool site_try_args(struct site *site, const char *const *args)
{
    struct err err = {0};
    return conn_connect(site->conn, &err) == ST_OK &&
           commands_status_args(site->conn, &err, args) == ST_OK;
}

static int64_t ask_count(struct site *site, const char *command, const char *key)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    request_add_text(&request, command);
    request_add_text(&request, key);
    enum status status = conn_connect(site->conn, &err);
    if (status == ST_OK)
        status = conn_call(site->conn, &request, &reply, &err);
    int64_t count = status == ST_OK ? reply_int(reply, -1) : -1;
    reply_free(reply);
    request_fini(&request);
    return count;
}

static int64_t ask_held(struct site *site, const char *queue)
{
    static const char *const names[] = {"claimed", "done",     "retried",
                                        "buried",  "released", "reaped"};
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    char key[SITE_PATH];
    (void)snprintf(key, sizeof key, "darg:{%s}:counts", queue);
    request_add_text(&request, "HMGET");
    request_add_text(&request, key);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        request_add_text(&request, names[i]);
    int64_t held = -1;
    if (conn_connect(site->conn, &err) == ST_OK &&
        conn_call(site->conn, &request, &reply, &err) == ST_OK) {
        held = reply_int(reply_at(reply, 0), 0);
        for (size_t i = 1; i < reply_count(reply); i++)
            held -= reply_int(reply_at(reply, i), 0);
    }
    reply_free(reply);
    request_fini(&request);
    return held;
}

int64_t site_pending(struct site *site)
{
    static const char *const places[][2] = {
        {"LLEN", ""}, {"LLEN", ":inbox"}, {"LLEN", ":suspects"}, {"ZCARD", ":scheduled"}};
    int64_t pending = 0;
    for (size_t i = 0; i < SITE_QUEUES; i++) {
        int64_t count = ask_held(site, site_queues[i]);
        for (size_t k = 0; k < sizeof places / sizeof places[0] && count >= 0; k++) {
            char key[SITE_PATH];
            (void)snprintf(key, sizeof key, "darg:{%s}%s", site_queues[i], places[k][1]);
            int64_t more = ask_count(site, places[k][0], key);
            count = more < 0 ? -1 : count + more;
        }
        if (count < 0)
            return -1;
        pending += count;
    }
    return pending;
}

void site_close(struct site *site, bool keep_files)
{
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++)
        site_lose_host(site, i);
    conn_close(site->conn);
    proxy_stop(site->proxy);
    redis_server_stop(site->server);
    if (keep_files)
        return;
    (void)unlink(site->pushed);
    (void)unlink(site->ran);
    (void)rmdir(site->directory);
}
