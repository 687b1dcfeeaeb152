/* SPDX-License-Identifier: Apache-2.0
 * group.c: records of a parcel as COPY text, kept apart by which columns with a default they
 * have: COPY takes one list of columns and cannot say DEFAULT. */
#include <string.h>

#include "pg.h"

enum { CATALOG_OLD_MS = 1000, NAMES_SHOWN = 3 };

static int may_be_old(const df__pg_sink *s)
{
    return !s->in_transaction && df__pg_clock_ms() - s->catalog_read_ms >= CATALOG_OLD_MS;
}

/* A record that this catalog refuses: with an old catalog, look again first. */
static int offend(df__pg_sink *s, size_t index, const char *reason, const char *text)
{
    s->had_offenders = 1;
    if (may_be_old(s)) {
        return DF_AGAIN;
    }
    int rc = df__pg_rejects_add(&s->rejects, index, reason, text);
    return rc == DF_OK ? DF_DROP : rc;
}

static int is_column(const df__pg_sink *s, df_bytes name)
{
    for (size_t i = 0; i < s->known.count; i++) {
        const df_bytes *column = &s->known.columns[i].name;
        if (column->len == name.len && memcmp(column->data, name.data, name.len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Names the first keys that are no column. */
static int offend_unknown(df__pg_sink *s, df_parcel *parcel, size_t index)
{
    char text[400];
    df_value root;
    df_walk walk;
    size_t len, shown = 0;
    memset(&walk, 0, sizeof walk);
    len = df__text_printf(text, sizeof text, "the table has no column for");
    if (df_parcel_root(parcel, index, &root) != DF_OK) {
        return offend(s, index, "unknown_field", text);
    }
    while (shown < NAMES_SHOWN && df_value_walk(&root, &walk) == DF_OK) {
        if (!is_column(s, walk.name)) {
            int cut = walk.name.len > PG_NAME_MAX ? PG_NAME_MAX : (int)walk.name.len;
            len += df__text_printf(text + len, sizeof text - len, "%s \"%.*s\"",
                                   shown ? "," : "", cut, (const char *)walk.name.data);
            shown++;
        }
    }
    df__text_printf(text + len, sizeof text - len,
                    " (add it, or set unknownFields: ignore)");
    return offend(s, index, "unknown_field", text);
}

int df__pg_read_row(df__pg_sink *s, df_parcel *parcel, size_t index, df__pg_mask *ret_mask)
{
    size_t unknown = 0;
    if (df_parcel_rejected(parcel, index)) {
        return DF_DROP;
    }
    int rc = df_parcel_row(parcel, index, s->columns, s->values, &unknown);
    if (rc == DF_EDATA) {
        rc = df__pg_rejects_add(&s->rejects, index, "not_an_object", df_parcel_error(parcel));
        return rc == DF_OK ? DF_DROP : rc;
    }
    if (rc != DF_OK) {
        return rc;
    }
    if (unknown > 0 && s->unknown == PG_UNKNOWN_ERROR) {
        return offend_unknown(s, parcel, index);
    }
    df__pg_mask_of(&s->known, s->values, ret_mask);
    return DF_OK;
}

int df__pg_add_row(df__pg_sink *s, df__pg_group *group, size_t index)
{
    if (df__grow(&df__heap_libc, &group->records, &group->cap, group->count,
                 sizeof *group->records) != DF_OK) {
        return DF_ENOMEM;
    }
    int rc = df__pg_encode_row(&s->encoder, &s->known, s->values, &group->mask, &group->text);
    if (rc == DF_EDATA) {
        return offend(s, index, "type_mismatch", s->encoder.why);
    }
    if (rc == DF_OK) {
        group->records[group->count++] = (uint32_t)index;
    }
    return rc;
}

df__pg_group *df__pg_group_of(df__pg_sink *s, const df__pg_mask *mask)
{
    for (size_t i = 0; i < s->group_count; i++) {
        if (df__pg_mask_same(&s->groups[i].mask, mask)) {
            return &s->groups[i];
        }
    }
    if (s->group_count == s->group_cap) {
        size_t old = s->group_cap;
        if (df__grow(&df__heap_libc, &s->groups, &s->group_cap, s->group_count,
                     sizeof *s->groups) != DF_OK) {
            return NULL;
        }
        memset(s->groups + old, 0, (s->group_cap - old) * sizeof *s->groups);
        for (size_t i = old; i < s->group_cap; i++) {
            df__buf_init(&s->groups[i].text, &df__heap_libc);
        }
    }
    df__pg_group *group = &s->groups[s->group_count++];
    group->mask = *mask;
    group->count = 0;
    df__buf_clear(&group->text);
    return group;
}

void df__pg_groups_clear(df__pg_sink *s)
{
    s->group_count = 0;
}

void df__pg_groups_free(df__pg_sink *s)
{
    for (size_t i = 0; i < s->group_cap; i++) {
        df__buf_free(&s->groups[i].text);
        df__free(&df__heap_libc, s->groups[i].records);
    }
    df__free(&df__heap_libc, s->groups);
    s->groups = NULL;
    s->group_count = s->group_cap = 0;
}

int df__pg_groups_fill(df__pg_sink *s, df_parcel *parcel)
{
    size_t count = df_parcel_count(parcel);
    df__pg_rejects_clear(&s->rejects);
    df__pg_groups_clear(s);
    for (size_t i = 0; i < count; i++) {
        df__pg_mask mask;
        int rc = df__pg_read_row(s, parcel, i, &mask);
        if (rc == DF_OK) {
            df__pg_group *group = df__pg_group_of(s, &mask);
            rc = group ? df__pg_add_row(s, group, i) : DF_ENOMEM;
        }
        if (rc != DF_OK && rc != DF_DROP) {
            return rc;
        }
    }
    return DF_OK;
}
