/* redis_server - a private redis-server for tests: a real one, on a Unix socket in its own
 * directory; it dies with the test program, however that ends.
 *
 * It keeps nothing on disk unless told to ("--appendonly", "yes"). Failures print its log and abort
 * the test program. One thread only. */
#ifndef DARG_TESTS_SUPPORT_REDIS_SERVER_H
#define DARG_TESTS_SUPPORT_REDIS_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct redis_server;

/* Starts one with further arguments for redis-server (the array ends with NULL; NULL: none);
 * returns when it answers. */
struct redis_server *redis_server_start(const char *const *extra_args);

/* Like redis_server_start(), but also listens on 127.0.0.1, on a free port. */
struct redis_server *redis_server_start_tcp(const char *const *extra_args);

/* The same, but with TLS on that port; extra_args name the certificates. */
struct redis_server *redis_server_start_tls(const char *const *extra_args);

const char *redis_server_url(const struct redis_server *server);       /* unix://... */
const char *redis_server_socket(const struct redis_server *server);    /* its path */
const char *redis_server_directory(const struct redis_server *server); /* absolute */
uint16_t redis_server_port(const struct redis_server *server);         /* 0: none */
pid_t redis_server_pid(const struct redis_server *server);

/* kill -9; it has gone when this returns. */
void redis_server_kill(struct redis_server *server);

/* Kills it if it runs, and starts it again with the same directory, socket, port and arguments;
 * returns when it answers. */
void redis_server_restart(struct redis_server *server);

/* Like redis_server_restart(), but returns as soon as it accepts connections, even if it answers
 * LOADING. */
void redis_server_restart_loading(struct redis_server *server);

/* SIGSTOP and SIGCONT: alive, but silent. */
void redis_server_freeze(struct redis_server *server);
void redis_server_thaw(struct redis_server *server);

/* Ends it and removes its directory. NULL is fine. */
void redis_server_stop(struct redis_server *server);

#endif
