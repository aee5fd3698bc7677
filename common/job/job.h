/* job - the text of a job, and the envelope around it.
 *
 * A producer pushes a JSON object; those bytes are the job's *original* and are never rewritten.
 * What the system learns about a job (how often it ran, why it failed) is kept in an envelope
 * around the original:
 *
 *   {"darg":1,"runs":2,"crashes":0,"attempt":2,"id":"x","claim":"w:17",
 *    "failed_at":1700000000000,"error":"no","job":ORIGINAL}
 *
 * C and the Lua scripts recognise an envelope by the same textual rule: it begins exactly with
 * `{"darg":1,"runs":N,"crashes":N,` (N: one to six digits), its original is between the first
 * `,"job":` and the closing brace, and what comes before is, with a brace added, a JSON object.
 * Anything else is a job. An envelope never contains an envelope. Pure: no I/O, no clock; any
 * thread. */
#ifndef DARG_JOB_JOB_H
#define DARG_JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/retry.h"

enum {
    JOB_TYPE_MAX = 128,              /* bytes in the name of a type */
    JOB_ID_MAX = 128,                /* bytes in an id */
    JOB_REPLY_MAX = 128,             /* bytes in the name of a reply list */
    JOB_KEEP_DAYS_MAX = 366,         /* longest time to keep a result */
    JOB_COUNT_MAX = 999999,          /* limit of the counters: runs, crashes, attempts */
    JOB_DEFAULT_MAX_BYTES = 1 << 20, /* default of --max-job-size */
};

/* What the system knows about a job beyond its original. All zero if it has never run. */
struct job_history {
    int64_t runs;         /* times it was started, however that ended */
    int64_t crashes;      /* times a worker died while running it */
    int64_t attempts;     /* runs that ended in a failure of its own */
    int64_t failed_at_ms; /* server time of the last failure; 0: none */
    struct slice error;   /* reason for the last failure, a JSON string with quotes; empty: none */
    struct slice claim;   /* makes the envelope unique, a JSON string; empty: none */
    struct slice usage;   /* what the program of that run used, a JSON object; empty: unknown */
};

/* A parsed element of the queue. Slices point into the text given to job_read(). */
struct job {
    struct slice text;     /* the element as Redis holds it */
    struct slice original; /* the producer's bytes */
    bool is_enveloped;
    struct job_history history;
    char type[JOB_TYPE_MAX + 1];   /* decoded; "" if unknown */
    char id[JOB_ID_MAX + 1];       /* decoded; "" if the producer gave none */
    char reply[JOB_REPLY_MAX + 1]; /* name of the reply list; "" if nobody waits */
    struct slice args;             /* the bytes of the JSON value; empty if absent */
    int64_t max_attempts;          /* 0: the worker's default */
    int64_t timeout_ms;            /* -1: the worker's default; 0: none */
    int64_t expires_at_ms;         /* server time; 0: never */
    int64_t keep_ms;               /* how long its result is kept; 0: not at all */
    bool has_backoff;
    struct retry_backoff backoff;
};

/* Parses an element. ST_OK, or ST_INVALID / ST_TOO_LARGE with the reason for which it must be
 * buried; text, original, is_enveloped and history are valid in every case, id and type as far as
 * they could be read. */
MUST_CHECK enum status job_read(struct slice text, int64_t max_bytes, struct job *job,
                                struct err *err);

/* Parses the beginning of an element that is too long to be read whole: like job_read(), as far as
 * it goes. Fields that are not reached are unset, `original` extends to the end of `text`, and
 * nothing is validated. */
void job_read_beginning(struct slice text, struct job *job);

/* Only applies the rule above: sets text, original, is_enveloped and history, and id if the
 * envelope has one. Never fails. */
void job_split(struct slice text, struct job *job);

/* Appends the part of an envelope before the original, `{"darg":1 ... ,"job":`. The original and a
 * closing brace complete it. `id`, `claim` and `error` are plain text; empty ones are left out. */
struct job_head {
    int64_t runs, crashes, attempts;
    int64_t failed_at_ms; /* 0: left out */
    struct slice id, claim, error;
    struct slice usage; /* a JSON object */
};
void job_append_head(struct buf *out, const struct job_head *head);

/* True if the element is the sentinel, {"darg":"drain"} with any white space, or the sentinel that
 * also waits for retries. */
bool job_is_sentinel(struct slice text);
bool job_awaits_retries(struct slice text); /* true for the latter alone */
#define JOB_SENTINEL "{\"darg\":\"drain\"}"
#define JOB_SENTINEL_RETRIES "{\"darg\":\"drain\",\"retries\":true}"

/* True for 1 to 128 bytes of [A-Za-z0-9_.:-]: names of queues and reply lists. */
bool job_is_name(struct slice name);

#endif
