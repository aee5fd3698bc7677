/* document - JSON on standard output, for --json: what a writer (base/json_writer.h) holds, as one
 * line; and members that are not always what they should be. One thread. */
#ifndef DARG_PRODUCER_SHARED_DOCUMENT_H
#define DARG_PRODUCER_SHARED_DOCUMENT_H

#include <stdbool.h>

#include "base/json_writer.h"

/* Prints what is written, and a line end. The writer is empty again. */
void document_print(struct json_writer *json);

/* A number that is not negative; null if it is. */
void document_count(struct json_writer *json, const char *name, int64_t value);

/* A JSON text as it stands; as a string where it is none. */
void document_json(struct json_writer *json, const char *name, struct slice text);

/* An array of any length, printed element by element: nothing of it is held. Elements are written
 * to `json`, and printed by document_list_flush(). */
struct document_list {
    bool is_open;
    struct json_writer json;
};
void document_list_begin(struct document_list *list);
void document_list_flush(struct document_list *list);
void document_list_end(struct document_list *list); /* nothing if not begun */

#endif
