/* fuzz - harnesses that take any bytes and abort where a rule of the code under them is broken.
 *
 * `make fuzz` drives them by libFuzzer; tests/unit/test_corpus.c feeds them the bytes of
 * tests/fuzz/corpus/. A harness keeps nothing from call to call, runs no program and writes no
 * file. */
#ifndef DARG_TESTS_FUZZ_FUZZ_H
#define DARG_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* An element of a queue: taken apart, put into an envelope, and taken apart again. */
void fuzz_job(const uint8_t *data, size_t size);

/* JSON: what is accepted means the same to cJSON, and any bytes make a valid string. */
void fuzz_json(const uint8_t *data, size_t size);

/* The URL of Redis: its text is stable and never holds the password. */
void fuzz_url(const uint8_t *data, size_t size);

/* Numbers, durations, sizes, backoffs, a command line, a handler's command. */
void fuzz_options(const uint8_t *data, size_t size);

/* A line of `darg push --jsonl` (the first byte says how it is pushed), and one of --lines. */
void fuzz_jsonl(const uint8_t *data, size_t size);

/* What a server sends (the first byte says in how many pieces). */
void fuzz_reply(const uint8_t *data, size_t size);

static inline struct slice fuzz_slice(const uint8_t *data, size_t size)
{
    return (struct slice){(const char *)data, size};
}

/* Everything behind the first `skip` bytes. */
static inline struct slice fuzz_rest(struct slice text, size_t skip)
{
    skip = skip < text.len ? skip : text.len;
    return (struct slice){text.ptr ? text.ptr + skip : NULL, text.len - skip};
}

/* The first byte, or 0. */
static inline unsigned fuzz_first(struct slice text)
{
    return text.len ? (unsigned char)text.ptr[0] : 0;
}

#endif
