/* SPDX-License-Identifier: Apache-2.0
 * shared.c: what the kinds of several connectors have in common: payloads, a thread on the other
 * side and the rows that it keeps, a place in memory. See conform.h. */
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t conform_payload(char *buf, size_t cap, size_t n)
{
    return (size_t)snprintf(buf, cap, "{\"n\":%zu}", n);
}

/* ---- a thread on the other side ------------------------------------------------------------- */

void conform_span(conform *c, size_t from, size_t to)
{
    c->from = from;
    c->to = to;
}

void conform_start_thread(conform *c, void *(*run)(void *))
{
    assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
    c->has_thread = 1;
}

void conform_join_thread(conform *c)
{
    if (c->has_thread)
        pthread_join(c->thread, NULL);
    c->has_thread = 0;
}

void conform_keep_row(conform *c, df_bytes payload)
{
    pthread_mutex_lock(&c->lock);
    if ((c->row_count & (c->row_count - 1)) == 0) {
        c->rows = realloc(c->rows, (c->row_count ? c->row_count * 2 : 1) * sizeof *c->rows);
        assert_non_null(c->rows);
    }
    c->rows[c->row_count++] = strndup(payload.data, payload.len);
    pthread_mutex_unlock(&c->lock);
}

char **conform_take_rows(conform *c, size_t *ret_count)
{
    char **rows = c->rows;
    *ret_count = c->row_count;
    c->rows = NULL;
    c->row_count = 0;
    return rows ? rows : calloc(1, sizeof *rows);
}

/* ---- a place in memory ---------------------------------------------------------------------- */

df__memory *conform_place(conform *c)
{
    char name[96];
    snprintf(name, sizeof name, "%s_place", c->name);
    return df__memory_hold(name);
}

void conform_place_fill(conform *c, size_t from, size_t to)
{
    df__memory *m = conform_place(c);
    char text[64];
    for (size_t i = from; i < to; i++) {
        df_input in = {.size = sizeof in, .payload = {text, conform_payload(text, sizeof text, i)}};
        assert_ok(df__memory_feed(m, &in));
    }
    df__memory_release(m);
}

char **conform_place_read(conform *c, size_t *ret_count)
{
    df__memory *m = conform_place(c), *other = c->other;
    char **rows;
    c->other = m;
    rows = conform_other_rows(c, ret_count);
    c->other = other;
    df__memory_release(m);
    return rows;
}
