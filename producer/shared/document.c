#include "producer/shared/document.h"

#include <stdio.h>

#include "base/json.h"

void document_print(struct json_writer *json)
{
    buf_append_char(&json->out, '\n');
    fwrite(json->out.ptr, 1, json->out.len, stdout);
    json_writer_fini(json);
}

void document_count(struct json_writer *json, const char *name, int64_t value)
{
    if (value < 0)
        json_put_null(json, name);
    else
        json_put_int(json, name, value);
}

void document_json(struct json_writer *json, const char *name, struct slice text)
{
    enum json_type type;
    if (json_check(text, JSON_MAX_DEPTH + 1, &type, NULL) == ST_OK)
        json_put_raw(json, name, text);
    else
        json_put_text(json, name, text);
}

void document_list_begin(struct document_list *list)
{
    *list = (struct document_list){.is_open = true};
    json_open_array(&list->json, NULL);
}

void document_list_flush(struct document_list *list)
{
    fwrite(list->json.out.ptr, 1, list->json.out.len, stdout);
    buf_clear(&list->json.out);
}

void document_list_end(struct document_list *list)
{
    if (!list->is_open)
        return;
    json_close_array(&list->json);
    document_print(&list->json);
    list->is_open = false;
}
