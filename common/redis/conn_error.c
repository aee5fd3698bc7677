/* What an error from Redis means to us. Its first word is its class, with three exceptions: generic
 * ERR errors, some of which are recognised by how they begin; errors from proxies, which put ERR
 * before their server's error; and errors from scripts in servers older than 7.0, which put the
 * original error after their own text. */
#include "redis/conn_error.h"

#include <string.h>

enum { QUOTED_BYTES = 300 };

struct error_class {
    const char *text;
    enum status status;
};

/* First words. */
static const struct error_class codes[] = {
    {"LOADING", ST_LOADING},       {"READONLY", ST_READONLY},
    {"MASTERDOWN", ST_MASTERDOWN}, {"OOM", ST_OOM},
    {"MISCONF", ST_MISCONF},       {"BUSY", ST_BUSY},
    {"UNBLOCKED", ST_UNBLOCKED},   {"MOVED", ST_CLUSTER},
    {"ASK", ST_CLUSTER},           {"NOREPLICAS", ST_NOREPLICAS},
    {"TRYAGAIN", ST_CLUSTER},      {"CLUSTERDOWN", ST_CLUSTER},
    {"CROSSSLOT", ST_CLUSTER},     {"NOAUTH", ST_NOAUTH},
    {"WRONGPASS", ST_NOAUTH},      {"DENIED", ST_NOAUTH},
    {"NOPERM", ST_NOPERM},         {"WRONGTYPE", ST_WRONGTYPE},
    {"NOSCRIPT", ST_NOSCRIPT},
};

/* How sentences begin, where the first word is not enough. */
static const struct error_class beginnings[] = {
    {"ERR max number of clients", ST_UNREACHABLE},
    {"ERR invalid password", ST_NOAUTH},
    {"ERR operation not permitted", ST_NOAUTH},
    {"ERR AUTH ", ST_NOAUTH},
    {"ERR Client sent AUTH", ST_NOAUTH},
    {"AUTH failed", ST_NOAUTH},
    {"ERR ACL failure in script", ST_NOPERM},
    {"ERR The user executing the script can't", ST_NOPERM},
};

/* Somebody killed a long-running script of ours before it had written anything: it may run
 * again. */
static const char script_killed[] = "Script killed by user";

/* What UNBLOCKED says if the server has become a replica. */
static const char role_changed[] = "instance state changed";

static const char script_failed[] = "ERR Error running script";

static bool starts_with(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

static bool contains(struct slice text, const char *part)
{
    return text.len != 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* Takes the first word off the text, without a dash before it (which an error inside an error has)
 * or a colon after it. */
static struct slice take_word(struct slice *text)
{
    const char *blank = text->len == 0 ? NULL : memchr(text->ptr, ' ', text->len);
    size_t len = blank == NULL ? text->len : (size_t)(blank - text->ptr);
    struct slice word = {text->ptr, len};
    size_t taken = blank == NULL ? len : len + 1;
    *text = (struct slice){text->ptr + taken, text->len - taken};
    if (word.len > 0 && word.ptr[0] == '-')
        word = (struct slice){word.ptr + 1, word.len - 1};
    if (word.len > 0 && word.ptr[word.len - 1] == ':')
        word.len--;
    return word;
}

/* The status for the first word, or for the one after ERR; ST_SERVER if it is not a known code. */
static enum status class_of_word(struct slice text)
{
    struct slice word = take_word(&text);
    if (slice_is(word, "ERR"))
        word = take_word(&text);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (slice_is(word, codes[i].text))
            return codes[i].status;
    return ST_SERVER;
}

/* "ERR Error running script (call to f_...): @user_script:3: WRONGTYPE Operation ...": the first
 * known code after a colon. */
static enum status class_in_script_error(struct slice text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.ptr[i] != ':' || text.ptr[i + 1] != ' ')
            continue;
        enum status status = class_of_word((struct slice){text.ptr + i + 2, text.len - i - 2});
        if (status != ST_SERVER)
            return status;
    }
    return ST_SERVER;
}

enum status conn_error_class(struct slice error_text)
{
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (starts_with(error_text, beginnings[i].text))
            return beginnings[i].status;
    if (contains(error_text, script_killed))
        return ST_BUSY;
    if (starts_with(error_text, script_failed))
        return class_in_script_error(error_text);
    return class_of_word(error_text);
}

bool conn_error_ends_link(enum status status, struct slice error_text)
{
    if (status == ST_UNBLOCKED)
        return contains(error_text, role_changed);
    return status == ST_READONLY || status == ST_MASTERDOWN || status == ST_NOAUTH ||
           status == ST_UNREACHABLE;
}

/* Cuts off the arguments that the server repeats for an unknown command: they may be a job, or
 * worse. */
static struct slice without_arguments(struct slice text)
{
    static const char mark[] = ", with args beginning with";
    const char *at = text.len == 0 ? NULL : memmem(text.ptr, text.len, mark, sizeof mark - 1);
    return at == NULL ? text : (struct slice){text.ptr, (size_t)(at - text.ptr)};
}

enum status conn_error_quote(struct slice error_text, const char *where, struct err *err)
{
    error_text = without_arguments(error_text);
    int len = error_text.len < QUOTED_BYTES ? (int)error_text.len : QUOTED_BYTES;
    return err_set(err, conn_error_class(error_text), "Redis at %s answered: %.*s", where, len,
                   error_text.ptr);
}

bool status_is_transient(enum status status)
{
    static const bool is_transient[STATUS_COUNT] = {
        [ST_UNREACHABLE] = true, [ST_TIMED_OUT] = true, [ST_LOST_REPLY] = true,
        [ST_PROTOCOL] = true,    [ST_LOADING] = true,   [ST_READONLY] = true,
        [ST_MASTERDOWN] = true,  [ST_OOM] = true,       [ST_MISCONF] = true,
        [ST_BUSY] = true,        [ST_UNBLOCKED] = true, [ST_NOREPLICAS] = true,
        [ST_CLUSTER] = true,     [ST_NOSCRIPT] = true,
    };
    return is_transient[status];
}
