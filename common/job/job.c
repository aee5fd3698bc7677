#include "job/job.h"

#include <string.h>

#include "base/json.h"
#include "base/parse.h"

enum { COUNT_DIGITS = 6 }; /* of runs and crashes; the same in the Lua scripts */

static const char original_mark[] = ",\"job\":";

/* Reads `prefix` and a count at *at; moves *at past them. */
static bool read_count(struct slice text, size_t *at, const char *prefix, int64_t *count)
{
    size_t len = strlen(prefix);
    if (text.len - *at < len || memcmp(text.ptr + *at, prefix, len) != 0)
        return false;
    struct slice rest = {text.ptr + *at + len, text.len - *at - len};
    size_t digits = parse_digits(rest, COUNT_DIGITS, count);
    *at += len + digits;
    return digits > 0;
}

static int64_t clamp_count(int64_t count)
{
    return count < 0 ? 0 : count > JOB_COUNT_MAX ? JOB_COUNT_MAX : count;
}

/* Decodes a JSON string into a fixed array; false if it is not a string, empty, too long, or
 * contains a NUL. */
static bool decode_name(struct json_value value, char *out, size_t max)
{
    /* An escape takes at most six bytes per byte of the name. */
    if (value.text.len <= 2 || value.text.len > max * 6 + 2)
        return false;
    struct buf decoded = {0};
    json_decode_string(value.text, &decoded);
    bool fits = decoded.len > 0 && decoded.len <= max && !memchr(decoded.ptr, 0, decoded.len);
    if (fits)
        memcpy(out, decoded.ptr, decoded.len + 1);
    buf_fini(&decoded);
    return fits;
}

/* Like decode_name(), but without a buffer if there is nothing to decode, which is the usual
 * case. */
static bool read_name(struct json_value value, char *out, size_t max)
{
    if (value.type != JSON_STRING)
        return false;
    struct slice inner = {value.text.ptr + 1, value.text.len - 2};
    if (inner.len > max || memchr(inner.ptr, '\\', inner.len))
        return decode_name(value, out, max);
    if (inner.len == 0)
        return false;
    memcpy(out, inner.ptr, inner.len);
    out[inner.len] = 0;
    return true;
}

/* Reads the members of an envelope's head; false if the head is not a JSON object. */
static bool read_head(struct slice head, struct job *job)
{
    enum { ATTEMPT, ID, CLAIM, FAILED_AT, ERROR, USAGE, FIELDS };
    struct json_field fields[FIELDS] = {
        [ATTEMPT] = {.name = "attempt"}, [ID] = {.name = "id"},
        [CLAIM] = {.name = "claim"},     [FAILED_AT] = {.name = "failed_at"},
        [ERROR] = {.name = "error"},     [USAGE] = {.name = "usage"}};
    struct buf closed = {0};
    /* Copied, because the scanner takes only whole objects, and the element must not be changed. */
    buf_append_slice(&closed, head);
    buf_append_char(&closed, '}');
    bool is_object =
        json_read_object(buf_slice(&closed), JSON_MAX_DEPTH, fields, FIELDS, NULL) == ST_OK;
    if (is_object) {
        struct job_history *history = &job->history;
        if (json_read_int(fields[ATTEMPT].value, 0, INT64_MAX, &history->attempts, NULL) != ST_OK)
            history->attempts = 0;
        if (json_read_int(fields[FAILED_AT].value, 0, INT64_MAX, &history->failed_at_ms, NULL) !=
            ST_OK)
            history->failed_at_ms = 0;
        history->attempts = clamp_count(history->attempts);
        if (fields[ID].value.type == JSON_STRING)
            (void)read_name(fields[ID].value, job->id, JOB_ID_MAX);
        /* Make the slices point into the element instead of the copy that was parsed. */
        if (fields[CLAIM].value.type == JSON_STRING)
            history->claim = (struct slice){head.ptr + (fields[CLAIM].value.text.ptr - closed.ptr),
                                            fields[CLAIM].value.text.len};
        if (fields[ERROR].value.type == JSON_STRING)
            history->error = (struct slice){head.ptr + (fields[ERROR].value.text.ptr - closed.ptr),
                                            fields[ERROR].value.text.len};
        if (fields[USAGE].value.type == JSON_OBJECT)
            history->usage = (struct slice){head.ptr + (fields[USAGE].value.text.ptr - closed.ptr),
                                            fields[USAGE].value.text.len};
    }
    buf_fini(&closed);
    return is_object;
}

