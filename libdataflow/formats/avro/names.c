/* SPDX-License-Identifier: Apache-2.0
 * names.c: see names.h. */
#include "formats/avro/names.h"

#include "record/tree.h"

const char df__avro_no_memory[] = "no memory";
const char df__avro_no_name[] = "is no name: letters, digits and _, and no digit first";

int df__avro_is_name(df_bytes name)
{
    const unsigned char *p = name.data;
    for (size_t i = 0; i < name.len; i++) {
        int letter = (p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z';
        int digit = p[i] >= '0' && p[i] <= '9';
        if (!letter && p[i] != '_' && !(digit && i))
            return 0;
    }
    return name.len > 0;
}

int df__avro_is_full_name(df_bytes name)
{
    const char *p = name.data, *end = p + name.len, *dot;
    for (;; p = dot + 1) {
        dot = memchr(p, '.', (size_t)(end - p));
        if (!df__avro_is_name((df_bytes){p, (size_t)((dot ? dot : end) - p)}))
            return 0;
        if (!dot)
            return 1;
    }
}

const char *df__avro_full_name(df__arena *a, df_bytes name, df_bytes space, df_bytes *ret)
{
    int dotted = memchr(name.data, '.', name.len) != NULL;
    size_t len = dotted || !space.len ? name.len : space.len + 1 + name.len;
    char *p;
    if (len >= DF__AVRO_NAME)
        return "the name is too long";
    p = df__arena_alloc(a, len + 1);
    if (!p)
        return df__avro_no_memory;
    if (len > name.len) {
        memcpy(p, space.data, space.len);
        p[space.len] = '.';
    }
    df__copy(p + len - name.len, name.data, name.len);
    p[len] = '\0';
    *ret = (df_bytes){p, len};
    return df__avro_is_full_name(*ret) ? NULL : df__avro_no_name;
}

static const char *last_dot(df_bytes name)
{
    const char *p = name.data;
    for (size_t i = name.len; i; i--)
        if (p[i - 1] == '.')
            return p + i - 1;
    return NULL;
}

df_bytes df__avro_space(df_bytes full)
{
    const char *dot = last_dot(full);
    return (df_bytes){full.data, dot ? (size_t)(dot - (const char *)full.data) : 0};
}

df_bytes df__avro_short(df_bytes full)
{
    const char *dot = last_dot(full);
    size_t skip = dot ? (size_t)(dot + 1 - (const char *)full.data) : 0;
    return (df_bytes){(const char *)full.data + skip, full.len - skip};
}

/* ---- the table ------------------------------------------------------------------------------- */

static df__avro_type **slot(df__avro_type **names, size_t cap, df_bytes name)
{
    size_t at = df__hash(name.data, name.len) & (cap - 1);
    while (names[at] && !df__bytes_same(names[at]->name, name))
        at = (at + 1) & (cap - 1);
    return &names[at];
}

df__avro_type *df__avro_find(const df_avro_schema *s, df_bytes name)
{
    return s->name_cap ? *slot(s->names, s->name_cap, name) : NULL;
}

int df__avro_enter(df_avro_schema *s, df__avro_type *n)
{
    if (2 * (s->name_count + 1) > s->name_cap) {
        size_t cap = s->name_cap ? 2 * s->name_cap : 16;
        df__avro_type **names = df__zalloc(s->heap, cap * sizeof *names);
        if (!names)
            return DF_ENOMEM;
        for (size_t i = 0; i < s->name_cap; i++)
            if (s->names[i])
                *slot(names, cap, s->names[i]->name) = s->names[i];
        df__free(s->heap, s->names);
        s->names = names;
        s->name_cap = cap;
    }
    *slot(s->names, s->name_cap, n->name) = n;
    s->name_count++;
    return DF_OK;
}

int df__avro_twice(df__arena *scratch, const df_bytes *all, size_t count, size_t *ret)
{
    size_t cap = 16;
    uint32_t *seen;
    while (cap < 2 * count)
        cap *= 2;
    seen = df__arena_zalloc(scratch, cap * sizeof *seen);
    for (size_t i = 0; seen && i < count; i++) {
        size_t at = df__hash(all[i].data, all[i].len) & (cap - 1);
        for (; seen[at]; at = (at + 1) & (cap - 1))
            if (df__bytes_same(all[seen[at] - 1], all[i])) {
                *ret = i;
                return 1;
            }
        seen[at] = (uint32_t)i + 1;
    }
    return 0; /* without memory nothing is looked at: a name that is there twice does no harm */
}

/* ---- names of branches ----------------------------------------------------------------------- */

/* What the original's library adds to a type's word. */
static const char *const suffixes[] = {
    [DF__AVRO_DECIMAL] = "decimal",
    [DF__AVRO_DATE] = "date",
    [DF__AVRO_TIME_MILLIS] = "time-millis",
    [DF__AVRO_TIME_MICROS] = "time-micros",
    [DF__AVRO_TS_MILLIS] = "timestamp-millis",
    [DF__AVRO_TS_MICROS] = "timestamp-micros",
    [DF__AVRO_LOGICALS - 1] = NULL,
};

size_t df__avro_branch_name(const df__avro_type *n, char buf[64], const char **ret)
{
    const char *suffix = n->kind < DF__AVRO_FIXED ? suffixes[n->logical] : NULL;
    *ret = suffix ? buf : n->name.data;
    return suffix ? df__text_printf(buf, 64, "%s.%s", df__avro_words[n->kind], suffix)
                  : n->name.len;
}
