#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "base/parse.h"

/* cJSON reads a number from a copy of at most 63 bytes. */
static bool has_long_number(struct slice text)
{
    size_t run = 0;
    for (size_t i = 0; i < text.len && run < 60; i++)
        run = memchr("0123456789+-.eE", text.ptr[i], 15) ? run + 1 : 0;
    return run >= 60;
}

static enum json_type type_of(const cJSON *item)
{
    switch (item ? item->type & 0xff : cJSON_Invalid) {
    case cJSON_False:
        return JSON_FALSE;
    case cJSON_True:
        return JSON_TRUE;
    case cJSON_NULL:
        return JSON_NULL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

static void check_value(struct json_value value, const cJSON *item)
{
    ensure(value.type == type_of(item), "type %d, to cJSON %d", (int)value.type,
           (int)type_of(item));
    int64_t number;
    if (json_read_int(value, INT64_MIN, INT64_MAX, &number, NULL) == ST_OK)
        ensure(value.type == JSON_NUMBER && (double)number == item->valuedouble,
               "%lld, to cJSON %f", (long long)number, item->valuedouble);
    if (value.type != JSON_STRING)
        return;
    struct buf decoded = {0};
    json_decode_string(value.text, &decoded);
    ensure(strcmp(buf_text(&decoded), item->valuestring) == 0, "cJSON decodes another string");
    ensure(json_string_is(value.text, item->valuestring), "json_string_is() does not know it");
    buf_fini(&decoded);
}

/* What cJSON makes of a text of ours is what we make of it, and what it writes we can read. */
static void check_by_cjson(struct slice text, enum json_type type, const struct json_field *fields)
{
    if (has_long_number(text) || memmem(text.ptr, text.len, "\\u0000", 6))
        return;
    char *copy = slice_dup(text);
    cJSON *root = cJSON_ParseWithLengthOpts(copy, text.len + 1, NULL, true);
    ensure(root != NULL, "cJSON does not accept it");
    ensure(type == type_of(root), "type %d, to cJSON %d", (int)type, (int)type_of(root));
    for (size_t i = 0; type == JSON_OBJECT && fields[i].name; i++)
        check_value(fields[i].value, cJSON_GetObjectItemCaseSensitive(root, fields[i].name));
    char *printed = cJSON_PrintUnformatted(root);
    enum json_type printed_type;
    ensure(json_check(slice_of(printed), JSON_MAX_DEPTH, &printed_type, NULL) == ST_OK,
           "what cJSON makes of it is not accepted");
    free(printed);
    cJSON_Delete(root);
    free(copy);
}

/* Any bytes make a valid string, and what has been through it once does not change again. */
static void check_string(struct slice text)
{
    struct buf quoted = {0}, decoded = {0}, again = {0};
    enum json_type type;
    json_append_string(&quoted, text);
    ensure(json_check(buf_slice(&quoted), 1, &type, NULL) == ST_OK && type == JSON_STRING,
           "the string is not valid");
    json_decode_string(buf_slice(&quoted), &decoded);
    json_append_string(&again, buf_slice(&decoded));
    ensure(slice_equal(buf_slice(&quoted), buf_slice(&again)), "the string has changed");
    buf_fini(&quoted);
    buf_fini(&decoded);
    buf_fini(&again);
}

void fuzz_json(const uint8_t *data, size_t size)
{
    enum { FIELDS = 4 };
    struct json_field fields[FIELDS + 1] = {
        {.name = "type"}, {.name = "id"}, {.name = "args"}, {.name = "n"}, {.name = NULL}};
    struct slice text = fuzz_slice(data, size);
    enum json_type type = JSON_NONE;
    struct err err = {0};
    enum status status = json_check(text, JSON_MAX_DEPTH, &type, &err);
    enum status object_status = json_read_object(text, JSON_MAX_DEPTH, fields, FIELDS, NULL);
    ensure(status == ST_OK || err.text[0], "refused without a sentence");
    ensure((object_status == ST_OK) == (status == ST_OK && type == JSON_OBJECT),
           "json_check() and json_read_object() differ");
    if (status == ST_OK)
        check_by_cjson(text, type, fields);
    check_string(text);
}
