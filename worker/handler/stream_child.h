/* stream_child - one process of a persistent handler: its lines, its standard error, its end.
 *
 * Belongs to one thread. `struct stream_child child = {0}` has no process. */
#ifndef DARG_WORKER_HANDLER_STREAM_CHILD_H
#define DARG_WORKER_HANDLER_STREAM_CHILD_H

#include "worker/handler/handler.h"
#include "worker/program/command.h"
#include "worker/program/spawn.h"

struct stream_child {
    bool is_running; /* false: there is no process, and the fields below are undefined */
    struct spawn_child process;
    const char *program; /* as written; borrowed from the command */
    struct buf input;    /* lines still to be written, from `written` onwards */
    size_t written;
    struct buf output; /* what it has said, from `taken` onwards */
    size_t taken;      /* bytes already given out as lines */
    size_t searched;   /* up to here, no line end beyond `taken` */
    struct buf errors; /* the last of its standard error since stream_child_begin() */
    struct buf remark; /* a line of standard error that has not ended */
    size_t remarks;    /* lines of it logged since stream_child_begin() */
    struct handler_observer *observer; /* receives these lines now; NULL: the log does */
};

/* Starts a process for this command. ST_SYSTEM with a sentence; the child is then unchanged. */
MUST_CHECK enum status stream_child_start(struct stream_child *child, const struct command *command,
                                          struct err *err);

/* Call when a job begins: what the process writes to standard error goes to the observer from now
 * on, and is collected afresh. With observer NULL when the job has ended: then it goes to the
 * log. */
void stream_child_begin(struct stream_child *child, struct handler_observer *observer);

/* Writes and reads, waiting until something was read, the process has ended, wake_fd (-1: none) is
 * readable, or until_ms (monotonic) has come, whichever is first. Does not wait if until_ms has
 * passed. True if wake_fd is readable. */
bool stream_child_attend(struct stream_child *child, int wake_fd, int64_t until_ms);

/* Whether it has written anything that was not read yet, or closed a pipe. */
bool stream_child_has_written(const struct stream_child *child);

/* Reads what it has written so far, without waiting. False: there was no end to its output. */
MUST_CHECK bool stream_child_catch_up(struct stream_child *child);

/* The next whole line of its output, without the line end; valid until the next call of
 * stream_child_attend(). False: there is none yet. Each byte is examined only once. */
bool stream_child_next_line(struct stream_child *child, struct slice *line);

/* The part of a line that has not ended; borrowed likewise. */
struct slice stream_child_partial(const struct stream_child *child);

/* Call after its end: true if it had begun to read the last `len` bytes of its input. */
bool stream_child_has_read(const struct stream_child *child, size_t len);

bool stream_child_has_ended(struct stream_child *child);

/* Tells it that there will be no more jobs: closes its standard input. */
void stream_child_ask(struct stream_child *child);

/* Sends SIGTERM to its group, and SIGCONT so that a stopped process receives it. */
void stream_child_term(struct stream_child *child);

/* Waits for its end until until_ms (monotonic), and drops what it says; false: it still runs. */
bool stream_child_wait(struct stream_child *child, int64_t until_ms);

/* Kills its whole group, reads what lies in the pipes (lines and errors remain available), reaps it
 * and closes everything. *death is how it ended. The child has no process then. */
void stream_child_reap(struct stream_child *child, struct death *death);

/* Frees the memory; there must be no process. */
void stream_child_fini(struct stream_child *child);

#endif
