#include "worker/program/limits.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/options.h"
#include "base/parse.h"

struct key;
typedef enum status (*value_reader)(const struct key *key, struct slice text, struct limits *limits,
                                    struct err *err);

struct key {
    const char *name;
    value_reader read;
    enum limit_number number; /* undefined if the value is no number */
    int64_t min, max;
};

void limits_init(struct limits *limits)
{
    *limits = (struct limits){.user = NULL};
    for (int i = 0; i < LIMIT_NUMBERS; i++)
        limits->numbers[i] = -1;
}

void limits_fini(struct limits *limits)
{
    free(limits->user);
    free(limits->home);
    free(limits->group);
    free(limits->directory);
    free(limits->groups);
    for (size_t i = 0; i < limits->passed_count; i++)
        free(limits->passed[i]);
    free(limits->passed);
    limits_init(limits);
}

/* ---- values ---- */

static enum status check_range(const struct key *key, int64_t value,
                               const char *(*format)(int64_t, char *), struct err *err)
{
    char min[PARSE_BYTES_MAX], max[PARSE_BYTES_MAX];
    if (value >= key->min && value <= key->max)
        return ST_OK;
    return err_set(err, ST_INVALID, "it must be from %s to %s", format(key->min, min),
                   format(key->max, max));
}

static enum status read_count(const struct key *key, struct slice text, struct limits *limits,
                              struct err *err)
{
    return parse_int(text, key->min, key->max, &limits->numbers[key->number], err);
}

static enum status read_bytes(const struct key *key, struct slice text, struct limits *limits,
                              struct err *err)
{
    enum status status = parse_bytes(text, &limits->numbers[key->number], err);
    return status == ST_OK ? check_range(key, limits->numbers[key->number], format_bytes, err)
                           : status;
}

static enum status read_duration(const struct key *key, struct slice text, struct limits *limits,
                                 struct err *err)
{
    enum status status = parse_duration_ms(text, &limits->numbers[key->number], err);
    return status == ST_OK ? check_range(key, limits->numbers[key->number], format_duration_ms, err)
                           : status;
}

/* The kernel counts whole seconds only. */
static enum status read_seconds(const struct key *key, struct slice text, struct limits *limits,
                                struct err *err)
{
    enum status status = read_duration(key, text, limits, err);
    int64_t *value = &limits->numbers[key->number];
    if (status == ST_OK && *value % 1000 != 0)
        return err_set(err, ST_INVALID, "it must be a whole number of seconds");
    *value /= 1000;
    return status;
}

static void replace(char **text, char *with)
{
    free(*text);
    *text = with;
}

/* By name, or by the number of a user that has a name: without one there is no home directory. */
static const struct passwd *find_user(const char *name)
{
    int64_t number;
    const struct passwd *user = getpwnam(name);
    if (!user && parse_int(slice_of(name), 0, UINT32_MAX - 1, &number, NULL) == ST_OK)
        user = getpwuid((uid_t)number);
    return user;
}

static const struct group *find_group(const char *name)
{
    int64_t number;
    const struct group *group = getgrnam(name);
    if (!group && parse_int(slice_of(name), 0, UINT32_MAX - 1, &number, NULL) == ST_OK)
        group = getgrgid((gid_t)number);
    return group;
}

static enum status read_user(const struct key *key, struct slice text, struct limits *limits,
                             struct err *err)
{
    (void)key;
    char *name = slice_dup(text);
    const struct passwd *user = find_user(name);
    enum status status = ST_OK;
    if (user) {
        replace(&limits->user, mem_dup(user->pw_name));
        replace(&limits->home, mem_dup(user->pw_dir));
    } else {
        status = err_set(err, ST_INVALID, "there is no user \"%.80s\"", name);
    }
    free(name);
    return status;
}

static enum status read_group(const struct key *key, struct slice text, struct limits *limits,
                              struct err *err)
{
    (void)key;
    char *name = slice_dup(text);
    replace(&limits->group, name);
    if (find_group(name))
        return ST_OK;
    return err_set(err, ST_INVALID, "there is no group \"%.80s\"", name);
}

static enum status read_directory(const struct key *key, struct slice text, struct limits *limits,
                                  struct err *err)
{
    (void)key;
    struct stat info;
    char *path = slice_dup(text);
    replace(&limits->directory, path);
    if (path[0] != '/')
        return err_set(err, ST_INVALID, "\"%.80s\" must begin with a '/'", path);
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return err_set(err, ST_INVALID, "there is no directory \"%.80s\"", path);
    return ST_OK;
}

