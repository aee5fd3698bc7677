/* darg-http - a handler that stays (docs/handlers.md): sends each job to a URL and makes an answer
 * of what comes back. The worker starts it for `--handler TYPE=https://...`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/flatten.h"
#include "base/json.h"
#include "base/options.h"
#include "base/parse.h"
#include "base/standard.h"
#include "handlers/http/post.h"

enum {
    PROTOCOL = 1,        /* of the hello */
    PROTOCOL_NONCES = 2, /* which is asked for where the worker knows it */
    EARLY_MS = 100,      /* so much before the worker's own time-out, which would end the process */
    QUOTED_BYTES = 200,  /* of a body, in a reason */
};

/* ---- an answer's meaning ---- */

enum verb { DONE, RETRY, BURY };

static enum verb judge(const struct post_answer *answer)
{
    long code = answer->code;
    if (code >= 200 && code <= 299)
        return answer->is_cut ? BURY : DONE; /* it will be no shorter the next time */
    if (code == 0 || code == 408 || code == 425 || code == 429 || code >= 500)
        return RETRY;
    return BURY;
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

/* JSON goes on as it stands, but on one line; everything else as a string. */
static void append_result(struct buf *out, const struct post_answer *answer)
{
    enum json_type type;
    struct err ignored = {0};
    struct slice body = buf_slice(&answer->body);
    if (!answer->is_json || json_check(body, JSON_MAX_DEPTH, &type, &ignored) != ST_OK) {
        size_t replaced = json_append_string(out, body);
        if (replaced > 0)
            buf_printf(out, ",\"replaced_bytes\":%zu", replaced);
        return;
    }
    flatten_json(out, body);
}

/* nonce: as it came; empty: there was none. */
static void append_answer(struct buf *out, struct slice id, struct slice nonce,
                          const struct post_answer *answer, int64_t max_body)
{
    static const char *const verbs[] = {[DONE] = "done", [RETRY] = "retry", [BURY] = "bury"};
    enum verb verb = judge(answer);
    struct buf reason = {0};
    buf_append_text(out, "{\"id\":");
    buf_append_slice(out, id);
    if (nonce.len > 0)
        buf_printf(out, ",\"nonce\":%.*s", (int)nonce.len, nonce.ptr);
    buf_printf(out, ",\"%s\":", verbs[verb]);
    if (verb == DONE) {
        append_result(out, answer);
    } else {
        explain(answer, max_body, &reason);
        json_append_string(out, buf_slice(&reason));
    }
    bool is_told_when = answer->code == 429 || answer->code == 503;
    if (verb == RETRY && is_told_when && answer->retry_after_ms >= 0) {
        buf_append_text(out, ",\"delay_ms\":");
        buf_append_int(out, answer->retry_after_ms);
    }
    buf_append_text(out, "}\n");
    buf_fini(&reason);
}

/* ---- lines ---- */

enum { ID, TYPE, QUEUE, RUN, ATTEMPT, DEADLINE, NONCE, ARGS, FIELDS };

struct line {
    struct json_field fields[FIELDS];
    struct buf id, type, queue; /* decoded */
};

static void decode(const struct json_field *field, struct buf *out)
{
    buf_clear(out);
    if (field->value.type == JSON_STRING)
        json_decode_string(field->value.text, out);
}

static bool read_line(struct slice text, struct line *line)
{
    static const char *const names[FIELDS] = {"id",      "type",        "queue", "run",
                                              "attempt", "deadline_ms", "nonce", "args"};
    struct err err = {0};
    for (size_t i = 0; i < FIELDS; i++)
        line->fields[i] = (struct json_field){.name = names[i]};
    /* Args may be nested as deeply as the worker lets them, in the line's own object. */
    if (json_read_object(text, JSON_MAX_DEPTH + 1, line->fields, FIELDS, &err) != ST_OK) {
        fprintf(stderr, "darg-http: this is no line of the protocol: %s\n", err_text(&err));
        return false;
    }
    decode(&line->fields[ID], &line->id);
    decode(&line->fields[TYPE], &line->type);
    decode(&line->fields[QUEUE], &line->queue);
    return true;
}

static int64_t time_left_ms(const struct line *line)
{
    struct err ignored = {0};
    int64_t deadline_ms = 0;
    if (json_read_int(line->fields[DEADLINE].value, 0, INT64_MAX, &deadline_ms, &ignored) !=
            ST_OK ||
        deadline_ms == 0)
        return 0;
    int64_t left_ms = deadline_ms - clock_wall_ms() - EARLY_MS;
    return left_ms > 1 ? left_ms : 1;
}

/* The first line: {"darg":1,...}. A worker that knows more is answered with the version that is
 * wanted. */
static bool accept_hello(struct slice text)
{
    struct err err = {0};
    struct json_field fields[] = {{.name = "darg"}, {.name = "max"}};
    int64_t number = 0;
    if (json_read_object(text, JSON_MAX_DEPTH, fields, 2, &err) == ST_OK &&
        json_read_int(fields[0].value, PROTOCOL, PROTOCOL, &number, &err) == ST_OK) {
        bool knows_more =
            json_read_int(fields[1].value, PROTOCOL_NONCES, INT64_MAX, &number, &err) == ST_OK;
        return !knows_more || printf("{\"darg\":%d}\n", PROTOCOL_NONCES) > 0;
    }
    fprintf(stderr, "darg-http: it speaks version %d of the protocol, and is spoken to as: %.*s\n",
            PROTOCOL, (int)text.len, text.ptr);
    return false;
}

static bool write_all(const struct buf *out)
{
    return fwrite(out->ptr, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
}

static int serve(struct post *post, int64_t max_body)
{
    struct line line = {0};
    struct post_answer answer = {0};
    struct buf out = {0};
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    bool is_greeted = false, is_good = true;
    while (is_good && (len = getline(&text, &capacity, stdin)) > 0) {
        struct slice slice = {text, (size_t)len};
        if (!is_greeted) {
            is_good = is_greeted = accept_hello(slice);
            continue;
        }
        is_good = read_line(slice, &line);
        if (!is_good)
            break;
        const struct post_job job = {
            .id = buf_slice(&line.id),
            .type = buf_slice(&line.type),
            .queue = buf_slice(&line.queue),
            .run = line.fields[RUN].value.text,
            .attempt = line.fields[ATTEMPT].value.text,
            .args = line.fields[ARGS].value.text,
            .timeout_ms = time_left_ms(&line),
        };
        post_send(post, &job, max_body, &answer);
        buf_clear(&out);
        append_answer(&out, line.fields[ID].value.text, line.fields[NONCE].value.text, &answer,
                      max_body);
        is_good = write_all(&out);
    }
    free(text);
    buf_fini(&out);
    buf_fini(&answer.body);
    buf_fini(&line.id);
    buf_fini(&line.type);
    buf_fini(&line.queue);
    return is_good ? EX_OK : EX_PROTOCOL;
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
     .type = OPT_BYTES,
     .offset = offsetof(struct settings, max_body),
     .value_name = "SIZE",
     .default_text = "64KiB",
     .min = 1,
     .max = 1 << 30,
     .no_environment = true,
     .help = "an answer that is longer buries the job"},
    {.name = "ca",
     .type = OPT_STRING,
     .offset = offsetof(struct settings, ca_file),
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
        status = err_set(&err, ST_INVALID, "it wants one URL");
    if (status == ST_OK && !is_done)
        status =
            post_open(operands[0], settings.ca_file ? settings.ca_file : getenv("SSL_CERT_FILE"),
                      &post, &err);
    int code = status != ST_OK ? usage(&err) : is_done ? EX_OK : serve(post, settings.max_body);
    post_close(post);
    free(operands);
    return standard_end("darg-http", code);
}
