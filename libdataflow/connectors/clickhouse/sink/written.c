/* SPDX-License-Identifier: Apache-2.0
 * written.c: see written.h. */
#include "written.h"

#include <string.h>

/* ---- records --------------------------------------------------------------------------------- */

static const char gone; /* in the slot of a record that was taken out */
#define GONE ((const df_record *)(const void *)&gone)

static size_t slot_of(const df__ch_written *w, const df_record *record)
{
    uint64_t hash = (uint64_t)(uintptr_t)record * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(hash >> 20) & (w->cap - 1);
    while (w->slots[at] && w->slots[at] != record)
        at = (at + 1) & (w->cap - 1);
    return at;
}

static int grow(df__ch_written *w, df_stage *st)
{
    df__ch_written more = {.cap = w->cap ? w->cap * 2 : 256};
    more.slots = df_stage_alloc(st, more.cap * sizeof *more.slots);
    if (!more.slots)
        return DF_ENOMEM;
    for (size_t i = 0; i < w->cap; i++) {
        if (w->slots[i] && w->slots[i] != GONE) {
            more.slots[slot_of(&more, w->slots[i])] = w->slots[i];
            more.count++;
        }
    }
    *w = more;
    return DF_OK;
}

int df__ch_written_add(df__ch_written *w, df_stage *st, const df_record *record)
{
    if (2 * (w->count + 1) > w->cap && grow(w, st) != DF_OK)
        return DF_ENOMEM;
    size_t at = slot_of(w, record);
    w->count += !w->slots[at];
    w->slots[at] = record;
    return DF_OK;
}

int df__ch_written_has(const df__ch_written *w, const df_record *record)
{
    return w->count > 0 && w->slots[slot_of(w, record)] != NULL;
}

void df__ch_written_remove(df__ch_written *w, const df_record *record)
{
    if (df__ch_written_has(w, record))
        w->slots[slot_of(w, record)] = GONE;
}

void df__ch_written_clear(df__ch_written *w)
{
    if (w->count > 0)
        memset(w->slots, 0, w->cap * sizeof *w->slots);
    w->count = 0;
}

/* ---- names of inserts ------------------------------------------------------------------------ */

uint64_t df__ch_token_of(df__ch_tokens *t, df_bytes body, int again)
{
    char hash[DF__SHA256_HEX];
    if (again) {
        df__sha256_hex(body.data, body.len, hash);
        for (size_t i = 0; i < CH_TOKENS; i++) {
            uint64_t number = t->rows[i].number;
            if (number && strcmp(t->rows[i].hash, hash) == 0) {
                t->rows[i].number = 0;
                return number;
            }
        }
    }
    return ++t->last;
}

void df__ch_token_keep(df__ch_tokens *t, df_bytes body, uint64_t number)
{
    df__sha256_hex(body.data, body.len, t->rows[t->next].hash);
    t->rows[t->next].number = number;
    t->next = (t->next + 1) % CH_TOKENS;
}
