/* local_spawn - starts the redis-server of a local: directory as an independent process.
 *
 * The server is nobody's child, has its own session, and inherits only its log and the directory's
 * lock, which is thus held exactly as long as the server lives, however it ends. Part of local; not
 * for other modules. */
#ifndef DARG_REDIS_LOCAL_SPAWN_H
#define DARG_REDIS_LOCAL_SPAWN_H

#include "base/err.h"

#define LOCAL_SOCKET_NAME "redis.sock"
#define LOCAL_LOG_NAME "redis.log"

/* Starts a server in the directory, whose lock (flock) lock_fd holds; returns as soon as it runs,
 * before it answers requests. The caller then closes its lock_fd. ST_SYSTEM if redis-server cannot
 * be run. */
MUST_CHECK enum status local_spawn(int directory_fd, int lock_fd, const char *socket_path,
                                   struct err *err);

#endif
