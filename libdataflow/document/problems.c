/* SPDX-License-Identifier: Apache-2.0
 * problems.c: what is wrong with a document, in rows of fixed size: telling needs no memory. */
#include <stdarg.h>
#include <string.h>

#include "document/document.h"

enum { ROWS = 100 };

typedef struct row {
    int severity, line, column;
    int file; /* number of the file in order of use */
    char name[128], field[192], text[384], hint[128];
} row;

struct df__problems {
    const df__heap *heap;
    size_t count, errors, warnings;
    int file;
    row *newest; /* NULL: it was left out */
    char name[128];
    unsigned char order[ROWS]; /* rows sorted by place */
    row rows[ROWS];
};

df__problems *df__problems_new(const df__heap *heap)
{
    df__problems *p = df__alloc(heap, sizeof *p);
    if (p) {
        p->heap = heap;
        df__problems_clear(p);
    }
    return p;
}

void df__problems_free(df__problems *p)
{
    if (p)
        df__free(p->heap, p);
}

void df__problems_clear(df__problems *p)
{
    p->count = p->errors = p->warnings = 0;
    p->file = 0;
    p->newest = NULL;
    p->name[0] = '\0';
}

void df__problem_file(df__problems *p, const char *file)
{
    if (strncmp(p->name, file, sizeof p->name - 1) == 0)
        return;
    df__text_set(p->name, sizeof p->name, file, strlen(file));
    p->file++;
}

/* Unknown places come last. */
static int before(const row *a, const row *b)
{
    if (a->file != b->file)
        return a->file < b->file;
    if ((a->line == 0) != (b->line == 0))
        return b->line == 0;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static void insert_order(df__problems *p, size_t count, unsigned char index)
{
    size_t i = count;
    while (i > 0 && before(&p->rows[index], &p->rows[p->order[i - 1]])) {
        p->order[i] = p->order[i - 1];
        i--;
    }
    p->order[i] = index;
}

/* When all rows are in use, the last warning gives way to an error. -1: no row. */
static int free_row(df__problems *p, int severity)
{
    if (p->count < ROWS)
        return (int)p->count;
    if (severity != DF_ERROR || p->errors >= ROWS)
        return -1;
    for (size_t i = ROWS; i-- > 0;) {
        int index = p->order[i];
        if (p->rows[index].severity == DF_WARNING) {
            memmove(p->order + i, p->order + i + 1, ROWS - 1 - i);
            p->count--;
            return index;
        }
    }
    return -1;
}

/* The same problem found twice is one: options are filled for the check and again for the run. */
static int is_there(const df__problems *p, const row *r)
{
    for (size_t i = 0; i < p->count; i++) {
        const row *o = &p->rows[p->order[i]];
        if (o->line == r->line && o->column == r->column && o->severity == r->severity &&
            strcmp(o->text, r->text) == 0 && strcmp(o->field, r->field) == 0 &&
            o->file == r->file && strcmp(o->name, r->name) == 0)
            return 1;
    }
    return 0;
}

/* What a manifest says is repeated in texts: no control character of it reaches a terminal. */
static void disarm(char *text)
{
    unsigned char *c = (unsigned char *)text;
    for (; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* C1 in UTF-8 */
            *c = c[1] = '?';
}

static void add_row(df__problems *p, row *r, const df__doc *at, const char *field)
{
    int index;
    r->line = at ? at->line : 0;
    r->column = at ? at->column : 0;
    r->file = p->file;
    if (at && at->from)
        df__text_set(r->name, sizeof r->name, at->from, strlen(at->from));
    else
        memcpy(r->name, p->name, sizeof r->name);
    if (strncmp(r->name, "--", 2) == 0) /* an option of the command line has no lines */
        r->line = r->column = 0;
    df__text_set(r->field, sizeof r->field, field ? field : "", field ? strlen(field) : 0);
    disarm(r->text);
    disarm(r->field);
    disarm(r->name);
    r->hint[0] = '\0';
    p->newest = NULL;
    if (is_there(p, r))
        return;
    if (r->severity == DF_ERROR)
        p->errors++;
    else
        p->warnings++;
    index = free_row(p, r->severity);
    if (index < 0)
        return;
    p->newest = &p->rows[index];
    *p->newest = *r;
    insert_order(p, p->count++, (unsigned char)index);
}

void df__problem_add(df__problems *p, int severity, const df__doc *at, const char *field,
                     const char *text)
{
    df__problem_addf(p, severity, at, field, "%s", text);
}

void df__problem_addf(df__problems *p, int severity, const df__doc *at, const char *field,
                      const char *format, ...)
{
    row r;
    va_list args;
    r.severity = severity;
    va_start(args, format);
    df__text_vprintf(r.text, sizeof r.text, format, args);
    va_end(args);
    add_row(p, &r, at, field);
}

void df__problem_hint(df__problems *p, const char *hint)
{
    if (!p->newest)
        return;
    df__text_set(p->newest->hint, sizeof p->newest->hint, hint, strlen(hint));
    disarm(p->newest->hint);
}

int df__problem_no_space(df__problems *p, const char *text, const char *const *names, size_t count)
{
    size_t len = strcspn(text, ":");
    char hint[128];
    if (!text[len] || !text[len + 1])
        return 0;
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && strncmp(names[i], text, len) == 0) {
            df__text_printf(hint, sizeof hint, "a space is missing: write %.*s: %.60s", (int)len,
                            text, text + len + 1);
            df__problem_hint(p, hint);
            return 1;
        }
    return 0;
}

size_t df__problems_count(const df__problems *p, int severity)
{
    return severity == DF_ERROR     ? p->errors
           : severity == DF_WARNING ? p->warnings
                                    : p->errors + p->warnings;
}

int df__problem_at(const df__problems *p, size_t index, df_problem *ret)
{
    const row *r;
    df_problem out = {sizeof out, 0, 0, 0, NULL, NULL, NULL, NULL};
    size_t size = ret->size;
    if (index >= p->count)
        return DF_DONE;
    r = &p->rows[p->order[index]];
    out.severity = r->severity;
    out.line = r->line;
    out.column = r->column;
    out.file = r->name;
    out.field = r->field;
    out.text = r->text;
    out.hint = r->hint[0] ? r->hint : NULL;
    out.size = size;
    memcpy(ret, &out, size < sizeof out ? size : sizeof out);
    return DF_OK;
}
