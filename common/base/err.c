#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

static const struct {
    const char *name, *text;
} statuses[STATUS_COUNT] = {
#define STATUS_ROW(name, text) [ST_##name] = {#name, text},
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

const char *status_text(enum status status)
{
    ensure((unsigned)status < STATUS_COUNT, "status %d", (int)status);
    return statuses[status].text;
}

const char *status_name(enum status status)
{
    ensure((unsigned)status < STATUS_COUNT, "status %d", (int)status);
    return statuses[status].name;
}

/* The text may quote outside input, which must not control a terminal or start a new line. */
static void make_printable(struct err *err)
{
    printable_make(err->text, strlen(err->text), '?', "");
}

static void mark_if_cut(struct err *err, int would_be)
{
    if (would_be >= (int)sizeof err->text)
        memcpy(err->text + sizeof err->text - 4, "...", 4);
    make_printable(err);
}

enum status err_set(struct err *err, enum status status, const char *format, ...)
{
    if (!err)
        return status;
    /* Formatted aside, since the arguments may include err's own old text. */
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int would_be = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err->status = status;
    memcpy(err->text, text, sizeof text);
    mark_if_cut(err, would_be);
    return status;
}

enum status err_system(struct err *err, int errno_value, const char *format, ...)
{
    if (!err)
        return ST_SYSTEM;
    char what[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    char reason[128];
    const char *text = strerror_r(errno_value, reason, sizeof reason);
    err->status = ST_SYSTEM;
    mark_if_cut(err, snprintf(err->text, sizeof err->text, "%s: %s", what, text));
    return ST_SYSTEM;
}

void err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return;
    char where[sizeof err->text], old[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(where, sizeof where, format, args);
    va_end(args);
    snprintf(old, sizeof old, "%s", err_text(err));
    mark_if_cut(err, snprintf(err->text, sizeof err->text, "%s: %s", where, old));
}

const char *err_text(const struct err *err)
{
    return err->text[0] ? err->text : status_text(err->status);
}

void ensure_failed(const char *file, int line, const char *condition, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: broken rule: %s: ", file, line, condition);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}
