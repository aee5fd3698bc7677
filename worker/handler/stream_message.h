/* stream_message - the lines between the worker and a persistent handler: JSON, one object a line.
 *
 * To the handler: a hello with the protocol's version, then a line for each job. From it: its own
 * version, done, retry, bury, progress, log. Described for people in docs/handlers.md. Pure; any
 * thread. */
#ifndef DARG_WORKER_HANDLER_STREAM_MESSAGE_H
#define DARG_WORKER_HANDLER_STREAM_MESSAGE_H

#include "base/json.h"
#include "stream/protocol.h"
#include "worker/handler/handler.h"

/* What a handler said. Slices point into its line. */
struct stream_message {
    enum stream_verb verb;
    struct json_value value; /* the verb's: any JSON for done and progress, else a string */
    struct json_value id;    /* a string, or not there */
    int64_t run;             /* -1: not there */
    int64_t nonce;           /* -1: not there */
    int64_t version;         /* of STREAM_VERSION */
    int64_t delay_ms;        /* of a retry; -1: not there */
    int64_t replaced;        /* bytes of a result that became U+FFFD; -1: not there */
    enum log_level level;    /* of a log */
};

/* Appends the first line a handler reads. */
void stream_append_hello(struct buf *out, const char *type);

/* Appends the line of a job; nonce: a number that no other job of the process has. Line ends
 * between the tokens of its args become blanks; all else is as the producer wrote it. */
void stream_append_job(struct buf *out, const struct handler_call *call, int64_t nonce);

/* Reads a line (without its end). ST_INVALID with a sentence: no JSON object, none or several of
 * the verbs, a member of the wrong type. Unknown members are ignored. */
MUST_CHECK enum status stream_read_message(struct slice line, struct stream_message *message,
                                           struct err *err);

/* True if the message names its job as an answer must: by its id or, as of STREAM_NONCES, its
 * nonce. */
bool stream_is_named(const struct stream_message *message, int64_t version);

/* True if what it tells of id, run and nonce is that of this call; what it does not tell may be. */
bool stream_is_about(const struct stream_message *message, const struct handler_call *call,
                     int64_t nonce);

#endif
