/* Finds the name nearest to a mistyped word. */
#include <string.h>

#include "base/options.h"

enum { WORD_MAX = 40 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* The number of edits (insert, delete, replace, swap neighbours) between two words of at most
 * WORD_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[WORD_MAX + 1][WORD_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);
    for (size_t i = 0; i <= a_len; i++)
        rows[i][0] = i;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++)
        for (size_t j = 1; j <= b_len; j++) {
            bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            size_t replaced = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            rows[i][j] = min3(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced);
            if (is_swap && rows[i - 2][j - 2] + 1 < rows[i][j])
                rows[i][j] = rows[i - 2][j - 2] + 1;
        }
    return rows[a_len][b_len];
}

const char *options_suggest(const char *word, const char *const *names)
{
    const char *nearest = NULL;
    size_t len = strlen(word), least = len < 4 ? 2 : 3;
    if (len == 0 || len > WORD_MAX)
        return NULL;
    for (size_t i = 0; names[i]; i++) {
        if (strlen(names[i]) > WORD_MAX)
            continue;
        bool is_beginning = len >= 3 && strncmp(names[i], word, len) == 0;
        size_t edits = is_beginning ? 1 : distance(word, names[i]);
        /* Of several that begin so, the one of which the least is missing. */
        bool is_shorter = is_beginning && nearest && strlen(names[i]) < strlen(nearest);
        if (edits < least || (edits == least && is_shorter)) {
            least = edits;
            nearest = names[i];
        }
    }
    return nearest;
}
