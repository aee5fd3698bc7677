/* err - how a call reports that something outside the program went wrong.
 *
 * A call that can fail returns an `enum status` and is MUST_CHECK. If a person may have to read
 * about it, its last parameter is a `struct err *`: the status again, and one sentence that says
 * what, where and what to do. Reporting never needs an allocation. Outcomes that are not errors
 * (empty, paused, stale ...) are enums of their own modules, never statuses.
 *
 * ensure() is for bugs only: it is always compiled in, prints what was expected and aborts. Input
 * from outside must never reach it. Everything here may be used by any thread. */
#ifndef DARG_BASE_ERR_H
#define DARG_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* Every status, once: its name, and what it means in plain words. */
#define STATUS_LIST(X)                                                                             \
    X(OK, "ok")                                                                                    \
    X(INVALID, "invalid input")                                                                    \
    X(TOO_LARGE, "too large")                                                                      \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(SYSTEM, "the operating system refused")                                                      \
    X(UNSUPPORTED, "not supported by this build")                                                  \
    X(UNREACHABLE, "no connection to Redis")                                                       \
    X(TIMED_OUT, "no answer in time")                                                              \
    X(LOST_REPLY, "the connection broke before the answer came")                                   \
    X(PROTOCOL, "Redis answered something unexpected")                                             \
    X(LOADING, "Redis is loading its data")                                                        \
    X(READONLY, "Redis is a read-only replica")                                                    \
    X(MASTERDOWN, "the replica has lost its master")                                               \
    X(OOM, "Redis has reached its memory limit")                                                   \
    X(MISCONF, "Redis cannot write to its disk")                                                   \
    X(BUSY, "Redis is busy running a script")                                                      \
    X(UNBLOCKED, "the blocking call was ended by the server")                                      \
    X(NOREPLICAS, "Redis has too few replicas to accept writes")                                   \
    X(CLUSTER, "the Redis cluster does not serve this key here")                                   \
    X(NOAUTH, "Redis wants another user or password")                                              \
    X(NOPERM, "this Redis user may not do that")                                                   \
    X(WRONGTYPE, "a key holds another type of value")                                              \
    X(NOSCRIPT, "Redis does not know the script")                                                  \
    X(SERVER, "Redis answered with an error")

enum status {
#define STATUS_ENUM(name, text) ST_##name,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
        STATUS_COUNT
};

/* What went wrong, for people. Zero-initialised means "nothing yet". */
struct err {
    enum status status;
    char text[512]; /* one sentence, no newline, never a secret; "" if none was given */
};

/* The status's few words, e.g. "out of memory". Static storage. */
const char *status_text(enum status status);

/* The status's name as used in logs and JSON, e.g. "NO_MEMORY". Static storage. */
const char *status_name(enum status status);

/* Records status and a sentence in *err (err may be NULL) and returns status, so that a failing
 * call reads `return err_set(err, ST_INVALID, "...")`. A text that does not fit is cut and ends in
 * "...". Control bytes in the text are replaced by '?', since it may quote outside input. */
enum status err_set(struct err *err, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* Like err_set(), and appends ": " and strerror(errno_value). */
enum status err_system(struct err *err, int errno_value, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "format: " before the present sentence, to say where it happened. Keeps the status. */
void err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The sentence, or the status's own words if none was given. Never NULL. Borrowed from err. */
const char *err_text(const struct err *err);

/* Aborts, printing file, line and the state given, if a rule of the program itself is broken. */
#define ensure(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ensure_failed(__FILE__, __LINE__, #condition, __VA_ARGS__);                            \
    } while (0)
_Noreturn void ensure_failed(const char *file, int line, const char *condition, const char *format,
                             ...) PRINTF_LIKE(4, 5);

#endif
