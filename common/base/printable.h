/* printable - finds what may steer a terminal, or change how the text around it is read, in text
 * from outside that is shown to people.
 *
 * Such characters are the controls of ASCII, DEL, the C1 controls (U+0080 to U+009F), the
 * separators of lines and paragraphs, and the marks that turn the direction of writing. Any thread.
 */
#ifndef DARG_BASE_PRINTABLE_H
#define DARG_BASE_PRINTABLE_H

#include <stddef.h>

/* How many of the len > 0 bytes at `at` are such a character, and which; 0: it is another. */
size_t printable_control(const char *at, size_t len, unsigned *code);

/* Overwrites each byte of them with `with`, except characters of `kept` (line ends and tabs, say).
 */
void printable_make(char *text, size_t len, char with, const char *kept);

#endif