/* Applies the rule in job.h. is_beginning: the text is cut off, so there is no closing brace. */
static void split(struct slice text, bool is_beginning, struct job *job)
{
    job->text = text;
    job->original = text;
    job->is_enveloped = false;
    job->history = (struct job_history){0};
    job->type[0] = job->id[0] = job->reply[0] = 0;

    size_t at = 0;
    int64_t runs, crashes;
    if (!read_count(text, &at, "{\"darg\":1,\"runs\":", &runs) ||
        !read_count(text, &at, ",\"crashes\":", &crashes) || at >= text.len || text.ptr[at] != ',')
        return;
    /* A plain search, and not the scanner: the Lua scripts do the same (_envelope.lua), and both
     * must find the same place. */
    const char *mark = memmem(text.ptr + at, text.len - at, original_mark, strlen(original_mark));
    if (!mark || (!is_beginning && text.ptr[text.len - 1] != '}'))
        return;
    struct slice head = {text.ptr, (size_t)(mark - text.ptr)};
    size_t start = head.len + strlen(original_mark);
    if (text.len < start + 1 || !read_head(head, job)) {
        job->history = (struct job_history){0};
        job->id[0] = 0;
        return;
    }
    job->is_enveloped = true;
    job->original = (struct slice){text.ptr + start, text.len - start - (is_beginning ? 0 : 1)};
    job->history.runs = runs;
    job->history.crashes = crashes;
}

void job_split(struct slice text, struct job *job)
{
    split(text, false, job);
}

static enum status read_overrides(const struct json_field *max_attempts,
                                  const struct json_field *timeout_ms,
                                  const struct json_field *expires_at,
                                  const struct json_field *backoff, struct job *job,
                                  struct err *err)
{
    enum status status = ST_OK;
    if (max_attempts->value.type != JSON_NONE) {
        status = json_read_int(max_attempts->value, 1, JOB_COUNT_MAX, &job->max_attempts, err);
        if (status != ST_OK) {
            err_prefix(err, "\"max_attempts\"");
            return status;
        }
    }
    if (timeout_ms->value.type != JSON_NONE) {
        status = json_read_int(timeout_ms->value, 0, INT64_MAX / 2, &job->timeout_ms, err);
        if (status != ST_OK) {
            err_prefix(err, "\"timeout_ms\"");
            return status;
        }
    }
    if (expires_at->value.type != JSON_NONE) {
        status = json_read_int(expires_at->value, 1, INT64_MAX / 2, &job->expires_at_ms, err);
        if (status != ST_OK) {
            err_prefix(err, "\"expires_at\"");
            return status;
        }
    }
    if (backoff->value.type == JSON_NONE)
        return ST_OK;
    char text[64];
    if (!read_name(backoff->value, text, sizeof text - 1))
        return err_set(err, ST_INVALID, "\"backoff\" is not a string like \"2s..1h\"");
    job->has_backoff = true;
    return retry_parse_backoff(slice_of(text), &job->backoff, err);
}

/* keep needs an id: results are found by the id of their job. */
static enum status read_keep(struct json_value value, struct job *job, struct err *err)
{
    if (value.type == JSON_NONE)
        return ST_OK;
    int64_t max_ms = INT64_C(1000) * 60 * 60 * 24 * JOB_KEEP_DAYS_MAX;
    enum status status = json_read_int(value, 1, max_ms, &job->keep_ms, err);
    if (status == ST_OK && !job->id[0]) {
        job->keep_ms = 0;
        status = err_set(err, ST_INVALID, "there is no \"id\" to find the result by");
    }
    if (status != ST_OK)
        err_prefix(err, "\"keep_ms\"");
    return status;
}

enum { TYPE, ARGS, ID, REPLY, KEEP, MAX_ATTEMPTS, TIMEOUT, EXPIRES, BACKOFF, FIELDS };

/* Reads the members of the original, raw; on failure, those before the fault. */
static enum status scan_original(const struct job *job, struct json_field f[FIELDS],
                                 struct err *err)
{
    static const char *const names[FIELDS] = {
        [TYPE] = "type",          [ARGS] = "args",          [ID] = "id",
        [REPLY] = "reply",        [KEEP] = "keep_ms",       [MAX_ATTEMPTS] = "max_attempts",
        [TIMEOUT] = "timeout_ms", [EXPIRES] = "expires_at", [BACKOFF] = "backoff",
    };
    for (size_t i = 0; i < FIELDS; i++)
        f[i] = (struct json_field){.name = names[i]};
    return json_read_object(job->original, JSON_MAX_DEPTH, f, FIELDS, err);
}

static bool read_reply(struct json_value value, struct job *job)
{
    if (read_name(value, job->reply, JOB_REPLY_MAX) && job_is_name(slice_of(job->reply)))
        return true;
    job->reply[0] = 0;
    return false;
}

