#include "producer/shared/outcome.h"

#include "base/json.h"
#include "producer/shared/context.h"

#include <stdio.h>
#include <string.h>

enum { ERROR_SHOWN = 400 };

/* A result as the worker pushed it. */
enum { ID, TYPE, OUTCOME, RUN, RESULT, ERROR, REPLACED, FIELDS };

static void decode(struct json_value value, struct buf *out)
{
    if (value.type == JSON_STRING)
        json_decode_string(value.text, out);
    else
        buf_append_slice(out, value.text);
}

static void print_done(const struct json_field *fields, bool is_bulk)
{
    struct buf id = {0}, result = {0};
    decode(fields[ID].value, &id);
    decode(fields[RESULT].value, &result);
    if (is_bulk)
        printf("%s\t", buf_text(&id));
    fwrite(buf_text(&result), 1, result.len, stdout);
    bool is_ended = result.len > 0 && result.ptr[result.len - 1] == '\n';
    /* A handler that has nothing to say prints nothing. */
    if (!is_ended && (is_bulk || result.len > 0))
        putchar('\n');
    buf_fini(&id);
    buf_fini(&result);
}

/* Where the result is not what the handler gave: how much of it. */
static void note_replaced(const struct json_field *fields)
{
    int64_t replaced = 0;
    struct buf id = {0};
    struct err shown, ignored;
    if (json_read_int(fields[REPLACED].value, 1, INT64_MAX, &replaced, &ignored) != ST_OK)
        return;
    decode(fields[ID].value, &id);
    (void)!err_set(&shown, ST_INVALID,
                   "%.*s: %lld bytes of the result are not UTF-8; U+FFFD stands for each",
                   JOB_ID_MAX, buf_text(&id), (long long)replaced);
    fflush(stdout);
    context_note("%s", err_text(&shown));
    buf_fini(&id);
}

static void print_failure(const struct json_field *fields)
{
    struct buf id = {0}, outcome = {0}, error = {0};
    struct err shown; /* makes control bytes harmless */
    decode(fields[ID].value, &id);
    decode(fields[OUTCOME].value, &outcome);
    decode(fields[ERROR].value, &error);
    (void)!err_set(&shown, ST_SERVER, "%.*s %.*s (run %.*s): %.*s", JOB_ID_MAX, buf_text(&id), 40,
                   buf_text(&outcome), (int)(fields[RUN].value.text.len % 20),
                   fields[RUN].value.text.len ? fields[RUN].value.text.ptr : "",
                   error.len < ERROR_SHOWN ? (int)error.len : ERROR_SHOWN, buf_text(&error));
    fflush(stdout);
    context_note("%s", err_text(&shown));
    buf_fini(&id);
    buf_fini(&outcome);
    buf_fini(&error);
}

bool outcome_print(struct slice text, bool as_json, bool is_bulk)
{
    struct json_field fields[FIELDS] = {[ID] = {.name = "id"},
                                        [TYPE] = {.name = "type"},
                                        [OUTCOME] = {.name = "outcome"},
                                        [RUN] = {.name = "run"},
                                        [RESULT] = {.name = "result"},
                                        [ERROR] = {.name = "error"},
                                        [REPLACED] = {.name = "replaced_bytes"}};
    struct err err = {0};
    bool is_read = json_read_object(text, JSON_MAX_DEPTH + 1, fields, FIELDS, &err) == ST_OK;
    bool is_done = is_read && slice_is(fields[OUTCOME].value.text, "\"done\"");
    if (as_json)
        printf("%.*s\n", (int)text.len, text.ptr);
    else if (!is_read)
        context_note("a result cannot be read: %s", err_text(&err));
    else if (is_done)
        print_done(fields, is_bulk);
    else
        print_failure(fields);
    if (is_done)
        note_replaced(fields);
    return is_done;
}

bool outcome_id(struct slice text, char id[JOB_ID_MAX + 1])
{
    struct json_field field = {.name = "id"};
    struct buf decoded = {0};
    bool is_read = json_read_object(text, JSON_MAX_DEPTH + 1, &field, 1, NULL) == ST_OK &&
                   field.value.type == JSON_STRING;
    if (is_read)
        json_decode_string(field.value.text, &decoded);
    is_read = is_read && decoded.len <= JOB_ID_MAX;
    snprintf(id, JOB_ID_MAX + 1, "%s", is_read ? buf_text(&decoded) : "");
    buf_fini(&decoded);
    return is_read;
}
