/* document - JSON on standard output, for --json: prints what a writer (base/json_writer.h) holds
 * as one line, and writes members whose value may be unknown or damaged. One thread. */
#ifndef DARG_PRODUCER_SHARED_DOCUMENT_H
#define DARG_PRODUCER_SHARED_DOCUMENT_H

#include <stdbool.h>

#include "base/json_writer.h"

/* Prints what is in the writer, and a line end, and empties the writer. */
void document_print(struct json_writer *json);

/* A number that is not negative; null if it is. */
void document_count(struct json_writer *json, const char *name, int64_t value);

/* A JSON text as it is; as a string if it is not JSON. */
void document_json(struct json_writer *json, const char *name, struct slice text);

/* An array of any length, printed element by element, so none of it is kept. Elements are written
 * to `json`, and printed by document_list_flush(). */
struct document_list {
    bool is_open;
    struct json_writer json;
};
void document_list_begin(struct document_list *list);
void document_list_flush(struct document_list *list);
void document_list_end(struct document_list *list); /* does nothing if not begun */

#endif
