/* SPDX-License-Identifier: Apache-2.0
 * type.c: reads "LowCardinality(Nullable(String))", "Tuple(a UInt8, b DateTime64(3, 'UTC'))". */
#include "type.h"

#include <string.h>

#include "number.h"

typedef struct reader {
    df__arena *arena;
    const char *at, *end;
    int depth;
} reader;

enum { ITEMS_MAX = 4096, NAMES_MAX = 65536, ZONE_MAX = 64 };

static void skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t'))
        r->at++;
}

/* Takes the character when it is next. */
static int take(reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return 0;
    r->at++;
    return 1;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static df_bytes read_word(reader *r)
{
    skip_blanks(r);
    const char *from = r->at;
    while (r->at < r->end && is_letter(*r->at))
        r->at++;
    return (df_bytes){from, (size_t)(r->at - from)};
}

/* A text between quotes, its escapes taken out. */
static int read_quoted(reader *r, char quote, df_bytes *ret)
{
    char *out;
    size_t len = 0;
    if (!take(r, quote))
        return DF_EDATA;
    out = df__arena_alloc(r->arena, (size_t)(r->end - r->at) + 1);
    if (!out)
        return DF_ENOMEM;
    while (r->at < r->end && *r->at != quote) {
        if (*r->at == '\\' && r->at + 1 < r->end)
            r->at++;
        out[len++] = *r->at++;
    }
    out[len] = '\0';
    *ret = (df_bytes){out, len};
    return r->at < r->end && *r->at++ == quote ? DF_OK : DF_EDATA;
}

static int read_int(reader *r, int *ret)
{
    int negative = take(r, '-');
    df_bytes word = read_word(r);
    const char *s = word.data;
    int value = 0;
    if (word.len == 0 || word.len > 6)
        return DF_EDATA;
    for (size_t i = 0; i < word.len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return DF_EDATA;
        value = value * 10 + (s[i] - '0');
    }
    *ret = negative ? -value : value;
    return DF_OK;
}

/* All that stands between brackets, up to the closing one. */
static int skip_arguments(reader *r)
{
    int open = 1;
    df_bytes text;
    while (r->at < r->end && open > 0) {
        if (*r->at == '\'' || *r->at == '`' || *r->at == '"') {
            int rc = read_quoted(r, *r->at, &text);
            if (rc != DF_OK)
                return rc;
            continue;
        }
        open += (*r->at == '(') - (*r->at == ')');
        r->at++;
    }
    return open == 0 ? DF_OK : DF_EDATA;
}

static int read_type(reader *r, df__ch_type *t);

/* ---- the arguments of each family ------------------------------------------------------------ */

static int read_fixed(reader *r, df__ch_type *t)
{
    int rc = read_int(r, &t->width);
    return rc == DF_OK && t->width > 0 ? DF_OK : DF_EDATA;
}

/* Decimal(P, S), and Decimal64(S) whose width stands in its name. */
static int read_decimal(reader *r, df__ch_type *t)
{
    static const int digits[] = {9, 18, 38, 76};
    int rc = DF_OK;
    if (t->precision == 0) {
        rc = read_int(r, &t->precision);
        if (rc == DF_OK && !take(r, ','))
            t->scale = 0;
        else if (rc == DF_OK)
            rc = read_int(r, &t->scale);
    } else {
        rc = read_int(r, &t->scale);
    }
    if (rc != DF_OK || t->precision < 1 || t->precision > 76 || t->scale < 0 ||
        t->scale > t->precision)
        return DF_EDATA;
    t->width = 4;
    for (size_t i = 0; i < 3 && t->precision > digits[i]; i++)
        t->width *= 2;
    df__ch_power(t->precision, t->limit);
    return DF_OK;
}

static int read_zone(reader *r, df__ch_type *t)
{
    df_bytes zone;
    int rc = read_quoted(r, '\'', &zone);
    t->zone = rc == DF_OK ? zone.data : NULL;
    return rc == DF_OK && (zone.len == 0 || zone.len > ZONE_MAX) ? DF_EDATA : rc;
}

static int read_scaled(reader *r, df__ch_type *t)
{
    int rc = read_int(r, &t->scale);
    if (rc == DF_OK && (t->scale < 0 || t->scale > 9))
        return DF_EDATA;
    return rc == DF_OK && take(r, ',') ? read_zone(r, t) : rc;
}

static int read_names(reader *r, df__ch_type *t)
{
    df__ch_name *names = NULL;
    size_t cap = 0;
    int rc = DF_OK;
    do {
        if (t->name_count == cap) {
            size_t more = cap ? cap * 2 : 16;
            df__ch_name *grown = df__arena_alloc(r->arena, more * sizeof *grown);
            if (!grown || more > NAMES_MAX)
                return grown ? DF_EDATA : DF_ENOMEM;
            if (cap)
                memcpy(grown, names, cap * sizeof *grown);
            names = grown;
            cap = more;
        }
        df__ch_name *one = &names[t->name_count++];
        rc = read_quoted(r, '\'', &one->name);
        if (rc == DF_OK)
            rc = take(r, '=') ? read_int(r, &one->value) : DF_EDATA;
    } while (rc == DF_OK && take(r, ','));
    t->names = names;
    return rc;
}

static int add_item(reader *r, df__ch_type *t, size_t *cap)
{
    if (t->item_count == *cap) {
        size_t more = *cap ? *cap * 2 : 2;
        df__ch_type *items = df__arena_zalloc(r->arena, more * sizeof *items);
        df_bytes *labels = df__arena_zalloc(r->arena, more * sizeof *labels);
        if (!items || !labels || more > ITEMS_MAX)
            return items && labels ? DF_EDATA : DF_ENOMEM;
        if (*cap) {
            memcpy(items, t->items, *cap * sizeof *items);
            memcpy(labels, t->labels, *cap * sizeof *labels);
        }
        t->items = items;
        t->labels = labels;
        *cap = more;
    }
    t->item_count++;
    return DF_OK;
}

/* The name before an element of a Tuple, when there is one: two words in a row. */
static int read_label(reader *r, df_bytes *ret)
{
    skip_blanks(r);
    const char *from = r->at;
    if (r->at < r->end && *r->at == '`')
        return read_quoted(r, '`', ret);
    df_bytes word = read_word(r);
    skip_blanks(r);
    if (word.len > 0 && r->at < r->end && is_letter(*r->at))
        *ret = word;
    else
        r->at = from;
    return DF_OK;
}

static int read_items(reader *r, df__ch_type *t)
{
    size_t cap = 0, named = 0;
    int rc = DF_OK;
    do {
        df_bytes label = {NULL, 0};
        rc = add_item(r, t, &cap);
        if (rc == DF_OK && t->kind == CH_KIND_TUPLE)
            rc = read_label(r, &label);
        if (rc == DF_OK) {
            t->labels[t->item_count - 1] = label;
            named += label.data != NULL;
            rc = read_type(r, &t->items[t->item_count - 1]);
        }
    } while (rc == DF_OK && take(r, ','));
    for (size_t i = 0; i < t->item_count; i++)
        t->kind = t->items[i].kind == CH_KIND_OTHER ? CH_KIND_OTHER : t->kind;
    size_t want = t->kind == CH_KIND_MAP ? 2 : t->kind == CH_KIND_ARRAY ? 1 : t->item_count;
    t->labels = named == t->item_count && named > 0 ? t->labels : NULL;
    return rc == DF_OK && t->item_count != want ? DF_EDATA : rc;
}

/* A type that is written as the one inside of it. */
static int read_wrapped(reader *r, df__ch_type *t)
{
    int nullable = t->nullable;
    int rc = read_type(r, t);
    t->nullable |= nullable;
    return rc;
}

/* SimpleAggregateFunction(sum, UInt64) */
static int read_simple(reader *r, df__ch_type *t)
{
    if (read_word(r).len == 0)
        return DF_EDATA;
    if (take(r, '(')) {
        int rc = skip_arguments(r);
        if (rc != DF_OK)
            return rc;
    }
    return take(r, ',') ? read_type(r, t) : DF_EDATA;
}

/* Nested as one column is an array of tuples. */
static int read_nested(reader *r, df__ch_type *t)
{
    t->items = df__arena_zalloc(r->arena, sizeof *t->items);
    t->item_count = 1;
    if (!t->items)
        return DF_ENOMEM;
    t->items->kind = CH_KIND_TUPLE;
    int rc = read_items(r, t->items);
    t->kind = t->items->kind == CH_KIND_OTHER ? CH_KIND_OTHER : CH_KIND_ARRAY;
    return rc;
}

/* ---- names ----------------------------------------------------------------------------------- */

typedef int (*arguments_fn)(reader *r, df__ch_type *t);
typedef struct family {
    const char *name;
    arguments_fn arguments; /* NULL: what stands in brackets is not looked at */
    df__ch_type like;
    int bare; /* may stand without brackets */
} family;

static const family families[] = {
    {"UInt8", NULL, {.kind = CH_KIND_UINT, .width = 1}, 1},
    {"UInt16", NULL, {.kind = CH_KIND_UINT, .width = 2}, 1},
    {"UInt32", NULL, {.kind = CH_KIND_UINT, .width = 4}, 1},
    {"UInt64", NULL, {.kind = CH_KIND_UINT, .width = 8}, 1},
    {"UInt128", NULL, {.kind = CH_KIND_UINT, .width = 16}, 1},
    {"UInt256", NULL, {.kind = CH_KIND_UINT, .width = 32}, 1},
    {"Int8", NULL, {.kind = CH_KIND_INT, .width = 1}, 1},
    {"Int16", NULL, {.kind = CH_KIND_INT, .width = 2}, 1},
    {"Int32", NULL, {.kind = CH_KIND_INT, .width = 4}, 1},
    {"Int64", NULL, {.kind = CH_KIND_INT, .width = 8}, 1},
    {"Int128", NULL, {.kind = CH_KIND_INT, .width = 16}, 1},
    {"Int256", NULL, {.kind = CH_KIND_INT, .width = 32}, 1},
    {"Float32", NULL, {.kind = CH_KIND_FLOAT32, .width = 4}, 1},
    {"Float64", NULL, {.kind = CH_KIND_FLOAT64, .width = 8}, 1},
    {"Bool", NULL, {.kind = CH_KIND_BOOL, .width = 1}, 1},
    {"String", NULL, {.kind = CH_KIND_STRING}, 1},
    {"FixedString", read_fixed, {.kind = CH_KIND_FIXED}, 0},
    {"Decimal", read_decimal, {.kind = CH_KIND_DECIMAL}, 0},
    {"Decimal32", read_decimal, {.kind = CH_KIND_DECIMAL, .precision = 9}, 0},
    {"Decimal64", read_decimal, {.kind = CH_KIND_DECIMAL, .precision = 18}, 0},
    {"Decimal128", read_decimal, {.kind = CH_KIND_DECIMAL, .precision = 38}, 0},
    {"Decimal256", read_decimal, {.kind = CH_KIND_DECIMAL, .precision = 76}, 0},
    {"Date", NULL, {.kind = CH_KIND_DATE}, 1},
    {"Date32", NULL, {.kind = CH_KIND_DATE32}, 1},
    {"DateTime", read_zone, {.kind = CH_KIND_DATETIME}, 1},
    {"DateTime64", read_scaled, {.kind = CH_KIND_DATETIME64}, 0},
    {"Time", NULL, {.kind = CH_KIND_TIME}, 1},
    {"Time64", read_scaled, {.kind = CH_KIND_TIME64}, 0},
    {"UUID", NULL, {.kind = CH_KIND_UUID}, 1},
    {"IPv4", NULL, {.kind = CH_KIND_IPV4}, 1},
    {"IPv6", NULL, {.kind = CH_KIND_IPV6}, 1},
    {"Enum8", read_names, {.kind = CH_KIND_ENUM, .width = 1}, 0},
    {"Enum16", read_names, {.kind = CH_KIND_ENUM, .width = 2}, 0},
    {"Array", read_items, {.kind = CH_KIND_ARRAY}, 0},
    {"Tuple", read_items, {.kind = CH_KIND_TUPLE}, 0},
    {"Map", read_items, {.kind = CH_KIND_MAP}, 0},
    {"Nested", read_nested, {.kind = CH_KIND_ARRAY}, 0},
    {"Nullable", read_wrapped, {.nullable = 1}, 0},
    {"LowCardinality", read_wrapped, {.kind = CH_KIND_OTHER}, 0},
    {"SimpleAggregateFunction", read_simple, {.kind = CH_KIND_OTHER}, 0},
    {"JSON", NULL, {.kind = CH_KIND_JSON}, 1},
    {"Object", NULL, {.kind = CH_KIND_JSON}, 0},
};

/* What is not in the list cannot be written. */
static const family unknown = {"", NULL, {.kind = CH_KIND_OTHER}, 1};

static const family *find(df_bytes name)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strlen(families[i].name) == name.len &&
            memcmp(families[i].name, name.data, name.len) == 0)
            return &families[i];
    return &unknown;
}

