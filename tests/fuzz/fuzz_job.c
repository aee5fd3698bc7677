#include "fuzz/fuzz.h"

#include <string.h>

#include "base/json.h"
#include "job/job.h"

static bool is_within(struct slice inner, struct slice outer)
{
    return inner.len == 0 || (inner.ptr >= outer.ptr && inner.len <= outer.len &&
                              (size_t)(inner.ptr - outer.ptr) <= outer.len - inner.len);
}

static void check_split(const struct job *job, struct slice text)
{
    const struct job_history *history = &job->history;
    ensure(job->text.ptr == text.ptr && job->text.len == text.len, "text is another one");
    ensure(is_within(job->original, text), "the original is outside of the text");
    ensure(is_within(history->claim, text) && is_within(history->error, text),
           "a string of the envelope is outside of the text");
    ensure(history->runs >= 0 && history->runs <= JOB_COUNT_MAX, "runs");
    ensure(history->crashes >= 0 && history->crashes <= JOB_COUNT_MAX, "crashes");
    ensure(history->attempts >= 0 && history->attempts <= JOB_COUNT_MAX, "attempts");
    ensure(history->failed_at_ms >= 0, "failed_at");
    if (job->is_enveloped)
        ensure(job->original.ptr + job->original.len + 1 == text.ptr + text.len,
               "the original does not end before the last brace");
    else
        ensure(slice_equal(job->original, text) && history->runs == 0 && history->claim.len == 0,
               "a job without an envelope is its own original and has no history");
}

static void check_read(const struct job *job)
{
    enum json_type type;
    ensure(json_check(job->original, JSON_MAX_DEPTH, &type, NULL) == ST_OK && type == JSON_OBJECT,
           "a job that was read is no JSON object");
    ensure(is_within(job->args, job->original), "args are outside of the original");
    ensure(job->args.len == 0 || json_check(job->args, JSON_MAX_DEPTH, &type, NULL) == ST_OK,
           "args are not JSON");
    ensure(job->type[0] && strlen(job->type) <= JOB_TYPE_MAX, "type");
    ensure(strlen(job->id) <= JOB_ID_MAX, "id");
    ensure(!job->reply[0] || job_is_name(slice_of(job->reply)), "reply");
    ensure(job->max_attempts >= 0 && job->timeout_ms >= -1 && job->expires_at_ms >= 0, "numbers");
    ensure(!job->has_backoff || job->backoff.limit_ms >= job->backoff.first_ms, "backoff");
}

static void check_string(struct slice quoted, struct slice plain)
{
    struct buf again = {0};
    if (plain.len)
        json_append_string(&again, plain);
    ensure(slice_equal(quoted, buf_slice(&again)), "a string of the envelope has changed");
    buf_fini(&again);
}

/* The bytes as an original, and once more as the strings of its envelope. */
static void check_envelope(struct slice bytes, const struct job *bare, enum status bare_status)
{
    unsigned first = fuzz_first(bytes);
    struct slice some = {bytes.ptr, bytes.len < 40 ? bytes.len : 40};
    struct job_head head = {.runs = first * 4001,
                            .crashes = first & 7,
                            .attempts = first & 31,
                            .failed_at_ms = first & 1 ? 1700000000000 : 0,
                            .claim = some,
                            .error = bytes};
    struct buf element = {0};
    struct job job = {0};
    job_append_head(&element, &head);
    buf_append_slice(&element, bytes);
    buf_append_char(&element, '}');
    enum status status = job_read(buf_slice(&element), JOB_DEFAULT_MAX_BYTES, &job, NULL);
    check_split(&job, buf_slice(&element));
    ensure(job.is_enveloped, "an envelope was not taken for one");
    ensure(slice_equal(job.original, bytes), "the original has changed in the envelope");
    ensure(job.history.runs == (head.runs > JOB_COUNT_MAX ? JOB_COUNT_MAX : head.runs) &&
               job.history.crashes == head.crashes && job.history.attempts == head.attempts &&
               job.history.failed_at_ms == head.failed_at_ms,
           "a number of the envelope has changed");
    check_string(job.history.claim, head.claim);
    check_string(job.history.error, head.error);
    if (!bare->is_enveloped) {
        ensure(status == bare_status, "with an envelope %d, without %d", (int)status,
               (int)bare_status);
        ensure(strcmp(job.type, bare->type) == 0 && strcmp(job.id, bare->id) == 0 &&
                   slice_equal(job.args, bare->args) && job.timeout_ms == bare->timeout_ms,
               "the job reads differently in an envelope");
    }
    buf_fini(&element);
}

/* Whatever it is the beginning of. */
static void check_beginning(struct slice text, const struct job *whole, enum status status)
{
    struct job job;
    job_read_beginning(text, &job);
    ensure(is_within(job.original, text), "the original is outside of the text");
    ensure(strlen(job.type) <= JOB_TYPE_MAX && strlen(job.id) <= JOB_ID_MAX, "type or id");
    ensure(!job.reply[0] || job_is_name(slice_of(job.reply)), "reply");
    if (status == ST_OK && !whole->is_enveloped)
        ensure(strcmp(job.type, whole->type) == 0 && strcmp(job.id, whole->id) == 0 &&
                   strcmp(job.reply, whole->reply) == 0 && job.keep_ms == whole->keep_ms,
               "a job that has come whole reads differently as a beginning");
}

void fuzz_job(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_slice(data, size);
    struct job split = {0}, job = {0};
    struct err err = {0};
    job_split(text, &split);
    check_split(&split, text);
    enum status status = job_read(text, JOB_DEFAULT_MAX_BYTES, &job, &err);
    check_split(&job, text);
    ensure(job.is_enveloped == split.is_enveloped && slice_equal(job.original, split.original),
           "job_read() and job_split() differ");
    ensure(status == ST_OK || ((status == ST_INVALID || status == ST_TOO_LARGE) && err.text[0]),
           "status %s without a sentence", status_name(status));
    ensure(status != ST_OK || !job_is_sentinel(text), "a sentinel is no job");
    if (status == ST_OK)
        check_read(&job);
    check_envelope(text, &job, status);
    check_beginning(text, &job, status);
}
