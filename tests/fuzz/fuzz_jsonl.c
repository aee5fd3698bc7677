#include "fuzz/fuzz.h"

#include <string.h>

#include "base/json.h"
#include "job/maker.h"

enum { MAX_BYTES = 4096 };

/* Everything but the id and the reply list is as in the line. */
static void check_same(const struct job *pushed, const struct job *given)
{
    ensure(strcmp(pushed->type, given->type) == 0 && slice_equal(pushed->args, given->args) &&
               pushed->max_attempts == given->max_attempts &&
               pushed->timeout_ms == given->timeout_ms &&
               pushed->expires_at_ms == given->expires_at_ms &&
               pushed->has_backoff == given->has_backoff,
           "the job has changed");
    ensure(!given->id[0] || strcmp(given->id, pushed->id) == 0, "the id has changed");
}

/* The bytes of the line are all there: in front of what was put in, and behind it. */
static void check_bytes(struct slice pushed, struct slice line)
{
    ensure(pushed.ptr != NULL && line.ptr != NULL, "there are no bytes");
    const char *brace = memchr(line.ptr, '{', line.len);
    ensure(brace != NULL, "there is no brace");
    size_t before = (size_t)(brace - line.ptr) + 1, after = line.len - before;
    ensure(pushed.len >= line.len && memcmp(pushed.ptr, line.ptr, before) == 0 &&
               memcmp(pushed.ptr + pushed.len - after, line.ptr + before, after) == 0,
           "the bytes of the line have changed");
}

static void check_whole(struct maker *maker, struct slice line)
{
    struct buf out = {0};
    struct err err = {0};
    buf_append_text(&out, "kept");
    enum status status = maker_whole(maker, line, &out, &err);
    struct slice pushed = fuzz_rest(buf_slice(&out), 4);
    ensure(memcmp(out.ptr, "kept", 4) == 0, "what stood before has changed");
    ensure(status == ST_OK ? pushed.len > 0 : pushed.len == 0 && err.text[0], "%s with %zu bytes",
           status_name(status), pushed.len);
    struct job job = {0}, given = {0};
    enum status given_status = job_read(line, MAX_BYTES, &given, NULL);
    if (status == ST_OK) {
        ensure(given_status == ST_OK && !given.is_enveloped, "what no worker takes was pushed");
        ensure(job_read(pushed, MAX_BYTES, &job, &err) == ST_OK, "%s", err_text(&err));
        ensure(!job.is_enveloped && !job_is_sentinel(pushed), "it is not a plain job");
        ensure(job.id[0] && strcmp(job.id, maker->last_id) == 0, "the id is %s", job.id);
        ensure(strcmp(job.reply, maker->reply ? maker->reply : given.reply) == 0, "the reply");
        check_same(&job, &given);
        check_bytes(pushed, line);
    }
    buf_fini(&out);
}

static void check_line(struct maker *maker, struct slice line)
{
    struct buf out = {0}, decoded = {0};
    struct err err = {0};
    if (maker_of_line(maker, line, &out, &err) == ST_OK) {
        struct job job = {0};
        ensure(job_read(buf_slice(&out), MAX_BYTES, &job, &err) == ST_OK, "%s", err_text(&err));
        json_decode_string(job.args, &decoded);
        ensure(slice_equal(buf_slice(&decoded), line), "the line has changed");
    } else {
        ensure(out.len == 0 && err.text[0], "refused, and %zu bytes are left", out.len);
    }
    buf_fini(&out);
    buf_fini(&decoded);
}

void fuzz_jsonl(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_slice(data, size);
    unsigned how = fuzz_first(text);
    struct maker maker = {.type = NULL,
                          .reply = how & 1 ? "replies" : NULL,
                          .id = how & 2 ? "given \"id\"" : NULL,
                          .timeout_ms = -1,
                          .max_bytes = MAX_BYTES};
    struct err err = {0};
    struct slice line = fuzz_rest(text, 1);
    /* --id names one job and goes with a type, never with whole ones. */
    if (!maker.id)
        check_whole(&maker, line);
    maker.type = "t\"";
    ensure(maker_init(&maker, &err) == ST_OK, "%s", err_text(&err));
    check_line(&maker, line);
    maker_fini(&maker);
}
