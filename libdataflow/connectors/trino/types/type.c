/* SPDX-License-Identifier: Apache-2.0
 * type.c: see type.h. */
#include "types/type.h"

#include <string.h>
#include <strings.h>

#include "util/scalar.h"

enum { DEPTH = 32, PARTS = 4096 };

static const struct {
    const char *name;
    enum df__trino_kind kind;
    int precision; /* when none is written */
} plain[] = {
    {"boolean", TRINO_KIND_BOOLEAN, 0},
    {"tinyint", TRINO_KIND_TINYINT, 0},
    {"smallint", TRINO_KIND_SMALLINT, 0},
    {"integer", TRINO_KIND_INTEGER, 0},
    {"bigint", TRINO_KIND_BIGINT, 0},
    {"real", TRINO_KIND_REAL, 0},
    {"double", TRINO_KIND_DOUBLE, 0},
    {"decimal", TRINO_KIND_DECIMAL, 38},
    {"varchar", TRINO_KIND_VARCHAR, 0},
    {"char", TRINO_KIND_CHAR, 1},
    {"varbinary", TRINO_KIND_VARBINARY, 0},
    {"json", TRINO_KIND_JSON, 0},
    {"date", TRINO_KIND_DATE, 0},
    {"time", TRINO_KIND_TIME, 3},
    {"timestamp", TRINO_KIND_TIMESTAMP, 3},
    {"uuid", TRINO_KIND_UUID, 0},
    {"ipaddress", TRINO_KIND_IPADDRESS, 0},
    {"array", TRINO_KIND_ARRAY, 0},
    {"map", TRINO_KIND_MAP, 0},
    {"row", TRINO_KIND_ROW, 0},
};

static df_bytes trimmed(const char *from, const char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    return (df_bytes){from, (size_t)(to - from)};
}

/* The bracket that closes the one at `open`; NULL: none does. Names in quotes may hold any. */
static const char *closing(const char *open, const char *end)
{
    int depth = 0, quoted = 0;
    for (const char *at = open; at < end; at++)
        if (*at == '"')
            quoted = !quoted;
        else if (!quoted && *at == '(')
            depth++;
        else if (!quoted && *at == ')' && --depth == 0)
            return at;
    return NULL;
}

/* The end of the part that begins at `at`: a comma outside of brackets, or the end. */
static const char *part_end(const char *at, const char *end)
{
    int depth = 0, quoted = 0;
    for (; at < end; at++)
        if (*at == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (*at == '(')
            depth++;
        else if (*at == ')')
            depth--;
        else if (*at == ',' && depth == 0)
            break;
    return at;
}

static size_t count_parts(df_bytes inner)
{
    const char *at = inner.data, *end = at + inner.len;
    size_t count = inner.len ? 1 : 0;
    while (inner.len && (at = part_end(at, end)) < end) {
        at++;
        count++;
    }
    return count;
}

/* "a b" with doubled quotes inside. */
static int unquote(df__arena *arena, df_bytes text, df_bytes *ret)
{
    char *out = df__arena_alloc(arena, text.len + 1);
    const char *from = text.data;
    size_t len = 0;
    if (!out)
        return DF_ENOMEM;
    for (size_t i = 1; i + 1 < text.len; i++) {
        out[len++] = from[i];
        if (from[i] == '"' && from[i + 1] == '"')
            i++;
    }
    out[len] = '\0';
    *ret = (df_bytes){out, len};
    return DF_OK;
}

static int has_type_name(df_bytes text)
{
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        size_t len = strlen(plain[i].name);
        const char *s = text.data;
        if (text.len >= len && strncasecmp(s, plain[i].name, len) == 0 &&
            (text.len == len || s[len] == '(' || s[len] == ' '))
            return 1;
    }
    return 0;
}

/* The name of a ROW's field, and where its type begins. "timestamp(3) with time zone" has a blank
 * and no name. */
static int split_field(df__arena *arena, df_bytes part, df_bytes *ret_name, df_bytes *ret_type)
{
    const char *s = part.data, *end = s + part.len, *at = s;
    *ret_name = (df_bytes){NULL, 0};
    *ret_type = part;
    if (part.len && *s == '"') {
        for (at = s + 1; at < end && (*at != '"' || (at + 1 < end && at[1] == '"')); at++)
            at += *at == '"';
        if (at >= end)
            return DF_EDATA;
        *ret_type = trimmed(at + 1, end);
        return unquote(arena, (df_bytes){s, (size_t)(at + 1 - s)}, ret_name);
    }
    while (at < end && *at != ' ' && *at != '(')
        at++;
    if (at == end || *at == '(')
        return DF_OK;
    df_bytes rest = trimmed(at, end);
    if (!has_type_name(rest) && has_type_name(part))
        return DF_OK;
    *ret_type = rest;
    return df__arena_copy(arena, (df_bytes){s, (size_t)(at - s)}, ret_name);
}