static enum status read_environment(const struct key *key, struct slice text, struct limits *limits,
                                    struct err *err)
{
    static const char *const names[] = {
        [ENVIRONMENT_USUAL] = "usual", [ENVIRONMENT_CLEAN] = "clean", [ENVIRONMENT_ALL] = "all"};
    (void)key;
    for (enum limits_environment each = ENVIRONMENT_USUAL; each <= ENVIRONMENT_ALL; each++)
        if (slice_is(text, names[each])) {
            limits->environment = each;
            return ST_OK;
        }
    return err_set(err, ST_INVALID, "it must be usual, clean or all");
}

/* ---- the list ---- */

enum {
    MEMORY_MIN = 1 << 20, /* no program starts with less */
    FILES_MIN = 4,        /* the standard three, and one to load its libraries */
    OUTPUT_MAX = 64 << 20,
    COUNT_MAX = INT32_MAX,
};
#define SIZE_LIMIT_MAX (INT64_C(1) << 50)
#define TIME_LIMIT_MAX_MS (INT64_C(3650) * 86400000)

static const struct key keys[] = {
    {"cpu", read_seconds, LIMIT_CPU, 1000, TIME_LIMIT_MAX_MS},
    {"memory", read_bytes, LIMIT_MEMORY, MEMORY_MIN, SIZE_LIMIT_MAX},
    {"files", read_count, LIMIT_FILES, FILES_MIN, COUNT_MAX},
    {"processes", read_count, LIMIT_PROCESSES, 1, COUNT_MAX},
    {"file-size", read_bytes, LIMIT_FILE_SIZE, 0, SIZE_LIMIT_MAX},
    {"core", read_bytes, LIMIT_CORE, 0, SIZE_LIMIT_MAX},
    {"output", read_bytes, LIMIT_OUTPUT, 1, OUTPUT_MAX},
    {"timeout", read_duration, LIMIT_TIMEOUT, 1, TIME_LIMIT_MAX_MS},
    {"user", read_user, LIMIT_NUMBERS, 0, 0},
    {"group", read_group, LIMIT_NUMBERS, 0, 0},
    {"directory", read_directory, LIMIT_NUMBERS, 0, 0},
    {"env", read_environment, LIMIT_NUMBERS, 0, 0},
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

static void append_names(struct buf *out)
{
    for (int i = 0; i < KEY_COUNT; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : i + 1 < KEY_COUNT ? ", " : " and ", keys[i].name);
}

static enum status refuse_name(struct slice name, struct err *err)
{
    const char *names[KEY_COUNT + 1] = {NULL};
    struct buf all = {0};
    char *word = slice_dup(name);
    for (int i = 0; i < KEY_COUNT; i++)
        names[i] = keys[i].name;
    const char *nearest = options_suggest(word, names);
    append_names(&all);
    enum status status =
        err_set(err, ST_INVALID,
                "there is no limit \"%.40s\"%s%s: they are %s, each followed by = and its value",
                word, nearest ? "; perhaps it is " : "", nearest ? nearest : "", buf_text(&all));
    buf_fini(&all);
    free(word);
    return status;
}

/* One "NAME=VALUE". */
static enum status read_item(struct limits *limits, struct slice item, struct err *err)
{
    const char *equals = memchr(item.ptr, '=', item.len);
    struct slice name = {item.ptr, equals ? (size_t)(equals - item.ptr) : item.len};
    const struct key *key = NULL;
    for (int i = 0; i < KEY_COUNT && !key; i++)
        if (slice_is(name, keys[i].name))
            key = &keys[i];
    if (!key || !equals)
        return refuse_name(name, err);
    struct slice value = {equals + 1, item.len - name.len - 1};
    enum status status = key->read(key, value, limits, err);
    if (status != ST_OK)
        err_prefix(err, "%s", key->name);
    return status;
}

enum status limits_read(struct limits *limits, const char *list, struct err *err)
{
    enum status status = ST_OK;
    const char *at = list;
    do {
        size_t len = strcspn(at, ",");
        status = read_item(limits, (struct slice){at, len}, err);
        at += len;
    } while (status == ST_OK && *at++ == ',');
    return status;
}

bool limits_need_process(const struct limits *limits)
{
    for (enum limit_number number = 0; number < LIMIT_NUMBERS; number++)
        if (number != LIMIT_TIMEOUT && limits_have(limits, number))
            return true;
    return limits->user || limits->group || limits->directory || limits->passed_count > 0 ||
           limits->environment != ENVIRONMENT_USUAL;
}

/* ---- variables ---- */

/* The variables of a job are set for each job, so they cannot be passed on. */
static bool is_variable(struct slice name)
{
    static const char of_a_job[] = "DARG_JOB_";
    size_t len = strlen(of_a_job);
    if (name.len == 0 || (name.len >= len && strncmp(name.ptr, of_a_job, len) == 0))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == '=' ||
            (name.ptr[i] == '*' && i + 1 < name.len))
            return false;
    return true;
}

