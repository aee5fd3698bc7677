/* A link that breaks in the middle of an answer or of a request, at each call that a worker makes
 * every day: the same worker resumes at once. */
#include "support/cmocka_all.h"

#include "queue/scripts.h"
#include "support/wire_fixture.h"

#include <stdio.h>

/* One life for each word and place; the fault hits twice, so it hits the repetition, too. */
static void cut(struct worker_fixture *base, enum proxy_action action, const char *name,
                const char *word, const int *keeps)
{
    for (int i = 0; i < 3; i++) {
        char what[96];
        (void)snprintf(what, sizeof what, "%s of %s cut at %d",
                       action == PROXY_CUT_REPLY ? "answer" : "request", name, keeps[i]);
        struct wire_fixture wire = wire_fixture_begin(base);
        proxy_arm(wire.proxy, &(struct proxy_fault){
                                  .action = action, .word = word, .times = 2, .keep = keeps[i]});
        bool with_retries = word == script_retry.sha1 || word == script_promote.sha1;
        wire_fixture_live(&wire, with_retries, what);
        if (proxy_counts(wire.proxy).all_hit == 0)
            fail_msg("%s: it did not happen", what);
        wire_fixture_end(&wire);
    }
}

/* Answers are cut before their first byte, in their first line, and before their last byte. */
static void cut_reply(void **state, const char *name, const char *word)
{
    static const int keeps[] = {0, 3, -1};
    cut(*state, PROXY_CUT_REPLY, name, word, keeps);
}

static void cut_request(void **state, const char *name, const char *word)
{
    static const int keeps[] = {0, 60, -1};
    cut(*state, PROXY_CUT_REQUEST, name, word, keeps);
}

#define CUT_TESTS(name, word)                                                                      \
    static void test_reply_of_##name(void **state)                                                 \
    {                                                                                              \
        cut_reply(state, #name, (word));                                                           \
    }                                                                                              \
    static void test_request_of_##name(void **state)                                               \
    {                                                                                              \
        cut_request(state, #name, (word));                                                         \
    }

CUT_TESTS(register, script_register.sha1)
CUT_TESTS(claim, script_claim.sha1)
CUT_TESTS(blmove, "BLMOVE")
CUT_TESTS(done, script_done.sha1)
CUT_TESTS(retry, script_retry.sha1)
CUT_TESTS(promote, script_promote.sha1)
CUT_TESTS(bury, script_bury.sha1)
CUT_TESTS(deregister, script_deregister.sha1)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_reply_of_register),   WORKER_TEST(test_request_of_register),
        WORKER_TEST(test_reply_of_claim),      WORKER_TEST(test_request_of_claim),
        WORKER_TEST(test_reply_of_blmove),     WORKER_TEST(test_request_of_blmove),
        WORKER_TEST(test_reply_of_done),       WORKER_TEST(test_request_of_done),
        WORKER_TEST(test_reply_of_retry),      WORKER_TEST(test_request_of_retry),
        WORKER_TEST(test_reply_of_promote),    WORKER_TEST(test_request_of_promote),
        WORKER_TEST(test_reply_of_bury),       WORKER_TEST(test_request_of_bury),
        WORKER_TEST(test_reply_of_deregister), WORKER_TEST(test_request_of_deregister),
    };
    return cmocka_run_group_tests(tests, wire_fixture_setup, worker_fixture_teardown);
}
