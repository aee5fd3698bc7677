/* json_scan - the scanner's steps over values that contain no others: strings, numbers, words. For
 * json.c and json_text.c only. */
#ifndef DARG_BASE_JSON_SCAN_H
#define DARG_BASE_JSON_SCAN_H

#include <stdbool.h>

#include "base/json.h"

struct json_scan {
    const unsigned char *start, *at, *end;
    const char *fault; /* after a failure: what was expected; NULL: less nesting */
    bool has_escape;   /* whether the string just scanned has one */
};

/* The fault of an escape that is one half of a surrogate pair without the other; `at` is then at
 * its backslash. */
extern const char json_scan_lone_surrogate[];

/* Notes what was expected at `at` and returns false, so that a failing step reads `return
 * json_scan_fail(s, "...")`. */
bool json_scan_fail(struct json_scan *s, const char *expected);

static inline void json_scan_blanks(struct json_scan *s)
{
    while (s->at < s->end && *s->at <= ' ' &&
           (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

bool json_scan_string(struct json_scan *s); /* at the opening quote */
bool json_scan_scalar(struct json_scan *s, enum json_type *type);

/* The length of the valid UTF-8 character of two to four bytes at `at`; 0: there is none. */
size_t json_scan_utf8_length(const unsigned char *at, const unsigned char *end);

/* The code unit given by the four hexadecimal digits at `at`; -1: they are not digits. */
int json_scan_unit(const unsigned char *at, const unsigned char *end);

#endif
