/* log_sink - writes to a file, pipe, terminal or socket without waiting for its reader.
 *
 * An inherited descriptor is shared with other processes, which would not expect it to become
 * nonblocking. So a pipe or terminal is opened again if that is allowed, which gives a nonblocking
 * descriptor of our own; if not (another user's pipe), bytes go through a pipe of our own, from
 * which the kernel moves them without waiting. A regular file is simply written: only its disk can
 * hold up the writer. Not thread-safe. */
#ifndef DARG_BASE_LOG_SINK_H
#define DARG_BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum log_sink_kind {
    LOG_SINK_GIVEN, /* inherited: must be used with care */
    LOG_SINK_OWN,   /* opened by us: nonblocking, or a file */
};

struct log_sink {
    int fd;
    enum log_sink_kind kind;
};

/* Opens a file for appending, and creates it if necessary; a FIFO must have a reader. False with
 * errno: nothing has changed. */
bool log_sink_open(struct log_sink *sink, const char *path);

/* Uses standard error, opened again if that is possible. */
void log_sink_open_stderr(struct log_sink *sink);

/* Closes a descriptor that we opened. */
void log_sink_close(struct log_sink *sink);

/* Writes what can be written at once; returns the number of bytes, perhaps fewer than len; 0: none
 * now. -1 with errno: it cannot be written to. */
ssize_t log_sink_write(const struct log_sink *sink, const char *bytes, size_t len);

/* Waits up to timeout_ms until more can be written. A signal may end the wait early. */
void log_sink_wait(const struct log_sink *sink, int timeout_ms);

#endif
