#include "library/compose.h"

#include <string.h>

#include "job/maker.h"

_Static_assert(DARG_ID_SIZE == JOB_ID_MAX + 1, "darg.h knows how long an id may be");

enum status compose_copy(void *own, size_t own_size, const void *given, const char *what,
                         struct err *err)
{
    size_t size = 0;
    memset(own, 0, own_size);
    if (given == NULL)
        return ST_OK;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size)
        return err_set(err, ST_INVALID, "the member size of %s is not set", what);
    memcpy(own, given, size < own_size ? size : own_size);
    return ST_OK;
}

/* Checks what the maker does not, since the command line does so for darg push. */
static enum status check(const struct compose_spec *spec, const struct darg_push_options *options,
                         struct err *err)
{
    if (spec->type == NULL)
        return err_set(err, ST_INVALID, "the job has no type");
    if (options->delay_ms < 0 || options->delay_ms > INT64_MAX / 4)
        return err_set(err, ST_INVALID, "delay_ms is out of range");
    if (options->timeout_ms < -1 || options->timeout_ms > INT64_MAX / 4)
        return err_set(err, ST_INVALID, "timeout_ms is out of range");
    if (options->max_attempts < 0 || options->max_attempts > JOB_COUNT_MAX)
        return err_set(err, ST_INVALID, "max_attempts must be 1 to %d, or 0", JOB_COUNT_MAX);
    if (options->expires_at_ms < 0)
        return err_set(err, ST_INVALID, "expires_at_ms is out of range");
    return ST_OK;
}

/* The maker's errors name options of the command line, which are members of a struct here: drops
 * their dashes. */
static void drop_dashes(struct err *err)
{
    if (strncmp(err->text, "--", 2) == 0)
        memmove(err->text, err->text + 2, strlen(err->text) - 1);
}

static enum status check_args(const char *args, struct err *err)
{
    return args != NULL && args[0] == '\0'
               ? err_set(err, ST_INVALID, "args is empty, which is not JSON")
               : ST_OK;
}

enum status compose_job(const struct compose_spec *spec, struct buf *out, struct compose_made *made,
                        struct err *err)
{
    struct darg_push_options options;
    enum status status =
        compose_copy(&options, sizeof options, spec->options, "darg_push_options", err);
    if (status == ST_OK)
        status = check(spec, &options, err);
    if (status == ST_OK)
        status = check_args(spec->args, err);
    if (status != ST_OK)
        return status;
    struct maker job = {
        .type = spec->type,
        .id = options.id,
        .backoff = options.backoff,
        .reply = spec->reply,
        .max_attempts = options.max_attempts,
        .timeout_ms = options.timeout_ms == 0  ? -1
                      : options.timeout_ms < 0 ? 0
                                               : options.timeout_ms,
        .expires_at_ms = options.expires_at_ms,
        .max_bytes = spec->max_bytes,
    };
    status = maker_init(&job, err);
    if (status != ST_OK)
        drop_dashes(err);
    if (status == ST_OK)
        status =
            maker_with_args(&job, spec->args ? slice_of(spec->args) : (struct slice){0}, out, err);
    if (status == ST_OK) {
        memcpy(made->id, job.last_id, sizeof made->id);
        made->delay_ms = options.delay_ms;
    }
    maker_fini(&job);
    return status;
}