static int read_type(reader *r, df__ch_type *t)
{
    df_bytes name = read_word(r);
    const char *from = name.data;
    const family *f = find(name);
    int rc = DF_OK;
    if (name.len == 0 || r->depth >= CH_DEPTH)
        return DF_EDATA;
    *t = f->like;
    r->depth++;
    if (take(r, '(')) {
        if (f->arguments) {
            rc = f->arguments(r, t);
            rc = rc == DF_OK && !take(r, ')') ? DF_EDATA : rc;
        } else {
            rc = skip_arguments(r);
        }
    } else if (!f->bare) {
        rc = DF_EDATA;
    }
    r->depth--;
    t->text = (df_bytes){from, (size_t)(r->at - from)};
    return rc;
}

/* The text in one line, as it stands in front of rows: DESCRIBE of today's servers has a line for
 * each element of a Tuple. Names in quotes have no line ends of their own. */
static int copy_line(df__arena *arena, df_bytes text, df_bytes *ret)
{
    const char *s = text.data;
    char *out = df__arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!out)
        return DF_ENOMEM;
    for (size_t i = 0; i < text.len; i++) {
        if (s[i] != '\n') {
            out[len++] = s[i];
            continue;
        }
        while (i + 1 < text.len && s[i + 1] == ' ')
            i++;
        if (len > 0 && out[len - 1] == ',')
            out[len++] = ' ';
    }
    out[len] = '\0';
    *ret = (df_bytes){out, len};
    return DF_OK;
}

