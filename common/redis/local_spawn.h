/* local_spawn - starts the redis-server of a local: directory as a process of its own.
 *
 * The server is nobody's child, has a session of its own, and inherits nothing but its log and the
 * directory's lock, which is thereby held exactly as long as it lives, however it ends. Part of
 * local; not for other modules. */
#ifndef DARG_REDIS_LOCAL_SPAWN_H
#define DARG_REDIS_LOCAL_SPAWN_H

#include "base/err.h"

#define LOCAL_SOCKET_NAME "redis.sock"
#define LOCAL_LOG_NAME "redis.log"

/* Starts a server in the directory, whose lock (flock) lock_fd holds; returns as soon as it runs,
 * which is before it answers. The caller goes on to close its lock_fd. ST_SYSTEM if there is no
 * redis-server to run. */
MUST_CHECK enum status local_spawn(int directory_fd, int lock_fd, const char *socket_path,
                                   struct err *err);

#endif
