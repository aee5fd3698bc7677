/* standard - makes sure that a program's standard descriptors are open when it starts, and that
 * when it ends its output has been written, or else the program fails. For main(), in one thread,
 * except for the last function. */
#ifndef DARG_BASE_STANDARD_H
#define DARG_BASE_STANDARD_H

/* Call before anything else. Each of 0, 1 and 2 that is closed becomes /dev/null, opened the wrong
 * way round: reading or writing still fails, but no file or socket opened later gets its number.
 * Signals for failed writes are ignored: the writes themselves report it. */
void standard_begin(void);

/* Call last. Writes what is still buffered for standard output, and returns the exit code: 1
 * instead of 0 if not everything could be written. Reports that on standard error, unless the
 * reader has simply gone away. */
int standard_end(const char *program, int exit_code);

/* Closes all descriptors except the standard ones; without close_range(), those below 65536. For a
 * process that must not hold open what another has opened; safe after vfork(). */
void standard_close_others(void);

#endif
