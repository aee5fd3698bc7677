/* log_sink - writes to a file, pipe, terminal or socket without waiting for whoever reads there.
 *
 * A descriptor that was inherited is shared with others, who would not expect it to become
 * nonblocking. So a pipe or terminal is opened anew where that is allowed, which gives a
 * nonblocking one of our own; where it is not (a pipe of another user's), bytes go by way of a pipe
 * of our own, from which the kernel moves them without waiting. A file is written plainly: only its
 * disk can hold up the writer. Not thread-safe. */
#ifndef DARG_BASE_LOG_SINK_H
#define DARG_BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum log_sink_kind {
    LOG_SINK_GIVEN, /* inherited, and used with care */
    LOG_SINK_OWN,   /* opened by us: nonblocking, or a file */
};

struct log_sink {
    int fd;
    enum log_sink_kind kind;
};

/* Opens a file for appending, and makes it if it is not there; a FIFO must have a reader. False
 * with errno, and nothing has changed. */
bool log_sink_open(struct log_sink *sink, const char *path);

/* Standard error, opened anew if that can be. */
void log_sink_open_stderr(struct log_sink *sink);

/* Closes what was opened. */
void log_sink_close(struct log_sink *sink);

/* Writes what can be written at once: so many bytes, perhaps fewer than len; 0: nothing now. -1
 * with errno: it cannot be written to. */
ssize_t log_sink_write(const struct log_sink *sink, const char *bytes, size_t len);

/* Waits up to timeout_ms until more can be written, perhaps. A signal may end the wait early. */
void log_sink_wait(const struct log_sink *sink, int timeout_ms);

#endif
