/* log - one line per event on standard error or a file: text for people, or JSON for machines.
 *
 *   12:00:00.123 INFO  worker w1 started  queue=default threads=10
 *   {"time":"2026-01-31T12:00:00.123Z","level":"info","msg":"worker started","queue":"default"}
 *
 * A line is a message and fields. Field values are escaped (control bytes, quotes), capped, and
 * never secrets. Lines are formatted by the calling thread and written whole under one lock, which
 * is held for a tenth of a second at most, unless a disk hangs (log_sink.h). The sink is the only
 * global of the program. log_line() may be called from any thread. If a pipe's reader falls behind,
 * or a disk is full, lines are dropped; their number is logged once lines can be written again. */
#ifndef DARG_BASE_LOG_H
#define DARG_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_TEXT, LOG_JSON };

/* A field of a line: a string (slice) or a whole number. Use the macros below. */
struct log_field {
    const char *name;
    struct slice text; /* used if is_number is false */
    int64_t number;
    bool is_number;
};
#define LOG_STR(name, cstr)                                                                        \
    (struct log_field)                                                                             \
    {                                                                                              \
        (name), slice_of(cstr), 0, false                                                           \
    }
#define LOG_SLICE(name, slice)                                                                     \
    (struct log_field)                                                                             \
    {                                                                                              \
        (name), (slice), 0, false                                                                  \
    }
#define LOG_INT(name, value)                                                                       \
    (struct log_field)                                                                             \
    {                                                                                              \
        (name), {NULL, 0}, (value), true                                                           \
    }

/* The name that people write: debug info warn error off. */
const char *log_level_name(enum log_level level);

/* The names people write: debug info warn error off; text json. */
MUST_CHECK enum status log_parse_level(struct slice text, enum log_level *level, struct err *err);
MUST_CHECK enum status log_parse_format(struct slice text, enum log_format *format,
                                        struct err *err);

/* Sets up the sink; path NULL: standard error. Called once, before threads start. */
MUST_CHECK enum status log_open(enum log_level level, enum log_format format, const char *path,
                                struct err *err);

/* Changes the level from now on. Any thread. */
void log_set_level(enum log_level level);

/* Opens the file, or standard error, again (after a log rotation). ST_SYSTEM with a sentence:
 * logging goes on in the old file, and later lines retry, once a second. Any thread. */
MUST_CHECK enum status log_reopen(struct err *err);

/* True if a line of this level would be written; ask before doing work for one. */
bool log_enabled(enum log_level level);

/* Writes one line with `count` fields; text fields with a NULL slice are left out. */
void log_line(enum log_level level, const char *message, const struct log_field *fields,
              size_t count);

/* log_fields(LOG_INFO, "job done", LOG_SLICE("id", id), LOG_INT("run", 2)) */
#define log_fields(level, message, ...)                                                            \
    do {                                                                                           \
        if (log_enabled(level)) {                                                                  \
            const struct log_field log_list_[] = {__VA_ARGS__};                                    \
            log_line((level), (message), log_list_, sizeof log_list_ / sizeof log_list_[0]);       \
        }                                                                                          \
    } while (0)

/* Writes a line with a formatted message and no fields. */
void log_printf(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
