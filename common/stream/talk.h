/* talk - the handler's side of the stream protocol (docs/handlers.md): it reads a worker's hello
 * and jobs, and writes the messages about them.
 *
 * Call talk_begin(), then talk_next() and one answer for each job until there are no more. One
 * thread reads; other threads may send progress and log lines during a job. All calls block. */
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
    /* Whether input that ends without a line end counts as a line: for people who try it by hand. A
     * worker that needs no answer any more may break off in the middle of a line. */
    bool takes_rest;
    struct buf read;
    size_t taken; /* bytes of `read` already given out as lines */
    /* Of the job, as JSON, pointing into `read`; nonce: empty if there is none. */
    struct slice id, nonce;
};

/* Frees memory; the descriptors remain open. */
void talk_fini(struct talk *talk);

/* A job, as in its line. The values point into what was read; valid until the next talk_next(). */
struct talk_job {
    struct json_field fields[STREAM_JOB_FIELDS];
};

enum talk_next { TALK_JOB, TALK_END, TALK_BROKEN };

/* Reads the hello, and asks for the latest version of the protocol that both sides know. TALK_JOB:
 * jobs may follow. TALK_BROKEN: not a hello, or of an unknown version; err says so. */
MUST_CHECK enum talk_next talk_begin(struct talk *talk, struct err *err);

/* Reads the next job. TALK_BROKEN: its line cannot be read, and err says why. */
MUST_CHECK enum talk_next talk_next(struct talk *talk, struct talk_job *job, struct err *err);

/* Messages before the answer, one line each; false: it cannot be written. */
bool talk_progress(const struct talk *talk, struct slice json);
bool talk_log(const struct talk *talk, enum log_level level, struct slice text);

/* The answers. is_json: the result is valid JSON; otherwise it may be any bytes, and becomes a
 * string. */
bool talk_done(const struct talk *talk, struct slice result, bool is_json);

/* verb: STREAM_RETRY, _BURY or _UNABLE. delay_ms: the delay that a retry asks for; -1: none. */
bool talk_fail(const struct talk *talk, enum stream_verb verb, struct slice reason,
               int64_t delay_ms);

#endif
