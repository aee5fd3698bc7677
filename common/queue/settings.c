#include "queue/settings.h"

#include <string.h>

#include "base/parse.h"

enum {
#define AT(field, ...) AT_##field,
    SETTINGS_LIST(AT) ROWS
#undef AT
};

static const struct setting rows[ROWS] = {
#define ROW(field, kind, least, option, help)                                                      \
    [AT_##field] = {#field, SETTING_##kind, offsetof(struct settings, field), least, option, help},
    SETTINGS_LIST(ROW)
#undef ROW
};

const char *const settings_names[] = {
#define NAME(field, ...) #field,
    SETTINGS_LIST(NAME) SETTINGS_KEPT_LIST(NAME)
#undef NAME
        NULL};

const struct setting *settings_at(size_t i)
{
    return i < ROWS ? &rows[i] : NULL;
}

static int64_t *value_of(const struct setting *setting, struct settings *settings)
{
    return (int64_t *)((char *)settings + setting->offset);
}

int64_t settings_value(const struct setting *setting, const struct settings *settings)
{
    return *(const int64_t *)((const char *)settings + setting->offset);
}

struct settings settings_unchanged(void)
{
    struct settings changes;
#define KEEP(field, ...) changes.field = SETTING_KEEP;
    SETTINGS_LIST(KEEP)
    SETTINGS_KEPT_LIST(KEEP)
#undef KEEP
    return changes;
}

/* ---- reading ---- */

static int64_t read_value(enum setting_kind kind, const struct reply *reply)
{
    if (kind == SETTING_FLAG) /* scripts ask only whether it is there */
        return reply_is_nil(reply) ? SETTING_NONE : 1;
    if (kind == SETTING_TIME) /* may have a fraction */
        return reply_time_ms(reply, SETTING_NONE);
    return reply_int(reply, SETTING_NONE);
}

void settings_take(const struct reply *reply, struct settings *settings)
{
    size_t i = 0;
#define TAKE(field, kind, ...) settings->field = read_value(SETTING_##kind, reply_at(reply, i++));
    SETTINGS_LIST(TAKE)
    SETTINGS_KEPT_LIST(TAKE)
#undef TAKE
}

enum status settings_read(struct conn *conn, const struct queue *queue, struct settings *settings,
                          struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "HMGET");
    request_add_text(&request, queue->settings);
    for (const char *const *name = settings_names; *name; name++)
        request_add_text(&request, *name);
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    if (status == ST_OK)
        settings_take(reply, settings);
    reply_free(reply);
    return status;
}

/* ---- setting ---- */

/* The greatest value: for counts, more than any queue holds; otherwise what scripts can read as a
 * number, which is 15 digits, since a double holds those exactly. */
static int64_t greatest(const struct setting *setting)
{
    bool is_count = setting->kind == SETTING_COUNT || setting->kind == SETTING_RATE;
    return is_count ? INT64_C(1) << 40 : INT64_C(999999999999999);
}

static enum status check_ranges(const struct settings *changes, struct err *err)
{
    for (size_t i = 0; i < ROWS; i++) {
        int64_t value = settings_value(&rows[i], changes), most = greatest(&rows[i]);
        bool is_number = value != SETTING_KEEP && value != SETTING_NONE;
        if (is_number && (value < rows[i].least || value > most))
            return err_set(err, ST_INVALID, "%s: %lld is not between %lld and %lld", rows[i].name,
                           (long long)value, (long long)rows[i].least, (long long)most);
    }
    return ST_OK;
}

/* Removes all such fields, or sets all others, in one command; sends none if there are none. */
static enum status store(struct conn *conn, const struct queue *queue, bool is_removal,
                         const struct settings *changes, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    size_t count = 0;
    request_add_text(&request, is_removal ? "HDEL" : "HSET");
    request_add_text(&request, queue->settings);
    for (size_t i = 0; i < ROWS; i++) {
        int64_t value = settings_value(&rows[i], changes);
        if (value == SETTING_KEEP || (value == SETTING_NONE) != is_removal)
            continue;
        request_add_text(&request, rows[i].name);
        if (!is_removal)
            request_add_int(&request, value);
        count++;
    }
    enum status status = count > 0 ? conn_call(conn, &request, &reply, err) : ST_OK;
    request_fini(&request);
    reply_free(reply);
    return status;
}

