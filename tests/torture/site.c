#include "torture/site.h"

#include "support/wait.h"
#include "support/worker_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE_MS = 300 };

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

/* ---- users ---- */

static void site_admin_url(char url[SITE_PATH], const char *socket)
{
    int len = snprintf(url, SITE_PATH, "unix://torture:torture@%s", socket);
    ensure(len > 0 && len < SITE_PATH, "%s is too long", socket);
}

static void write_file(const char *path, const char *text)
{
    char fresh[SITE_PATH + 8];
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "we");
    ensure(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && rename(fresh, path) == 0,
           "cannot write %s: %s", path, strerror(errno));
}

/* Workers and darg are the default user, whose password changes; torture itself keeps its own. */
static void write_users(const struct site *site)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "user default on >p%u ~* &* +@all\nuser torture on >torture ~* &* +@all\n",
                   site->password);
    write_file(site->users, text);
}

void site_write_password(struct site *site)
{
    char text[32];
    (void)snprintf(text, sizeof text, "p%u\n", site->password);
    write_file(site->password_file, text);
}

bool site_set_password(struct site *site)
{
    char rule[32];
    (void)snprintf(rule, sizeof rule, ">p%u", site->password);
    write_users(site); /* a restarted server has it, too */
    return site_try(site, "ACL", "SETUSER", "default", "resetpass", rule) &&
           site_try(site, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
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
    make_file(site->faults, site->directory, "faults");
    make_file(site->server_log, site->directory, "redis.log");
    make_file(site->users, site->directory, "users.acl");
    make_file(site->password_file, site->directory, "password");
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++)
        site_open_log(site, i);
    write_users(site);
    site_write_password(site);
    site->names = names_start();
    site->server = redis_server_start_tcp(COMMANDS_ARGS("--appendonly", "yes", "--appendfsync",
                                                        "always", "--aclfile", site->users,
                                                        "--logfile", site->server_log));
    site->proxy = proxy_start(redis_server_socket(site->server),
                              redis_server_directory(site->server), "proxy.sock");
    site_admin_url(site->admin_url, redis_server_socket(site->server));
    site_admin_url(site->admin_proxy_url, proxy_url(site->proxy) + strlen("unix://"));
    if (site->names != NULL)
        (void)snprintf(site->named_url, SITE_PATH, "redis://%s:%u", NAMES_REDIS,
                       (unsigned)redis_server_port(site->server));
    site->conn =
        commands_open(site->admin_url, (struct conn_options){.connect_timeout_ms = DEADLINE_MS,
                                                             .command_timeout_ms = DEADLINE_MS});
}

/* ---- Redis ---- */

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
    for (size_t i = 0; i < SITE_HOSTS_MAX; i++) {
        site_lose_host(site, i);
        site_close_log(site, i, keep_files);
    }
    conn_close(site->conn);
    proxy_stop(site->proxy);
    redis_server_stop(site->server);
    names_stop(site->names);
    if (keep_files)
        return;
    (void)unlink(site->pushed);
    (void)unlink(site->ran);
    (void)unlink(site->faults);
    (void)unlink(site->server_log);
    (void)unlink(site->users);
    (void)unlink(site->password_file);
    (void)rmdir(site->directory);
}
