/* darg limit: shows or sets the limits of a queue, which workers and pushes obey at once. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/table.h"

#include "base/parse.h"
#include "queue/settings.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum limit_kind { LIMIT_COUNT, LIMIT_DURATION };

/* The settings, as Redis names them. */
enum { MAX_LEN, RATE, RATE_MS, CONCURRENCY, DEAD_MAX, DEAD_AGE_MS, SETTINGS };
static const struct {
    const char *name;
    enum limit_kind kind;
    int64_t min, max;
} settings[SETTINGS] = {
    [MAX_LEN] = {"max_len", LIMIT_COUNT, 0, INT64_C(1) << 40},
    [RATE] = {"rate", LIMIT_COUNT, 1, INT64_C(1) << 40},
    [RATE_MS] = {"rate_ms", LIMIT_DURATION, 1, INT64_MAX},
    [CONCURRENCY] = {"concurrency", LIMIT_COUNT, 1, INT64_C(1) << 40},
    [DEAD_MAX] = {"dead_max", LIMIT_COUNT, 0, INT64_C(1) << 40},
    [DEAD_AGE_MS] = {"dead_age_ms", LIMIT_DURATION, 1, INT64_MAX},
};

struct change {
    bool is_wanted;
    int64_t value; /* -1: none */
};

static enum status parse_one(const char *option, const char *text, int setting,
                             struct change *change, struct err *err)
{
    if (text == NULL)
        return ST_OK;
    change->is_wanted = true;
    change->value = -1;
    if (strcmp(text, "none") == 0)
        return ST_OK;
    int64_t min = settings[setting].min, max = settings[setting].max;
    enum status status = settings[setting].kind == LIMIT_DURATION
                             ? parse_duration_ms(slice_of(text), &change->value, err)
                             : parse_int(slice_of(text), min, max, &change->value, err);
    if (status == ST_OK && change->value < min)
        status = err_set(err, ST_INVALID, "'%.60s' is too small", text);
    if (status != ST_OK)
        err_prefix(err, "--%s", option);
    return status;
}

/* "100/1s", "100/s" or "none". */
static enum status parse_rate(const char *text, struct change *changes, struct err *err)
{
    if (text == NULL)
        return ST_OK;
    const char *slash = strchr(text, '/');
    if (slash == NULL && strcmp(text, "none") != 0)
        return err_set(err, ST_INVALID,
                       "--rate: '%.60s' is not a number of jobs and a time like 100/1s, or none",
                       text);
    if (slash == NULL) {
        changes[RATE] = changes[RATE_MS] = (struct change){true, -1};
        return ST_OK;
    }
    char *count = slice_dup((struct slice){text, (size_t)(slash - text)});
    struct buf time = {0};
    buf_printf(&time, "%s%s", slash[1] >= '0' && slash[1] <= '9' ? "" : "1", slash + 1);
    enum status status = parse_one("rate", count, RATE, &changes[RATE], err);
    if (status == ST_OK)
        status = parse_one("rate", buf_text(&time), RATE_MS, &changes[RATE_MS], err);
    if (status == ST_OK && (changes[RATE].value < 0 || changes[RATE_MS].value < 0))
        status = err_set(err, ST_INVALID, "--rate: '%.60s' is not like 100/1s", text);
    buf_fini(&time);
    free(count);
    return status;
}

static enum status apply(struct context *context, const struct change *changes, struct err *err)
{
    enum status status = ST_OK;
    for (int i = 0; status == ST_OK && i < SETTINGS; i++)
        if (changes[i].is_wanted)
            status = settings_set(context->conn, &context->queue, settings[i].name,
                                  changes[i].value, err);
    return status;
}

static void show_row(struct table *table, const char *name, int64_t value, const char *suffix,
                     bool is_duration)
{
    struct buf text = {0};
    char number[TABLE_NUMBER_MAX], duration[PARSE_DURATION_MAX];
    if (value < 0)
        buf_append_text(&text, "none");
    else if (is_duration)
        buf_append_text(&text, format_duration_ms(value, duration));
    else
        buf_printf(&text, "%s%s", table_number(value, number), suffix);
    table_add_text(table, name);
    table_add(table, buf_slice(&text));
    buf_fini(&text);
}

