#include "support/cmocka_all.h"

#include "base/log.h"
#include "support/commands.h"
#include "worker/flow/outage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MINUTE_MS = 60 * 1000 };

struct fixture {
    char path[32];
    struct conn *conn; /* never connected */
    struct outage outage;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(sizeof *f);
    (void)snprintf(f->path, sizeof f->path, "/tmp/darg-outage-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, f->path, NULL), ST_OK);
    f->conn = commands_open("redis://127.0.0.1:1", (struct conn_options){0});
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, NULL, NULL), ST_OK);
    conn_close(f->conn);
    unlink(f->path);
    free(f);
    return 0;
}

static void meet(struct fixture *f, const char *what, enum status status, const char *text)
{
    struct err err = {0};
    (void)!err_set(&err, status, "%s", text);
    outage_meet(&f->outage, f->conn, what, "jobs", &err);
}

/* How many lines there are by now, and the last of them. */
static size_t lines(const struct fixture *f, char last[256])
{
    char line[256];
    size_t count = 0;
    FILE *in = fopen(f->path, "re");
    assert_non_null(in);
    last[0] = '\0';
    for (; fgets(line, sizeof line, in) != NULL; count++)
        memcpy(last, line, sizeof line);
    (void)fclose(in);
    return count;
}

static void test_each_error_is_said_once(void **state)
{
    struct fixture *f = *state;
    char last[256];
    for (int i = 0; i < 3; i++)
        meet(f, "cannot claim", ST_UNREACHABLE, "Connection refused");
    assert_int_equal(lines(f, last), 1);
    assert_non_null(strstr(last, "WARN"));
    assert_non_null(strstr(last, "cannot claim  queue=jobs error=\"Connection refused\""));
    /* Another of the same class, and one of another class. */
    meet(f, "cannot claim", ST_UNREACHABLE, "no answer in time");
    meet(f, "cannot claim", ST_NOAUTH, "wrong password");
    meet(f, "cannot claim", ST_UNREACHABLE, "Connection refused");
    assert_int_equal(lines(f, last), 3);
    assert_non_null(strstr(last, "wrong password"));
    outage_end(&f->outage, "Redis answers again", "jobs");
    assert_int_equal(lines(f, last), 4);
    assert_non_null(strstr(last, "Redis answers again"));
    outage_end(&f->outage, "Redis answers again", "jobs");
    assert_int_equal(lines(f, last), 4);
    meet(f, "cannot claim", ST_UNREACHABLE, "Connection refused");
    assert_int_equal(lines(f, last), 5);
}

static void test_each_minute_again(void **state)
{
    struct fixture *f = *state;
    char last[256];
    meet(f, "cannot claim", ST_NOAUTH, "wrong password");
    for (size_t minutes = 1; minutes <= 2; minutes++) {
        f->outage.since_ms -= MINUTE_MS;
        f->outage.minute_ms -= MINUTE_MS;
        for (int i = 0; i < 3; i++)
            meet(f, "cannot claim", ST_NOAUTH, "wrong password");
        assert_int_equal(lines(f, last), 1 + minutes);
        assert_non_null(strstr(last, minutes == 1 ? "for=1m" : "for=2m"));
    }
    outage_end(&f->outage, "Redis answers again", "jobs");
    assert_int_equal(lines(f, last), 4);
    assert_non_null(strstr(last, "for=2m"));
}

/* Errors that all differ do not flood the log. */
static void test_never_many(void **state)
{
    struct fixture *f = *state;
    char text[32], last[256];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "error %d", i);
        meet(f, "cannot claim", ST_SERVER, text);
    }
    assert_int_equal(lines(f, last), OUTAGE_TEXTS_MAX);
}

#define OUTAGE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTAGE_TEST(test_each_error_is_said_once),
        OUTAGE_TEST(test_each_minute_again),
        OUTAGE_TEST(test_never_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
