#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "redis/secret.h"
#include "redis/url.h"

#define CANARY "Zk7-canary-Zk7"
enum { TEXT_MAX = 4096 }; /* longer ones are no URLs */

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static char *text_of(const struct redis_url *url)
{
    struct buf out = {0};
    redis_url_append_text(url, &out);
    return buf_take(&out);
}

/* The text names the same place, and another password makes no other text. */
static void check_text(const struct redis_url *url)
{
    struct redis_url other, again;
    char *text = text_of(url);
    redis_url_copy(url, &other);
    if (other.password) {
        free(other.password);
        other.password = mem_dup(CANARY);
    }
    char *other_text = text_of(&other);
    ensure(strcmp(text, other_text) == 0, "the text tells the password: %s", other_text);
    free(other_text);
    redis_url_fini(&other);
    if (strlen(text) > TEXT_MAX) { /* with all its escapes */
        free(text);
        return;
    }
    ensure(redis_url_parse(text, &again, NULL) == ST_OK, "the text is no URL: %s", text);
    char *text_again = text_of(&again);
    ensure(strcmp(text, text_again) == 0, "%s has become %s", text, text_again);
    ensure(url->transport == again.transport && url->tls == again.tls && url->db == again.db &&
               url->port == again.port && is_same(url->host, again.host) &&
               is_same(url->path, again.path) && is_same(url->user, again.user),
           "%s is another place", text);
    redis_url_fini(&again);
    free(text);
    free(text_again);
}

/* A URL in which a password stands, whatever follows it (but the same word where it is none). */
static void check_secret(const char *prefix, const char *rest)
{
    struct buf made = {0};
    struct redis_url url;
    struct err err = {0};
    if (strstr(rest, CANARY))
        return;
    buf_printf(&made, "%s%s%s@example.org:7000", prefix, CANARY, rest);
    enum status status = redis_url_parse(buf_text(&made), &url, &err);
    ensure(!strstr(err.text, CANARY), "the sentence tells the password");
    if (status == ST_OK) {
        char *text = text_of(&url);
        ensure(url.password && !strstr(text, CANARY), "the text tells the password: %s", text);
        check_text(&url);
        free(text);
        char name[] = "darg", *given = mem_dup(buf_text(&made));
        char *argv[] = {name, made.ptr, NULL};
        secret_wipe_argv(2, argv, given);
        free(given);
        ensure(!strstr(argv[1], CANARY), "the password is left on the command line");
    }
    redis_url_fini(&url);
    buf_fini(&made);
}

void fuzz_url(const uint8_t *data, size_t size)
{
    struct slice bytes = fuzz_slice(data, size);
    struct redis_url url;
    struct err err = {0};
    char *text = slice_dup(bytes);
    enum status status = redis_url_parse(text, &url, &err);
    ensure(status == ST_OK || err.text[0], "refused without a sentence");
    if (status == ST_OK)
        check_text(&url);
    redis_url_fini(&url);
    check_secret("redis://:", text);
    check_secret("redis://user:", text);
    check_secret("unix://:", text);
    free(text);
}
