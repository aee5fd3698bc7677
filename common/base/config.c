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
enum { HIDDEN_COLON = 1 }; /* a byte that no name contains */

/* libinih's limit for a line, including its end. It is compiled in, 200 bytes by default; in Debian
 * 12 and 13 this variable changes it. A weak symbol: without the variable the limit stays at 200,
 * and errors say so. */
extern int ini_max_line __attribute__((weak)); /* NOLINT(readability-redundant-declaration) */

struct reading {
    struct config *config;
    FILE *file;
    size_t capacity; /* allocated in config->entries */
    int line;        /* number of the line being read */
    char *text;      /* the line, in getline()'s memory */
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

/* libinih ignores whatever follows the bracket, and takes a section without a name for the part
 * before all sections. Both are mistakes here. */
static void check_heading(struct reading *reading, const char *line)
{
    const char *end = strchr(line, ']');
    if (line[0] != '[' || !end)
        return;
    const char *rest = end + 1 + strspn(end + 1, " \t\r\n");
    if (line + 1 + strspn(line + 1, " \t") == end)
        fail(reading, "the section has no name");
    else if (!strchr(";#", *rest)) /* also true at the end of the line */
        fail(reading, "a [SECTION] stands alone on its line; put the rest on the next line");
}

/* Skips the byte order mark with which some editors begin a file: libinih skips it too, but our own
 * check of headings would not see a heading behind it. Skips blanks, because libinih takes an
 * indented line for a continuation, which nobody means who indents the lines of a section. */
static const char *skip_start(const struct reading *reading, const char *line)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (reading->line == 1 && strncmp(line, mark, sizeof mark - 1) == 0)
        line += sizeof mark - 1;
    return line + strspn(line, " \t");
}

/* A queue or a type may be called "mail:urgent", but libinih ends a name at a colon as well as at
 * an equals sign. So colons that belong to a name are hidden from it: those before the equals sign
 * that no blank follows. */
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

/* Gives libinih its lines, because libinih would take the rest of a line that is too long for
 * another line, and would drop what follows a NUL byte. */
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

/* libinih's callback; 0 would mean that the line is wrong. */
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

/* Never waits: a pipe instead of a file is refused. */
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
                       S_ISREG(info.st_mode) ? "larger than 1 MiB" : "not a regular file");
    }
    *is_public = (info.st_mode & (S_IROTH | S_IWOTH)) != 0;
    *file = fdopen(fd, "r");
    ensure(*file != NULL, "fdopen: %s", strerror(errno));
    return ST_OK;
}

/* The limit is restored afterwards: a program that links with libdarg may use libinih too, and its
 * buffer is on the stack. */
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
