#include "stream/talk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/flatten.h"

enum { CHUNK_BYTES = 64 << 10 };

void talk_fini(struct talk *talk)
{
    buf_fini(&talk->read);
}

/* ---- reading ---- */

/* True if more was read. */
static bool read_more(struct talk *talk)
{
    struct buf *read_so_far = &talk->read;
    ssize_t got;
    buf_reserve(read_so_far, CHUNK_BYTES);
    do
        got = read(talk->input, read_so_far->ptr + read_so_far->len, CHUNK_BYTES);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    read_so_far->len += (size_t)got;
    return true;
}

/* The next line without its end, borrowed until the next call; false: there are no more lines. */
static bool next_line(struct talk *talk, struct slice *line)
{
    buf_consume(&talk->read, talk->taken);
    talk->taken = 0;
    size_t searched = 0;
    for (;;) {
        const struct buf *got = &talk->read;
        const char *end =
            got->len == searched ? NULL : memchr(got->ptr + searched, '\n', got->len - searched);
        if (end != NULL) {
            *line = (struct slice){got->ptr, (size_t)(end - got->ptr)};
            talk->taken = line->len + 1;
            return true;
        }
        searched = got->len;
        if (!read_more(talk))
            break;
    }
    *line = buf_slice(&talk->read);
    talk->taken = line->len;
    return talk->takes_rest && line->len > 0;
}

enum talk_next talk_next(struct talk *talk, struct talk_job *job, struct err *err)
{
    struct slice line;
    if (!next_line(talk, &line))
        return TALK_END;
    for (enum stream_job_field field = 0; field <= STREAM_JOB_ARGS; field++)
        job->fields[field] = (struct json_field){.name = stream_job_field_name(field)};
    /* One level more than the worker allows for args, since they are inside the line's object. */
    if (json_read_object(line, JSON_MAX_DEPTH + 1, job->fields, STREAM_JOB_FIELDS, err) != ST_OK) {
        err_prefix(err, "this is not a line of the protocol");
        return TALK_BROKEN;
    }
    talk->id = job->fields[STREAM_JOB_ID].value.text;
    talk->nonce = job->fields[STREAM_JOB_NONCE].value.text;
    return TALK_JOB;
}

/* ---- writing ---- */

/* Writes a line with one write(), as other threads may be writing theirs. Frees the line. */
static bool put(const struct talk *talk, struct buf *line)
{
    size_t done = 0;
    buf_append_char(line, '\n');
    while (done < line->len) {
        ssize_t put = write(talk->output, line->ptr + done, line->len - done);
        if (put < 0 && errno != EINTR)
            break; /* a worker that has stopped reading is about to end this process */
        done += put > 0 ? (size_t)put : 0;
    }
    bool is_written = done == line->len;
    buf_fini(line);
    return is_written;
}

/* Reads {"darg":1,...}. If the worker knows later versions, answers with the one that is wanted. */
enum talk_next talk_begin(struct talk *talk, struct err *err)
{
    struct slice line;
    struct err why = {0};
    struct buf answer = {0};
    struct json_field fields[] = {{.name = stream_verb_name(STREAM_VERSION)}, {.name = "max"}};
    int64_t number = 0;
    if (!next_line(talk, &line))
        return TALK_END;
    if (json_read_object(line, JSON_MAX_DEPTH, fields, 2, &why) != ST_OK ||
        json_read_int(fields[0].value, STREAM_PROTOCOL, STREAM_PROTOCOL, &number, &why) != ST_OK) {
        (void)!err_set(err, ST_INVALID,
                       "it speaks version %d of the protocol, and is spoken to as: %.*s",
                       STREAM_PROTOCOL, (int)line.len, line.ptr);
        return TALK_BROKEN;
    }
    if (json_read_int(fields[1].value, STREAM_NONCES, INT64_MAX, &number, &why) != ST_OK)
        return TALK_JOB;
    buf_printf(&answer, "{\"%s\":%d}", stream_verb_name(STREAM_VERSION), STREAM_NONCES);
    return put(talk, &answer) ? TALK_JOB : TALK_END;
}

static void begin_line(const struct talk *talk, enum stream_verb verb, struct buf *line)
{
    buf_append_text(line, "{\"id\":");
    buf_append_slice(line, talk->id);
    if (talk->nonce.len > 0) {
        buf_append_text(line, ",\"nonce\":");
        buf_append_slice(line, talk->nonce);
    }
    buf_printf(line, ",\"%s\":", stream_verb_name(verb));
}

bool talk_progress(const struct talk *talk, struct slice json)
{
    struct buf line = {0};
    begin_line(talk, STREAM_PROGRESS, &line);
    flatten_json(&line, json);
    buf_append_char(&line, '}');
    return put(talk, &line);
}

bool talk_log(const struct talk *talk, enum log_level level, struct slice text)
{
    struct buf line = {0};
    buf_printf(&line, "{\"%s\":", stream_verb_name(STREAM_LOG));
    json_append_string(&line, text);
    buf_printf(&line, ",\"level\":\"%s\"}", log_level_name(level));
    return put(talk, &line);
}

bool talk_done(const struct talk *talk, struct slice result, bool is_json)
{
    struct buf line = {0};
    size_t replaced = 0;
    begin_line(talk, STREAM_DONE, &line);
    if (is_json)
        flatten_json(&line, result);
    else
        replaced = json_append_string(&line, result);
    if (replaced > 0)
        buf_printf(&line, ",\"replaced_bytes\":%zu", replaced);
    buf_append_char(&line, '}');
    return put(talk, &line);
}

bool talk_fail(const struct talk *talk, enum stream_verb verb, struct slice reason,
               int64_t delay_ms)
{
    struct buf line = {0};
    begin_line(talk, verb, &line);
    json_append_string(&line, reason);
    if (verb == STREAM_RETRY && delay_ms >= 0) {
        buf_append_text(&line, ",\"delay_ms\":");
        buf_append_int(&line, delay_ms);
    }
    buf_append_char(&line, '}');
    return put(talk, &line);
}
