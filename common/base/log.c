#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log_sink.h"
#include "base/printable.h"

enum {
    VALUE_MAX = 1024,     /* bytes of one field's value */
    READER_WAIT_MS = 100, /* that a full pipe may hold up the log, within ... */
    READER_TIME_MS = 10 * 1000,
    REOPEN_MS = 1000, /* how often to retry reopening a file */
};

static const struct {
    const char *name, *label;
} levels[] = {
    [LOG_DEBUG] = {"debug", "DEBUG"}, [LOG_INFO] = {"info", "INFO "},
    [LOG_WARN] = {"warn", "WARN "},   [LOG_ERROR] = {"error", "ERROR"},
    [LOG_OFF] = {"off", "OFF  "},
};
static const char *const format_names[] = {"text", "json"};

/* The sink: the only global of the program. */
static struct {
    _Atomic int level;
    enum log_format format; /* fixed after log_open() */
    char *path;             /* fixed after log_open(); NULL: standard error */
    pthread_mutex_t lock;
    /* The rest is under lock. */
    struct log_sink sink;
    struct buf rest;     /* the rest of a line that was written in part */
    int64_t patience_ms; /* monotonic: start of the present READER_TIME_MS */
    int64_t waited_ms;   /* time spent waiting for the reader since then */
    int64_t dropped;     /* lines that could not be written since the last one that could */
    int64_t reopen_ms;   /* monotonic: when to retry reopening the file; 0: need not */
} sink = {
    .level = LOG_INFO,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .sink = {.fd = STDERR_FILENO, .kind = LOG_SINK_GIVEN},
};

const char *log_level_name(enum log_level level)
{
    ensure((unsigned)level <= LOG_OFF, "log level %d", (int)level);
    return levels[level].name;
}

enum status log_parse_level(struct slice text, enum log_level *level, struct err *err)
{
    for (int i = 0; i <= LOG_OFF; i++)
        if (slice_is(text, levels[i].name)) {
            *level = (enum log_level)i;
            return ST_OK;
        }
    return err_set(err, ST_INVALID,
                   "the log level must be debug, info, warn, error or off, not '%.*s'",
                   text.len > 40 ? 40 : (int)text.len, text.ptr ? text.ptr : "");
}

enum status log_parse_format(struct slice text, enum log_format *format, struct err *err)
{
    for (int i = 0; i <= LOG_JSON; i++)
        if (slice_is(text, format_names[i])) {
            *format = (enum log_format)i;
            return ST_OK;
        }
    return err_set(err, ST_INVALID, "the log format must be text or json, not '%.*s'",
                   text.len > 40 ? 40 : (int)text.len, text.ptr ? text.ptr : "");
}

static bool open_sink(const char *path, struct log_sink *fresh)
{
    if (path)
        return log_sink_open(fresh, path);
    log_sink_open_stderr(fresh);
    return true;
}

/* The rest of a line belongs to the old file, so it is dropped. */
static void replace_locked(const struct log_sink *fresh)
{
    log_sink_close(&sink.sink);
    sink.sink = *fresh;
    sink.reopen_ms = 0;
    buf_clear(&sink.rest);
}

enum status log_open(enum log_level level, enum log_format format, const char *path,
                     struct err *err)
{
    struct log_sink fresh;
    if (!open_sink(path, &fresh))
        return err_system(err, errno, "cannot open the log file %s", path);
    sink.format = format;
    free(sink.path);
    sink.path = mem_dup(path);
    pthread_mutex_lock(&sink.lock);
    replace_locked(&fresh);
    sink.dropped = sink.waited_ms = 0;
    pthread_mutex_unlock(&sink.lock);
    atomic_store(&sink.level, (int)level);
    return ST_OK;
}

void log_set_level(enum log_level level)
{
    atomic_store(&sink.level, (int)level);
}

/* If it cannot be opened, logging goes on in the old file: better than nowhere. */
static bool reopen_locked(void)
{
    struct log_sink fresh;
    bool is_open = open_sink(sink.path, &fresh);
    if (is_open)
        replace_locked(&fresh);
    else
        sink.reopen_ms = clock_mono_ms() + REOPEN_MS;
    return is_open;
}

enum status log_reopen(struct err *err)
{
    pthread_mutex_lock(&sink.lock);
    bool is_open = reopen_locked();
    int why = errno;
    pthread_mutex_unlock(&sink.lock);
    return is_open ? ST_OK : err_system(err, why, "cannot reopen the log file %s", sink.path);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

static struct slice capped(struct slice text)
{
    return text.len > VALUE_MAX ? (struct slice){text.ptr, VALUE_MAX} : text;
}

/* Quoted if it contains anything but plain characters, so that people can see where it ends. */
static void append_value(struct buf *line, struct slice value)
{
    bool is_plain = value.len > 0;
    for (size_t i = 0; i < value.len && is_plain; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        is_plain = c > 0x20 && c < 0x7f && c != '"' && c != '=' && c != '\\';
    }
    if (is_plain)
        buf_append_slice(line, value);
    else
        json_append_string(line, value);
}

static void append_text_line(struct buf *line, enum log_level level, const char *message,
                             const struct log_field *fields, size_t count)
{
    char time[CLOCK_TEXT_MAX];
    clock_format(clock_wall_ms(), time);
    buf_printf(line, "%.12s %s ", time + 11, levels[level].label);
    buf_append_text(line, message);
    const char *gap = "  ";
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].is_number && !fields[i].text.ptr)
            continue;
        buf_append_text(line, gap);
        gap = " ";
        buf_append_text(line, fields[i].name);
        buf_append_char(line, '=');
        if (fields[i].is_number)
            buf_append_int(line, fields[i].number);
        else
            append_value(line, capped(fields[i].text));
    }
    /* Messages may quote outside input, which must not start a new line. */
    printable_make(line->ptr, line->len, '?', "");
}

