/* json_writer - writes a JSON document member by member, without a tree, commas and all.
 *
 *   struct json_writer w = {0};
 *   json_open_object(&w, NULL);
 *   json_put_int(&w, "n", 1);
 *   json_open_array(&w, "list");
 *   json_put_text(&w, NULL, slice_of("a"));
 *   json_close_array(&w);
 *   json_close_object(&w);
 *   buf_slice(&w.out)                                {"n":1,"list":["a"]}
 *
 * name: of a member of the open object; NULL: an element of an array, or the document itself. Names
 * are our own, and written unchanged. The caller closes what it opens. The document has no line
 * ends, and no character that could control a terminal. Pure; any thread. */
#ifndef DARG_BASE_JSON_WRITER_H
#define DARG_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct json_writer {
    struct buf out;
    bool is_behind; /* a value precedes the next one on this level */
};

void json_writer_fini(struct json_writer *writer);

void json_open_object(struct json_writer *writer, const char *name);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *name);
void json_close_array(struct json_writer *writer);

/* Text may be any bytes; json_append_string() makes it valid. */
void json_put_text(struct json_writer *writer, const char *name, struct slice text);
void json_put_int(struct json_writer *writer, const char *name, int64_t value);
void json_put_bool(struct json_writer *writer, const char *name, bool value);
void json_put_null(struct json_writer *writer, const char *name);

/* A value that is JSON already. Copied byte for byte, except for line ends and characters that
 * could control a terminal. Precondition: json_check() accepts it, at any depth. */
void json_put_raw(struct json_writer *writer, const char *name, struct slice json);

#endif
