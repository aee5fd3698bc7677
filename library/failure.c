#include "library/failure.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct err last;

enum darg_code failure_code(enum status status)
{
    switch ((int)status) {
    case ST_OK:
        return DARG_OK;
    case ST_INVALID:
    case ST_TOO_LARGE:
    case ST_UNSUPPORTED:
        return DARG_INVALID;
    case ST_UNREACHABLE:
        return DARG_UNREACHABLE;
    case ST_LOST_REPLY:
    case ST_PROTOCOL:
        return DARG_UNCERTAIN;
    case ST_TIMED_OUT:
        return DARG_TIMED_OUT;
    case ST_SYSTEM:
        return DARG_SYSTEM;
    default:
        return DARG_REFUSED;
    }
}

enum darg_code failure_set(enum darg_code code, const char *format, ...)
{
    char text[sizeof last.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)!err_set(&last, ST_INVALID, "%s", text);
    return code;
}

enum darg_code failure_of(const struct err *err)
{
    return failure_set(failure_code(err->status), "%s", err_text(err));
}

const char *darg_error(void)
{
    return last.text;
}