static void add_passed(struct limits *limits, struct slice name)
{
    char **names = mem_array(limits->passed_count + 1, sizeof *names);
    for (size_t i = 0; i < limits->passed_count; i++)
        names[i] = limits->passed[i];
    names[limits->passed_count++] = slice_dup(name);
    free(limits->passed);
    limits->passed = names;
}

enum status limits_pass(struct limits *limits, const char *list, struct err *err)
{
    const char *at = list;
    do {
        struct slice name = {at, strcspn(at, ",")};
        if (!is_variable(name))
            return err_set(err, ST_INVALID, "\"%.*s\" is not a variable that can be passed on",
                           (int)(name.len < 80 ? name.len : 80), name.ptr);
        add_passed(limits, name);
        at += name.len;
    } while (*at++ == ',');
    return ST_OK;
}

/* ---- all together ---- */

int limits_resource(enum limit_number number)
{
    static const int resources[LIMIT_NUMBERS] = {
        [LIMIT_CPU] = RLIMIT_CPU,
        [LIMIT_MEMORY] = RLIMIT_DATA,
        [LIMIT_FILES] = RLIMIT_NOFILE,
        [LIMIT_PROCESSES] = RLIMIT_NPROC,
        [LIMIT_FILE_SIZE] = RLIMIT_FSIZE,
        [LIMIT_CORE] = RLIMIT_CORE,
        [LIMIT_OUTPUT] = -1,
        [LIMIT_TIMEOUT] = -1,
    };
    return resources[number];
}

/* Root may raise limits, unless it lacks the capability; then the first start of a program will say
 * so. */
static enum status check_system(const struct limits *limits, struct err *err)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        enum limit_number number = keys[i].number;
        struct rlimit now;
        if (number == LIMIT_NUMBERS || !limits_have(limits, number) ||
            limits_resource(number) < 0 || getrlimit((unsigned)limits_resource(number), &now) != 0)
            continue;
        if (now.rlim_max != RLIM_INFINITY && (rlim_t)limits->numbers[number] > now.rlim_max)
            return err_set(err, ST_INVALID, "%s: this user may have no more than %lld",
                           keys[i].name, (long long)now.rlim_max);
    }
    return ST_OK;
}

static void find_groups(struct limits *limits)
{
    int count = 32;
    if (!limits->user) {
        limits->groups = mem_array(1, sizeof *limits->groups);
        limits->groups[0] = limits->gid;
        limits->group_count = 1;
        return;
    }
    limits->groups = mem_array((size_t)count, sizeof *limits->groups);
    while (getgrouplist(limits->user, limits->gid, limits->groups, &count) < 0) {
        free(limits->groups);
        limits->groups = mem_array((size_t)count, sizeof *limits->groups);
    }
    limits->group_count = (size_t)count;
}

static enum status find_identity(struct limits *limits, struct err *err)
{
    const struct passwd *user = limits->user ? find_user(limits->user) : NULL;
    const struct group *group = limits->group ? find_group(limits->group) : NULL;
    if ((limits->user && !user) || (limits->group && !group))
        return err_set(err, ST_INVALID, "the user or group has gone");
    limits->uid = user ? user->pw_uid : geteuid();
    limits->gid = group ? group->gr_gid : user ? user->pw_gid : getegid();
    find_groups(limits);
    return ST_OK;
}

enum status limits_settle(struct limits *limits, bool has_groups, struct err *err)
{
    bool is_root = geteuid() == 0;
    if (!is_root && (limits->user || limits->group))
        return err_set(err, ST_INVALID,
                       "%s: only a worker started by root may run programs as another user",
                       limits->user ? "user" : "group");
    if (!is_root)
        return check_system(limits, err);
    enum status status = limits->user || limits->group ? find_identity(limits, err) : ST_OK;
    if (status == ST_OK && !has_groups && limits->uid == 0 && limits_have(limits, LIMIT_PROCESSES))
        return err_set(err, ST_INVALID,
                       "processes: the system does not apply it to root: set a user, too, or use "
                       "--cgroup own");
    return status;
}
