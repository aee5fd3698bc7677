#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "queue/settings.h"
#include "support/queue_fixture.h"

static void test_pause(void **state)
{
    struct queue_fixture *f = *state;
    struct err err = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_OK);
    queue_fixture_push(f, "a");
    assert_int_equal(queue_fixture_outcome(f, &f->lease, 0, 1), CLAIM_WAIT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(settings_pause(f->conn, &f->queue, false, &err), ST_OK);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.settings), 0);
}

static int64_t read_one(struct queue_fixture *f, const struct setting *setting)
{
    struct settings settings = {0};
    struct err err = {0};
    if (settings_read(f->conn, &f->queue, &settings, &err) != ST_OK)
        fail_msg("%s", err_text(&err));
    return settings_value(setting, &settings);
}

/* One row after the other: what is set is read, and shows up in no other's place. */
static void test_each(void **state)
{
    struct queue_fixture *f = *state;
    const struct setting *setting;
    size_t count = 0;
    for (size_t i = 0; (setting = settings_at(i)) != NULL; i++) {
        assert_int_equal(read_one(f, setting), SETTING_NONE);
        if (setting->kind == SETTING_FLAG)
            continue;
        queue_fixture_limit(f, setting->name, setting->least);
        assert_int_equal(read_one(f, setting), setting->least);
        assert_int_equal(commands_int(f->conn, "HLEN", f->queue.settings), 1);
        queue_fixture_limit(f, setting->name, SETTING_NONE);
        assert_int_equal(read_one(f, setting), SETTING_NONE);
        count++;
    }
    assert_true(count >= 6);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.settings), 0);
}

static void test_ranges(void **state)
{
    struct queue_fixture *f = *state;
    static const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"max_len", -3},
        {"max_len", (INT64_C(1) << 40) + 1},
        {"rate", 0},
        {"concurrency", 0},
        {"rate_ms", INT64_C(1000000000000000)},
        {"dead_age_ms", 0},
        {"dead_max", INT64_MAX},
        {"paused", 1},
        {"rate_at", 1},
        {"", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        assert_int_equal(settings_set(f->conn, &f->queue, rows[i].name, rows[i].value, &err),
                         ST_INVALID);
        assert_string_not_equal(err_text(&err), "");
    }
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.settings), 0);
}

/* What scripts keep is read as well; what is nonsense is not there. */
static void test_what_scripts_keep(void **state)
{
    struct queue_fixture *f = *state;
    struct settings settings = {0};
    struct err err = {0};
    commands_do(f->conn, "HSET", f->queue.settings, "rate_at", "1700000000000.25", "drained_at",
                "1700000000001", "drain_number", "7", "drain_retries", "1", "rate", "nan",
                "max_len", "");
    assert_int_equal(settings_read(f->conn, &f->queue, &settings, &err), ST_OK);
    assert_int_equal(settings.rate_at, 1700000000001);
    assert_int_equal(settings.drained_at, 1700000000001);
    assert_int_equal(settings.drain_number, 7);
    assert_int_equal(settings.drain_retries, 1);
    assert_int_equal(settings.rate, SETTING_NONE);
    assert_int_equal(settings.max_len, SETTING_NONE);
}

static const struct setting *find(const char *name)
{
    const struct setting *setting;
    for (size_t i = 0; (setting = settings_at(i)) != NULL; i++)
        if (strcmp(setting->name, name) == 0)
            return setting;
    fail_msg("there is no setting '%s'", name);
    return NULL;
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int64_t value, period_ms; /* -3: refused */
    } rows[] = {
        {"max_len", "1000", 1000, -2},
        {"max_len", "0", 0, -2},
        {"max_len", "none", -1, -2},
        {"max_len", "-1", -3, -2},
        {"max_len", "1e3", -3, -2},
        {"concurrency", "0", -3, -2},
        {"dead_age_ms", "2d", 172800000, -2},
        {"dead_age_ms", "0", -3, -2},
        {"dead_age_ms", "5", -3, -2},
        {"dead_age_ms", "", -3, -2},
        {"rate", "100/1m", 100, 60000},
        {"rate", "100/s", 100, 1000},
        {"rate", "none", -1, -1},
        {"rate", "100", -3, -2},
        {"rate", "0/1s", -3, -2},
        {"rate", "none/1s", -3, -2},
        {"rate", "/", -3, -2},
        {"rate", "9/none", -3, -2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct setting *setting = find(rows[i].name);
        struct settings changes = settings_unchanged();
        struct err err = {0};
        bool is_refused = rows[i].value == -3;
        enum status status = settings_parse(setting, rows[i].text, &changes, &err);
        assert_int_equal(status, is_refused ? ST_INVALID : ST_OK);
        if (is_refused)
            continue;
        assert_int_equal(settings_value(setting, &changes), rows[i].value);
        assert_int_equal(changes.rate_ms, rows[i].period_ms);
        assert_int_equal(changes.dead_max, SETTING_KEEP);
    }
}

