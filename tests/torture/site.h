/* site - what torture works on: a Redis, a proxy before it, hosts with workers, and files.
 *
 * A host is a supervisor and its worker processes. Every second one talks through the proxy;
 * another one finds the server by a name (torture/names.h), if that is possible here. One thread
 * only. */
#ifndef DARG_TESTS_TORTURE_SITE_H
#define DARG_TESTS_TORTURE_SITE_H

#include <stdio.h>

#include "support/commands.h"
#include "support/process.h"
#include "support/proxy.h"
#include "support/redis_server.h"
#include "torture/names.h"

enum { SITE_HOSTS_MAX = 4, SITE_CHILDREN = 2, SITE_LEASE_MS = 2000, SITE_PATH = 160 };

extern const char *const site_queues[]; /* ends with NULL */
enum { SITE_QUEUES = 3 };

/* After TERM a host has its shutdown timeout (3 s) and 5 s more. */
enum { SITE_STOP_MS = 8000 };

/* A host's standard error is a pipe, which torture reads, or does not, into a file. */
struct site_log {
    char pipe[SITE_PATH + 16], file[SITE_PATH + 16];
    int fd;
    FILE *out;
    bool is_stalled;
};

struct site {
    struct redis_server *server;
    struct proxy *proxy;
    struct conn *conn; /* straight to the server, with short deadlines */
    char directory[SITE_PATH], pushed[SITE_PATH], ran[SITE_PATH];
    char faults[SITE_PATH], server_log[SITE_PATH];         /* for finding a cause */
    char users[SITE_PATH], password_file[SITE_PATH];       /* Redis's, and the programs' */
    char admin_url[SITE_PATH], admin_proxy_url[SITE_PATH]; /* of a user that never changes */
    char named_url[SITE_PATH];             /* by a name; "": there is no name server of our own */
    struct names *names;                   /* NULL: likewise */
    unsigned password;                     /* number of the current one */
    struct process *hosts[SITE_HOSTS_MAX]; /* NULL: none there */
    size_t host_count;                     /* how many there should be */
    struct site_log logs[SITE_HOSTS_MAX];
    int64_t start_ms[SITE_HOSTS_MAX];
    int64_t term_ms[SITE_HOSTS_MAX]; /* when TERM was sent; 0: not sent; -1: known to be late */
    size_t stops, late;              /* hosts that ended after TERM; those that did so too late */
    size_t bad_ends;                 /* hosts that ended by themselves, with an error */
    int64_t slowest_ms;              /* of the stops */
};

void site_open(struct site *site, size_t hosts);
void site_close(struct site *site,
                bool keep_files); /* leaves no process, and the files only if wanted */

/* Starts hosts that should be there and are not. Returns how many it started. */
size_t site_tend(struct site *site);

/* Kills a host whole: supervisor and workers. */
void site_lose_host(struct site *site, size_t host);

/* TERM to the supervisor, or to it and its workers at once, as pkill and the like do. */
enum site_stop { SITE_STOP_ONE, SITE_STOP_SUPERVISOR_FIRST, SITE_STOP_CHILDREN_FIRST };
void site_stop_host(struct site *site, size_t host, enum site_stop way);

/* TERM to all hosts, which must end with 0 by themselves; false: one did not. */
bool site_dismiss(struct site *site);

/* Runs a command on site->conn, connecting if necessary. Failures do not matter: the server may be
 * down. True: it was carried out. */
#define site_try(site, ...) site_try_args((site), COMMANDS_ARGS(__VA_ARGS__))
bool site_try_args(struct site *site, const char *const *args);

/* Gives the default user's current password to Redis, which ends all links; to the programs. False:
 * Redis could not be told. */
bool site_set_password(struct site *site);
void site_write_password(struct site *site);

/* Stops reading a host's log, whose pipe is full; reads it again. */
void site_stall_log(struct site *site, size_t host);
void site_read_log_again(struct site *site, size_t host);
void site_read_logs(struct site *site); /* all that is there */

/* For site_open() and site_close(). */
void site_open_log(struct site *site, size_t host);
void site_close_log(struct site *site, size_t host, bool keep_files);

/* How many jobs are in line, in inboxes, scheduled and held; -1: Redis does not say. */
int64_t site_pending(struct site *site);

/* "$DARG_BUILD_DIR/name", to free(). */
char *site_program(const char *name);

#endif
