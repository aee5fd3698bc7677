#include "job/maker.h"

#include "base/id.h"
#include "base/json.h"

#include <string.h>

static void make_middle(struct maker *maker)
{
    struct buf *out = &maker->middle;
    buf_append_text(out, ",\"type\":");
    json_append_string(out, slice_of(maker->type));
    if (maker->max_attempts > 0)
        buf_printf(out, ",\"max_attempts\":%lld", (long long)maker->max_attempts);
    if (maker->timeout_ms >= 0)
        buf_printf(out, ",\"timeout_ms\":%lld", (long long)maker->timeout_ms);
    if (maker->backoff != NULL) {
        buf_append_text(out, ",\"backoff\":");
        json_append_string(out, slice_of(maker->backoff));
    }
    if (maker->expires_at_ms > 0)
        buf_printf(out, ",\"expires_at\":%lld", (long long)maker->expires_at_ms);
    if (maker->reply != NULL)
        buf_printf(out, ",\"reply\":\"%s\"", maker->reply);
    if (maker->keep_ms > 0)
        buf_printf(out, ",\"keep_ms\":%lld", (long long)maker->keep_ms);
}

/* Strings from the command line can be any bytes; a job must be UTF-8. */
static enum status check_text(const char *what, const char *text, size_t max, struct err *err)
{
    struct buf quoted = {0}, decoded = {0};
    json_append_string(&quoted, slice_of(text));
    json_decode_string(buf_slice(&quoted), &decoded);
    bool is_utf8 = slice_equal(buf_slice(&decoded), slice_of(text));
    buf_fini(&quoted);
    buf_fini(&decoded);
    if (!is_utf8)
        return err_set(err, ST_INVALID, "%s is not UTF-8", what);
    if (text[0] == '\0' || strlen(text) > max)
        return err_set(err, ST_INVALID, "%s must have 1 to %zu bytes", what, max);
    return ST_OK;
}

enum status maker_init(struct maker *maker, struct err *err)
{
    struct retry_backoff ignored;
    enum status status = ST_OK;
    if (maker->type != NULL)
        status = check_text("TYPE", maker->type, JOB_TYPE_MAX, err);
    if (status == ST_OK && maker->id != NULL)
        status = check_text("--id", maker->id, JOB_ID_MAX, err);
    if (status == ST_OK && maker->backoff != NULL) {
        status = retry_parse_backoff(slice_of(maker->backoff), &ignored, err);
        if (status != ST_OK)
            err_prefix(err, "--backoff");
    }
    if (status == ST_OK && maker->type != NULL)
        make_middle(maker);
    return status;
}

void maker_fini(struct maker *maker)
{
    buf_fini(&maker->middle);
    buf_fini(&maker->scratch);
}

static void next_id(struct maker *maker)
{
    if (maker->id != NULL)
        memcpy(maker->last_id, maker->id, strlen(maker->id) + 1);
    else
        id_uuid7(maker->last_id);
}

/* Removes what was appended since `start` if it is too large for a job. */
static enum status check_size(const struct maker *maker, struct buf *out, size_t start,
                              struct err *err)
{
    size_t size = out->len - start;
    if ((int64_t)size <= maker->max_bytes)
        return ST_OK;
    out->len = start;
    return err_set(err, ST_TOO_LARGE, "the job would have %zu bytes; at most %lld are allowed",
                   size, (long long)maker->max_bytes);
}

static void append_head(struct maker *maker, struct buf *out)
{
    next_id(maker);
    buf_append_text(out, "{\"id\":");
    json_append_string(out, slice_of(maker->last_id));
    buf_append_slice(out, buf_slice(&maker->middle));
}

enum status maker_with_args(struct maker *maker, struct slice args_json, struct buf *out,
                            struct err *err)
{
    size_t start = out->len;
    enum json_type type;
    /* The job itself is one level. */
    if (args_json.len > 0) {
        enum status status = json_check(args_json, JSON_MAX_DEPTH - 1, &type, err);
        if (status != ST_OK)
            return status;
    }
    append_head(maker, out);
    if (args_json.len > 0) {
        buf_append_text(out, ",\"args\":");
        buf_append_slice(out, args_json);
    }
    buf_append_char(out, '}');
    return check_size(maker, out, start, err);
}

static bool has_high_bytes(struct slice text)
{
    unsigned char all = 0;
    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.ptr[i];
    return all >= 0x80;
}

/* True if the line survives the way into JSON and back: bytes that are not UTF-8 would be
 * replaced. */
static bool is_utf8(struct maker *maker, struct slice line, struct slice quoted)
{
    /* Plain ASCII, the usual case, needs no decoding. */
    if (!has_high_bytes(line))
        return true;
    buf_clear(&maker->scratch);
    json_decode_string(quoted, &maker->scratch);
    return slice_equal(buf_slice(&maker->scratch), line);
}

enum status maker_of_line(struct maker *maker, struct slice line, struct buf *out, struct err *err)
{
    size_t start = out->len;
    append_head(maker, out);
    buf_append_text(out, ",\"args\":");
    size_t args_start = out->len;
    json_append_string(out, line);
    struct slice quoted = {out->ptr + args_start, out->len - args_start};
    if (!is_utf8(maker, line, quoted)) {
        out->len = start;
        return err_set(err, ST_INVALID, "not UTF-8");
    }
    buf_append_char(out, '}');
    return check_size(maker, out, start, err);
}

static enum status read_whole(const struct maker *maker, struct slice line, struct job *job,
                              struct err *err)
{
    if (job_is_sentinel(line))
        return err_set(err, ST_INVALID, "use `darg drain` to ask for a drain");
    enum status status = job_read(line, maker->max_bytes, job, err);
    if (status == ST_OK && job->is_enveloped)
        return err_set(err, ST_INVALID, "an envelope (\"darg\":1) is not a job");
    return status;
}

enum status maker_whole(struct maker *maker, struct slice line, struct buf *out, struct err *err)
{
    struct job job = {0};
    enum status status = read_whole(maker, line, &job, err);
    if (status != ST_OK)
        return status;
    bool needs_id = job.id[0] == '\0';
    size_t start = out->len;
    if (needs_id)
        next_id(maker);
    else
        memcpy(maker->last_id, job.id, sizeof job.id);
    if (!needs_id && maker->reply == NULL && maker->keep_ms == 0) {
        buf_append_slice(out, line);
        return ST_OK;
    }
    /* Before the line's own members: of two with one name the first counts, so ours override
     * them. */
    const char *brace = memchr(line.ptr, '{', line.len);
    size_t before = (size_t)(brace - line.ptr) + 1;
    buf_append(out, line.ptr, before);
    if (needs_id)
        buf_printf(out, "\"id\":\"%s\",", maker->last_id);
    if (maker->reply != NULL)
        buf_printf(out, "\"reply\":\"%s\",", maker->reply);
    if (maker->keep_ms > 0)
        buf_printf(out, "\"keep_ms\":%lld,", (long long)maker->keep_ms);
    buf_append(out, line.ptr + before, line.len - before);
    return check_size(maker, out, start, err);
}