/* The other settings stay as they are. */
static void test_changes(void **state)
{
    struct queue_fixture *f = *state;
    struct settings changes = settings_unchanged(), settings = {0};
    struct err err = {0};
    queue_fixture_limit(f, "max_len", 5);
    queue_fixture_limit(f, "dead_max", 6);
    assert_int_equal(settings_apply(f->conn, &f->queue, &changes, &err), ST_OK);
    changes.max_len = SETTING_NONE;
    changes.concurrency = 7;
    assert_int_equal(settings_apply(f->conn, &f->queue, &changes, &err), ST_OK);
    assert_int_equal(settings_read(f->conn, &f->queue, &settings, &err), ST_OK);
    assert_int_equal(settings.max_len, SETTING_NONE);
    assert_int_equal(settings.concurrency, 7);
    assert_int_equal(settings.dead_max, 6);
    assert_int_equal(settings.paused, SETTING_NONE);
}

/* All at once, so that no claim sees a rate with a period that is not its own; or nothing. */
static void test_changes_are_one_step(void **state)
{
    struct queue_fixture *f = *state;
    struct settings changes = settings_unchanged();
    struct err err = {0};
    changes.rate = 5;
    changes.rate_ms = 0;
    assert_int_equal(settings_apply(f->conn, &f->queue, &changes, &err), ST_INVALID);
    assert_int_equal(commands_int(f->conn, "EXISTS", f->queue.settings), 0);
    commands_do(f->conn, "CONFIG", "RESETSTAT");
    changes.rate_ms = 1000;
    assert_int_equal(settings_apply(f->conn, &f->queue, &changes, &err), ST_OK);
    assert_int_equal(commands_int(f->conn, "HLEN", f->queue.settings), 2);
    changes.rate = changes.rate_ms = SETTING_NONE;
    assert_int_equal(settings_apply(f->conn, &f->queue, &changes, &err), ST_OK);
    assert_int_equal(commands_int(f->conn, "HLEN", f->queue.settings), 0);
    char *calls = commands_text(f->conn, "INFO", "commandstats");
    assert_non_null(strstr(calls, "cmdstat_hset:calls=1,"));
    assert_non_null(strstr(calls, "cmdstat_hdel:calls=1,"));
    free(calls);
}

/* A rate's option sets the row behind it, too. */
static void test_rates_have_a_period(void **state)
{
    (void)state;
    const struct setting *setting;
    bool wants_period = false;
    for (size_t i = 0; (setting = settings_at(i)) != NULL; i++) {
        assert_int_equal(setting->kind == SETTING_PERIOD, wants_period);
        wants_period = setting->kind == SETTING_RATE;
    }
    assert_false(wants_period);
}

static void test_wrong_type(void **state)
{
    struct queue_fixture *f = *state;
    struct settings settings;
    struct err err = {0};
    commands_do(f->conn, "FLUSHALL");
    commands_do(f->conn, "SET", f->queue.settings, "wrong");
    assert_int_equal(settings_pause(f->conn, &f->queue, true, &err), ST_WRONGTYPE);
    assert_int_equal(settings_set(f->conn, &f->queue, "rate", 1, &err), ST_WRONGTYPE);
    assert_int_equal(settings_read(f->conn, &f->queue, &settings, &err), ST_WRONGTYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_pause),
        QUEUE_TEST(test_each),
        QUEUE_TEST(test_ranges),
        QUEUE_TEST(test_what_scripts_keep),
        QUEUE_TEST(test_texts),
        QUEUE_TEST(test_changes),
        QUEUE_TEST(test_changes_are_one_step),
        QUEUE_TEST(test_rates_have_a_period),
        QUEUE_TEST_DAMAGED(test_wrong_type),
    };
    return cmocka_run_group_tests(tests, queue_fixture_setup, queue_fixture_teardown);
}
