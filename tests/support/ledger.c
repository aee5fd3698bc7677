#include "support/ledger.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, FIELDS = 3 };

struct ledger {
    void *tree; /* for tsearch(), by id */
};

struct ledger *ledger_new(void)
{
    return mem_new(sizeof(struct ledger));
}

static void free_job(void *node)
{
    struct ledger_job *job = node;
    buf_fini(&job->runs);
    free(job->id);
    free(job);
}

void ledger_free(struct ledger *ledger)
{
    tdestroy(ledger->tree, free_job);
    free(ledger);
}

static int by_id(const void *a, const void *b)
{
    const struct ledger_job *left = a, *right = b;
    return strcmp(left->id, right->id);
}

struct ledger_job *ledger_job(struct ledger *ledger, const char *id)
{
    struct ledger_job *job = mem_new(sizeof *job);
    job->id = mem_dup(id);
    struct ledger_job **found = tsearch(job, &ledger->tree, by_id);
    ensure(found != NULL, "out of memory");
    if (*found != job)
        free_job(job);
    return *found;
}

struct visit {
    void (*function)(struct ledger_job *job, void *context);
    void *context;
};

static void visit_node(const void *node, VISIT order, void *closure)
{
    struct ledger_job *const *job = node;
    const struct visit *visit = closure;
    if (order == postorder || order == leaf)
        visit->function(*job, visit->context);
}

void ledger_visit(struct ledger *ledger, void (*visit)(struct ledger_job *job, void *context),
                  void *context)
{
    struct visit closure = {visit, context};
    twalk_r(ledger->tree, visit_node, &closure);
}

/* ---- files ---- */

typedef bool (*take_line)(struct ledger *ledger, char *const fields[FIELDS]);

static enum status read_lines(struct ledger *ledger, const char *path, take_line take,
                              struct err *err)
{
    char line[LINE_BYTES];
    enum status status = ST_OK;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(err, ST_SYSTEM, "%s: %s", path, strerror(errno));
    for (size_t i = 1; status == ST_OK && fgets(line, sizeof line, file) != NULL; i++) {
        char *fields[FIELDS] = {NULL}, *rest = NULL;
        bool is_whole = strchr(line, '\n') != NULL;
        for (size_t k = 0; k < FIELDS; k++)
            fields[k] = strtok_r(k == 0 ? line : NULL, " \t\n", &rest);
        if (fields[0] != NULL && (!is_whole || !take(ledger, fields)))
            status = err_set(err, ST_INVALID, "%s:%zu: no line of such a file", path, i);
    }
    (void)fclose(file);
    return status;
}

static bool take_pushed(struct ledger *ledger, char *const fields[FIELDS])
{
    bool is_uncertain = strcmp(fields[0], "?") == 0;
    if (is_uncertain && fields[1] == NULL)
        return false;
    struct ledger_job *job = ledger_job(ledger, fields[is_uncertain]);
    job->is_uncertain |= is_uncertain;
    job->is_acknowledged |= !is_uncertain;
    return true;
}

enum status ledger_read_pushed(struct ledger *ledger, const char *path, struct err *err)
{
    return read_lines(ledger, path, take_pushed, err);
}

static bool has_begun(const struct ledger_job *job, int64_t run)
{
    for (size_t at = 0; at < job->runs.len; at += sizeof run)
        if (memcmp(job->runs.ptr + at, &run, sizeof run) == 0)
            return true;
    return false;
}

static void begin(struct ledger_job *job, int64_t run)
{
    job->begun++;
    job->same_run += has_begun(job, run);
    buf_append(&job->runs, &run, sizeof run);
    job->after_failure += job->phase == LEDGER_FAILED;
    job->after_begin += job->phase == LEDGER_BEGUN;
    job->after_end += job->phase == LEDGER_ENDED;
    job->phase = LEDGER_BEGUN;
}

static bool take_ran(struct ledger *ledger, char *const fields[FIELDS])
{
    char *end = NULL;
    int64_t run = fields[1] == NULL ? 0 : strtoll(fields[1], &end, 10);
    if (run < 1 || *end != '\0')
        return false;
    struct ledger_job *job = ledger_job(ledger, fields[0]);
    const char *word = fields[2] == NULL ? "end" : fields[2];
    if (strcmp(word, "begin") == 0) {
        begin(job, run);
        return true;
    }
    if (!has_begun(job, run))
        begin(job, run); /* a log that records no beginnings */
    bool is_failure = strcmp(word, "fail") == 0;
    job->ended += !is_failure;
    job->phase = is_failure ? LEDGER_FAILED : LEDGER_ENDED;
    return true;
}

enum status ledger_read_ran(struct ledger *ledger, const char *path, struct err *err)
{
    return read_lines(ledger, path, take_ran, err);
}
