/* settings - what is in darg:{Q}:settings: whether the queue is paused, its limits, and what
 * scripts keep there for their own use.
 *
 * The two lists below are the only declaration. struct settings, what is read, what may be set, the
 * options of `darg limit`, and the members of its --json and of `darg stats --json` all come from
 * them; tools/check-settings checks docs/protocol.md and the scripts against them. To add a limit,
 * add a row here, the row of docs/protocol.md that the check then asks for, and the script that
 * enforces it.
 *
 * Calls that take a connection block for a round trip or two, and may be repeated. */
#ifndef DARG_QUEUE_SETTINGS_H
#define DARG_QUEUE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* Set by people: field of the hash, kind, smallest value, the option of `darg limit` that sets it
 * (NULL: none of its own), and what it does. */
#define SETTINGS_LIST(X)                                                                           \
    X(paused, FLAG, 1, NULL, "no jobs are handed out; pushing goes on")                            \
    X(max_len, COUNT, 0, "max-len", "pushes wait while N jobs are waiting in the queue")           \
    X(rate, RATE, 1, "rate", "hand out at most N jobs per DURATION, across all workers")           \
    X(rate_ms, PERIOD, 1, NULL, "the DURATION of `rate`")                                          \
    X(concurrency, COUNT, 1, "concurrency", "run at most N jobs at a time, across all workers")    \
    X(dead_max, COUNT, 0, "dead-max", "keep at most N dead jobs, the newest")                      \
    X(dead_age_ms, DURATION, 1, "dead-age", "keep dead jobs for at most DURATION")

/* Kept by scripts, and set by them alone: field, kind, and what it is. */
#define SETTINGS_KEPT_LIST(X)                                                                      \
    X(rate_at, TIME, "up to when `rate` is used up")                                               \
    X(drained_at, TIME, "when the last drain ended")                                               \
    X(drain_number, NUMBER, "the number of the last drain; it only grows")                         \
    X(drain_retries, FLAG, "a sentinel that waits for retries may be in line")

enum setting_kind {
    SETTING_FLAG,     /* there or not: 1 or -1 */
    SETTING_COUNT,    /* jobs */
    SETTING_RATE,     /* jobs in the SETTING_PERIOD of the next row: one option sets both */
    SETTING_PERIOD,   /* ms */
    SETTING_DURATION, /* ms */
    SETTING_TIME,     /* ms of the server's clock */
    SETTING_NUMBER,
};

enum {
    SETTING_NONE = -1, /* not set, or nonsense */
    SETTING_KEEP = -2, /* in changes: leave as it is */
};

/* A value for each field. */
struct settings {
#define SETTINGS_FIELD(field, ...) int64_t field;
    SETTINGS_LIST(SETTINGS_FIELD)
    SETTINGS_KEPT_LIST(SETTINGS_FIELD)
#undef SETTINGS_FIELD
};

/* A row of SETTINGS_LIST. */
struct setting {
    const char *name; /* the field, and the member of JSON objects */
    enum setting_kind kind;
    size_t offset; /* of its value in struct settings */
    int64_t least;
    const char *option, *help;
};
const struct setting *settings_at(size_t i); /* NULL past the last */
int64_t settings_value(const struct setting *setting, const struct settings *settings);

/* For callers that ask in a pipeline: the fields for HMGET, NULL at the end; and its answer. */
extern const char *const settings_names[];
void settings_take(const struct reply *reply, struct settings *settings);

MUST_CHECK enum status settings_read(struct conn *conn, const struct queue *queue,
                                     struct settings *settings, struct err *err);

/* While it is paused no jobs are handed out. */
MUST_CHECK enum status settings_pause(struct conn *conn, const struct queue *queue, bool is_paused,
                                      struct err *err);

/* Sets one that is not a flag, or removes it (SETTING_NONE). ST_INVALID: there is no such setting,
 * or the value is out of range. */
MUST_CHECK enum status settings_set(struct conn *conn, const struct queue *queue, const char *name,
                                    int64_t value, struct err *err);

/* Reads what people write for it into *changes: "none", or by kind "1000", "90s", or for a rate,
 * whose period changes with it, "100/1s" or "100/s". ST_INVALID comes with a sentence that does not
 * name the setting. */
MUST_CHECK enum status settings_parse(const struct setting *setting, const char *text,
                                      struct settings *changes, struct err *err);
/* To start from: changes nothing. */
struct settings settings_unchanged(void);
/* Sets values first, then removes others, each in one step. ST_INVALID: a value is out of range;
 * nothing is changed. */
MUST_CHECK enum status settings_apply(struct conn *conn, const struct queue *queue,
                                      const struct settings *changes, struct err *err);

#endif
