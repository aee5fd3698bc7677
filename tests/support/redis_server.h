/* redis_server - a private redis-server for tests: real, on a Unix socket in a directory of its
 * own, gone with the test program however that ends.
 *
 * It keeps nothing on disk unless asked to ("--appendonly", "yes"). Failures print its log and
 * abort the test program. One thread only. */
#ifndef DARG_TESTS_SUPPORT_REDIS_SERVER_H
#define DARG_TESTS_SUPPORT_REDIS_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct redis_server;

/* Starts one with further arguments of redis-server (ends with NULL; NULL: none) and returns when
 * it answers. */
struct redis_server *redis_server_start(const char *const *extra_args);

/* As redis_server_start(), and listens on 127.0.0.1 too, on a port that was free. */
struct redis_server *redis_server_start_tcp(const char *const *extra_args);

/* The same, but what it listens to on that port is TLS; extra_args name the certificates. */
struct redis_server *redis_server_start_tls(const char *const *extra_args);

const char *redis_server_url(const struct redis_server *server);       /* unix://... */
const char *redis_server_socket(const struct redis_server *server);    /* its path */
const char *redis_server_directory(const struct redis_server *server); /* absolute */
uint16_t redis_server_port(const struct redis_server *server);         /* 0: none */
pid_t redis_server_pid(const struct redis_server *server);

/* kill -9, and gone when it returns. */
void redis_server_kill(struct redis_server *server);

/* Kills it if it runs, and starts it again: same directory, socket, port and arguments. Answers
 * when it returns. */
void redis_server_restart(struct redis_server *server);

/* As redis_server_restart(), but returns as soon as it accepts connections, though it may answer
 * LOADING for long. */
void redis_server_restart_loading(struct redis_server *server);

/* SIGSTOP and SIGCONT: alive, and silent. */
void redis_server_freeze(struct redis_server *server);
void redis_server_thaw(struct redis_server *server);

/* Ends it and removes its directory. NULL is fine. */
void redis_server_stop(struct redis_server *server);

#endif
