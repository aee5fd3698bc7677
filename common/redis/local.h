/* local - a private redis-server for people who have none.
 *
 * `local:[dir]` names a directory (default ~/.local/share/darg) for a private Redis: socket
 * redis.sock (no TCP port), append-only file, log and pid file; the directory is made with mode
 * 0700. The server is started on first use, under a lock in the directory, so that many processes
 * can use it for the first time at the same moment. It runs until it is told to stop, and all
 * processes that name the directory share it. Nothing here needs root. */
#ifndef DARG_REDIS_LOCAL_H
#define DARG_REDIS_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The directory for a URL's path ("" = the default one, from XDG_DATA_HOME or HOME), absolute. */
MUST_CHECK enum status local_directory(const char *path, struct buf *directory, struct err *err);

/* Makes sure that the server of `directory` answers, starting it if necessary (blocks up to 10 s),
 * and appends the path of its socket. Errors say what to do: redis-server is not installed, the
 * path is too long for a socket (107 bytes), the directory is not ours or not private; if the
 * server did not start, the last line of its log. */
MUST_CHECK enum status local_start(const char *directory, struct buf *socket_path, struct err *err);

struct local_status {
    bool is_running;
    int64_t pid;
};
MUST_CHECK enum status local_status(const char *directory, struct local_status *status,
                                    struct err *err);

/* Makes it save and end (SHUTDOWN), and waits up to 10 s until the process is gone. ST_OK also if
 * it was not running. */
MUST_CHECK enum status local_stop(const char *directory, struct err *err);

#endif
