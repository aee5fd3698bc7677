#include "support/measure.h"

#include "base/clock.h"
#include "base/parse.h"
#include "support/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t seconds_field_us(const char *info, const char *name)
{
    const char *at = strstr(info, name);
    ensure(at != NULL, "INFO cpu has no %s", name);
    return (int64_t)(strtod(at + strlen(name), NULL) * 1e6);
}

int64_t measure_redis_cpu_us(struct conn *conn)
{
    char *info = commands_text(conn, "INFO", "cpu");
    ensure(info != NULL, "no INFO");
    int64_t used_us =
        seconds_field_us(info, "used_cpu_user:") + seconds_field_us(info, "used_cpu_sys:");
    free(info);
    return used_us;
}

void measure_begin(struct measure *measure, struct conn *conn)
{
    measure->conn = conn;
    measure->redis_start_us = measure_redis_cpu_us(conn);
    measure->start_us = clock_mono_us();
}

void measure_add(const struct measure *measure, int64_t *span_us, int64_t *redis_us)
{
    *span_us += clock_mono_us() - measure->start_us;
    *redis_us += measure_redis_cpu_us(measure->conn) - measure->redis_start_us;
}

void measure_report(const char *name, int64_t items, int64_t span_us, int64_t redis_us)
{
    measure_print(name, "rate", (double)items * 1e6 / (double)(span_us > 0 ? span_us : 1));
    measure_print(name, "redis_us", (double)redis_us / (double)items);
}

void measure_end(const struct measure *measure, const char *name, int64_t items)
{
    int64_t span_us = 0, redis_us = 0;
    measure_add(measure, &span_us, &redis_us);
    measure_report(name, items, span_us, redis_us);
}

void measure_print(const char *name, const char *suffix, double value)
{
    printf("%s.%s\t%.3f\n", name, suffix, value);
}

int64_t measure_argument(const char *text)
{
    struct err err = {0};
    int64_t value = 0;
    ensure(parse_int(slice_of(text), 1, INT32_MAX, &value, &err) == ST_OK, "%s", err_text(&err));
    return value;
}
