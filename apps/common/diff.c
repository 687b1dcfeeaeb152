/* SPDX-License-Identifier: Apache-2.0
 * diff.c: longest common subsequence of lines, see diff.h. */
#include "diff.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1500 };

typedef struct line {
    const char *text;
    size_t len;
    char mark;
} line;

static size_t split(const char *text, line *rows, size_t max)
{
    size_t n = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (n < max)
            rows[n] = (line){text, len, ' '};
        n++;
        text += len + (text[len] == '\n');
    }
    return n;
}

/* A comma at the end does not matter: in JSON it only says that another member follows. */
static size_t bare_len(const line *l)
{
    return l->len > 0 && l->text[l->len - 1] == ',' ? l->len - 1 : l->len;
}

static int same(const line *a, const line *b)
{
    return bare_len(a) == bare_len(b) && !memcmp(a->text, b->text, bare_len(a));
}

/* table[i][j]: length of the common part of a[i..] and b[j..]. */
static unsigned short *common_lengths(const line *a, size_t na, const line *b, size_t nb)
{
    unsigned short *table = calloc((na + 1) * (nb + 1), sizeof *table);
    for (size_t i = na; table && i-- > 0;)
        for (size_t j = nb; j-- > 0;) {
            unsigned short *at = table + i * (nb + 1) + j;
            if (same(&a[i], &b[j]))
                *at = (unsigned short)(at[nb + 2] + 1);
            else
                *at = at[nb + 1] >= at[1] ? at[nb + 1] : at[1];
        }
    return table;
}

/* Merges both into one list of marked lines; returns its length. */
static size_t merge(const line *a, size_t na, const line *b, size_t nb, line *out)
{
    unsigned short *table =
        na <= LINES_MAX && nb <= LINES_MAX ? common_lengths(a, na, b, nb) : NULL;
    size_t i = 0, j = 0, n = 0;
    while (i < na || j < nb) {
        const unsigned short *at = table ? table + i * (nb + 1) + j : NULL;
        if (at && i < na && j < nb && same(&a[i], &b[j])) {
            out[n] = a[i++];
            j++;
        } else if (i < na && (j >= nb || !at || at[nb + 1] >= at[1])) {
            out[n] = a[i++];
            out[n].mark = '-';
        } else {
            out[n] = b[j++];
            out[n].mark = '+';
        }
        n++;
    }
    free(table);
    return n;
}

static int near_change(const line *rows, size_t n, size_t at, int context)
{
    size_t reach = (size_t)context;
    size_t from = at > reach ? at - reach : 0;
    for (size_t i = from; i < n && i <= at + reach; i++)
        if (rows[i].mark != ' ')
            return 1;
    return 0;
}

static void add_line(df__buf *out, const line *row, const app_diff *how)
{
    const char *colour = !how->colour || row->mark == ' ' ? ""
                         : row->mark == '-'               ? "\033[31m"
                                                          : "\033[32m";
    df__buf_printf(out, "%s%s%c ", how->prefix, colour, row->mark);
    df__buf_add(out, row->text, row->len);
    df__buf_printf(out, "%s\n", *colour ? "\033[0m" : "");
}

size_t app_diff_lines(df__buf *out, const char *before, const char *after, const app_diff *how)
{
    size_t na = split(before, NULL, 0), nb = split(after, NULL, 0), n = 0, changed = 0;
    line *a = calloc(2 * (na + nb) + 1, sizeof *a);
    line *b = a ? a + na : NULL, *all = a ? b + nb : NULL;
    int gap = 0;
    if (!a) {
        out->failed = 1;
        return 0;
    }
    split(before, a, na);
    split(after, b, nb);
    n = merge(a, na, b, nb, all);
    for (size_t i = 0; i < n; i++) {
        changed += all[i].mark != ' ';
        if (how->context < 0 || near_change(all, n, i, how->context)) {
            add_line(out, &all[i], how);
            gap = 0;
        } else if (!gap++) {
            df__buf_printf(out, "%s  ...\n", how->prefix);
        }
    }
    free(a);
    return changed;
}
