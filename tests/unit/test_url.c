#include "support/cmocka_all.h"

#include "redis/tls.h"
#include "redis/url.h"

#include <string.h>

static void parse(const char *text, struct redis_url *url)
{
    struct err err = {0};
    if (redis_url_parse(text, url, &err) != ST_OK)
        fail_msg("%s: %s", text, err_text(&err));
}

static void assert_text(const struct redis_url *url, const char *expected)
{
    struct buf out = {0};
    redis_url_append_text(url, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_fini(&out);
}

static void test_default_is_plain_tcp(void **state)
{
    (void)state;
    struct redis_url url;
    parse(REDIS_DEFAULT_URL, &url);
    assert_int_equal(url.transport, REDIS_TCP);
    assert_false(url.tls);
    assert_string_equal(url.host, "127.0.0.1");
    assert_int_equal(url.port, 6379);
    assert_int_equal(url.db, 0);
    assert_null(url.user);
    assert_null(url.password);
    assert_null(url.path);
    assert_text(&url, "redis://127.0.0.1:6379");
    redis_url_fini(&url);
}

static void test_everything_at_once(void **state)
{
    (void)state;
    struct redis_url url;
    parse("redis://al%69ce:p%40ss%2Fw%25rd@[2001:db8::1]:7000/3", &url);
    assert_string_equal(url.user, "alice");
    assert_string_equal(url.password, "p@ss/w%rd");
    assert_string_equal(url.host, "2001:db8::1");
    assert_int_equal(url.port, 7000);
    assert_int_equal(url.db, 3);
    assert_text(&url, "redis://alice:***@[2001:db8::1]:7000/3");
    redis_url_fini(&url);
}

static void test_parts_may_be_missing(void **state)
{
    (void)state;
    struct redis_url url;
    parse("redis://:secret@redis.example/", &url);
    assert_null(url.user);
    assert_string_equal(url.password, "secret");
    assert_string_equal(url.host, "redis.example");
    assert_int_equal(url.port, 6379);
    assert_text(&url, "redis://:***@redis.example:6379");
    redis_url_fini(&url);

    parse("redis://[::1]", &url);
    assert_string_equal(url.host, "::1");
    assert_text(&url, "redis://[::1]:6379");
    redis_url_fini(&url);
}

/* The password may come from elsewhere. */
static void test_user_alone(void **state)
{
    (void)state;
    struct redis_url url;
    struct buf text = {0};
    parse("redis://al%40x@host/2", &url);
    assert_string_equal(url.user, "al@x");
    assert_null(url.password);
    assert_string_equal(url.host, "host");
    redis_url_append_text(&url, &text);
    assert_string_equal(buf_text(&text), "redis://al%40x@host:6379/2");
    redis_url_fini(&url);
    parse("unix://al@/r.sock", &url);
    assert_string_equal(url.user, "al");
    assert_string_equal(url.path, "/r.sock");
    redis_url_fini(&url);
    buf_fini(&text);
}

/* A password may hold raw colons and at signs: the last @ of the authority ends it. */
static void test_password_with_at_and_colon(void **state)
{
    (void)state;
    struct redis_url url;
    parse("redis://u:a:b@c@host", &url);
    assert_string_equal(url.user, "u");
    assert_string_equal(url.password, "a:b@c");
    assert_string_equal(url.host, "host");
    redis_url_fini(&url);
}

static void test_unix(void **state)
{
    (void)state;
    struct redis_url url;
    parse("unix:///run/my redis/r.sock?db=12", &url);
    assert_int_equal(url.transport, REDIS_UNIX);
    assert_string_equal(url.path, "/run/my redis/r.sock");
    assert_int_equal(url.db, 12);
    assert_null(url.host);
    assert_text(&url, "unix:///run/my redis/r.sock?db=12");
    redis_url_fini(&url);

    parse("unix://u%3av:secret@/r.sock", &url);
    assert_string_equal(url.user, "u:v");
    assert_string_equal(url.password, "secret");
    assert_string_equal(url.path, "/r.sock");
    assert_text(&url, "unix://u%3Av:***@/r.sock");
    redis_url_fini(&url);

    parse("unix:///r@x.sock", &url);
    assert_null(url.password);
    assert_string_equal(url.path, "/r@x.sock");
    redis_url_fini(&url);
}

static void test_local(void **state)
{
    (void)state;
    struct redis_url url;
    parse("local:", &url);
    assert_int_equal(url.transport, REDIS_LOCAL);
    assert_string_equal(url.path, "");
    assert_text(&url, "local:");
    redis_url_fini(&url);
    parse("local:/tmp/some where", &url);
    assert_string_equal(url.path, "/tmp/some where");
    assert_text(&url, "local:/tmp/some where");
    redis_url_fini(&url);
}

static void test_tls(void **state)
{
    (void)state;
    struct redis_url url;
    struct err err = {0};
    enum status status = redis_url_parse("rediss://u:secret@host", &url, &err);
    if (tls_is_supported()) {
        assert_int_equal(status, ST_OK);
        assert_true(url.tls);
        assert_text(&url, "rediss://u:***@host:6379");
    } else {
        assert_int_equal(status, ST_UNSUPPORTED);
        assert_non_null(strstr(err_text(&err), "TLS"));
    }
    redis_url_fini(&url);
}

static const char *const wrong[] = {
    "",
    "host:6379",
    "/run/redis.sock",
    "http://u:S3CRET@host",
    "u:S3CRET@host:6379",
    "REDIS://host",
    "redis:host",
    "redis://",
    "redis:///0",
    "redis://@host",
    "redis://u%zz@host",
    "redis://u%00@host",
    "redis://u:@host",
    "redis://u:S3CRET@",
    "redis://u:S3CRET@:6379",
    "redis://u:S3CRET%4@host",
    "redis://u:S3CRET%zz@host",
    "redis://u:S3CRET%00@host",
    "redis://u%00:S3CRET@host",
    "redis://u:S3CRET%",
    "redis://u:S3C/RET@host",
    "redis://u:S3CRET?@host:x",
    "redis://u:S3CRET#x@host:99999",
    "redis://u:S3CRET",
    "redis://host:",
    "redis://host:0",
    "redis://host:65536",
    "redis://host:+1",
    "redis://host: 1",
    "redis://host:6379x",
    "redis://::1",
    "redis://::1:6379",
    "redis://[::1",
    "redis://[]",
    "redis://[::1]6379",
    "redis://[[a]",
    "redis://a]:6379",
    "redis://a[b",
    "redis://host/-1",
    "redis://host/x",
    "redis://host/1/2",
    "redis://host/99999999999",
    "redis://host?db=1",
    "redis://ho st",
    "redis://ho\nst",
    "redis://host\x7f",
    "unix://",
    "unix:///",
    "unix://relative",
    "unix:///r.sock?x=1",
    "unix:///r.sock?db=",
    "unix:///r.sock?db=S3CRET",
    "unix://@/r.sock",
    "local:\t",
};

/* Each is refused with a sentence, and none of the sentences holds a byte of the password. */
static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct redis_url url;
        struct err err = {0};
        if (redis_url_parse(wrong[i], &url, &err) != ST_INVALID)
            fail_msg("was accepted: %s", wrong[i]);
        redis_url_fini(&url);
        assert_true(err.text[0] != '\0');
        assert_null(strstr(err.text, "S3C"));
        assert_null(strstr(err.text, "RET"));
    }
}

static void test_lengths(void **state)
{
    (void)state;
    struct redis_url url;
    struct err err = {0};
    char text[5000] = "unix:///";
    memset(text + 8, 'a', 106); /* with the slash: 107 bytes */
    parse(text, &url);
    redis_url_fini(&url);
    text[8 + 106] = 'a';
    assert_int_equal(redis_url_parse(text, &url, &err), ST_INVALID);
    redis_url_fini(&url);
    memset(text + 8, 'a', sizeof text - 9);
    assert_int_equal(redis_url_parse(text, &url, &err), ST_INVALID);
    redis_url_fini(&url);
}

static void test_copy_is_deep(void **state)
{
    (void)state;
    struct redis_url from, to;
    parse("redis://u:secret@host:1/2", &from);
    redis_url_copy(&from, &to);
    redis_url_fini(&from);
    assert_null(from.password);
    assert_string_equal(to.user, "u");
    assert_string_equal(to.password, "secret");
    assert_text(&to, "redis://u:***@host:1/2");
    redis_url_fini(&to);
    redis_url_fini(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_is_plain_tcp),
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_parts_may_be_missing),
        cmocka_unit_test(test_password_with_at_and_colon),
        cmocka_unit_test(test_user_alone),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_copy_is_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