/* Signature: type parser of a given depth. */
static int parse(df__arena *arena, df_bytes text, int depth, df__trino_type *ret);

static int parse_parts(df__arena *arena, df_bytes inner, int depth, df__trino_type *ret)
{
    size_t count = count_parts(inner);
    const char *at = inner.data, *end = at + inner.len;
    if (depth >= DEPTH || count == 0 || count > PARTS)
        return DF_EDATA;
    ret->parts = df__arena_zalloc(arena, count * sizeof *ret->parts);
    ret->names = df__arena_zalloc(arena, count * sizeof *ret->names);
    if (!ret->parts || !ret->names)
        return DF_ENOMEM;
    for (; ret->part_count < count; ret->part_count++) {
        const char *stop = part_end(at, end);
        df_bytes part = trimmed(at, stop), type = part;
        int rc = DF_OK;
        if (ret->kind == TRINO_KIND_ROW)
            rc = split_field(arena, part, &ret->names[ret->part_count], &type);
        rc = rc == DF_OK ? parse(arena, type, depth + 1, &ret->parts[ret->part_count]) : rc;
        if (rc != DF_OK)
            return rc;
        at = stop < end ? stop + 1 : end;
    }
    if ((ret->kind == TRINO_KIND_ARRAY && count != 1) ||
        (ret->kind == TRINO_KIND_MAP && count != 2))
        return DF_EDATA;
    return DF_OK;
}

/* "10,2" of decimal(10,2), "6" of timestamp(6). */
static int parse_numbers(df_bytes inner, df__trino_type *ret)
{
    const char *at = inner.data, *end = at + inner.len, *stop = part_end(at, end);
    int64_t number = 0;
    if (!df__parse_int(trimmed(at, stop), &number) || number < 0 || number > INT32_MAX)
        return DF_EDATA;
    ret->precision = (int)number;
    if (stop == end)
        return DF_OK;
    if (!df__parse_int(trimmed(stop + 1, end), &number) || number < 0 || number > ret->precision)
        return DF_EDATA;
    ret->scale = (int)number;
    return DF_OK;
}

static void set_kind(df_bytes base, df_bytes after, df__trino_type *ret)
{
    static const char zoned[] = "with time zone";
    int is_zoned = after.len == sizeof zoned - 1 && !strncasecmp(after.data, zoned, after.len);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (base.len != strlen(plain[i].name) ||
            strncasecmp(base.data, plain[i].name, base.len) != 0)
            continue;
        ret->kind = plain[i].kind;
        ret->precision = plain[i].precision;
    }
    if (is_zoned && (ret->kind == TRINO_KIND_TIME || ret->kind == TRINO_KIND_TIMESTAMP))
        ret->kind = ret->kind == TRINO_KIND_TIME ? TRINO_KIND_TIME_ZONE : TRINO_KIND_TIMESTAMP_ZONE;
    else if (after.len)
        ret->kind = TRINO_KIND_OTHER;
}

/* "base(inner) after", "base after" or "base" alone; `close` NULL: no brackets. */
static void set_names(df_bytes text, const char *open, const char *close, df__trino_type *ret)
{
    const char *s = text.data, *end = s + text.len;
    const char *blank = open ? NULL : memchr(s, ' ', text.len);
    const char *stop = open ? open : blank ? blank : end;
    df_bytes after = close ? trimmed(close + 1, end) : trimmed(stop, end);
    set_kind(trimmed(s, stop), after, ret);
}

static int has_parts(const df__trino_type *t)
{
    return t->kind == TRINO_KIND_ARRAY || t->kind == TRINO_KIND_MAP || t->kind == TRINO_KIND_ROW;
}

static int parse(df__arena *arena, df_bytes text, int depth, df__trino_type *ret)
{
    const char *s = text.data;
    const char *open = text.len ? memchr(s, '(', text.len) : NULL;
    const char *close = open ? closing(open, s + text.len) : NULL;
    memset(ret, 0, sizeof *ret);
    if (text.len == 0 || (open && !close))
        return DF_EDATA;
    if (df__arena_copy(arena, text, &ret->name) != DF_OK)
        return DF_ENOMEM;
    set_names(text, open, close, ret);
    if (ret->kind == TRINO_KIND_OTHER)
        return DF_OK;
    if (!open)
        return has_parts(ret) ? DF_EDATA : DF_OK;
    df_bytes inner = trimmed(open + 1, close);
    return has_parts(ret) ? parse_parts(arena, inner, depth, ret) : parse_numbers(inner, ret);
}

int df__trino_type_parse(df__arena *arena, df_bytes text, df__trino_type *ret)
{
    return parse(arena, text, 0, ret);
}
