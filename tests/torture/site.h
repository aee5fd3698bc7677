/* site - what torture works on: a Redis, a proxy before it, hosts with workers, and files.
 *
 * A host is a supervisor and its worker processes. Every second one talks through the proxy. One
 * thread only. */
#ifndef DARG_TESTS_TORTURE_SITE_H
#define DARG_TESTS_TORTURE_SITE_H

#include "support/commands.h"
#include "support/process.h"
#include "support/proxy.h"
#include "support/redis_server.h"

enum { SITE_HOSTS_MAX = 4, SITE_CHILDREN = 2, SITE_LEASE_MS = 2000, SITE_PATH = 160 };

extern const char *const site_queues[]; /* ends with NULL */
enum { SITE_QUEUES = 3 };

struct site {
    struct redis_server *server;
    struct proxy *proxy;
    struct conn *conn; /* straight to the server, with short deadlines */
    char directory[SITE_PATH], pushed[SITE_PATH], ran[SITE_PATH];
    struct process *hosts[SITE_HOSTS_MAX]; /* NULL: none there */
    size_t host_count;                     /* of those that should be there */
};

void site_open(struct site *site, size_t hosts);
void site_close(struct site *site, bool keep_files); /* no process is left; the files, if wanted */

/* Starts the hosts that should be there and are not. How many it started. */
size_t site_tend(struct site *site);

/* Kills a host whole: supervisor and workers. */
void site_lose_host(struct site *site, size_t host);

/* TERM to all hosts, which must end with 0 by themselves; false: one did not. */
bool site_dismiss(struct site *site);

/* A command on site->conn, connecting where needed. Failures are of no interest: the server may be
 * down. True: it was carried out. */
#define site_try(site, ...) site_try_args((site), COMMANDS_ARGS(__VA_ARGS__))
bool site_try_args(struct site *site, const char *const *args);

/* How many jobs are in line, in inboxes, scheduled and held; -1: Redis does not say. */
int64_t site_pending(struct site *site);

/* "$DARG_BUILD_DIR/name", to free(). */
char *site_program(const char *name);

#endif
