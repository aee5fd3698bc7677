#include "worker/program/environment.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/parse.h"

enum {
    ARGUMENTS_MAX = 6 << 20,   /* Linux takes no more, whatever the size of the stack */
    ROOM_FOR_ARGS = 128 << 10, /* the longest single argument */
    OF_THE_JOB = 2 << 10,      /* variables that are added for each job */
    OF_THE_USER = 3,           /* variables */
};

/* What a program needs to run at all, and to run as it would by hand. */
static const char *const clean[] = {"PATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", NULL};
static const char *const usual[] = {
    "USER",         "LOGNAME",         "SHELL",       "LANGUAGE",    "LC_*",
    "TZDIR",        "TMPDIR",          "http_proxy",  "https_proxy", "no_proxy",
    "all_proxy",    "HTTP_PROXY",      "HTTPS_PROXY", "NO_PROXY",    "ALL_PROXY",
    "SSL_CERT_DIR", "LD_LIBRARY_PATH", NULL};
static const char *const of_a_shell[] = {"_", "PWD", "OLDPWD", "SHLVL", "TERM", NULL};
static const char *const of_the_user[] = {"HOME", "USER", "LOGNAME", NULL};

/* Options, which may hold secrets; everything else that says how to reach Redis; and what a service
 * manager and this worker have to tell each other. Passed on only if named in full. */
static const char *const private[] = {"DARG_*",        "REDIS*",     "CREDENTIALS_DIRECTORY",
                                      "LISTEN_FDS",    "LISTEN_PID", "LISTEN_FDNAMES",
                                      "NOTIFY_SOCKET", "WATCHDOG_*", NULL};

/* ---- names ---- */

static bool has_star(const char *pattern)
{
    size_t len = strlen(pattern);
    return len > 0 && pattern[len - 1] == '*';
}

static bool fits(struct slice name, const char *pattern)
{
    size_t len = strlen(pattern);
    if (has_star(pattern))
        return name.len >= len - 1 && strncmp(name.ptr, pattern, len - 1) == 0;
    return name.len == len && strncmp(name.ptr, pattern, len) == 0;
}

static bool fits_any(struct slice name, const char *const *patterns)
{
    for (; *patterns; patterns++)
        if (fits(name, *patterns))
            return true;
    return false;
}

/* In upper or lower case: redis_url may hold the same secret as REDIS_URL. */
static bool is_private(struct slice name)
{
    for (const char *const *pattern = private; *pattern; pattern++) {
        size_t len = strlen(*pattern) - has_star(*pattern);
        bool is_long_enough = has_star(*pattern) ? name.len >= len : name.len == len;
        if (is_long_enough && strncasecmp(name.ptr, *pattern, len) == 0)
            return true;
    }
    return false;
}

static bool was_asked_for(struct slice name, const struct limits *limits)
{
    for (size_t i = 0; limits && i < limits->passed_count; i++) {
        const char *pattern = limits->passed[i];
        if (fits(name, pattern) && !(has_star(pattern) && is_private(name)))
            return true;
    }
    return false;
}

static bool is_listed(struct slice name, enum limits_environment which)
{
    switch (which) {
    case ENVIRONMENT_ALL:
        return !is_private(name);
    case ENVIRONMENT_USUAL:
        return fits_any(name, clean) || fits_any(name, usual);
    case ENVIRONMENT_CLEAN:
        break;
    }
    return fits_any(name, clean);
}

static bool is_to_have(const char *variable, const struct limits *limits)
{
    struct slice name = {variable, strcspn(variable, "=")};
    if (limits && limits->user && fits_any(name, of_the_user))
        return false;
    return was_asked_for(name, limits) ||
           is_listed(name, limits ? limits->environment : ENVIRONMENT_USUAL);
}

bool environment_withholds(const char *variable, const struct limits *limits)
{
    struct slice name = {variable, strcspn(variable, "=")};
    bool is_asked_about = !limits || limits->environment == ENVIRONMENT_USUAL;
    return is_asked_about && !is_private(name) && !fits_any(name, of_the_user) &&
           !fits_any(name, of_a_shell) && !is_to_have(variable, limits);
}

/* ---- the whole ---- */

static char *make_variable(const char *name, const char *value)
{
    struct buf variable = {0};
    buf_printf(&variable, "%s=%s", name, value);
    return buf_take(&variable);
}

char **environment_make(const struct limits *limits, size_t *count)
{
    size_t all = 0, kept = 0;
    while (environ && environ[all])
        all++;
    char **made = mem_array(all + OF_THE_USER + 1, sizeof *made);
    for (size_t i = 0; i < all; i++)
        if (is_to_have(environ[i], limits))
            made[kept++] = mem_dup(environ[i]);
    if (limits && limits->user) {
        made[kept++] = make_variable("HOME", limits->home);
        made[kept++] = make_variable("USER", limits->user);
        made[kept++] = make_variable("LOGNAME", limits->user);
    }
    *count = kept;
    return made;
}

size_t environment_bytes(char *const *strings)
{
    size_t bytes = 0;
    for (; *strings; strings++)
        bytes += strlen(*strings) + 1 + sizeof *strings;
    return bytes;
}

enum status environment_check(char *const *environment, char *const *words, struct err *err)
{
    char size[PARSE_BYTES_MAX];
    long limit = sysconf(_SC_ARG_MAX);
    size_t max = limit > 0 && limit < ARGUMENTS_MAX ? (size_t)limit : ARGUMENTS_MAX;
    size_t room = ROOM_FOR_ARGS < max / 2 ? ROOM_FOR_ARGS : max / 2;
    size_t used = environment_bytes(environment);
    if (used + environment_bytes(words) + OF_THE_JOB + room <= max)
        return ST_OK;
    return err_set(err, ST_INVALID,
                   "its environment of %s leaves no room for arguments: pass less of the worker's "
                   "(--pass-env, --limit env)",
                   format_bytes((int64_t)used, size));
}