/* Not field by field, because a claim between two of them would read a new rate with the old
 * period. A rate and its period are set, or removed, by one command, so no transaction is
 * needed. */
enum status settings_apply(struct conn *conn, const struct queue *queue,
                           const struct settings *changes, struct err *err)
{
    enum status status = check_ranges(changes, err);
    if (status == ST_OK)
        status = store(conn, queue, false, changes, err);
    return status == ST_OK ? store(conn, queue, true, changes, err) : status;
}

enum status settings_pause(struct conn *conn, const struct queue *queue, bool is_paused,
                           struct err *err)
{
    struct settings changes = settings_unchanged();
    changes.paused = is_paused ? 1 : SETTING_NONE;
    return settings_apply(conn, queue, &changes, err);
}

enum status settings_set(struct conn *conn, const struct queue *queue, const char *name,
                         int64_t value, struct err *err)
{
    struct settings changes = settings_unchanged();
    size_t i = 0;
    while (i < ROWS && (strcmp(rows[i].name, name) != 0 || rows[i].kind == SETTING_FLAG))
        i++;
    if (i == ROWS)
        return err_set(err, ST_INVALID, "'%.64s' is not a limit of a queue", name);
    *value_of(&rows[i], &changes) = value;
    return settings_apply(conn, queue, &changes, err);
}

/* ---- what people write ---- */

static enum status parse_value(const struct setting *setting, struct slice text, int64_t *value,
                               struct err *err)
{
    bool is_time = setting->kind == SETTING_DURATION || setting->kind == SETTING_PERIOD;
    enum status status = is_time ? parse_duration_ms(text, value, err)
                                 : parse_int(text, setting->least, greatest(setting), value, err);
    if (status == ST_OK && *value < setting->least)
        return err_set(err, ST_INVALID, "'%.*s' is too small", (int)(text.len < 60 ? text.len : 60),
                       text.ptr);
    return status;
}

/* "100/1s", or "100/s" for short. */
static enum status parse_rate(const struct setting *rate, const char *text,
                              struct settings *changes, struct err *err)
{
    const struct setting *period = rate + 1;
    const char *slash = strchr(text, '/');
    bool is_short = slash != NULL && (slash[1] < '0' || slash[1] > '9');
    struct buf time = {0};
    int64_t ignored;
    if (slash != NULL)
        buf_printf(&time, "%s%s", is_short ? "1" : "", slash + 1);
    /* The sentence about a time would show a 1 that nobody has written. */
    if (slash == NULL ||
        (is_short && parse_duration_ms(buf_slice(&time), &ignored, NULL) != ST_OK)) {
        buf_fini(&time);
        return err_set(err, ST_INVALID,
                       "'%.60s' is not a number of jobs and a time like 100/1s, or none", text);
    }
    enum status status = parse_value(rate, (struct slice){text, (size_t)(slash - text)},
                                     value_of(rate, changes), err);
    if (status == ST_OK)
        status = parse_value(period, buf_slice(&time), value_of(period, changes), err);
    buf_fini(&time);
    return status;
}

enum status settings_parse(const struct setting *setting, const char *text,
                           struct settings *changes, struct err *err)
{
    bool is_rate = setting->kind == SETTING_RATE;
    if (strcmp(text, "none") == 0) {
        *value_of(setting, changes) = SETTING_NONE;
        if (is_rate)
            *value_of(setting + 1, changes) = SETTING_NONE;
        return ST_OK;
    }
    return is_rate ? parse_rate(setting, text, changes, err)
                   : parse_value(setting, slice_of(text), value_of(setting, changes), err);
}
