/* Feeds the harnesses of `make fuzz` the bytes in tests/fuzz/corpus/, and every beginning of them:
 * what once was found stays found, without libFuzzer. Each input has memory of exactly its size, so
 * that a sanitizer sees a byte read too many. */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

typedef void (*harness_fn)(const uint8_t *data, size_t size);

struct corpus {
    const char *directory; /* below the source tree's top, where tests are run */
    harness_fn run;
};

static void run_copy(harness_fn run, const char *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    run(copy, len);
    free(copy);
}

static void run_file(const struct corpus *corpus, const char *name)
{
    enum { FILE_MAX = 1 << 14, PREFIXES_MAX = 512 };
    char path[512], *bytes = malloc(FILE_MAX);
    assert_non_null(bytes);
    snprintf(path, sizeof path, "%s/%s", corpus->directory, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        free(bytes);
        fail_msg("%s: %s", path, strerror(errno));
        return;
    }
    size_t len = fread(bytes, 1, FILE_MAX, file);
    assert_int_equal(fclose(file), 0);
    assert_true(len < FILE_MAX);
    run_copy(corpus->run, bytes, len);
    for (size_t i = 0; i < len && i < PREFIXES_MAX; i++)
        run_copy(corpus->run, bytes, i);
    free(bytes);
}

static void test_corpus(void **state)
{
    const struct corpus *corpus = *state;
    DIR *directory = opendir(corpus->directory);
    if (directory == NULL) {
        fail_msg("%s: %s", corpus->directory, strerror(errno));
        return;
    }
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        run_file(corpus, entry->d_name);
        count++;
    }
    closedir(directory);
    assert_true(count > 0);
}

int main(void)
{
    static struct corpus job = {"tests/fuzz/corpus/job", fuzz_job};
    static struct corpus json = {"tests/fuzz/corpus/json", fuzz_json};
    static struct corpus url = {"tests/fuzz/corpus/url", fuzz_url};
    static struct corpus options = {"tests/fuzz/corpus/options", fuzz_options};
    static struct corpus jsonl = {"tests/fuzz/corpus/jsonl", fuzz_jsonl};
    static struct corpus reply = {"tests/fuzz/corpus/reply", fuzz_reply};
    const struct CMUnitTest tests[] = {
        {"job", test_corpus, NULL, NULL, &job},     {"json", test_corpus, NULL, NULL, &json},
        {"url", test_corpus, NULL, NULL, &url},     {"options", test_corpus, NULL, NULL, &options},
        {"jsonl", test_corpus, NULL, NULL, &jsonl}, {"reply", test_corpus, NULL, NULL, &reply},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