static void show_table(const int64_t *values)
{
    static const char *const heads[] = {"LIMIT", "VALUE", NULL};
    struct table table;
    char rate[PARSE_DURATION_MAX + 4] = "", duration[PARSE_DURATION_MAX];
    if (values[RATE] >= 0 && values[RATE_MS] >= 0)
        snprintf(rate, sizeof rate, " / %s", format_duration_ms(values[RATE_MS], duration));
    table_init(&table, heads);
    show_row(&table, "max-len", values[MAX_LEN], "", false);
    show_row(&table, "rate", values[RATE], rate, false);
    show_row(&table, "concurrency", values[CONCURRENCY], "", false);
    show_row(&table, "dead-max", values[DEAD_MAX], "", false);
    show_row(&table, "dead-age", values[DEAD_AGE_MS], "", true);
    table_print(&table);
    table_fini(&table);
}

static enum status show(struct context *context, struct err *err)
{
    int64_t values[SETTINGS];
    for (int i = 0; i < SETTINGS; i++) {
        enum status status =
            settings_get(context->conn, &context->queue, settings[i].name, &values[i], err);
        if (status != ST_OK)
            return status;
    }
    if (!context->is_json) {
        show_table(values);
        return ST_OK;
    }
    struct cJSON *object = cJSON_CreateObject();
    table_json_text(object, "queue", slice_of(context->queue.name));
    for (int i = 0; i < SETTINGS; i++)
        table_json_int(object, settings[i].name, values[i]);
    table_json_print(object);
    return ST_OK;
}

int limit_main(int argc, char **argv)
{
    const char *max_len = NULL, *rate = NULL, *concurrency = NULL, *dead_max = NULL,
               *dead_age = NULL;
    const struct option_row rows[] = {
        {"max-len", 0, OPT_STRING, .target = &max_len, .value_name = "N|none",
         .help = "pushes wait while so many jobs wait in the queue"},
        {"rate", 0, OPT_STRING, .target = &rate, .value_name = "N/DURATION|none",
         .help = "so many jobs are handed out in that time, by all workers together"},
        {"concurrency", 0, OPT_STRING, .target = &concurrency, .value_name = "N|none",
         .help = "so many jobs run at a time, on all workers together"},
        {"dead-max", 0, OPT_STRING, .target = &dead_max, .value_name = "N|none",
         .help = "keep so many dead jobs, the newest"},
        {"dead-age", 0, OPT_STRING, .target = &dead_age, .value_name = "DURATION|none",
         .help = "keep dead jobs so long"},
        {0},
    };
    const struct context_spec spec = {
        .program = "darg limit",
        .usage = "[options]",
        .summary = "Sets limits of the queue, and shows them.",
        .examples = "  darg limit -q mail\n  darg limit -q mail --max-len 100000 --rate 100/1s\n"
                    "  darg limit -q mail --rate none\n",
        .rows = rows,
        .uses = CONTEXT_QUEUE | CONTEXT_JSON};
    struct context context;
    struct change changes[SETTINGS] = {0};
    struct err err = {0};
    int exit_code;
    if (!context_parse(&context, &spec, argc, argv, &exit_code))
        ;
    else if (parse_one("max-len", max_len, MAX_LEN, &changes[MAX_LEN], &err) != ST_OK ||
             parse_rate(rate, changes, &err) != ST_OK ||
             parse_one("concurrency", concurrency, CONCURRENCY, &changes[CONCURRENCY], &err) !=
                 ST_OK ||
             parse_one("dead-max", dead_max, DEAD_MAX, &changes[DEAD_MAX], &err) != ST_OK ||
             parse_one("dead-age", dead_age, DEAD_AGE_MS, &changes[DEAD_AGE_MS], &err) != ST_OK)
        exit_code = context_usage(&spec, "%s", err_text(&err));
    else if (context_connect(&context, &err) != ST_OK || apply(&context, changes, &err) != ST_OK ||
             show(&context, &err) != ST_OK)
        exit_code = context_fail(&err);
    context_fini(&context);
    return exit_code;
}
