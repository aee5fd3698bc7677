#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/wait.h"
#include "worker/shared/pulse.h"

#include <sys/wait.h>
#include <unistd.h>

static bool is_aged(void *pulse)
{
    return pulse_age_ms(pulse) >= 20;
}

static void test_the_slowest_counts(void **state)
{
    (void)state;
    struct pulse *pulse = pulse_new(2);
    assert_non_null(pulse);
    assert_int_equal(pulse_age_ms(pulse), PULSE_NEVER);
    pulse_beat(pulse, 0);
    assert_int_equal(pulse_age_ms(pulse), PULSE_NEVER); /* the other has not begun */
    pulse_beat(pulse, 1);
    assert_true(wait_until(is_aged, pulse, 10000));
    pulse_beat(pulse, 0);
    assert_true(is_aged(pulse)); /* slot 1 is as old as before */
    pulse_end(pulse, 1);
    int64_t before_ms = clock_mono_ms();
    pulse_beat(pulse, 0);
    assert_true(pulse_age_ms(pulse) <= clock_mono_ms() - before_ms);
    pulse_free(pulse);
    pulse_free(NULL);
}

static void test_the_longest_outage_counts(void **state)
{
    (void)state;
    struct pulse *pulse = pulse_new(3);
    enum status why = ST_OK;
    int64_t now_ms = clock_mono_ms();
    assert_int_equal(pulse_outage_ms(pulse, &why), 0);
    pulse_outage(pulse, 0, now_ms - 1000, ST_LOADING);
    pulse_outage(pulse, 1, now_ms - 5000, ST_NOAUTH);
    assert_in_range(pulse_outage_ms(pulse, &why), 5000, 15000);
    assert_int_equal(why, ST_NOAUTH);
    pulse_outage(pulse, 1, 0, ST_OK);
    assert_in_range(pulse_outage_ms(pulse, &why), 1000, 11000);
    assert_int_equal(why, ST_LOADING);
    pulse_end(pulse, 0);
    assert_int_equal(pulse_outage_ms(pulse, &why), 0);
    pulse_outage(pulse, 2, now_ms, ST_OOM);
    assert_true(pulse_outage_ms(pulse, &why) > 0);
    pulse_restart(pulse);
    assert_int_equal(pulse_outage_ms(pulse, &why), 0);
    pulse_free(pulse);
}

static void test_all_have_ended(void **state)
{
    (void)state;
    struct pulse *pulse = pulse_new(1);
    pulse_beat(pulse, 0);
    assert_true(wait_until(is_aged, pulse, 10000));
    pulse_end(pulse, 0);
    assert_int_equal(pulse_age_ms(pulse), 0);
    /* The next process is expected to turn. */
    pulse_restart(pulse);
    assert_true(wait_until(is_aged, pulse, 10000));
    pulse_free(pulse);
}

static void test_a_child_s_beat_is_seen(void **state)
{
    (void)state;
    struct pulse *pulse = pulse_new(1);
    pid_t pid = fork();
    if (pid == 0) {
        pulse_beat(pulse, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_not_equal(pulse_age_ms(pulse), PULSE_NEVER);
    pulse_free(pulse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_slowest_counts),
        cmocka_unit_test(test_the_longest_outage_counts),
        cmocka_unit_test(test_all_have_ended),
        cmocka_unit_test(test_a_child_s_beat_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