int df__ch_type_read(df__arena *arena, df_bytes text, df__ch_type *ret)
{
    df_bytes copy = {NULL, 0};
    memset(ret, 0, sizeof *ret);
    if (copy_line(arena, text, &copy) != DF_OK)
        return DF_ENOMEM;
    if (copy.len == 0)
        return DF_EDATA;
    const char *at = copy.data;
    reader r = {arena, at, at + copy.len, 0};
    int rc = read_type(&r, ret);
    skip_blanks(&r);
    ret->text = copy;
    return rc == DF_OK && r.at != r.end ? DF_EDATA : rc;
}

static void free_zone(void *zone)
{
    df__zone_free(zone);
}

int df__ch_type_zones(df__arena *arena, df__ch_type *type, const char **ret_zone)
{
    char why[DF__ZONE_TEXT];
    int rc = DF_OK;
    if (type->zone && !type->rules) {
        rc = df__zone_load(&df__heap_libc, type->zone, NULL, &type->rules, why);
        *ret_zone = type->zone;
        if (rc == DF_OK && df__arena_keep(arena, free_zone, type->rules) != DF_OK) {
            df__zone_free(type->rules);
            type->rules = NULL;
            return DF_ENOMEM;
        }
        rc = rc == DF_OK || rc == DF_ENOMEM ? rc : DF_EINVAL;
    }
    for (size_t i = 0; i < type->item_count && rc == DF_OK; i++)
        rc = df__ch_type_zones(arena, &type->items[i], ret_zone);
    return rc;
}
