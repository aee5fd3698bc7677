/* stream_message - the lines between the worker and a persistent handler: JSON, one object per
 * line.
 *
 * To the handler: a hello with the protocol's version, then a line for each job. From it: its own
 * version, done, retry, bury, progress, log. Described for people in docs/handlers.md. Pure; any
 * thread. */
#ifndef DARG_WORKER_HANDLER_STREAM_MESSAGE_H
#define DARG_WORKER_HANDLER_STREAM_MESSAGE_H

#include "base/json.h"
#include "stream/protocol.h"
#include "worker/handler/handler.h"

/* What a handler said. Slices point into the line. */
struct stream_message {
    enum stream_verb verb;
    struct json_value value; /* of the verb: any JSON for done and progress, otherwise a string */
    struct json_value id;    /* a string, or absent */
    int64_t run;             /* -1: not there */
    int64_t nonce;           /* -1: not there */
    int64_t version;         /* of STREAM_VERSION */
    int64_t delay_ms;        /* of a retry; -1: absent */
    int64_t replaced;        /* bytes of a result that became U+FFFD; -1: absent */
    enum log_level level;    /* of a log */
};

/* Appends the first line a handler reads. */
void stream_append_hello(struct buf *out, const char *type);

/* Appends the line of a job. nonce: a number that no other job of the process has. Line ends
 * between the tokens of the args become blanks; everything else is as the producer wrote it. */
void stream_append_job(struct buf *out, const struct handler_call *call, int64_t nonce);

/* Reads a line (without its end). ST_INVALID with a sentence: not a JSON object, no verb or
 * several, a member of the wrong type. Unknown members are ignored. */
MUST_CHECK enum status stream_read_message(struct slice line, struct stream_message *message,
                                           struct err *err);

/* True if the message names its job as an answer must: by its id or, since version STREAM_NONCES,
 * by its nonce. */
bool stream_is_named(const struct stream_message *message, int64_t version);

/* True if the id, run and nonce that it gives are those of this call; any of them may be absent. */
bool stream_is_about(const struct stream_message *message, const struct handler_call *call,
                     int64_t nonce);

#endif
