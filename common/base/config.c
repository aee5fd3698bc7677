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

enum { CONFIG_BYTES_MAX = 1 << 20, LINE_BYTES_MAX = 64 << 10, LINE_END_MAX = 3 };
enum { HIDDEN_COLON = 1 }; /* a byte that no name has */

/* The longest line that libinih has room for, and the end of one. Its authors settle that when it
 * is compiled, 200 bytes; Debian 12 and 13 make a variable of it. Weak: where there is none, lines
 * stay as short as that, and the sentence says so. */
extern int ini_max_line __attribute__((weak)); /* NOLINT(readability-redundant-declaration) */

struct reading {
    struct config *config;
    FILE *file;
    size_t capacity; /* of config->entries */
    int line;        /* the one being read */
    char *text;      /* that line, as getline() has it */
    size_t text_capacity;
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

/* Some editors begin a file with the byte order mark; libinih would skip it, but no heading is seen
 * behind it. Blanks are skipped because an indented line would be the continuation of the one
 * before, which nobody who indents the lines of a section means. */
static const char *skip_start(const struct reading *reading, const char *line)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (reading->line == 1 && strncmp(line, mark, sizeof mark - 1) == 0)
        line += sizeof mark - 1;
    return line + strspn(line, " \t");
}

/* A queue or a type may be named "mail:urgent", but to libinih a colon ends a name as an equals
 * sign does. It does not see those that belong to a name: before the equals sign, and before no
 * blank. */
static void hide_colons(char *line)
{
    char *end = line + strcspn(line, "=;");
    if (*end != '=')
        return;
    for (char *at = line; at < end; at++) {
        if (*at == ':' && strchr(" \t", at[1]))
            return;
        if (*at == ':')
            *at = HIDDEN_COLON;
    }
}

/* libinih's source of lines. It would take the rest of a line that is longer than its buffer for
 * another one, and what stands behind a NUL byte for nothing. */
static char *read_line(char *out, int size, void *stream)
{
    struct reading *reading = stream;
    if (reading->status != ST_OK)
        return NULL;
    ssize_t read = getline(&reading->text, &reading->text_capacity, reading->file);
    if (read < 0)
        return NULL;
    size_t len = (size_t)read;
    reading->line++;
    while (len > 0 && (reading->text[len - 1] == '\n' || reading->text[len - 1] == '\r'))
        reading->text[--len] = 0;
    if (strlen(reading->text) < len)
        fail(reading, "the line holds a NUL byte; remove it");
    if (len > (size_t)(size - LINE_END_MAX)) {
        char what[120];
        snprintf(
            what, sizeof what,
            "the line is longer than %d bytes; shorten it, or put a long command into a script",
            size - LINE_END_MAX);
        fail(reading, what);
    }
    const char *line = skip_start(reading, reading->text);
    check_heading(reading, line);
    if (reading->status != ST_OK)
        return NULL;
    memcpy(out, line, strlen(line) + 1);
    hide_colons(out);
    return out;
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
    struct config_entry *entry = &config->entries[config->count++];
    *entry = (struct config_entry){
        .section = mem_dup(section),
        .name = mem_dup(name),
        .value = mem_dup(value),
        .line = reading->line,
    };
    for (char *at = entry->name; *at; at++)
        if (*at == HIDDEN_COLON)
            *at = ':';
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

/* The limit is put back: whoever links to libdarg may use libinih, too, and its buffer lies on the
 * stack. */
static int parse(struct reading *reading)
{
    int limit = &ini_max_line ? ini_max_line : 0;
    if (&ini_max_line)
        ini_max_line = LINE_BYTES_MAX + LINE_END_MAX;
    int bad_line = ini_parse_stream(read_line, reading, add_entry, reading);
    if (&ini_max_line)
        ini_max_line = limit;
    return bad_line;
}

enum status config_read(const char *path, struct config *config, struct err *err)
{
    struct reading reading = {.config = config, .err = err, .status = ST_OK};
    *config = (struct config){.path = mem_dup(path)};
    enum status status = open_config(path, &reading.file, &config->is_public, err);
    if (status != ST_OK)
        return status;
    int bad_line = parse(&reading);
    int failed = ferror(reading.file) ? errno : 0;
    fclose(reading.file);
    if (reading.text)
        explicit_bzero(reading.text, reading.text_capacity);
    free(reading.text);
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
