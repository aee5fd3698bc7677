/* stream_slot - what a persistent handler was told at the start, and the process that it keeps for
 * each thread. */
#ifndef DARG_WORKER_HANDLER_STREAM_SLOT_H
#define DARG_WORKER_HANDLER_STREAM_SLOT_H

#include "worker/handler/stream_child.h"
#include "worker/program/command.h"

enum { STREAM_THREADS_MAX = 1024 }; /* as many as --threads may say */

/* What a thread has of the handler; its own alone. */
struct stream_slot {
    struct stream_child child;
    const struct limits *limits; /* the handler's; NULL: none */
    int64_t answered;            /* jobs, since the start of the process */
    int64_t cpu_us;              /* what it had used at the last of them */
    int64_t version;             /* of the protocol that the process speaks; 0: not said yet */
    int64_t nonce;               /* of the job that it was given last */
    int64_t failures;            /* processes in a row that ended without having answered a job */
    int64_t start_ms;            /* monotonic; no other is started before */
    size_t said;                 /* lines for the log since its last job */
    bool is_asked;               /* it is to end by itself: not given another job */
    bool is_unable;              /* the last one lacked something: no job waits until start_ms */
    struct buf reason;           /* scratch */
};

struct stream {
    struct command *command; /* owned */
    int64_t max_jobs;        /* 0: any number */
    int64_t max_rss;         /* bytes; 0: any */
    struct stream_slot *slots[STREAM_THREADS_MAX];
};

/* The thread's own; made when it is first asked for. */
struct stream_slot *stream_slot_of(struct stream *stream, size_t thread);

/* Sees to it that there is a process to which the call's job can be written; may wait for it, up to
 * 10 s where the last ones answered nothing, but not where the last one lacked something. False:
 * the result says why there is none. */
MUST_CHECK bool stream_slot_ready(const struct stream *stream, struct stream_slot *slot,
                                  const struct handler_call *call, struct handler_result *result);

/* Counts an answer, and asks a process that is used up to end. */
void stream_slot_answered(const struct stream *stream, struct stream_slot *slot);

/* stream_child_reap(), and decides when the next may be started. */
void stream_slot_reap(struct stream_slot *slot, struct death *death);

/* Appends a sentence about a line that must not have come. */
void stream_refuse(struct buf *reason, const char *what, struct slice line);

/* The functions of the handler; state is a struct stream. */
void stream_run(void *state, const struct handler_call *call, struct handler_result *result);
enum status stream_limit(void *state, const struct limits *limits, struct err *err);
void stream_attend(void *state, size_t thread);
void stream_leave(void *state, size_t thread, enum handler_leave step, int64_t until_ms);
void stream_free(void *state);

#endif
