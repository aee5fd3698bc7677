/* Reads a configuration file according to the rows of the table. */
#include "base/options_state.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 128 };

bool options_word_is_in(const char *word, const char *words)
{
    size_t len = strlen(word);
    for (const char *at = words; at && len > 0 && (at = strstr(at, word)); at += len) {
        bool is_start = at == words || at[-1] == ' ';
        if (is_start && (at[len] == ' ' || at[len] == 0))
            return true;
    }
    return false;
}

/* The program's main section: "worker" in "worker queues". */
static bool is_main_section(const char *sections, const char *section)
{
    size_t len = strlen(section);
    return len > 0 && strncmp(sections, section, len) == 0 && strchr(" ", sections[len]);
}

/* Entries before all sections are for every program. */
static bool is_own_section(const struct options_spec *spec, const char *section)
{
    return section[0] == 0 || is_main_section(spec->sections, section);
}

/* True if the entry is a value of this row. */
static bool is_of_row(const struct options_spec *spec, const struct option_row *row,
                      const struct config_entry *entry)
{
    if (row->no_file)
        return false;
    if (row->section && strcmp(entry->section, row->section) == 0)
        return true;
    return is_own_section(spec, entry->section) && strcmp(entry->name, row->name) == 0;
}

/* Frees `what`. */
static enum status refuse(const struct options_spec *spec, const struct config_entry *entry,
                          struct buf *what, struct err *err)
{
    enum status status = err_set(err, ST_INVALID, "%s:%d: %s", spec->record->config.path,
                                 entry->line, buf_text(what));
    buf_fini(what);
    return status;
}

/* The nearest of the names that a file may have; NULL: none is near. */
static const char *suggest_name(const struct options_spec *spec, const char *name)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    for (const struct option_row *row = spec->rows; row->name && count < NAMES_MAX; row++)
        if (!row->no_file)
            names[count++] = row->name;
    names[count] = NULL;
    return options_suggest(name, names);
}

static enum status refuse_name(const struct options_spec *spec, const struct config_entry *entry,
                               struct err *err)
{
    struct buf what = {0};
    const char *nearest = suggest_name(spec, entry->name), *others = spec->other_sections;
    buf_printf(&what, "unknown option '%.40s'", entry->name);
    if (entry->section[0])
        buf_printf(&what, " in [%s]", entry->section);
    if (nearest)
        buf_printf(&what, "; did you mean '%s'?", nearest);
    else if (!entry->section[0] && others)
        buf_printf(&what, "; if it is for the other program, put it below [%.*s]",
                   (int)strcspn(others, " "), others);
    return refuse(spec, entry, &what, err);
}

static enum status refuse_section(const struct options_spec *spec, const struct config_entry *entry,
                                  struct err *err)
{
    struct buf known = {0}, what = {0};
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    buf_printf(&known, "%s %s", spec->sections, spec->other_sections ? spec->other_sections : "");
    char *words = mem_dup(buf_text(&known));
    for (char *at = words; at && count < NAMES_MAX;)
        names[count++] = strsep(&at, " ");
    names[count] = NULL;
    const char *nearest = options_suggest(entry->section, names);
    buf_printf(&what, "unknown section [%.40s]; ", entry->section);
    if (nearest)
        buf_printf(&what, "did you mean [%s]?", nearest);
    else
        buf_printf(&what, "those known are: %s", buf_text(&known));
    free(words);
    buf_fini(&known);
    return refuse(spec, entry, &what, err);
}

/* For an option that exists, but not in files. */
static enum status refuse_flag(const struct options_spec *spec, const struct config_entry *entry,
                               struct err *err)
{
    struct buf what = {0};
    buf_printf(&what, "'%.40s' cannot be set in a file, only on the command line", entry->name);
    return refuse(spec, entry, &what, err);
}

static enum status check_entry(const struct options_spec *spec, const struct config_entry *entry,
                               struct err *err)
{
    if (options_word_is_in(entry->section, spec->other_sections))
        return ST_OK;
    for (const struct option_row *row = spec->rows; row->name; row++)
        if (is_of_row(spec, row, entry))
            return ST_OK;
    if (!is_own_section(spec, entry->section))
        return refuse_section(spec, entry, err);
    if (options_word_is_in(entry->name, spec->other_names))
        return ST_OK;
    for (const struct option_row *row = spec->rows; row->name; row++)
        if (strcmp(row->name, entry->name) == 0)
            return refuse_flag(spec, entry, err);
    return refuse_name(spec, entry, err);
}

enum status options_read_file(const struct options_spec *spec, const char *path, struct err *err)
{
    struct config *config = &spec->record->config;
    for (const struct option_row *row = spec->rows; row->name; row++)
        ensure(!row->section || options_word_is_in(row->section, spec->sections),
               "section [%s] is not listed", row->section);
    enum status status = config_read(path, config, err);
    for (size_t i = 0; status == ST_OK && i < config->count; i++)
        status = check_entry(spec, &config->entries[i], err);
    return status;
}

static enum status set_entry(const struct options_spec *spec, const struct option_row *row,
                             const struct config_entry *entry, struct err *err)
{
    const struct config *config = &spec->record->config;
    bool is_item = row->section && strcmp(entry->section, row->section) == 0;
    if (config->is_public && options_holds_secret(row, entry->value))
        return err_set(err, ST_INVALID,
                       "%s:%d: %s holds a password, and others may read or write the file: "
                       "chmod o= %s",
                       config->path, entry->line, row->name, config->path);
    struct buf where = {0}, sentence = {0}, item = {0};
    buf_printf(&where, "%s:%d", config->path, entry->line);
    buf_printf(&sentence, "%s: %s", buf_text(&where), row->name);
    const char *value = entry->value;
    if (is_item) {
        buf_printf(&item, "%s%s%s", entry->name, value[0] ? "=" : "", value);
        value = buf_text(&item);
    }
    enum status status = options_set(spec, row, value, buf_text(&where), buf_text(&sentence), err);
    buf_fini(&where);
    buf_fini(&sentence);
    buf_fini(&item);
    return status;
}

enum status options_set_from_file(const struct options_spec *spec, const struct option_row *row,
                                  bool *found, struct err *err)
{
    const struct config *config = &spec->record->config;
    int first_line = 0;
    *found = false;
    for (size_t i = 0; i < config->count; i++) {
        const struct config_entry *entry = &config->entries[i];
        if (!is_of_row(spec, row, entry))
            continue;
        if (*found && row->type != OPT_LIST)
            return err_set(err, ST_INVALID, "%s:%d: %s is set again, after line %d; remove one",
                           config->path, entry->line, row->name, first_line);
        enum status status = set_entry(spec, row, entry, err);
        if (status != ST_OK)
            return status;
        first_line = first_line ? first_line : entry->line;
        *found = true;
    }
    return ST_OK;
}
