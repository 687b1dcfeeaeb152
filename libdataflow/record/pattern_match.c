/* SPDX-License-Identifier: Apache-2.0
 * pattern_match.c: runs a pattern over a text: all ways at once, byte by byte. Where the sets of
 * ways are few, each gets a row of a table beforehand, and a byte costs one look. */
#include <string.h>

#include "record/pattern_program.h"

enum { MAX_ROWS = 1024, MAX_CELLS = 65536, MAX_WORK = 4 << 20 };
enum { ACCEPT, DEAD, FIRST };

/* ---- ways ------------------------------------------------------------------------------------ */

/* Steps reached between two bytes: `from` and what follows without a byte, and the begin of the
 * program. */
typedef struct reach {
    uint16_t list[DF__PATTERN_STATES], stack[DF__PATTERN_STATES];
    uint32_t seen[DF__PATTERN_STATES], round;
    size_t count;
} reach;

static enum df__side side_of(unsigned byte)
{
    return df__pattern_is_word(byte) ? DF__SIDE_WORD : DF__SIDE_OTHER;
}

static int holds(int assert, const enum df__side *sides)
{
    int before = sides[0] == DF__SIDE_WORD, after = sides[1] == DF__SIDE_WORD;
    switch (assert) {
    case DF__AT_BEGIN:
        return sides[0] == DF__SIDE_NONE;
    case DF__AT_END:
        return sides[1] == DF__SIDE_NONE;
    case DF__AT_EDGE:
        return before != after;
    case DF__AT_NO_EDGE:
        return before == after;
    case DF__AT_WORD_BEGIN:
        return !before && after;
    default:
        return before && !after;
    }
}

static void clear(reach *r)
{
    r->count = 0;
    if (++r->round == 0) {
        memset(r->seen, 0, sizeof r->seen);
        r->round = 1;
    }
}

/* 1: it was not there yet. */
static int see(reach *r, size_t at)
{
    if (r->seen[at] == r->round)
        return 0;
    r->seen[at] = r->round;
    return 1;
}

static int follow(const df__pattern *p, reach *to, size_t at, const enum df__side *sides)
{
    size_t depth = 0;
    int matched = 0;
    if (!see(to, at))
        return 0;
    for (to->stack[depth++] = (uint16_t)at; depth;) {
        const df__pop *op;
        size_t ways[2], count = 0;
        at = to->stack[--depth];
        op = &p->ops[at];
        if (op->code == DF__POP_SET)
            to->list[to->count++] = (uint16_t)at;
        else if (op->code == DF__POP_MATCH)
            matched = 1;
        else if (op->code != DF__POP_ASSERT)
            ways[count++] = (size_t)((int64_t)at + op->x);
        else if (holds(op->assert, sides))
            ways[count++] = at + 1;
        if (op->code == DF__POP_SPLIT)
            ways[count++] = (size_t)((int64_t)at + op->y);
        while (count)
            if (see(to, ways[--count]))
                to->stack[depth++] = (uint16_t)ways[count];
    }
    return matched;
}

/* Makes `to` of `from`; 1: the end of the program is among them. */
static int go_on(const df__pattern *p, const reach *from, reach *to, const enum df__side *sides)
{
    int matched;
    clear(to);
    matched = follow(p, to, 0, sides);
    for (size_t i = 0; i < from->count; i++)
        matched |= follow(p, to, from->list[i], sides);
    return matched;
}

/* The steps after those of `at` that take the byte. */
static void step(const df__pattern *p, const reach *at, unsigned byte, reach *to)
{
    clear(to);
    for (size_t i = 0; i < at->count; i++) {
        const df__pop *op = &p->ops[at->list[i]];
        if (df__byteset_has(&p->sets[op->set], byte) && see(to, (size_t)at->list[i] + 1))
            to->list[to->count++] = (uint16_t)(at->list[i] + 1);
    }
}

