/* Tables of rows inside other tables. They are laid out flat once for each parse: all that reads
 * rows, in a dozen places, would have to walk a tree otherwise. */
#include "base/options_state.h"

#include <string.h>

static size_t count_rows(const struct option_row *rows)
{
    size_t count = 0;
    for (; rows->name || rows->group; rows++)
        count += rows->group ? count_rows(rows->group) : 1;
    return count;
}

/* Returns the end of what was written. `frame` is the row in which the group was given. */
static struct option_row *copy_rows(const struct option_row *rows, const struct option_row *frame,
                                    struct option_row *out)
{
    for (; rows->name || rows->group; rows++) {
        struct option_row row = *rows;
        row.offset += frame->offset;
        row.no_environment = row.no_environment || frame->no_environment;
        row.no_file = row.no_file || frame->no_file;
        if (row.group)
            out = copy_rows(row.group, &row, out);
        else
            *out++ = row;
    }
    return out;
}

struct option_row *options_flatten(const struct option_row *rows)
{
    static const struct option_row none = OPTIONS_END;
    struct option_row *all = mem_array(count_rows(rows) + 1, sizeof *all);
    *copy_rows(rows, &none, all) = none;
    return all;
}

static bool is_about(const char *word, const struct option_row *row)
{
    size_t len = strlen(row->name);
    if (strncmp(word, "--", 2) != 0)
        return word[0] == '-' && row->letter && word[1] == row->letter;
    return strncmp(word + 2, row->name, len) == 0 && (word[2 + len] == '=' || !word[2 + len]);
}

const struct option_row *options_find(const struct option_row *rows, const char *word)
{
    const struct option_row *found = NULL;
    for (; !found && (rows->name || rows->group); rows++) {
        if (rows->group)
            found = options_find(rows->group, word);
        else if (is_about(word, rows))
            found = rows;
    }
    return found;
}

static size_t field_size(enum option_type type)
{
    switch (type) {
    case OPT_FLAG:
        return sizeof(bool);
    case OPT_STRING:
    case OPT_URL:
        return sizeof(const char *);
    case OPT_LIST:
        return sizeof(struct options_list);
    case OPT_INT:
    case OPT_DURATION:
    case OPT_BYTES:
        break;
    }
    return sizeof(int64_t);
}

size_t options_extent(const struct option_row *rows)
{
    size_t extent = 0;
    for (; rows->name || rows->group; rows++) {
        size_t size = rows->group ? options_extent(rows->group) : field_size(rows->type);
        if (rows->offset + size > extent)
            extent = rows->offset + size;
    }
    return extent;
}

void options_free_lists(const struct option_row *rows, void *target)
{
    for (; rows->name || rows->group; rows++) {
        void *field = (char *)target + rows->offset;
        if (rows->group)
            options_free_lists(rows->group, field);
        else if (rows->type == OPT_LIST)
            options_list_fini(field);
    }
}
