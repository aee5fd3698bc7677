/* Puts the text of a value, wherever it comes from, into its row's field, with the field's type,
 * and into the record. */
#include "base/options_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

/* --- values -------------------------------------------------------------------------------- */

void options_list_fini(struct options_list *list)
{
    free(list->items);
    *list = (struct options_list){0};
}

static void list_add(struct options_list *list, const char *item)
{
    const char **grown = mem_array(list->count + 1, sizeof *grown);
    for (size_t i = 0; i < list->count; i++)
        grown[i] = list->items[i];
    grown[list->count] = item;
    free(list->items);
    list->items = grown;
    list->count++;
}

static enum status set_flag(bool *field, const char *value, struct err *err)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off", ""};
    for (size_t i = 0; value && i < sizeof yes / sizeof yes[0]; i++)
        if (strcmp(value, yes[i]) == 0)
            value = NULL;
    for (size_t i = 0; value && i < sizeof no / sizeof no[0]; i++)
        if (strcmp(value, no[i]) == 0) {
            *field = false;
            return ST_OK;
        }
    if (value)
        return err_set(err, ST_INVALID, "'%.40s' is neither yes nor no", value);
    *field = true;
    return ST_OK;
}

static enum status check_range(const struct option_row *row, int64_t value, const char *text,
                               struct err *err)
{
    bool is_bounded = row->min != 0 || row->max != 0;
    if (value >= row->min && (!is_bounded || value <= row->max))
        return ST_OK;
    char low[PARSE_DURATION_MAX], high[PARSE_DURATION_MAX];
    if (row->type == OPT_DURATION) {
        format_duration_ms(row->min, low);
        format_duration_ms(row->max, high);
    } else {
        format_bytes(row->min, low);
        format_bytes(row->max, high);
    }
    return err_set(err, ST_INVALID, "'%.40s' is not between %s and %s", text, low, high);
}

/* Puts a value (NULL: the flag was given) into the row's field. */
static enum status set_value(const struct option_row *row, const char *value, void *field,
                             struct err *err)
{
    enum status status = ST_OK;
    int64_t number = 0;
    struct slice text = slice_of(value);
    bool is_bounded = row->min != 0 || row->max != 0;
    switch (row->type) {
    case OPT_FLAG:
        return set_flag(field, value, err);
    case OPT_STRING:
    case OPT_URL:
        *(const char **)field = value;
        return ST_OK;
    case OPT_LIST:
        list_add(field, value);
        return ST_OK;
    case OPT_INT:
        status = parse_int(text, row->min, is_bounded ? row->max : INT64_MAX, &number, err);
        break;
    case OPT_DURATION:
        status = parse_duration_ms(text, &number, err);
        break;
    case OPT_BYTES:
        status = parse_bytes(text, &number, err);
        break;
    }
    if (status == ST_OK && row->type != OPT_INT)
        status = check_range(row, number, value, err);
    if (status == ST_OK)
        *(int64_t *)field = number;
    return status;
}

/* --- the record ---------------------------------------------------------------------------- */

/* The record's own copy, which lives as long as the record. */
static const char *keep(struct options_record *record, const struct option_row *row,
                        const char *value, const char *where)
{
    struct option_value found = {
        .name = row->name, .text = mem_dup(value), .where = mem_dup(where)};
    for (size_t i = 0; i < record->count && row->type != OPT_LIST; i++)
        if (record->values[i].name == row->name) {
            free(record->values[i].text);
            free(record->values[i].where);
            record->values[i] = found; /* a flag given again replaces the earlier one */
            return found.text;
        }
    struct option_value *grown = mem_array(record->count + 1, sizeof *grown);
    for (size_t i = 0; i < record->count; i++)
        grown[i] = record->values[i];
    grown[record->count++] = found;
    free(record->values);
    record->values = grown;
    return found.text;
}

void options_record_fini(struct options_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        explicit_bzero(record->values[i].text, strlen(record->values[i].text));
        free(record->values[i].text);
        free(record->values[i].where);
    }
    free(record->values);
    config_fini(&record->config);
    *record = (struct options_record){0};
}

/* The next value of the option at or after *at; NULL: no more. */
static const struct option_value *next_value(const struct options_record *record, const char *name,
                                             size_t *at)
{
    while (*at < record->count) {
        const struct option_value *value = &record->values[(*at)++];
        if (strcmp(value->name, name) == 0)
            return value;
    }
    return NULL;
}

const char *options_where(const struct options_record *record, const char *name)
{
    size_t at = 0;
    const struct option_value *value = next_value(record, name, &at);
    return value ? value->where : "default";
}

enum status options_blame(enum status status, const struct options_record *record, const char *name,
                          struct err *err)
{
    const char *where = options_where(record, name);
    if (status != ST_OK && where[0] != '-')
        err_prefix(err, "%s: %s", where, name);
    else if (status != ST_OK)
        err_prefix(err, "--%s", name);
    return status;
}

static bool is_same(const struct options_record *a, const struct options_record *b,
                    const char *name)
{
    size_t at_a = 0, at_b = 0;
    const struct option_value *in_a, *in_b;
    do {
        in_a = next_value(a, name, &at_a);
        in_b = next_value(b, name, &at_b);
        if (!in_a != !in_b || (in_a && strcmp(in_a->text, in_b->text) != 0))
            return false;
    } while (in_a);
    return true;
}

static void append_changes(const struct options_record *names_of,
                           const struct options_record *other, struct options_list *names)
{
    for (size_t i = 0; i < names_of->count; i++) {
        const char *name = names_of->values[i].name;
        bool is_new = !is_same(names_of, other, name);
        for (size_t n = 0; n < names->count; n++)
            is_new = is_new && strcmp(names->items[n], name) != 0;
        if (is_new)
            list_add(names, name);
    }
}

void options_changes(const struct options_record *before, const struct options_record *after,
                     struct options_list *names)
{
    append_changes(before, after, names);
    append_changes(after, before, names);
}

/* --- secrets ------------------------------------------------------------------------------- */

/* In a URL, the part between "//" and the last '@'. */
static struct slice find_secret(const struct option_row *row, const char *value)
{
    struct slice secret = {value, row->is_secret ? strlen(value) : 0};
    const char *start = row->type == OPT_URL ? strstr(value, "://") : NULL;
    const char *end = start ? strrchr(start, '@') : NULL;
    if (end)
        secret = (struct slice){start + 3, (size_t)(end - start - 3)};
    return secret;
}

bool options_holds_secret(const struct option_row *row, const char *value)
{
    return find_secret(row, value).len > 0;
}

void options_append_masked(const struct option_row *row, const char *value, struct buf *out)
{
    struct slice secret = find_secret(row, value);
    size_t before = secret.len > 0 ? (size_t)(secret.ptr - value) : 0;
    buf_append(out, value, before);
    if (secret.len > 0)
        buf_append_text(out, "***");
    buf_append_text(out, value + before + secret.len);
}

/* --- setting ------------------------------------------------------------------------------- */

/* Errors must not repeat the value of a secret. */
enum status options_set(const struct options_spec *spec, const struct option_row *row,
                        const char *value, const char *where, const char *sentence, struct err *err)
{
    const char *kept = spec->record ? keep(spec->record, row, value ? value : "yes", where) : value;
    void *field = (char *)spec->target + row->offset;
    enum status status = set_value(row, value ? kept : NULL, field, err);
    if (status != ST_OK && row->is_secret)
        (void)err_set(err, status, "its value (not shown) is not valid");
    if (status != ST_OK)
        err_prefix(err, "%s", sentence);
    return status;
}