static int run(const df__pattern *p, const unsigned char *text, size_t len)
{
    reach here, next;
    enum df__side sides[2] = {DF__SIDE_NONE, DF__SIDE_NONE};
    here.round = next.round = UINT32_MAX; /* cleared by the first use */
    clear(&here);
    for (size_t i = 0; i < len; i++) {
        sides[1] = side_of(text[i]);
        if (go_on(p, &here, &next, sides))
            return 1;
        step(p, &next, text[i], &here);
        sides[0] = sides[1];
    }
    sides[1] = DF__SIDE_NONE;
    return go_on(p, &here, &next, sides);
}

int df__pattern_matches(const df__pattern *p, const void *text, size_t len)
{
    const unsigned char *at = text, *end = at + len;
    const uint32_t *next = p->next;
    uint32_t row = FIRST * p->classes, dead = DEAD * p->classes;
    if (!next)
        return run(p, at, len);
    while (at < end && row > dead)
        row = next[row + p->class_of[*at++]];
    return row <= dead ? row != dead : p->ends[row / p->classes];
}

/* ---- the table ------------------------------------------------------------------------------- */

/* A row stands for the steps that are reached and the sort of the byte before. */
typedef struct row {
    size_t from, count; /* in `steps`, in their order */
    enum df__side side;
} row;

typedef struct maker {
    df__pattern *p;
    const df__heap *heap;
    row *rows;
    uint16_t *steps;
    size_t row_count, row_cap, step_count, step_cap, work;
    unsigned char example[256]; /* a byte of each class */
    reach from, at, to;
} maker;

/* Bytes that no step and no assertion tells apart are one class. */
static void classify(maker *m)
{
    df__pattern *p = m->p;
    unsigned count = 1;
    memset(p->class_of, 0, sizeof p->class_of);
    for (size_t i = 0; i <= p->set_count; i++) {
        int made[512];
        unsigned fresh = 0;
        memset(made, -1, sizeof made);
        for (unsigned b = 0; b < 256; b++) {
            int in = i < p->set_count ? df__byteset_has(&p->sets[i], b)
                                      : p->has_words && df__pattern_is_word(b);
            int *class = &made[p->class_of[b] * 2 + in];
            if (*class < 0)
                *class = (int)fresh++;
            p->class_of[b] = (uint8_t) * class;
        }
        count = fresh;
    }
    p->classes = count;
    for (unsigned b = 256; b--;)
        m->example[p->class_of[b]] = (unsigned char)b;
}

static void sort(uint16_t *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint16_t v = list[i];
        size_t at = i;
        for (; at && list[at - 1] > v; at--)
            list[at] = list[at - 1];
        list[at] = v;
    }
}

/* The row of the steps in m->to; SIZE_MAX: no memory. */
static size_t row_of(maker *m, enum df__side side)
{
    reach *to = &m->to;
    row *r;
    sort(to->list, to->count);
    m->work += to->count * (to->count / 4 + 1) + m->row_count;
    for (size_t i = 0; i < m->row_count; i++)
        if (m->rows[i].count == to->count && m->rows[i].side == side &&
            (!to->count ||
             memcmp(m->steps + m->rows[i].from, to->list, to->count * sizeof *to->list) == 0))
            return i;
    if (df__grow(m->heap, &m->rows, &m->row_cap, m->row_count, sizeof *r) != DF_OK)
        return SIZE_MAX;
    r = &m->rows[m->row_count];
    *r = (row){m->step_count, to->count, side};
    for (size_t n = 0; n < to->count; n++) {
        if (df__grow(m->heap, &m->steps, &m->step_cap, m->step_count, sizeof *m->steps) != DF_OK)
            return SIZE_MAX;
        m->steps[m->step_count++] = to->list[n];
    }
    return m->row_count++;
}

static int reach_from(maker *m, const row *r, enum df__side after)
{
    enum df__side sides[2] = {r->side, after};
    int matched;
    clear(&m->from);
    if (r->count) /* the first row may have none, and no steps are there yet */
        memcpy(m->from.list, m->steps + r->from, r->count * sizeof *m->steps);
    m->from.count = r->count;
    matched = go_on(m->p, &m->from, &m->at, sides);
    m->work += m->at.count + m->from.count + 8;
    return matched;
}

