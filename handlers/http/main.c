/* darg-http - a persistent handler (docs/handlers.md): sends each job to a URL and turns the
 * response into an answer. The worker starts it for `--handler TYPE=https://...`. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/options.h"
#include "base/parse.h"
#include "base/standard.h"
#include "handlers/http/post.h"
#include "stream/talk.h"

enum {
    /* Gives up this long before the worker's timeout, which would end the process. */
    EARLY_MS = 100,
    QUOTED_BYTES = 200, /* of a body quoted in a reason */
};

/* ---- an answer's meaning ---- */

static enum stream_verb judge(const struct post_answer *answer)
{
    long code = answer->code;
    if (code >= 200 && code <= 299)
        return answer->is_cut ? STREAM_BURY : STREAM_DONE; /* it would be no shorter next time */
    if (code == 0 || code == 408 || code == 425 || code == 429 || code >= 500)
        return STREAM_RETRY;
    return STREAM_BURY;
}

static void explain(const struct post_answer *answer, int64_t max_body, struct buf *reason)
{
    char limit[PARSE_BYTES_MAX];
    if (answer->code == 0) {
        buf_append_text(reason, answer->error);
        return;
    }
    if (answer->code >= 200 && answer->code <= 299) {
        buf_printf(reason, "the answer is longer than %s (--max-answer)",
                   format_bytes(max_body, limit));
        return;
    }
    buf_printf(reason, "HTTP %ld", answer->code);
    if (answer->code >= 300 && answer->code <= 399)
        buf_append_text(reason, " (redirects are not followed)");
    size_t len = answer->body.len < QUOTED_BYTES ? answer->body.len : QUOTED_BYTES;
    if (len > 0) {
        buf_append_text(reason, ": ");
        buf_append(reason, answer->body.ptr, len);
    }
}

/* Writes the answer. A body that is JSON is passed on unchanged, anything else as a string. False:
 * it cannot be written. */
static bool say(const struct talk *talk, const struct post_answer *answer, int64_t max_body)
{
    struct slice body = buf_slice(&answer->body);
    enum stream_verb verb = judge(answer);
    enum json_type type;
    struct err ignored = {0};
    if (verb == STREAM_DONE)
        return talk_done(talk, body,
                         answer->is_json &&
                             json_check(body, JSON_MAX_DEPTH, &type, &ignored) == ST_OK);
    struct buf reason = {0};
    explain(answer, max_body, &reason);
    bool is_told_when = answer->code == 429 || answer->code == 503;
    bool is_said =
        talk_fail(talk, verb, buf_slice(&reason), is_told_when ? answer->retry_after_ms : -1);
    buf_fini(&reason);
    return is_said;
}

/* ---- jobs ---- */

struct texts {
    struct buf id, type, queue; /* decoded */
};

static struct slice decode(const struct json_field *field, struct buf *out)
{
    buf_clear(out);
    if (field->value.type == JSON_STRING)
        json_decode_string(field->value.text, out);
    return buf_slice(out);
}

static int64_t time_left_ms(const struct json_field *deadline)
{
    struct err ignored = {0};
    int64_t deadline_ms = 0;
    if (json_read_int(deadline->value, 0, INT64_MAX, &deadline_ms, &ignored) != ST_OK ||
        deadline_ms == 0)
        return 0;
    int64_t left_ms = deadline_ms - clock_wall_ms() - EARLY_MS;
    return left_ms > 1 ? left_ms : 1;
}

static struct post_job read_job(const struct json_field *fields, struct texts *texts)
{
    return (struct post_job){
        .id = decode(&fields[STREAM_JOB_ID], &texts->id),
        .type = decode(&fields[STREAM_JOB_TYPE], &texts->type),
        .queue = decode(&fields[STREAM_JOB_QUEUE], &texts->queue),
        .run = fields[STREAM_JOB_RUN].value.text,
        .attempt = fields[STREAM_JOB_ATTEMPT].value.text,
        .args = fields[STREAM_JOB_ARGS].value.text,
        .timeout_ms = time_left_ms(&fields[STREAM_JOB_DEADLINE]),
    };
}

static int serve(struct post *post, int64_t max_body)
{
    struct talk talk = {.input = STDIN_FILENO, .output = STDOUT_FILENO, .takes_rest = true};
    struct texts texts = {0};
    struct post_answer answer = {0};
    struct talk_job line;
    struct err err = {0};
    bool is_heard = true;
    enum talk_next next = talk_begin(&talk, &err);
    while (is_heard && next == TALK_JOB) {
        next = talk_next(&talk, &line, &err);
        if (next != TALK_JOB)
            break;
        const struct post_job job = read_job(line.fields, &texts);
        post_send(post, &job, max_body, &answer);
        is_heard = say(&talk, &answer, max_body);
    }
    if (next == TALK_BROKEN)
        fprintf(stderr, "darg-http: %s\n", err_text(&err));
    talk_fini(&talk);
    buf_fini(&answer.body);
    buf_fini(&texts.id);
    buf_fini(&texts.type);
    buf_fini(&texts.queue);
    return is_heard && next != TALK_BROKEN ? EX_OK : EX_PROTOCOL;
}

/* ---- the program ---- */

static int usage(const struct err *err)
{
    fprintf(stderr, "darg-http: %s\nTry 'darg-http --help'.\n", err_text(err));
    return EX_USAGE;
}

struct settings {
    int64_t max_body;
    const char *ca_file; /* NULL: not given */
};

static const struct option_row rows[] = {
    {.name = "max-answer",
     OPTION_FIELD(OPT_BYTES, struct settings, max_body),
     .value_name = "SIZE",
     .default_text = "64KiB",
     .min = 1,
     .max = 1 << 30,
     .no_environment = true,
     .help = "a longer answer buries the job"},
    {.name = "ca",
     OPTION_FIELD(OPT_STRING, struct settings, ca_file),
     .value_name = "FILE",
     .no_environment = true,
     .help = "certificate authorities to trust, and no others (else $SSL_CERT_FILE, else the "
             "system's)"},
    OPTIONS_END,
};

int main(int argc, char **argv)
{
    standard_begin();
    struct settings settings = {0};
    const struct options_spec spec = {
        .program = "darg-http",
        .usage = "[options] URL",
        .summary = "Sends each job to URL by POST: a handler for darg-worker, which starts it for "
                   "--handler TYPE=URL.",
        .examples = "  darg-worker --handler mail=https://mail.example.org/send\n"
                    "  darg-worker --handler 'mail=stream:darg-http --max-answer 1MiB "
                    "https://mail.example.org/send' --max-output 1MiB\n",
        .rows = rows,
        .target = &settings,
        .environment_prefix = "DARG_",
        .version = "darg-http " DARG_VERSION,
    };
    const char **operands = NULL;
    size_t count = 0;
    bool is_done = false;
    struct err err = {0};
    struct post *post = NULL;
    enum status status = options_parse(&spec, argc, argv, &operands, &count, &is_done, &err);
    if (status == ST_OK && !is_done && count != 1)
        status = err_set(&err, ST_INVALID, "exactly one URL is needed");
    if (status == ST_OK && !is_done)
        status =
            post_open(operands[0], settings.ca_file ? settings.ca_file : getenv("SSL_CERT_FILE"),
                      &post, &err);
    int code = status != ST_OK ? usage(&err) : is_done ? EX_OK : serve(post, settings.max_body);
    post_close(post);
    free(operands);
    return standard_end("darg-http", code);
}
