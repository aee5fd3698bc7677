/* local - a private redis-server for people who have none.
 *
 * `local:[dir]` names a directory (default ~/.local/share/darg) that holds a Redis of its own:
 * socket redis.sock (no TCP port), append-only file, log and pid file; the directory is made with
 * mode 0700. The server is started on first use, under a lock in the directory, so that many
 * processes can name it at the same moment, and goes on running until it is told to stop; every
 * process naming the same directory shares it. Nothing here needs root. */
#ifndef DARG_REDIS_LOCAL_H
#define DARG_REDIS_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The directory for a URL's path ("" = the default one, from XDG_DATA_HOME or HOME), absolute. */
MUST_CHECK enum status local_directory(const char *path, struct buf *directory, struct err *err);

/* Makes sure that the server of `directory` answers, starting it if need be (blocks up to 10 s),
 * and appends its socket's path. Errors say what to do: redis-server not installed, path too long
 * for a socket (107 bytes), directory not ours or not private, the end of the server's log if it
 * did not start. */
MUST_CHECK enum status local_start(const char *directory, struct buf *socket_path, struct err *err);

struct local_status {
    bool is_running;
    int64_t pid;
};
MUST_CHECK enum status local_status(const char *directory, struct local_status *status,
                                    struct err *err);

/* Saves and ends it (SHUTDOWN), and waits until the process is gone (up to 10 s). ST_OK also if it
 * was not running. */
MUST_CHECK enum status local_stop(const char *directory, struct err *err);

#endif