static void append_json_line(struct buf *line, enum log_level level, const char *message,
                             const struct log_field *fields, size_t count)
{
    char time[CLOCK_TEXT_MAX];
    buf_printf(line,
               "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", clock_format(clock_wall_ms(), time),
               levels[level].name);
    json_append_string(line, slice_of(message));
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].is_number && !fields[i].text.ptr)
            continue;
        buf_append_char(line, ',');
        json_append_string(line, slice_of(fields[i].name));
        buf_append_char(line, ':');
        if (fields[i].is_number)
            buf_append_int(line, fields[i].number);
        else
            json_append_string(line, capped(fields[i].text));
    }
    buf_append_char(line, '}');
}

static void append_line(struct buf *line, enum log_level level, const char *message,
                        const struct log_field *fields, size_t count)
{
    if (sink.format == LOG_JSON)
        append_json_line(line, level, message, fields, count);
    else
        append_text_line(line, level, message, fields, count);
    buf_append_char(line, '\n');
}

/* How long this line may wait for the reader. The wait is limited per stretch of time and not per
 * line, so that a reader that is always behind does not slow down everything that logs. */
static int64_t patience_locked(int64_t now_ms)
{
    if (now_ms - sink.patience_ms >= READER_TIME_MS) {
        sink.patience_ms = now_ms;
        sink.waited_ms = 0;
    }
    return sink.dropped > 0 || sink.waited_ms >= READER_WAIT_MS ? 0
                                                                : READER_WAIT_MS - sink.waited_ms;
}

/* Writes everything, or keeps the rest for later so that lines stay whole; false if nothing was
 * written. Waits a moment for a reader that is behind, but not again while it remains behind: the
 * calling thread has leases to renew, and others wait for the lock. A reader that has gone away is
 * just a failed write, since the programs ignore SIGPIPE. */
static bool put_locked(const char *bytes, size_t len)
{
    int64_t start_ms = clock_mono_ms();
    int64_t until_ms = start_ms + patience_locked(start_ms);
    size_t done = 0;
    while (done < len) {
        ssize_t wrote = log_sink_write(&sink.sink, bytes + done, len - done);
        int64_t left_ms = until_ms - clock_mono_ms();
        if (wrote < 0 || (wrote == 0 && left_ms <= 0))
            break;
        done += (size_t)wrote;
        if (done < len && left_ms > 0)
            log_sink_wait(&sink.sink, (int)left_ms);
    }
    sink.waited_ms += clock_mono_ms() - start_ms;
    if (done > 0 && done < len)
        buf_append(&sink.rest, bytes + done, len - done);
    return done > 0;
}

/* Writes the rest of a line; true if the next line may begin. */
static bool put_rest_locked(void)
{
    struct buf rest = sink.rest;
    if (rest.len == 0)
        return true;
    sink.rest = (struct buf){0};
    if (!put_locked(rest.ptr, rest.len)) {
        sink.rest = rest;
        return false;
    }
    buf_fini(&rest);
    return sink.rest.len == 0;
}

/* Logs how many lines were dropped, before the first line that can be written again. */
static bool put_dropped_locked(void)
{
    struct buf line = {0};
    const struct log_field lines = LOG_INT("lines", sink.dropped);
    if (sink.dropped == 0)
        return true;
    append_line(&line, LOG_WARN, "log lines dropped", &lines, 1);
    bool is_told = put_locked(line.ptr, line.len);
    buf_fini(&line);
    if (is_told)
        sink.dropped = 0;
    return is_told && sink.rest.len == 0;
}

static void write_line(const struct buf *line)
{
    int kept_errno = errno; /* callers may log before they look at errno */
    pthread_mutex_lock(&sink.lock);
    if (sink.reopen_ms != 0 && clock_mono_ms() >= sink.reopen_ms)
        (void)reopen_locked();
    if (!put_rest_locked() || !put_dropped_locked() || !put_locked(line->ptr, line->len))
        sink.dropped++;
    pthread_mutex_unlock(&sink.lock);
    errno = kept_errno;
}

void log_line(enum log_level level, const char *message, const struct log_field *fields,
              size_t count)
{
    if (!log_enabled(level) || level >= LOG_OFF)
        return;
    struct buf line = {0};
    buf_reserve(&line, 256);
    append_line(&line, level, message, fields, count);
    write_line(&line);
    buf_fini(&line);
}

void log_printf(enum log_level level, const char *format, ...)
{
    char message[1024];
    va_list args;
    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_line(level, message, NULL, 0);
}
