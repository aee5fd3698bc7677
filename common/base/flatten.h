/* flatten - text from outside made fit for the place where it goes: JSON for a protocol of lines,
 * or what a program said for people. (What must not reach a terminal at all: base/printable.h.)
 * Pure; any thread. */
#ifndef DARG_BASE_FLATTEN_H
#define DARG_BASE_FLATTEN_H

#include "base/buf.h"

/* Appends valid JSON on one line: line ends, which can only stand between its tokens, become
 * blanks; all else stays as it is. */
void flatten_json(struct buf *out, struct slice json);

/* Makes text for people of any bytes: without the rest of a character cut at the start, valid
 * UTF-8 by way of the JSON writer, no control bytes but line ends and tabs, no blanks around it. */
void flatten_text(struct buf *text);

#endif
