#include "support/calls.h"

#include "base/buf.h"
#include "support/commands.h"
#include "support/process.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WAIT_MS = 20000, ARGS_MAX = 4096 };

static const char the_end[] = "all that was to be watched";

struct calls_watch {
    const struct redis_server *server;
    struct process *monitor;
};

struct calls_watch *calls_watch(const struct redis_server *server)
{
    struct calls_watch *watch = mem_new(sizeof *watch);
    watch->server = server;
    watch->monitor = process_start(&(struct process_options){
        .argv = COMMANDS_ARGS("redis-cli", "-s", redis_server_socket(server), "monitor")});
    process_wait_stdout(watch->monitor, "OK\n", WAIT_MS);
    return watch;
}

/* ---- a line ---- */

static char unescape(const char **at)
{
    static const char names[] = "nrtab", values[] = "\n\r\t\a\b";
    char letter = *(*at)++;
    if (letter == 'x') {
        const char digits[] = {(*at)[0], (*at)[1], '\0'};
        *at += 2;
        return (char)strtol(digits, NULL, 16);
    }
    const char *found = strchr(names, letter);
    return found == NULL ? letter : values[found - names];
}

/* The next word in quotes; free() it. NULL: there is none on this line. A NUL ends it early. */
static char *take_word(const char **at)
{
    struct buf word = {0};
    const char *p = *at;
    while (*p == ' ')
        p++;
    if (*p++ != '"')
        return NULL;
    while (*p != '"' && *p != '\0') {
        char c = *p++;
        buf_append_char(&word, c == '\\' ? unescape(&p) : c);
    }
    *at = p + (*p == '"');
    buf_append_char(&word, '\0');
    return buf_take(&word);
}

static void free_words(char **argv)
{
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

static char **take_words(const char *at)
{
    char *words[ARGS_MAX + 1] = {NULL};
    size_t count = 0;
    while (count < ARGS_MAX && (words[count] = take_word(&at)) != NULL)
        count++;
    char **argv = mem_array(count + 1, sizeof *argv);
    memcpy(argv, words, count * sizeof *argv);
    return argv;
}

/* ---- a call ---- */

static bool is_container(const char *name)
{
    static const char *const names[] = {"client", "script", "config", "acl", "command", "object"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static char *name_of(char *const *argv)
{
    struct buf name = {0};
    buf_append_text(&name, argv[0]);
    if (is_container(argv[0]) && argv[1] != NULL)
        buf_printf(&name, "|%s", argv[1]);
    char *text = buf_take(&name);
    for (char *c = text; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

static bool has_kind(const struct call *call, const char *kind)
{
    for (size_t i = 0; i < call->key_count; i++)
        if (call->kinds[i] == kind)
            return true;
    return false;
}

bool call_is_script(const struct call *call)
{
    return strcmp(call->name, "evalsha") == 0 || strcmp(call->name, "eval") == 0;
}

/* SCAN has a pattern instead of keys. Scripts may take many reply lists, so each kind counts
 * once. */
static void find_keys(const struct key_kinds *kinds, struct call *call)
{
    bool is_script = call_is_script(call);
    for (size_t i = 1; call->argv[i] != NULL && strcmp(call->name, "scan") != 0; i++) {
        if (strncmp(call->argv[i], "darg:", 5) != 0)
            continue;
        const char *kind = key_kinds_of(kinds, call->argv[i]);
        ensure(kind != NULL, "docs/protocol.md does not list the key %s", call->argv[i]);
        if (is_script && has_kind(call, kind))
            continue;
        ensure(call->key_count < CALL_KEYS_MAX, "%s with many keys", call->name);
        call->places[call->key_count] = i;
        call->kinds[call->key_count++] = kind;
    }
}

static bool is_same(const struct call *a, const struct call *b)
{
    return strcmp(a->name, b->name) == 0 && a->key_count == b->key_count &&
           memcmp(a->kinds, b->kinds, sizeof a->kinds) == 0 &&
           (!call_is_script(a) || strcmp(a->argv[1], b->argv[1]) == 0);
}

static void fini_call(struct call *call)
{
    free_words(call->argv);
    free(call->name);
}

static void add(struct calls *calls, char **argv)
{
    struct call call = {.name = name_of(argv), .argv = argv};
    find_keys(calls->kinds, &call);
    for (size_t i = 0; i < calls->count; i++) {
        if (is_same(&calls->list[i], &call)) {
            fini_call(&call);
            return;
        }
    }
    struct call *grown = mem_array(calls->count + 1, sizeof *grown);
    if (calls->count > 0)
        memcpy(grown, calls->list, calls->count * sizeof *grown);
    free(calls->list);
    calls->list = grown;
    calls->list[calls->count++] = call;
}

/* ---- all lines ---- */

/* 1700000000.123456 [0 127.0.0.1:4711] "GET" "key"; the calls of a script follow it at once, with
 * the address "lua". */
static void read_line(struct calls *calls, const char *line, bool *is_watched)
{
    const char *address = strchr(line, '['), *end = strchr(line, ']');
    if (address == NULL || end == NULL)
        return;
    bool is_script = strncmp(end - 4, " lua", 4) == 0;
    if (!is_script)
        *is_watched =
            strstr(address, " 127.0.0.1:") != NULL && strstr(address, " 127.0.0.1:") < end;
    if (!*is_watched)
        return;
    char **argv = take_words(end + 1);
    if (argv[0] != NULL)
        add(calls, argv);
    else
        free_words(argv);
}

void calls_gather(struct calls_watch *watch, struct calls *calls)
{
    bool is_watched = false;
    struct conn *conn = commands_connect(redis_server_url(watch->server));
    commands_do(conn, "ECHO", the_end);
    conn_close(conn);
    process_wait_stdout(watch->monitor, the_end, WAIT_MS);
    char *text = mem_dup(process_stdout(watch->monitor)), *rest = text, *line;
    while ((line = strtok_r(rest, "\n", &rest)) != NULL)
        read_line(calls, line, &is_watched);
    free(text);
    process_free(watch->monitor);
    free(watch);
}

void calls_fini(struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        fini_call(&calls->list[i]);
    free(calls->list);
}
