/* protocol - what both sides of the stream protocol (docs/handlers.md) have to agree on: its
 * versions, and the names of its messages. Pure; any thread. */
#ifndef DARG_STREAM_PROTOCOL_H
#define DARG_STREAM_PROTOCOL_H

#include <stdbool.h>

/* The version in use until the handler asks for a later one, and the latest. Since version 2, every
 * message about a job has its nonce. */
enum { STREAM_PROTOCOL = 1, STREAM_NONCES = 2, STREAM_PROTOCOL_MAX = 2 };

enum stream_verb {
    STREAM_DONE,
    STREAM_RETRY,
    STREAM_BURY,
    STREAM_UNABLE, /* it lacks the resources to begin; only processes of --isolate say so */
    STREAM_PROGRESS,
    STREAM_LOG,
    STREAM_VERSION,
};
enum { STREAM_VERBS = STREAM_VERSION + 1 };

/* The name of the member that carries this message. */
const char *stream_verb_name(enum stream_verb verb);

/* True if its value must be a string. */
bool stream_verb_wants_text(enum stream_verb verb);

/* The members of a job's line, in order. */
enum stream_job_field {
    STREAM_JOB_ID,
    STREAM_JOB_TYPE,
    STREAM_JOB_QUEUE,
    STREAM_JOB_RUN,
    STREAM_JOB_ATTEMPT,
    STREAM_JOB_DEADLINE,
    STREAM_JOB_NONCE,
    STREAM_JOB_ARGS,
};
enum { STREAM_JOB_FIELDS = STREAM_JOB_ARGS + 1 };
const char *stream_job_field_name(enum stream_job_field field);

#endif
