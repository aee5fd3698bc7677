#include "worker/handler/stream_message.h"

#include "base/flatten.h"

enum { RETRY_DELAY_MAX_MS = INT32_MAX }; /* 24 days */

void stream_append_hello(struct buf *out, const char *type)
{
    buf_printf(out, "{\"darg\":%d,\"type\":", STREAM_PROTOCOL);
    json_append_string(out, slice_of(type));
    buf_printf(out, ",\"max\":%d}\n", STREAM_PROTOCOL_MAX);
}

static void append_number(struct buf *out, const char *name, int64_t value)
{
    buf_append_text(out, name);
    buf_append_int(out, value);
}

void stream_append_job(struct buf *out, const struct handler_call *call, int64_t nonce)
{
    const struct job *job = call->job;
    buf_append_text(out, "{\"id\":");
    json_append_string(out, slice_of(job->id));
    buf_append_text(out, ",\"type\":");
    json_append_string(out, slice_of(job->type));
    buf_append_text(out, ",\"queue\":");
    json_append_string(out, slice_of(call->queue));
    append_number(out, ",\"run\":", call->run);
    append_number(out, ",\"attempt\":", call->attempt);
    append_number(out, ",\"deadline_ms\":", call->deadline_ms);
    append_number(out, ",\"nonce\":", nonce);
    buf_append_text(out, ",\"args\":");
    flatten_json(out, job->args.len > 0 ? job->args : slice_of("null"));
    buf_append_text(out, "}\n");
}

/* ---- reading ---- */

static enum status find_verb(const struct json_field *fields, struct stream_message *message,
                             struct err *err)
{
    size_t found = 0;
    for (enum stream_verb verb = 0; verb <= STREAM_VERSION; verb++) {
        if (fields[verb].value.type == JSON_NONE)
            continue;
        message->verb = verb;
        message->value = fields[verb].value;
        found++;
    }
    if (found != 1)
        return err_set(err, ST_INVALID,
                       "it has %s of done, retry, bury, progress and log; it must have exactly one",
                       found == 0 ? "none" : "more than one");
    if (stream_verb_wants_text(message->verb) && message->value.type != JSON_STRING)
        return err_set(err, ST_INVALID, "\"%s\" must be a string", stream_verb_name(message->verb));
    return ST_OK;
}

static enum status read_number(const struct json_field *field, int64_t max, int64_t *out,
                               struct err *err)
{
    *out = -1;
    if (field->value.type == JSON_NONE)
        return ST_OK;
    enum status status = json_read_int(field->value, 0, max, out, err);
    if (status != ST_OK)
        err_prefix(err, "\"%s\"", field->name);
    return status;
}

static enum status read_level(struct json_value value, enum log_level *level, struct err *err)
{
    *level = LOG_INFO;
    if (value.type == JSON_NONE)
        return ST_OK;
    for (enum log_level each = LOG_DEBUG; each <= LOG_ERROR; each++) {
        if (value.type == JSON_STRING && json_string_is(value.text, log_level_name(each))) {
            *level = each;
            return ST_OK;
        }
    }
    return err_set(err, ST_INVALID, "\"level\" must be debug, info, warn or error");
}

static enum status read_version(struct stream_message *message, struct err *err)
{
    if (message->verb != STREAM_VERSION)
        return ST_OK;
    enum status status =
        json_read_int(message->value, STREAM_PROTOCOL, STREAM_PROTOCOL_MAX, &message->version, err);
    if (status != ST_OK)
        err_prefix(err, "\"darg\"");
    return status;
}

enum status stream_read_message(struct slice line, struct stream_message *message, struct err *err)
{
    enum { ID = STREAM_VERBS, RUN, NONCE, DELAY, REPLACED, LEVEL, FIELDS };
    struct json_field fields[FIELDS] = {
        [ID] = {.name = "id"},       [RUN] = {.name = "run"},
        [NONCE] = {.name = "nonce"}, [DELAY] = {.name = "delay_ms"},
        [LEVEL] = {.name = "level"}, [REPLACED] = {.name = "replaced_bytes"},
    };
    for (enum stream_verb verb = 0; verb <= STREAM_VERSION; verb++)
        fields[verb].name = stream_verb_name(verb);
    enum status status = json_read_object(line, JSON_MAX_DEPTH, fields, FIELDS, err);
    if (status == ST_OK)
        status = find_verb(fields, message, err);
    message->id = fields[ID].value;
    if (status == ST_OK && message->id.type != JSON_STRING && message->id.type != JSON_NONE)
        status = err_set(err, ST_INVALID, "\"id\" must be a string, as it was given");
    if (status == ST_OK)
        status = read_number(&fields[RUN], INT64_MAX, &message->run, err);
    if (status == ST_OK)
        status = read_number(&fields[NONCE], INT64_MAX, &message->nonce, err);
    if (status == ST_OK)
        status = read_version(message, err);
    if (status == ST_OK)
        status = read_number(&fields[DELAY], RETRY_DELAY_MAX_MS, &message->delay_ms, err);
    if (status == ST_OK)
        status = read_number(&fields[REPLACED], INT64_MAX, &message->replaced, err);
    return status == ST_OK ? read_level(fields[LEVEL].value, &message->level, err) : status;
}

bool stream_is_named(const struct stream_message *message, int64_t version)
{
    return version >= STREAM_NONCES ? message->nonce >= 0 : message->id.type == JSON_STRING;
}

bool stream_is_about(const struct stream_message *message, const struct handler_call *call,
                     int64_t nonce)
{
    bool has_id = message->id.type == JSON_STRING;
    return (!has_id || json_string_is(message->id.text, call->job->id)) &&
           (message->run < 0 || message->run == call->run) &&
           (message->nonce < 0 || message->nonce == nonce);
}