/* Where nothing is left and nothing can begin. */
static int is_dead(const df__pattern *p, size_t at)
{
    const uint32_t *cells = p->next + at * p->classes;
    for (unsigned c = 0; c < p->classes; c++)
        if (cells[c] != at * p->classes)
            return 0;
    return !p->ends[at];
}

static enum df__side side_kept(const df__pattern *p, enum df__side side)
{
    return p->has_words ? side : DF__SIDE_OTHER;
}

/* The cells of row `at`. DF_DONE: the table would be too large. */
static int fill_row(maker *m, size_t at)
{
    df__pattern *p = m->p;
    for (unsigned c = 0; c < p->classes; c++) {
        unsigned byte = m->example[c];
        const row r = m->rows[at];
        size_t next = ACCEPT;
        if (!reach_from(m, &r, side_of(byte))) {
            step(p, &m->at, byte, &m->to);
            next = row_of(m, side_kept(p, side_of(byte)));
        }
        if (next == SIZE_MAX)
            return DF_ENOMEM;
        if (m->row_count > MAX_ROWS || m->row_count * p->classes > MAX_CELLS || m->work > MAX_WORK)
            return DF_DONE;
        p->next[at * p->classes + c] = (uint32_t)(next * p->classes);
    }
    p->ends[at] = (uint8_t)reach_from(m, &m->rows[at], DF__SIDE_NONE);
    return DF_OK;
}

/* All cells that lead to a dead row lead to the one where matching ends. */
static void bury(df__pattern *p, size_t rows)
{
    for (size_t at = FIRST; at < rows; at++) {
        if (!is_dead(p, at))
            continue;
        for (size_t i = 0; i < rows * p->classes; i++)
            if (p->next[i] == at * p->classes)
                p->next[i] = DEAD * p->classes;
    }
}

static int make_rows(maker *m)
{
    df__pattern *p = m->p;
    int rc = DF_OK;
    m->row_count = FIRST;
    clear(&m->to);
    if (row_of(m, DF__SIDE_NONE) == SIZE_MAX)
        return DF_ENOMEM;
    for (size_t at = FIRST; at < m->row_count && rc == DF_OK; at++)
        rc = fill_row(m, at);
    if (rc == DF_OK)
        bury(p, m->row_count);
    return rc;
}

static int tabulate(maker *m)
{
    df__pattern *p = m->p;
    uint32_t *exact;
    size_t cells;
    int rc;
    classify(m);
    for (int i = 0; i < FIRST; i++)
        if (df__grow(m->heap, &m->rows, &m->row_cap, (size_t)i, sizeof *m->rows) != DF_OK)
            return DF_ENOMEM;
    memset(m->rows, 0, FIRST * sizeof *m->rows);
    m->rows[ACCEPT].side = m->rows[DEAD].side = DF__SIDE_NOWHERE; /* no steps lead to these */
    p->next = df__zalloc(m->heap, (MAX_CELLS + 256) * sizeof *p->next);
    p->ends = df__zalloc(m->heap, MAX_ROWS + 1);
    rc = p->next && p->ends ? make_rows(m) : DF_ENOMEM;
    cells = m->row_count * p->classes;
    exact = rc == DF_OK ? df__realloc(m->heap, p->next, cells * sizeof *p->next) : NULL;
    if (exact) {
        p->next = exact;
        return DF_OK;
    }
    df__free(m->heap, p->next);
    df__free(m->heap, p->ends);
    p->next = NULL;
    p->ends = NULL;
    return rc == DF_OK ? DF_ENOMEM : rc;
}

int df__pattern_tabulate(df__pattern *p)
{
    maker *m = df__zalloc(p->heap, sizeof *m);
    int rc = DF_ENOMEM;
    if (m) {
        m->p = p;
        m->heap = p->heap;
        rc = tabulate(m);
        df__free(p->heap, m->rows);
        df__free(p->heap, m->steps);
    }
    df__free(p->heap, m);
    return rc == DF_DONE ? DF_OK : rc;
}
