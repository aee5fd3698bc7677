#include "support/acl_rules.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 256, WORDS_MAX = 1024, COMMAND_ARGS_MAX = 8192 };

/* Finds the user's line; free() it. */
static char *find_line(const char *path, const char *user)
{
    char *line = NULL, begin[64];
    size_t size = 0;
    int len = snprintf(begin, sizeof begin, "user %s ", user);
    FILE *file = fopen(path, "re");
    ensure(file != NULL, "%s: %s", path, strerror(errno));
    while (getline(&line, &size, file) > 0) {
        if (strncmp(line, begin, (size_t)len) != 0)
            continue;
        char *rules = mem_dup(line + len);
        free(line);
        (void)fclose(file);
        return rules;
    }
    ensure(false, "%s has no user %s", path, user);
}

void acl_rules_read(struct acl_rules *rules, const char *path, const char *user)
{
    int selectors = 0, selector = 0;
    *rules = (struct acl_rules){.line = find_line(path, user),
                                .words = mem_array(WORDS_MAX, sizeof *rules->words)};
    char *rest = rules->line, *word;
    while ((word = strtok_r(rest, " \n", &rest)) != NULL) {
        ensure(rules->count < WORDS_MAX, "too many words for %s", user);
        if (word[0] == '(') {
            selector = ++selectors;
            word++;
        }
        rules->words[rules->count++] = (struct acl_word){word, selector};
        size_t len = strlen(word);
        if (word[len - 1] == ')') {
            word[len - 1] = '\0';
            selector = 0;
        }
    }
}

void acl_rules_fini(struct acl_rules *rules)
{
    free(rules->words);
    free(rules->line);
}

bool acl_rules_is_right(const char *word)
{
    return word[0] == '~' || word[0] == '%' || word[0] == '+';
}

void acl_rules_set(struct conn *conn, const char *user, const struct acl_rules *rules,
                   size_t changed, const char *replacement)
{
    const char *args[ARGS_MAX] = {"ACL", "SETUSER", user, "reset", ">pw"};
    struct buf selectors[ARGS_MAX] = {0};
    size_t count = 5, last = 0;
    for (size_t i = 0; i < rules->count; i++) {
        const char *text = i == changed ? replacement : rules->words[i].text;
        size_t selector = (size_t)rules->words[i].selector;
        ensure(count + selector + 2 < ARGS_MAX, "too many rules for %s", user);
        last = selector > last ? selector : last;
        if (selector > 0 && text != NULL)
            buf_printf(&selectors[selector], " %s", text);
        else if (text != NULL)
            args[count++] = text;
    }
    for (size_t i = 1; i <= last; i++) {
        struct buf whole = {0};
        buf_printf(&whole, "(%s)", selectors[i].len > 0 ? buf_text(&selectors[i]) + 1 : "");
        buf_fini(&selectors[i]);
        selectors[i] = whole;
        args[count++] = buf_text(&selectors[i]);
    }
    args[count] = NULL;
    reply_free(commands_run_args(conn, args));
    for (size_t i = 1; i <= last; i++)
        buf_fini(&selectors[i]);
}

bool acl_rules_allow(struct conn *conn, const char *user, const char *const *argv)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    request_add_text(&request, "ACL");
    request_add_text(&request, "DRYRUN");
    request_add_text(&request, user);
    for (size_t i = 0; argv[i] != NULL; i++)
        request_add_text(&request, argv[i]);
    ensure(conn_call(conn, &request, &reply, &err) == ST_OK, "ACL DRYRUN: %s", err_text(&err));
    bool is_allowed = slice_is(reply_slice(reply), "OK");
    reply_free(reply);
    request_fini(&request);
    return is_allowed;
}
