/* stream_child - one process of a persistent handler: its lines, its standard error, its end.
 *
 * Belongs to one thread. `struct stream_child child = {0}` has no process. */
#ifndef DARG_WORKER_HANDLER_STREAM_CHILD_H
#define DARG_WORKER_HANDLER_STREAM_CHILD_H

#include "worker/handler/handler.h"
#include "worker/program/command.h"
#include "worker/program/spawn.h"

struct stream_child {
    bool is_running; /* false: no process, and nothing below counts */
    struct spawn_child process;
    const char *program; /* as it was written; borrowed from the command */
    struct buf input;    /* lines still to be written, from `written` on */
    size_t written;
    struct buf output; /* what it has said, from `taken` on */
    size_t taken;      /* bytes that were given out as lines */
    size_t searched;   /* bytes known to hold no line end beyond those taken */
    struct buf errors; /* the end of its standard error since stream_child_begin() */
    struct buf remark; /* a line of standard error that has not ended */
    size_t remarks;    /* logged since stream_child_begin() */
    struct handler_observer *observer; /* who hears of them now; NULL: the log */
};

/* Starts a process for this command. ST_SYSTEM with a sentence; the child is unchanged then. */
MUST_CHECK enum status stream_child_start(struct stream_child *child, const struct command *command,
                                          struct err *err);

/* A job begins: what the process writes to standard error is told to the observer (NULL: the log)
 * and gathered anew. With observer NULL also: the job has ended. */
void stream_child_begin(struct stream_child *child, struct handler_observer *observer);

/* Writes, reads and waits until something was read, the process has ended, wake_fd (-1: none) is
 * readable, or until_ms (monotonic clock) has come; whichever is first. Never waits if until_ms is
 * past. True if wake_fd is readable. */
bool stream_child_attend(struct stream_child *child, int wake_fd, int64_t until_ms);

/* Whether it has written, or closed, anything that was not read. */
bool stream_child_has_written(const struct stream_child *child);

/* Reads what it has written so far, and does not wait. False: there is no end to its output. */
MUST_CHECK bool stream_child_catch_up(struct stream_child *child);

/* The next whole line of its output without its end, valid until the next call of attend(); false:
 * there is none yet. Each byte is looked at once. */
bool stream_child_next_line(struct stream_child *child, struct slice *line);

/* What lies there of a line that has not ended; borrowed as above. */
struct slice stream_child_partial(const struct stream_child *child);

/* After its end: true if it had begun to read the last `len` bytes of its input. */
bool stream_child_has_read(const struct stream_child *child, size_t len);

bool stream_child_has_ended(struct stream_child *child);

/* Says that there will be no more jobs: closes its standard input. */
void stream_child_ask(struct stream_child *child);

/* SIGTERM to its group; SIGCONT, so that a stopped process can hear it. */
void stream_child_term(struct stream_child *child);

/* Waits for its end until until_ms, and drops what it says; false: it still runs. */
bool stream_child_wait(struct stream_child *child, int64_t until_ms);

/* SIGKILL to its whole group, reads what lies in the pipes (lines stay to be taken, errors to be
 * read), waits for it and closes all. *death is how it ended. The child has no process then. */
void stream_child_reap(struct stream_child *child, struct death *death);

/* Frees the memory; no process may be there. */
void stream_child_fini(struct stream_child *child);

#endif
