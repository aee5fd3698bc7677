#include "base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "base/buf.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

struct reading {
    struct config *config;
    FILE *file;
    size_t capacity; /* of config->entries */
    int line;        /* the one being read */
    struct err *err;
    enum status status; /* the first failure */
};

static void fail(struct reading *reading, const char *what)
{
    if (reading->status == ST_OK)
        reading->status = err_set(reading->err, ST_INVALID, "%s:%d: %s", reading->config->path,
                                  reading->line, what);
}

/* libinih reads no further than the bracket, and takes a section without a name for what stands
 * before all sections. */
static void check_heading(struct reading *reading, const char *line)
{
    const char *end = strchr(line, ']');
    if (line[0] != '[' || !end)
        return;
    const char *rest = end + 1 + strspn(end + 1, " \t\r\n");
    if (line + 1 + strspn(line + 1, " \t") == end)
        fail(reading, "the section has no name");
    else if (!strchr(";#", *rest)) /* which finds the end of the line, too */
        fail(reading, "a line with a [SECTION] holds nothing else; put the rest on the next line");
}

/* libinih's source of lines. Its buffer is fixed, and it would take the rest of a longer line for
 * another one; and an indented line would be the continuation of the one before, which nobody who
 * indents the lines of a section means. */
static char *read_line(char *out, int size, void *stream)
{
    struct reading *reading = stream;
    if (reading->status != ST_OK || !fgets(out, size, reading->file))
        return NULL;
    reading->line++;
    size_t len = strlen(out);
    if ((len == 0 || out[len - 1] != '\n') && !feof(reading->file)) {
        char what[120];
        snprintf(what, sizeof what,
                 "the line is longer than %d bytes or holds a NUL byte; shorten it", size - 2);
        fail(reading, what);
        return NULL;
    }
    size_t blanks = strspn(out, " \t");
    memmove(out, out + blanks, len - blanks + 1);
    check_heading(reading, out);
    return reading->status == ST_OK ? out : NULL;
}

/* libinih's handler; 0 would mean that the line is wrong. */
static int add_entry(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    struct config *config = reading->config;
    if (config->count == reading->capacity) {
        reading->capacity = reading->capacity ? reading->capacity * 2 : 32;
        struct config_entry *grown = mem_array(reading->capacity, sizeof *grown);
        for (size_t i = 0; i < config->count; i++)
            grown[i] = config->entries[i];
        free(config->entries);
        config->entries = grown;
    }
    config->entries[config->count++] = (struct config_entry){
        .section = mem_dup(section),
        .name = mem_dup(name),
        .value = mem_dup(value),
        .line = reading->line,
    };
    return 1;
}

/* Never waits: a pipe in the file's place is refused. */
static enum status open_config(const char *path, FILE **file, bool *is_public, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) < 0) {
        int failed = errno;
        if (fd >= 0)
            close(fd);
        return err_system(err, failed, "cannot read the configuration file %s", path);
    }
    if (!S_ISREG(info.st_mode) || info.st_size > CONFIG_BYTES_MAX) {
        close(fd);
        return err_set(err, ST_INVALID, "the configuration file %s is %s", path,
                       S_ISREG(info.st_mode) ? "larger than 1 MiB" : "no regular file");
    }
    *is_public = (info.st_mode & (S_IROTH | S_IWOTH)) != 0;
    *file = fdopen(fd, "r");
    ensure(*file != NULL, "fdopen: %s", strerror(errno));
    return ST_OK;
}

enum status config_read(const char *path, struct config *config, struct err *err)
{
    struct reading reading = {.config = config, .err = err, .status = ST_OK};
    *config = (struct config){.path = mem_dup(path)};
    enum status status = open_config(path, &reading.file, &config->is_public, err);
    if (status != ST_OK)
        return status;
    int bad_line = ini_parse_stream(read_line, &reading, add_entry, &reading);
    int failed = ferror(reading.file) ? errno : 0;
    fclose(reading.file);
    if (failed)
        return err_system(err, failed, "cannot read the configuration file %s", path);
    if (reading.status == ST_OK && bad_line != 0) {
        reading.line = bad_line;
        fail(&reading, "neither NAME = VALUE nor [SECTION] nor a comment");
    }
    return reading.status;
}

void config_fini(struct config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        struct config_entry *entry = &config->entries[i];
        explicit_bzero(entry->value, strlen(entry->value));
        free(entry->section);
        free(entry->name);
        free(entry->value);
    }
    free(config->entries);
    free(config->path);
    *config = (struct config){0};
}
