/* cmocka needs these headers before its own. */
#ifndef DARG_TESTS_SUPPORT_CMOCKA_ALL_H
#define DARG_TESTS_SUPPORT_CMOCKA_ALL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#endif
