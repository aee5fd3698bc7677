#include "producer/shared/outcome.h"

#include "base/json.h"
#include "base/plural.h"
#include "producer/shared/context.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { ERROR_SHOWN = 400 };

/* A result as the worker pushed it. */
enum { ID, OUTCOME, RESULT, REPLACED, FIELDS };

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
    /* For a handler that has nothing to say, nothing is printed. */
    if (!is_ended && (is_bulk || result.len > 0))
        putchar('\n');
    buf_fini(&id);
    buf_fini(&result);
}

/* ---- for people to read only, so a cJSON tree is as good as the raw bytes, and shorter to write
 * ---- */

/* "" if there is no such text. */
static const char *text_of(const struct cJSON *outcome, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(outcome, name));
    return text != NULL ? text : "";
}

/* -1: there is no such number. */
static int64_t number_of(const struct cJSON *outcome, const char *name)
{
    const struct cJSON *number = cJSON_GetObjectItemCaseSensitive(outcome, name);
    return cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < 1e15
               ? (int64_t)number->valuedouble
               : -1;
}

/* Warns if parts of the result are not as the handler gave them, and says how much. */
static void note_replaced(const struct cJSON *outcome)
{
    int64_t replaced = number_of(outcome, "replaced_bytes");
    struct err shown; /* makes control bytes harmless */
    if (replaced < 1)
        return;
    (void)!err_set(&shown, ST_INVALID, "%.*s: %lld %s not UTF-8; each is shown as U+FFFD",
                   JOB_ID_MAX, text_of(outcome, "id"), (long long)replaced,
                   plural_of(replaced, "byte of the result is", "bytes of the result are"));
    fflush(stdout);
    context_note("%s", err_text(&shown));
}

static void note_failure(const struct cJSON *outcome)
{
    char run[24] = "";
    struct err shown;
    if (number_of(outcome, "run") >= 0)
        (void)snprintf(run, sizeof run, "%lld", (long long)number_of(outcome, "run"));
    (void)!err_set(&shown, ST_SERVER, "%.*s %.*s (run %s): %.*s", JOB_ID_MAX,
                   text_of(outcome, "id"), 40, text_of(outcome, "outcome"), run, ERROR_SHOWN,
                   text_of(outcome, "error"));
    fflush(stdout);
    context_note("%s", err_text(&shown));
}

/* The text has been checked, and is valid. */
static void note(struct slice text, bool is_done)
{
    struct cJSON *outcome = cJSON_ParseWithLength(text.ptr, text.len);
    if (is_done)
        note_replaced(outcome);
    else
        note_failure(outcome);
    cJSON_Delete(outcome);
}

/* ---- an outcome ---- */

bool outcome_print(struct slice text, bool as_json, bool is_bulk)
{
    struct json_field fields[FIELDS] = {[ID] = {.name = "id"},
                                        [OUTCOME] = {.name = "outcome"},
                                        [RESULT] = {.name = "result"},
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
        note(text, false);
    if (is_done && fields[REPLACED].value.type != JSON_NONE)
        note(text, true);
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
