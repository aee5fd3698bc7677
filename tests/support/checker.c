#include "support/cmocka_all.h"
#include "support/checker.h"

#include "support/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    unsigned expected, seen; /* runs */
    unsigned coming, dead;   /* number of places: those it will run from, and the dead set */
};

struct checker {
    struct conn *conn;
    size_t jobs;
    struct tally *tallies;
};

struct checker *checker_new(struct conn *conn, size_t jobs)
{
    struct checker *checker = mem_new(sizeof *checker);
    checker->conn = conn;
    checker->jobs = jobs;
    checker->tallies = mem_array(jobs, sizeof *checker->tallies);
    for (size_t i = 0; i < jobs; i++)
        checker->tallies[i].expected = 1;
    return checker;
}

void checker_free(struct checker *checker)
{
    free(checker->tallies);
    free(checker);
}

static struct tally *tally_of(struct checker *checker, const char *number)
{
    size_t job = strtoul(number, NULL, 10);
    if (job >= checker->jobs)
        fail_msg("there is no job j%zu", job);
    return &checker->tallies[job];
}

void checker_expect_runs(struct checker *checker, size_t job, unsigned runs)
{
    checker->tallies[job].expected = runs;
}

void checker_note_file(struct checker *checker, const char *path)
{
    char line[128];
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        assert_int_equal(line[0], 'j');
        tally_of(checker, line + 1)->seen++;
    }
    if (file != NULL)
        (void)fclose(file);
}

/* The job in an element, enveloped or not. */
static struct tally *find_job(struct checker *checker, const struct reply *element)
{
    static const char start[] = "\"id\":\"j";
    struct slice text = reply_slice(element);
    const char *at = text.len == 0 ? NULL : memmem(text.ptr, text.len, start, strlen(start));
    ensure(at != NULL, "no job of ours: %.*s", (int)text.len, text.ptr);
    return tally_of(checker, at + strlen(start));
}

void checker_note_replies(struct checker *checker, const char *list)
{
    struct reply *replies = commands_run(checker->conn, "LRANGE", list, "0", "-1");
    for (size_t i = 0; i < reply_count(replies); i++)
        find_job(checker, reply_at(replies, i))->seen++;
    reply_free(replies);
}

static size_t look_at_coming(struct checker *checker, const char *const *command)
{
    struct reply *elements = commands_run_args(checker->conn, command);
    size_t count = reply_count(elements);
    for (size_t i = 0; i < count; i++)
        find_job(checker, reply_at(elements, i))->coming++;
    reply_free(elements);
    return count;
}

static size_t look_at_dead(struct checker *checker)
{
    struct reply *dead = commands_run(checker->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    size_t count = reply_count(dead);
    for (size_t i = 0; i < count; i++)
        find_job(checker, reply_at(dead, i))->dead++;
    reply_free(dead);
    return count;
}

static size_t look_at_held(struct checker *checker)
{
    size_t count = 0;
    struct reply *keys = commands_run(checker->conn, "KEYS", "darg:{jobs}:claimed:*");
    for (size_t i = 0; i < reply_count(keys); i++) {
        char *key = slice_dup(reply_slice(reply_at(keys, i)));
        struct reply *entries = commands_run(checker->conn, "HGETALL", key);
        for (size_t k = 0; k + 1 < reply_count(entries); k += 2) {
            if (reply_int(reply_at(entries, k), 0) <= 0) /* `last`, `blame` */
                continue;
            find_job(checker, reply_at(entries, k + 1))->coming++;
            count++;
        }
        reply_free(entries);
        free(key);
    }
    reply_free(keys);
    return count;
}

static int64_t counter(struct checker *checker, const char *name)
{
    char *text = commands_text(checker->conn, "HGET", "darg:{jobs}:counts", name);
    int64_t value = text == NULL ? 0 : strtoll(text, NULL, 10);
    free(text);
    return value;
}

static int64_t unaccounted(struct checker *checker, size_t held)
{
    static const char *const ends[] = {"done", "retried", "buried", "released", "reaped"};
    int64_t left = counter(checker, "claimed") - (int64_t)held;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        left -= counter(checker, ends[i]);
    return left;
}

static void judge(const struct tally *tally, struct checker_findings *findings)
{
    unsigned places = tally->coming + tally->dead;
    bool has_ended = tally->seen >= tally->expected;
    findings->lost += !has_ended && places == 0;
    findings->repeated += tally->seen > tally->expected ? tally->seen - tally->expected : 0;
    findings->doubled += places > 1 || (has_ended && tally->coming > 0);
}

struct checker_findings checker_look(struct checker *checker)
{
    struct checker_findings findings = {0};
    for (size_t i = 0; i < checker->jobs; i++)
        checker->tallies[i].coming = checker->tallies[i].dead = 0;
    findings.waiting = look_at_coming(checker, COMMANDS_ARGS("LRANGE", "darg:{jobs}", "0", "-1"));
    findings.waiting +=
        look_at_coming(checker, COMMANDS_ARGS("LRANGE", "darg:{jobs}:suspects", "0", "-1"));
    findings.stuck =
        look_at_coming(checker, COMMANDS_ARGS("LRANGE", "darg:{jobs}:inbox", "0", "-1"));
    findings.scheduled =
        look_at_coming(checker, COMMANDS_ARGS("ZRANGE", "darg:{jobs}:scheduled", "0", "-1"));
    findings.dead = look_at_dead(checker);
    size_t held = look_at_held(checker);
    findings.stuck += held;
    findings.unaccounted = unaccounted(checker, held);
    for (size_t i = 0; i < checker->jobs; i++)
        judge(&checker->tallies[i], &findings);
    return findings;
}

void checker_expect(struct checker *checker, size_t waiting, size_t dead, const char *what)
{
    struct checker_findings found = checker_look(checker);
    checker_free(checker);
    if (found.lost + found.repeated + found.doubled + found.stuck + found.scheduled > 0 ||
        found.unaccounted != 0 || found.waiting != waiting || found.dead != dead)
        fail_msg("%s: lost %zu, repeated %zu, doubled %zu, stuck %zu, waiting %zu (not %zu), "
                 "scheduled %zu, dead %zu (not %zu), unaccounted %lld",
                 what, found.lost, found.repeated, found.doubled, found.stuck, found.waiting,
                 waiting, found.scheduled, found.dead, dead, (long long)found.unaccounted);
}
