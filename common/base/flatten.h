/* flatten - makes text from outside fit for where it goes: JSON for a line-based protocol, or a
 * program's words for people. (For what must never reach a terminal see base/printable.h.) Pure;
 * any thread. */
#ifndef DARG_BASE_FLATTEN_H
#define DARG_BASE_FLATTEN_H

#include "base/buf.h"

/* Appends valid JSON as one line: line ends, which can only be between its tokens, become blanks;
 * everything else is unchanged. */
void flatten_json(struct buf *out, struct slice json);

/* Turns any bytes into text for people: drops the rest of a character that was cut at the start;
 * makes it valid UTF-8 (with the JSON writer); removes control bytes except line ends and tabs, and
 * blanks around it. */
void flatten_text(struct buf *text);

#endif
