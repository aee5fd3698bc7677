#include "support/cmocka_all.h"

#include "base/clock.h"
#include "base/id.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct uuid {
    char text[ID_UUID_LEN + 1];
};

static void test_form_of_rfc_9562(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct uuid uuid;
        const char *id = uuid.text;
        id_uuid7(uuid.text);
        assert_int_equal(strlen(id), ID_UUID_LEN);
        assert_int_equal(strspn(id, "0123456789abcdef-"), ID_UUID_LEN);
        for (int at = 0; at < ID_UUID_LEN; at++)
            assert_int_equal(id[at] == '-', at == 8 || at == 13 || at == 18 || at == 23);
        assert_int_equal(id[14], '7');
        assert_non_null(strchr("89ab", id[19]));
    }
}

static void test_carries_the_time(void **state)
{
    (void)state;
    struct uuid id;
    int64_t before = clock_wall_ms();
    id_uuid7(id.text);
    int64_t after = clock_wall_ms();
    assert_in_range(id_uuid7_time_ms(slice_of(id.text)), before, after);
}

static void test_time_of_a_known_id(void **state)
{
    (void)state;
    /* The example of RFC 9562, appendix A.6, in both cases. */
    assert_true(id_uuid7_time_ms(slice_of("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")) ==
                1645557742000);
    assert_true(id_uuid7_time_ms(slice_of("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")) ==
                1645557742000);
}

static void test_what_is_no_uuid7_has_no_time(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", /* version 4 */
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f", /* another variant */
        "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
        "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c4-dc0c0-07398f",
        "017f22e279b0-7cc3-98c4-dc0c0c07398f0",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(id_uuid7_time_ms(slice_of(rows[i])) == -1);
}

static void test_grows_strictly(void **state)
{
    (void)state;
    struct uuid last, id;
    id_uuid7(last.text);
    for (int i = 0; i < 100000; i++) { /* many more than a counter of one millisecond holds */
        id_uuid7(id.text);
        assert_true(strcmp(last.text, id.text) < 0);
        last = id;
    }
}

enum { THREADS = 8, EACH = 5000 };
static const size_t all_ids = (size_t)THREADS * EACH;

static void *make_ids(void *arg)
{
    struct uuid *out = arg;
    for (int i = 0; i < EACH; i++)
        id_uuid7(out[i].text);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    const struct uuid *left = a, *right = b;
    return strcmp(left->text, right->text);
}

static void test_threads_never_get_the_same(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct uuid *ids = calloc(all_ids, sizeof *ids);
    assert_non_null(ids);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + (size_t)i * EACH), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (int j = 1; j < EACH; j++)
            assert_true(strcmp(ids[i * EACH + j - 1].text, ids[i * EACH + j].text) < 0);
    qsort(ids, all_ids, sizeof *ids, compare);
    /* The first 18 characters are time and counter: they alone must tell the ids apart. */
    for (size_t i = 1; i < all_ids; i++)
        assert_true(strncmp(ids[i - 1].text, ids[i].text, 18) < 0);
    free(ids);
}

struct drawn {
    struct uuid uuid;
    uint64_t jitter;
};

static void draw(struct drawn *out)
{
    id_uuid7(out->uuid.text);
    out->jitter = id_jitter(UINT64_MAX);
}

static void test_a_child_process_draws_its_own(void **state)
{
    (void)state;
    struct drawn mine, its = {.jitter = 0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    draw(&mine); /* so that there is a state to inherit */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        draw(&its);
        _exit(write(ends[1], &its, sizeof its) == (ssize_t)sizeof its ? 0 : 1);
    }
    int how = -1;
    draw(&mine);
    assert_int_equal(read(ends[0], &its, sizeof its), sizeof its);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_int_equal(how, 0);
    close(ends[0]);
    close(ends[1]);
    assert_string_not_equal(mine.uuid.text + 19, its.uuid.text + 19); /* the random part */
    assert_true(mine.jitter != its.jitter);
}

static void test_random_bits_vary(void **state)
{
    (void)state;
    uint64_t any = 0, all = UINT64_MAX, last = id_random();
    for (int i = 0; i < 200; i++) {
        uint64_t value = id_random();
        assert_true(value != last);
        last = value;
        any |= value;
        all &= value;
    }
    assert_true(any == UINT64_MAX);
    assert_true(all == 0);
}

static void test_jitter_stays_below_its_bound(void **state)
{
    (void)state;
    int seen[10] = {0};
    for (int i = 0; i < 10000; i++) {
        uint64_t value = id_jitter(10);
        assert_true(value < 10);
        seen[value]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 700, 1300); /* ten standard deviations */
    for (int i = 0; i < 100; i++)
        assert_true(id_jitter(1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_of_rfc_9562),
        cmocka_unit_test(test_carries_the_time),
        cmocka_unit_test(test_time_of_a_known_id),
        cmocka_unit_test(test_what_is_no_uuid7_has_no_time),
        cmocka_unit_test(test_grows_strictly),
        cmocka_unit_test(test_threads_never_get_the_same),
        cmocka_unit_test(test_a_child_process_draws_its_own),
        cmocka_unit_test(test_random_bits_vary),
        cmocka_unit_test(test_jitter_stays_below_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
