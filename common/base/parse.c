#include "base/parse.h"

#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first, since chained units must descend. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
enum { DURATION_UNITS = sizeof durations / sizeof durations[0] };
static const int64_t max_duration_ms = 10LL * 366 * 86400000;

static const struct unit sizes[] = {
    {"", 1},          {"B", 1},        {"KiB", 1 << 10},   {"K", 1 << 10},
    {"MiB", 1 << 20}, {"M", 1 << 20},  {"GiB", 1 << 30},   {"G", 1 << 30},
    {"kB", 1000},     {"MB", 1000000}, {"GB", 1000000000},
};

/* How many bytes of the text an error quotes: enough to recognise it. */
static int shown(struct slice text)
{
    return text.len > 60 ? 60 : (int)text.len;
}

size_t parse_digits(struct slice text, size_t max_digits, int64_t *value)
{
    int64_t number = 0;
    size_t count = 0;
    while (count < text.len && count < max_digits && text.ptr[count] >= '0' &&
           text.ptr[count] <= '9') {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.ptr[count] - '0', &number))
            return 0;
        count++;
    }
    if (count > 0)
        *value = number;
    return count;
}

enum status parse_int(struct slice text, int64_t min, int64_t max, int64_t *value, struct err *err)
{
    bool is_negative = min < 0 && text.len > 0 && text.ptr[0] == '-';
    int64_t number = 0;
    size_t at = is_negative;
    bool has_zeros = text.len > at + 1 && text.ptr[at] == '0';
    bool is_ok = text.len > at && !has_zeros;
    for (; is_ok && at < text.len; at++) {
        int digit = text.ptr[at] - '0';
        is_ok = digit >= 0 && digit <= 9 && !__builtin_mul_overflow(number, 10, &number) &&
                !__builtin_add_overflow(number, is_negative ? -digit : digit, &number);
    }
    if (!is_ok || number < min || number > max)
        return err_set(err, ST_INVALID, "'%.*s' is not a whole number from %lld to %lld",
                       shown(text), text.ptr ? text.ptr : "", (long long)min, (long long)max);
    *value = number;
    return ST_OK;
}

static size_t unit_length(struct slice text)
{
    size_t len = 0;
    while (len < text.len && ((text.ptr[len] >= 'a' && text.ptr[len] <= 'z') ||
                              (text.ptr[len] >= 'A' && text.ptr[len] <= 'Z')))
        len++;
    return len;
}

/* One number, fraction and unit at the start of *rest, added to *total; units only below *next.
 * Part of a millisecond counts as a whole one, so that no given time turns into 0, which often
 * means "none". */
static bool take_duration(struct slice *rest, size_t *next, int64_t *total)
{
    int64_t whole = 0, fraction = 0, scale = 1;
    size_t count = parse_digits(*rest, rest->len, &whole);
    if (count == 0)
        return false;
    *rest = (struct slice){rest->ptr + count, rest->len - count};
    if (rest->len && rest->ptr[0] == '.') {
        struct slice digits = {rest->ptr + 1, rest->len - 1};
        count = parse_digits(digits, 6, &fraction);
        if (count == 0)
            return false;
        for (size_t i = 0; i < count; i++)
            scale *= 10;
        *rest = (struct slice){digits.ptr + count, digits.len - count};
    }
    struct slice name = {rest->ptr, unit_length(*rest)};
    for (size_t i = *next; i < DURATION_UNITS; i++) {
        int64_t part;
        if (!slice_is(name, durations[i].name))
            continue;
        *rest = (struct slice){rest->ptr + name.len, rest->len - name.len};
        *next = i + 1;
        return !__builtin_mul_overflow(whole, durations[i].factor, &part) &&
               !__builtin_add_overflow(part, (fraction * durations[i].factor + scale - 1) / scale,
                                       &part) &&
               !__builtin_add_overflow(*total, part, total);
    }
    return false;
}

enum status parse_duration_ms(struct slice text, int64_t *value_ms, struct err *err)
{
    int64_t total = 0;
    size_t next = 0;
    struct slice rest = text;
    bool is_ok = text.len > 0;
    if (slice_is(text, "0"))
        rest.len = 0;
    while (is_ok && rest.len > 0)
        is_ok = take_duration(&rest, &next, &total);
    if (!is_ok || total > max_duration_ms)
        return err_set(
            err, ST_INVALID,
            "'%.*s' is not a duration like 500ms, 30s, 5m, 1h30m or 2d (at most 10 years)",
            shown(text), text.ptr ? text.ptr : "");
    *value_ms = total;
    return ST_OK;
}

enum status parse_bytes(struct slice text, int64_t *value_bytes, struct err *err)
{
    int64_t number = 0;
    size_t count = parse_digits(text, text.len, &number);
    struct slice unit = text;
    if (count > 0)
        unit = (struct slice){text.ptr + count, text.len - count};
    for (size_t i = 0; count > 0 && i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t bytes;
        if (slice_is(unit, sizes[i].name) &&
            !__builtin_mul_overflow(number, sizes[i].factor, &bytes)) {
            *value_bytes = bytes;
            return ST_OK;
        }
    }
    return err_set(err, ST_INVALID, "'%.*s' is not a size like 512, 64KiB, 1MiB or 2GB",
                   shown(text), text.ptr ? text.ptr : "");
}

const char *format_duration_ms(int64_t value_ms, char out[PARSE_DURATION_MAX])
{
    const char *sign = value_ms < 0 ? "-" : "";
    uint64_t value = value_ms < 0 ? 0 - (uint64_t)value_ms : (uint64_t)value_ms;
    size_t unit = 0;
    while (unit + 1 < DURATION_UNITS && value < (uint64_t)durations[unit].factor)
        unit++;
    uint64_t factor = (uint64_t)durations[unit].factor;
    unsigned long long large = value / factor;
    unsigned char small = 0; /* below 60: how many of the next unit; for seconds, the tenths */
    if (factor >= 1000)
        small = (unsigned char)(value % factor /
                                (factor == 1000 ? 100 : (uint64_t)durations[unit + 1].factor));
    if (small == 0)
        snprintf(out, PARSE_DURATION_MAX, "%s%llu%s", sign, large, durations[unit].name);
    else if (factor == 1000)
        snprintf(out, PARSE_DURATION_MAX, "%s%llu.%ds", sign, large, small);
    else
        snprintf(out, PARSE_DURATION_MAX, "%s%llu%s%d%s", sign, large, durations[unit].name, small,
                 durations[unit + 1].name);
    return out;
}

const char *format_bytes(int64_t value_bytes, char out[PARSE_BYTES_MAX])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
    double value = (double)value_bytes;
    size_t unit = 0;
    while (value >= 1024 && unit < 3) {
        value /= 1024;
        unit++;
    }
    int tenths = (int)((int64_t)(value * 10) % 10);
    if (unit > 0 && tenths)
        snprintf(out, PARSE_BYTES_MAX, "%lld.%d%s", (long long)value, tenths, names[unit]);
    else
        snprintf(out, PARSE_BYTES_MAX, "%lld%s", (long long)value, names[unit]);
    return out;
}
