/* script - runs a shell script from tests/scripts as a test, for tests about files and other
 * programs.
 *
 * The script begins in the top directory of the sources; DARG_BUILD_DIR (absolute) is where the
 * programs are, TMPDIR a directory that the runner removes. Exit code 0: passed; 77: skipped, and
 * its output says why; anything else: failed. */
#ifndef DARG_TESTS_SUPPORT_SCRIPT_H
#define DARG_TESTS_SUPPORT_SCRIPT_H

#include <stdint.h>

/* Runs tests/scripts/NAME.sh with one argument, or none (NULL), and passes, skips or fails the
 * calling test. */
void script_run(const char *name, const char *argument, int64_t deadline_ms);

#endif
