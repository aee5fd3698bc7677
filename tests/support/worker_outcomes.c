/* The part of worker_fixture that reads the outcomes of the jobs of push_many(). */
#include "support/cmocka_all.h"
#include "support/worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note_outcome(struct slice text, size_t count, unsigned char *seen,
                         struct worker_fixture_outcomes *outcomes)
{
    char copy[256];
    size_t number = 0, run = 0;
    (void)snprintf(copy, sizeof copy, "%.*s", (int)text.len, text.ptr);
    const char *run_text = strstr(copy, "\"run\":");
    assert_non_null(run_text);
    assert_int_equal(sscanf(copy, "{\"id\":\"j%zu\"", &number), 1);
    assert_int_equal(sscanf(run_text, "\"run\":%zu", &run), 1);
    assert_true(number < count && run >= 1);
    outcomes->ids += seen[number] == 0;
    outcomes->repeats += seen[number] != 0;
    outcomes->reruns += run - 1;
    seen[number] = 1;
}

struct worker_fixture_outcomes worker_fixture_outcomes(struct worker_fixture *fixture, size_t count)
{
    struct worker_fixture_outcomes outcomes = {0};
    unsigned char *seen = mem_new(count);
    struct reply *list = commands_run(fixture->conn, "LRANGE", "darg:{jobs}:reply:r", "0", "-1");
    for (size_t i = 0; i < reply_count(list); i++)
        note_outcome(reply_slice(reply_at(list, i)), count, seen, &outcomes);
    reply_free(list);
    free(seen);
    return outcomes;
}
