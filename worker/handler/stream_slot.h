/* stream_slot - the settings of a persistent handler, and the process that it keeps for each
 * thread. */
#ifndef DARG_WORKER_HANDLER_STREAM_SLOT_H
#define DARG_WORKER_HANDLER_STREAM_SLOT_H

#include "worker/handler/stream_child.h"
#include "worker/program/command.h"

enum { STREAM_THREADS_MAX = 1024 }; /* as many as --threads allows */

/* A thread's part of the handler; no other thread touches it. */
struct stream_slot {
    struct stream_child child;
    const struct limits *limits; /* the handler's; NULL: none */
    int64_t answered;            /* jobs that the process has answered */
    int64_t cpu_us;              /* processor time used up to the last of them */
    int64_t version;             /* of the protocol, as the process said; 0: not said yet */
    int64_t nonce;               /* of the last job that it was given */
    int64_t failures;            /* processes in a row that ended without answering a job */
    int64_t start_ms;            /* monotonic: the next process may start then */
    size_t said;                 /* lines logged since its last job */
    /* Its input was closed: it must end by itself, and gets no more jobs. */
    bool is_asked;
    /* The last process lacked resources: jobs do not wait for start_ms. */
    bool is_unable;
    struct buf reason; /* scratch */
};

struct stream {
    struct command *command; /* owned */
    int64_t max_jobs;        /* 0: any number */
    int64_t max_rss;         /* bytes; 0: any */
    struct stream_slot *slots[STREAM_THREADS_MAX];
};

/* The slot of a thread; made when it is first asked for. */
struct stream_slot *stream_slot_of(struct stream *stream, size_t thread);

/* Makes sure that there is a process to which the call's job can be written. May wait up to 10 s if
 * the last processes answered nothing, but not if the last one lacked resources. False: the result
 * says why there is none. */
MUST_CHECK bool stream_slot_ready(const struct stream *stream, struct stream_slot *slot,
                                  const struct handler_call *call, struct handler_result *result);

/* Counts an answer; asks the process to end if it is used up. */
void stream_slot_answered(const struct stream *stream, struct stream_slot *slot);

/* stream_child_reap(), and decides when the next process may be started. */
void stream_slot_reap(struct stream_slot *slot, struct death *death);

/* Appends a sentence about a line that should not have come. */
void stream_refuse(struct buf *reason, const char *what, struct slice line);

/* The functions of the handler; state is a struct stream. */
void stream_run(void *state, const struct handler_call *call, struct handler_result *result);
enum status stream_limit(void *state, const struct limits *limits, struct err *err);
void stream_attend(void *state, size_t thread);
void stream_leave(void *state, size_t thread, enum handler_leave step, int64_t until_ms);
void stream_free(void *state);

#endif
