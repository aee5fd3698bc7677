/* talk - the handler's side of the stream protocol (docs/handlers.md): it reads the hello and the
 * jobs of a worker, and writes what is said about them.
 *
 * A talk goes talk_begin(), then talk_next() and one answer for each job until there are no more.
 * One thread reads; progress and log lines may also come from others while a job is under way. All
 * calls block. */
#ifndef DARG_STREAM_TALK_H
#define DARG_STREAM_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "stream/protocol.h"

struct talk {
    int input, output; /* borrowed */
    /* What comes before the end of input without a line end is a line, too: for people who try it
     * by hand. A worker breaks off in the middle of one where it needs no answer any more. */
    bool takes_rest;
    struct buf read;
    size_t taken;           /* bytes of `read` that were lines */
    struct slice id, nonce; /* of the job, as JSON, in `read`; nonce: empty where there is none */
};

/* Frees; the descriptors stay open. */
void talk_fini(struct talk *talk);

/* A job as its line has it; the values point into what was read, until the next is. */
struct talk_job {
    struct json_field fields[STREAM_JOB_FIELDS];
};

enum talk_next { TALK_JOB, TALK_END, TALK_BROKEN };

/* Reads the hello, and asks for the latest version of the protocol that both know. TALK_JOB: jobs
 * may follow. TALK_BROKEN: err says that this is no hello of a version that is spoken here. */
MUST_CHECK enum talk_next talk_begin(struct talk *talk, struct err *err);

/* The next job. TALK_BROKEN: err says why its line cannot be read. */
MUST_CHECK enum talk_next talk_next(struct talk *talk, struct talk_job *job, struct err *err);

/* What is said before the answer, each in a line; false: it cannot be written. */
bool talk_progress(const struct talk *talk, struct slice json);
bool talk_log(const struct talk *talk, enum log_level level, struct slice text);

/* The answers. is_json: the result is valid JSON; otherwise it is any bytes, and becomes a string.
 */
bool talk_done(const struct talk *talk, struct slice result, bool is_json);

/* verb: STREAM_RETRY, _BURY or _UNABLE. delay_ms: the pause that a retry asks for; -1: none. */
bool talk_fail(const struct talk *talk, enum stream_verb verb, struct slice reason,
               int64_t delay_ms);

#endif
