/* printable - finds characters in text from outside that could control a terminal, or change how
 * the text around them reads, before it is shown to people.
 *
 * These are the ASCII control characters, DEL, the C1 controls (U+0080 to U+009F), the line and
 * paragraph separators, and the marks that change the direction of writing. Any thread. */
#ifndef DARG_BASE_PRINTABLE_H
#define DARG_BASE_PRINTABLE_H

#include <stddef.h>

/* The length in bytes of such a character at `at` (len > 0), and its code; 0: it is another
 * character. */
size_t printable_control(const char *at, size_t len, unsigned *code);

/* Overwrites each byte of such characters with `with`, except for characters in `kept` (such as
 * line ends and tabs). */
void printable_make(char *text, size_t len, char with, const char *kept);

#endif
