/* json - a strict scanner that reads JSON text in place, and a writer.
 *
 * The scanner accepts exactly RFC 8259: no leading zeros, no raw control bytes in strings, valid
 * UTF-8, no lone surrogate escapes, nothing after the value. It never recurses, never allocates,
 * and never changes or rounds a number: it yields slices of the original bytes. cJSON, which is
 * lenient and stores numbers as doubles, is used only to read valid text for people. Pure; any
 * thread. */
#ifndef DARG_BASE_JSON_H
#define DARG_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Default limit of nested arrays and objects; the outermost counts as 1. */
#define JSON_MAX_DEPTH 64

enum json_type {
    JSON_NONE, /* there was no such member */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* One value: its type and its exact bytes (of a string, with the quotes). */
struct json_value {
    enum json_type type;
    struct slice text;
};

/* A member that the caller wants. In: name; out: value (type JSON_NONE if absent). The first member
 * of that name counts; later ones are ignored (a documented rule). Names are compared after
 * decoding escapes, so "\u0074ype" is "type". */
struct json_field {
    const char *name;
    struct json_value value;
};

/* Validates the whole text as one JSON value no deeper than max_depth; *type_out says which kind.
 * Otherwise ST_INVALID with a sentence that gives the byte offset. */
MUST_CHECK enum status json_check(struct slice text, int max_depth, enum json_type *type_out,
                                  struct err *err);

/* Like json_check(), but requires an object; fills fields[0..count-1] in the same pass over the
 * bytes. ST_INVALID if it is not JSON, too deep, or not an object. */
MUST_CHECK enum status json_read_object(struct slice text, int max_depth, struct json_field *fields,
                                        size_t count, struct err *err);

/* Decodes a JSON_STRING's text (with its quotes) into out, appending. An escaped NUL (\u0000) is
 * decoded to a NUL byte; callers that cannot take one must check. Precondition: the text was
 * validated by the scanner. */
void json_decode_string(struct slice quoted, struct buf *out);

/* True if a JSON_STRING's text (as above) decodes to exactly the bytes of a terminated string. */
bool json_string_is(struct slice quoted, const char *text);

/* A JSON_NUMBER that is a whole number within int64 (no fraction, no exponent). */
MUST_CHECK enum status json_read_int(struct json_value value, int64_t min, int64_t max,
                                     int64_t *out, struct err *err);

/* Appends text as a JSON string with quotes. Control characters (base/printable.h) are escaped;
 * each byte that is not part of valid UTF-8 becomes U+FFFD, so that the result is always valid
 * JSON. Returns how many did. */
size_t json_append_string(struct buf *out, struct slice text);

#endif
