/* SPDX-License-Identifier: Apache-2.0
 * nearest.c: "did you mean": the name a few keystrokes away. */
#include <string.h>

#include "document/document.h"

enum { LONGEST = 48 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits between two words; a swap of neighbours counts as one, case as none. */
static int distance(const char *a, size_t la, const char *b, size_t lb)
{
    int rows[3][LONGEST + 1];
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

const char *df__nearest(const char *word, const char *const *names, size_t count)
{
    size_t i, len = strlen(word);
    const char *best = NULL;
    int limit = len < 4 ? 1 : len < 9 ? 2 : 3;
    int least = limit + 1;
    if (len == 0 || len > LONGEST)
        return NULL;
    for (i = 0; i < count; i++) {
        size_t other = strlen(names[i]);
        int d;
        if (other > LONGEST || other > len + (size_t)limit || len > other + (size_t)limit)
            continue;
        d = distance(word, len, names[i], other);
        if (d < least && (size_t)d < len) {
            least = d;
            best = names[i];
        }
    }
    return best;
}
