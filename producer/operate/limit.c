/* darg limit: shows or sets the limits of a queue, which workers and pushes obey at once. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/parse.h"
#include "queue/settings.h"

struct limit_options {
    struct {
#define TEXT(field, ...) const char *field;
        SETTINGS_LIST(TEXT)
#undef TEXT
    } texts; /* as given; NULL: not given. In the order of settings_at() */
    struct settings changes;
};

static enum status check(const struct context *context, void *given, struct err *err)
{
    struct limit_options *options = given;
    (void)context;
    const char *const texts[] = {
#define TEXT(field, ...) options->texts.field,
        SETTINGS_LIST(TEXT)
#undef TEXT
    };
    options->changes = settings_unchanged();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct setting *setting = settings_at(i);
        if (texts[i] && settings_parse(setting, texts[i], &options->changes, err) != ST_OK) {
            err_prefix(err, "--%s", setting->option);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

/* A rate's period is in the next row. */
static void append_value(const struct setting *setting, const struct settings *settings,
                         struct buf *out)
{
    char number[TABLE_NUMBER_MAX], duration[PARSE_DURATION_MAX];
    int64_t value = settings_value(setting, settings);
    if (value < 0)
        buf_append_text(out, "none");
    else if (setting->kind == SETTING_DURATION)
        buf_append_text(out, format_duration_ms(value, duration));
    else
        buf_append_text(out, table_number(value, number));
    int64_t period_ms = setting->kind == SETTING_RATE ? settings_value(setting + 1, settings) : -1;
    if (value >= 0 && period_ms >= 0)
        buf_printf(out, " / %s", format_duration_ms(period_ms, duration));
}

static void show_table(const struct settings *settings)
{
    static const char *const heads[] = {"LIMIT", "VALUE", NULL};
    const struct setting *setting;
    struct table table;
    table_init(&table, heads);
    for (size_t i = 0; (setting = settings_at(i)) != NULL; i++) {
        if (setting->option == NULL)
            continue;
        struct buf text = {0};
        append_value(setting, settings, &text);
        table_add_text(&table, setting->option);
        table_add(&table, buf_slice(&text));
        buf_fini(&text);
    }
    table_print(&table);
    table_fini(&table);
}

static void show_json(const char *queue, const struct settings *settings)
{
    const struct setting *setting;
    struct json_writer document = {0}, *json = &document;
    json_open_object(json, NULL);
    json_put_text(json, "queue", slice_of(queue));
    for (size_t i = 0; (setting = settings_at(i)) != NULL; i++)
        if (setting->kind != SETTING_FLAG)
            document_count(json, setting->name, settings_value(setting, settings));
    json_close_object(json);
    document_print(json);
}

static enum status show(struct context *context, struct err *err)
{
    struct settings settings;
    enum status status = settings_read(context->conn, &context->queue, &settings, err);
    if (status != ST_OK)
        return status;
    if (context->is_json)
        show_json(context->queue.name, &settings);
    else
        show_table(&settings);
    return ST_OK;
}

static int run(struct context *context, const void *given)
{
    const struct limit_options *options = given;
    struct err err = {0};
    enum status status = settings_apply(context->conn, &context->queue, &options->changes, &err);
    if (status == ST_OK)
        status = show(context, &err);
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

/* An option for each setting, except for those that have none of their own. */
#define OPTION(field, kind, least, option, help) OPTION_##kind(field, option, help)
#define OPTION_FLAG(field, option, help)
#define OPTION_PERIOD(field, option, help)
#define OPTION_COUNT(field, option, help) OPTION_ROW(field, option, "N|none", help)
#define OPTION_RATE(field, option, help) OPTION_ROW(field, option, "N/DURATION|none", help)
#define OPTION_DURATION(field, option, help) OPTION_ROW(field, option, "DURATION|none", help)
#define OPTION_ROW(field, option, value, text)                                                     \
    {option, 0, OPTION_FIELD(OPT_STRING, struct limit_options, texts.field),                       \
     .value_name = (value), .help = (text)},

static const struct option_row rows[] = {SETTINGS_LIST(OPTION) OPTIONS_END};

const struct command limit_command = {
    .name = "limit",
    .title = "show or set a queue's limits",
    .usage = "[options]",
    .summary = "Sets the limits of the queue, and shows them.",
    .examples = "  darg limit -q mail\n  darg limit -q mail --max-len 100000 --rate 100/1s\n"
                "  darg limit -q mail --rate none\n",
    .rows = rows,
    .options_size = sizeof(struct limit_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .check = check,
    .run = run,
};