static enum status read_original(struct job *job, struct err *err)
{
    struct json_field f[FIELDS];
    enum status status = scan_original(job, f, err);
    if (status != ST_OK)
        return status;
    job->args = f[ARGS].value.text;
    bool has_type = read_name(f[TYPE].value, job->type, JOB_TYPE_MAX);
    if (f[ID].value.type != JSON_NONE && !read_name(f[ID].value, job->id, JOB_ID_MAX))
        return err_set(err, ST_INVALID, "\"id\" is not a string of 1 to %d bytes", JOB_ID_MAX);
    if (f[TYPE].value.type == JSON_NONE)
        return err_set(err, ST_INVALID, "the job has no \"type\"");
    if (!has_type)
        return err_set(err, ST_INVALID, "\"type\" is not a string of 1 to %d bytes", JOB_TYPE_MAX);
    if (f[REPLY].value.type != JSON_NONE && !read_reply(f[REPLY].value, job))
        return err_set(err, ST_INVALID, "\"reply\" is not a name of [A-Za-z0-9_.:-], 1 to %d bytes",
                       JOB_REPLY_MAX);
    if (read_keep(f[KEEP].value, job, err) != ST_OK)
        return ST_INVALID;
    return read_overrides(&f[MAX_ATTEMPTS], &f[TIMEOUT], &f[EXPIRES], &f[BACKOFF], job, err);
}

static void clear_members(struct job *job)
{
    job->args = (struct slice){0};
    job->max_attempts = 0;
    job->timeout_ms = -1;
    job->expires_at_ms = 0;
    job->keep_ms = 0;
    job->has_backoff = false;
}

enum status job_read(struct slice text, int64_t max_bytes, struct job *job, struct err *err)
{
    job_split(text, job);
    clear_members(job);
    if ((int64_t)job->original.len > max_bytes)
        return err_set(err, ST_TOO_LARGE,
                       "the job has %zu bytes, more than the %lld that --max-job-size allows",
                       job->original.len, (long long)max_bytes);
    return read_original(job, err);
}

void job_read_beginning(struct slice text, struct job *job)
{
    struct json_field f[FIELDS];
    split(text, true, job);
    clear_members(job);
    /* The failure is expected: the text is cut off. */
    (void)!scan_original(job, f, NULL);
    (void)read_name(f[TYPE].value, job->type, JOB_TYPE_MAX);
    (void)read_name(f[ID].value, job->id, JOB_ID_MAX);
    (void)read_reply(f[REPLY].value, job);
    (void)!read_keep(f[KEEP].value, job, NULL);
}

void job_append_head(struct buf *out, const struct job_head *head)
{
    buf_append_text(out, "{\"darg\":1,\"runs\":");
    buf_append_int(out, clamp_count(head->runs));
    buf_append_text(out, ",\"crashes\":");
    buf_append_int(out, clamp_count(head->crashes));
    buf_append_text(out, ",\"attempt\":");
    buf_append_int(out, clamp_count(head->attempts));
    if (head->id.len) {
        buf_append_text(out, ",\"id\":");
        json_append_string(out, head->id);
    }
    if (head->claim.len) {
        buf_append_text(out, ",\"claim\":");
        json_append_string(out, head->claim);
    }
    if (head->failed_at_ms > 0) {
        buf_append_text(out, ",\"failed_at\":");
        buf_append_int(out, head->failed_at_ms);
    }
    if (head->error.len) {
        buf_append_text(out, ",\"error\":");
        json_append_string(out, head->error);
    }
    if (head->usage.len) {
        buf_append_text(out, ",\"usage\":");
        buf_append_slice(out, head->usage);
    }
    buf_append_text(out, original_mark);
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* tokens: ends with NULL. */
static bool is_made_of(struct slice text, const char *const *tokens)
{
    if (text.len < strlen(JOB_SENTINEL))
        return false;
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (size_t i = 0; tokens[i]; i++) {
        size_t len = strlen(tokens[i]);
        at = skip_blanks(at, end);
        if ((size_t)(end - at) < len || memcmp(at, tokens[i], len) != 0)
            return false;
        at += len;
    }
    return skip_blanks(at, end) == end;
}

bool job_awaits_retries(struct slice text)
{
    static const char *const tokens[] = {"{",           "\"darg\"", ":",    "\"drain\"", ",",
                                         "\"retries\"", ":",        "true", "}",         NULL};
    return is_made_of(text, tokens);
}

bool job_is_sentinel(struct slice text)
{
    static const char *const tokens[] = {"{", "\"darg\"", ":", "\"drain\"", "}", NULL};
    return is_made_of(text, tokens) || job_awaits_retries(text);
}

bool job_is_name(struct slice name)
{
    if (name.len < 1 || name.len > 128)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '.' || c == ':' || c == '-';
        if (!is_ok)
            return false;
    }
    return true;
}
