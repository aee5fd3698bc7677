#include "support/cmocka_all.h"

#include "redis/conn.h"
#include "redis/conn_error.h"

#include <stdlib.h>
#include <string.h>

#define SHA "b6d9ed0e6b5e5c0e1b3cf2a0c4c1a3b1a51f4d11"

struct sample {
    const char *text;
    enum status status;
};

static const struct sample samples[] = {
    {"LOADING Redis is loading the dataset in memory", ST_LOADING},
    {"READONLY You can't write against a read only replica.", ST_READONLY},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
     ST_MASTERDOWN},
    {"OOM command not allowed when used memory > 'maxmemory'.", ST_OOM},
    {"MISCONF Errors writing to the AOF file: No space left on device", ST_MISCONF},
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
     ST_BUSY},
    {"UNBLOCKED client unblocked via CLIENT UNBLOCK", ST_UNBLOCKED},
    {"NOREPLICAS Not enough good replicas to write.", ST_NOREPLICAS},
    {"CLUSTERDOWN The cluster is down", ST_CLUSTER},
    {"TRYAGAIN Multiple keys request during rehashing of slot", ST_CLUSTER},
    {"MOVED 3999 127.0.0.1:6381", ST_CLUSTER},
    {"ASK 3999 127.0.0.1:6381", ST_CLUSTER},
    {"CROSSSLOT Keys in request don't hash to the same slot", ST_CLUSTER},
    {"NOAUTH Authentication required.", ST_NOAUTH},
    {"WRONGPASS invalid username-password pair or user is disabled.", ST_NOAUTH},
    {"ERR invalid password", ST_NOAUTH},
    {"ERR operation not permitted", ST_NOAUTH},
    {"ERR Client sent AUTH, but no password is set", ST_NOAUTH},
    {"ERR AUTH <password> called without any password configured for the default user.", ST_NOAUTH},
    {"AUTH failed: WRONGPASS", ST_NOAUTH},
    {"DENIED Redis is running in protected mode because protected mode is enabled", ST_NOAUTH},
    {"NOPERM this user has no permissions to run the 'get' command", ST_NOPERM},
    {"ERR The user executing the script can't access at least one of the keys mentioned in the "
     "command arguments script: 0fb",
     ST_NOPERM},
    {"ERR ACL failure in script: User x has no permissions to run the 'llen' command script: 0fb",
     ST_NOPERM},
    {"WRONGTYPE Operation against a key holding the wrong kind of value", ST_WRONGTYPE},
    {"NOSCRIPT No matching script. Please use EVAL.", ST_NOSCRIPT},
    {"ERR max number of clients reached", ST_UNREACHABLE},
    {"ERR max number of clients + cluster connections reached", ST_UNREACHABLE},
    /* Out of scripts: Redis 7, 6 and 5. */
    {"WRONGTYPE Operation against a key holding the wrong kind of value script: " SHA
     ", on @user_script:3.",
     ST_WRONGTYPE},
    {"OOM allow-oom is not set on the script, can not run it when used memory > 'maxmemory'",
     ST_OOM},
    {"ERR Error running script (call to f_" SHA "): @user_script:3: WRONGTYPE Operation against a "
     "key holding the wrong kind of value",
     ST_WRONGTYPE},
    {"ERR Error running script (call to f_" SHA "): @user_script:1: @user_script: 1: -READONLY "
     "You can't write against a read only replica.",
     ST_READONLY},
    {"ERR Error running script (call to f_" SHA "): @user_script:1: @user_script: 1: -OOM command "
     "not allowed when used memory > 'maxmemory'.",
     ST_OOM},
    {"ERR Error running script (call to f_" SHA "): @user_script:1: Script killed by user with "
     "SCRIPT KILL...",
     ST_BUSY},
    {"ERR Error running script (call to f_" SHA "): @user_script:1: user_script:1: attempt to "
     "call a nil value",
     ST_SERVER},
    /* As proxies word it. */
    {"ERR READONLY You can't write against a read only replica.", ST_READONLY},
    {"ERR LOADING Redis is loading the dataset in memory", ST_LOADING},
    {"ERR MASTERDOWN Link with MASTER is down", ST_MASTERDOWN},
    {"ERR -READONLY You can't write against a read only slave.", ST_READONLY},
    {"ERR NOAUTH: Authentication required.", ST_NOAUTH},
    {"ERR NOSCRIPT No matching script. Please use EVAL.", ST_NOSCRIPT},
    {"READONLY: this is a replica", ST_READONLY},
    /* Near misses. */
    {"ERR ERR READONLY", ST_SERVER},
    {"ERR  READONLY", ST_SERVER},
    {"ERR readonly", ST_SERVER},
    {"ERR the server is READONLY", ST_SERVER},
    {"ERR -", ST_SERVER},
    {"ERR ", ST_SERVER},
    {":", ST_SERVER},
    {"-", ST_SERVER},
    {"NOTBUSY No scripts in execution right now.", ST_SERVER},
    {"BUSYGROUP Consumer Group name already exists", ST_SERVER},
    {"BUSYKEY Target key name already exists.", ST_SERVER},
    {"OOMPH", ST_SERVER},
    {"ERR unknown command 'OOM'", ST_SERVER},
    {"ERR value: WRONGTYPE is a word", ST_SERVER},
    {"ERR", ST_SERVER},
    {"", ST_SERVER},
    {"OOM", ST_OOM},
};

