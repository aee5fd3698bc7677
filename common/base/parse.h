/* parse - the one place where text from outside becomes a number, a duration or a size.
 *
 * Strict: the whole slice must be one value in range; no sign where none makes sense, no blanks, no
 * octal, no trailing bytes. Every failure is ST_INVALID with a sentence that quotes the beginning
 * of the text and says what is accepted. Pure; any thread. */
#ifndef DARG_BASE_PARSE_H
#define DARG_BASE_PARSE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A decimal integer between min and max (inclusive) into *value; untouched on failure. */
MUST_CHECK enum status parse_int(struct slice text, int64_t min, int64_t max, int64_t *value,
                                 struct err *err);

/* A duration in milliseconds: a number, whole or with a fraction, and a unit: ms s m h d; "0"
 * needs none; units may be chained, largest first ("1h30m"). At most 10 years. */
MUST_CHECK enum status parse_duration_ms(struct slice text, int64_t *value_ms, struct err *err);

/* A size in bytes: a whole number and an optional unit: B, KiB/K, MiB/M, GiB/G (powers of 1024),
 * kB, MB, GB (powers of 1000). */
MUST_CHECK enum status parse_bytes(struct slice text, int64_t *value_bytes, struct err *err);

/* For our own fixed formats: reads at most max_digits decimal digits at the start of text, stores
 * their value, and returns how many it read (0: none). */
size_t parse_digits(struct slice text, size_t max_digits, int64_t *value);

/* Writes a duration as a person would ("1.5s", "2m30s", "3d") into out; returns out. */
#define PARSE_DURATION_MAX 32
const char *format_duration_ms(int64_t value_ms, char out[PARSE_DURATION_MAX]);

/* Writes a size as a person would ("512B", "64KiB", "1.5MiB") into out; returns out. */
#define PARSE_BYTES_MAX 32
const char *format_bytes(int64_t value_bytes, char out[PARSE_BYTES_MAX]);

#endif