static void test_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        enum status status = conn_error_class(slice_of(samples[i].text));
        if (status != samples[i].status)
            fail_msg("%s is taken for %s", samples[i].text, status_name(status));
    }
    assert_int_equal(conn_error_class((struct slice){NULL, 0}), ST_SERVER);
}

/* A prefix of a text is classified without a look behind its end. */
static void test_text_is_not_terminated(void **state)
{
    (void)state;
    assert_int_equal(conn_error_class((struct slice){"OOMX", 3}), ST_OOM);
    assert_int_equal(conn_error_class((struct slice){"OOM", 2}), ST_SERVER);
    static const char script[] = "ERR Error running script: -OOM x";
    for (size_t len = 0; len < sizeof script; len++) {
        char *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, script, len);
        enum status expected = len == 30 || len > 30 ? ST_OOM : ST_SERVER;
        assert_int_equal(conn_error_class((struct slice){exact, len}), expected);
        free(exact);
    }
}

static void test_transient(void **state)
{
    (void)state;
    static const bool expected[STATUS_COUNT] = {
        [ST_UNREACHABLE] = true, [ST_TIMED_OUT] = true, [ST_LOST_REPLY] = true,
        [ST_PROTOCOL] = true,    [ST_LOADING] = true,   [ST_READONLY] = true,
        [ST_MASTERDOWN] = true,  [ST_OOM] = true,       [ST_MISCONF] = true,
        [ST_BUSY] = true,        [ST_UNBLOCKED] = true, [ST_NOREPLICAS] = true,
        [ST_CLUSTER] = true,     [ST_NOSCRIPT] = true,
    };
    for (enum status status = ST_OK; status < STATUS_COUNT; status++)
        assert_int_equal(status_is_transient(status), expected[status]);
}

static void test_what_ends_a_link(void **state)
{
    (void)state;
    static const struct slice none = {NULL, 0};
    assert_true(conn_error_ends_link(ST_READONLY, none));
    assert_true(conn_error_ends_link(ST_MASTERDOWN, none));
    assert_true(conn_error_ends_link(ST_NOAUTH, none));
    assert_true(conn_error_ends_link(ST_UNREACHABLE, none));
    assert_false(conn_error_ends_link(ST_OOM, none));
    assert_false(conn_error_ends_link(ST_LOADING, none));
    assert_false(conn_error_ends_link(ST_UNBLOCKED,
                                      slice_of("UNBLOCKED client unblocked via CLIENT UNBLOCK")));
    assert_true(conn_error_ends_link(
        ST_UNBLOCKED, slice_of("UNBLOCKED force unblock from blocking operation, instance state "
                               "changed (master -> replica?)")));
}

static void test_quote_is_bounded(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    memcpy(text, "OOM \r\n", 6);
    struct err err = {0};
    assert_int_equal(conn_error_quote((struct slice){text, sizeof text}, "redis://h:1", &err),
                     ST_OOM);
    assert_int_equal(err.status, ST_OOM);
    assert_non_null(strstr(err_text(&err), "Redis at redis://h:1 answered: OOM ??xxx"));
    assert_true(strlen(err_text(&err)) < 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),          cmocka_unit_test(test_text_is_not_terminated),
        cmocka_unit_test(test_transient),        cmocka_unit_test(test_what_ends_a_link),
        cmocka_unit_test(test_quote_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
