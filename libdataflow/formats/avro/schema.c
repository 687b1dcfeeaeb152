/* SPDX-License-Identifier: Apache-2.0
 * schema.c: the JSON text of a schema to a graph of types. Errors name the place in the text. */
#include "formats/avro/type.h"

#include <stdarg.h>
#include <stdio.h>

#include "formats/avro/names.h"
#include "record/tree.h"

enum { TEXT_DEPTH = DF__AVRO_DEPTH / 10 };

const char *const df__avro_words[DF__AVRO_KINDS] = {"null",   "boolean", "int",    "long",  "float",
                                                    "double", "bytes",   "string", "fixed", "enum",
                                                    "record", "array",   "map",    "union"};

typedef struct place { /* a way down the text */
    const struct place *up;
    const char *name; /* NULL: index */
    size_t index;
    size_t depth;
} place;

typedef struct pending { /* a default, read when all names are known */
    struct pending *next;
    df__avro_field *field;
    df_value json;
    const char *path;
} pending;

typedef struct parser {
    df_avro_schema *s;
    df__arena scratch;
    df__avro_error *error;
    int rc;
    pending *defaults, **tail;
} parser;

/* ---- places and errors ----------------------------------------------------------------------- */

static void put_place(df__buf *b, const place *at)
{
    if (!at->up) {
        df__buf_char(b, '$');
        return;
    }
    put_place(b, at->up);
    if (at->name)
        df__buf_printf(b, ".%s", at->name);
    else
        df__buf_printf(b, "[%zu]", at->index);
}

static place below(const place *up, const char *name)
{
    return (place){up, name, 0, up->depth};
}

static place item(const place *up, size_t index)
{
    return (place){up, NULL, index, up->depth};
}

static DF_PRINTF(3, 4) void *fail(parser *p, const place *at, const char *format, ...)
{
    char text[256];
    df__buf b;
    va_list args;
    if (p->rc != DF_OK)
        return NULL;
    p->rc = DF_ESPEC;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    df__buf_init(&b, p->s->heap);
    put_place(&b, at);
    df__text_printf(p->error->text, sizeof p->error->text, "Avro schema at %.200s: %s",
                    b.failed ? "$" : df__buf_cstr(&b), text);
    df__buf_free(&b);
    return NULL;
}

static void *no_memory(parser *p)
{
    if (p->rc == DF_OK)
        p->rc = DF_ENOMEM;
    return NULL;
}

static void *take(parser *p, size_t len)
{
    void *m = df__arena_zalloc(&p->s->arena, len ? len : 1);
    return m ? m : no_memory(p);
}

static df_bytes keep(parser *p, df_bytes text)
{
    df_bytes copy = {"", 0};
    if (df__arena_copy(&p->s->arena, text, &copy) != DF_OK)
        no_memory(p);
    return copy;
}

/* ---- members of the text --------------------------------------------------------------------- */

static df_value member(const df_value *object, const char *name)
{
    df_value v;
    df_value_member(object, (df_bytes){name, strlen(name)}, &v);
    return v;
}

static df_bytes text_of(const df_value *v)
{
    df_bytes none = {NULL, 0};
    return v->type == DF_V_STRING ? (df_bytes){v->text, v->len} : none;
}

/* A text that may be missing; data NULL then. */
static df_bytes text_member(parser *p, const df_value *object, const char *name, const place *at)
{
    df_value v = member(object, name);
    place here = below(at, name);
    if (v.type != DF_V_ABSENT && v.type != DF_V_STRING)
        fail(p, &here, "has to be a string");
    return text_of(&v);
}

/* A size; -1: it is not there. */
static int64_t int_member(parser *p, const df_value *object, const char *name, const place *at)
{
    df_value v = member(object, name);
    place here = below(at, name);
    int64_t i = -1;
    if (v.type == DF_V_ABSENT)
        return -1;
    if (df_value_int(&v, &i) != DF_OK || i < 0 || i > INT32_MAX) {
        fail(p, &here, "has to be a whole number from 0 to %d", INT32_MAX);
        return -1;
    }
    return i;
}

static df_bytes *texts(parser *p, const df_value *list, const place *at, size_t *ret_count)
{
    df_walk w = {0};
    df_bytes *all;
    *ret_count = 0;
    if (list->type != DF_V_ARRAY)
        return fail(p, at, "has to be a list of strings");
    all = take(p, list->len * sizeof *all);
    while (all && df_value_walk(list, &w) == DF_OK) {
        place here = item(at, w.index);
        if (w.value.type != DF_V_STRING)
            return fail(p, &here, "has to be a string");
        all[(*ret_count)++] = keep(p, text_of(&w.value));
    }
    return all;
}

/* ---- types ----------------------------------------------------------------------------------- */

static df__avro_type *type_new(parser *p, enum df__avro_kind type, const place *at)
{
    df__avro_type *n;
    if (p->s->types++ >= DF__AVRO_TYPES_MAX)
        return fail(p, at, "the schema has more than %d types", DF__AVRO_TYPES_MAX);
    n = take(p, sizeof *n);
    if (!n)
        return NULL;
    n->kind = type;
    n->fallback = -1;
    n->name = (df_bytes){df__avro_words[type], strlen(df__avro_words[type])};
    return n;
}

static int word_type(df_bytes word, enum df__avro_kind *ret)
{
    for (int i = 0; i < DF__AVRO_KINDS; i++)
        if (df__bytes_are(word, df__avro_words[i])) {
            *ret = (enum df__avro_kind)i;
            return 1;
        }
    if (!df__bytes_are(word, "error"))
        return 0;
    *ret = DF__AVRO_RECORD;
    return 1;
}

static df__avro_type *parse(parser *p, const df_value *v, df_bytes space, const place *at);

/* A type by its name, as the namespace around it sees it. */
static df__avro_type *named(parser *p, df_bytes name, df_bytes space, const place *at)
{
    char full[DF__AVRO_NAME];
    df__avro_type *n = NULL;
    size_t len;
    if (!memchr(name.data, '.', name.len) && space.len) {
        len = df__text_printf(full, sizeof full, "%.*s.%.*s", (int)space.len,
                              (const char *)space.data, (int)name.len, (const char *)name.data);
        n = df__avro_find(p->s, (df_bytes){full, len});
    }
    if (!n) /* as Java does: a type without a namespace is seen from everywhere */
        n = df__avro_find(p->s, name);
    if (!n)
        return fail(p, at, "no type is named \"%.*s\" (%s)", (int)df__avro_shown(name),
                    (const char *)name.data,
                    space.len ? "here a name without dots is in the namespace around it"
                              : "types are defined before they are named");
    return n;
}

static df__avro_type *parse_word(parser *p, df_bytes word, df_bytes space, const place *at)
{
    enum df__avro_kind type;
    if (!word_type(word, &type))
        return named(p, word, space, at);
    if (type >= DF__AVRO_FIXED)
        return fail(p, at, "\"%s\" needs an object that says more", df__avro_words[type]);
    return type_new(p, type, at);
}

static int bad_name(parser *p, const place *at, const char *why)
{
    if (why == df__avro_no_memory)
        no_memory(p);
    else
        fail(p, at, "%s", why);
    return 0;
}

/* The name of a type that is defined here; *ret_space is the namespace inside of it. */
static int define(parser *p, df__avro_type *n, const df_value *v, const place *at,
                  df_bytes *ret_space)
{
    df_bytes name = text_member(p, v, "name", at), space = text_member(p, v, "namespace", at);
    df_value aliases = member(v, "aliases");
    place here = below(at, "name"), alias_place = below(at, "aliases");
    const char *why;
    if (!name.data)
        fail(p, at, "a type of this kind needs a \"name\"");
    if (p->rc != DF_OK)
        return 0;
    if (!space.data)
        space = *ret_space;
    why = df__avro_full_name(&p->s->arena, name, space, &n->name);
    if (why)
        return bad_name(p, &here, why);
    *ret_space = df__avro_space(n->name);
    if (aliases.type != DF_V_ABSENT)
        n->aliases = texts(p, &aliases, &alias_place, &n->alias_count);
    for (size_t i = 0; p->rc == DF_OK && i < n->alias_count; i++) {
        df_bytes *alias = (df_bytes *)(uintptr_t)&n->aliases[i];
        place one = item(&alias_place, i);
        why = df__avro_full_name(&p->s->arena, *alias, *ret_space, alias);
        if (why)
            bad_name(p, &one, why);
    }
    if (p->rc != DF_OK)
        return 0;
    if (df__avro_find(p->s, n->name))
        return fail(p, &here, "\"%.*s\" is defined twice", (int)df__avro_shown(n->name),
                    (const char *)n->name.data) != NULL;
    return df__avro_enter(p->s, n) == DF_OK || no_memory(p) != NULL;
}

static df__avro_type *parse_enum(parser *p, const df_value *v, df_bytes space, const place *at)
{
    df__avro_type *n = type_new(p, DF__AVRO_ENUM, at);
    df_value symbols = member(v, "symbols");
    df_bytes fallback = text_member(p, v, "default", at);
    place here = below(at, "symbols");
    size_t twice;
    if (!n || !define(p, n, v, at, &space))
        return NULL;
    n->symbols = texts(p, &symbols, &here, &n->count);
    if (p->rc == DF_OK && df__avro_twice(&p->scratch, n->symbols, n->count, &twice)) {
        place one = item(&here, twice);
        return fail(p, &one, "the symbol is there twice");
    }
    for (size_t i = 0; fallback.data && p->rc == DF_OK && i < n->count; i++)
        if (df__bytes_same(n->symbols[i], fallback))
            n->fallback = (int)i;
    here = below(at, "default");
    if (fallback.data && n->fallback < 0)
        return fail(p, &here, "is none of the symbols");
    return n;
}

static df__avro_type *parse_fixed(parser *p, const df_value *v, df_bytes space, const place *at)
{
    df__avro_type *n = type_new(p, DF__AVRO_FIXED, at);
    int64_t size = int_member(p, v, "size", at);
    if (!n || !define(p, n, v, at, &space))
        return NULL;
    if (size < 0)
        return fail(p, at, "a fixed needs a \"size\"");
    n->size = (size_t)size;
    return n;
}

static void parse_field(parser *p, df__avro_field *f, const df_value *v, const place *at)
{
    df_value aliases = member(v, "aliases");
    place name_place = below(at, "name"), alias_place = below(at, "aliases");
    df_bytes name = text_member(p, v, "name", at);
    if (v->type != DF_V_OBJECT)
        fail(p, at, "a field is an object");
    else if (!name.data)
        fail(p, at, "a field needs a \"name\"");
    else if (!df__avro_is_name(name))
        fail(p, &name_place, "%s", df__avro_no_name);
    else
        f->name = keep(p, name);
    if (p->rc == DF_OK && aliases.type != DF_V_ABSENT)
        f->aliases = texts(p, &aliases, &alias_place, &f->alias_count);
}

/* Kept until all names are known, after those of the types inside it. */
static void keep_default(parser *p, df__avro_field *f, const df_value *fill, const place *at)
{
    place here = below(at, "default");
    pending *d = df__arena_zalloc(&p->scratch, sizeof *d);
    df_bytes path = {NULL, 0};
    df__buf b;
    df__buf_init(&b, p->s->heap);
    put_place(&b, &here);
    if (!b.failed)
        path = (df_bytes){b.data, b.len};
    if (!d || !path.data || df__arena_copy(&p->scratch, path, &path) != DF_OK) {
        no_memory(p);
    } else {
        *d = (pending){NULL, f, *fill, path.data};
        *p->tail = d;
        p->tail = &d->next;
    }
    df__buf_free(&b);
}

/* The type is read apart from the rest, so that less stays on the stack while it is. */
static void field_type(parser *p, df__avro_field *f, const df_walk *w, df_bytes space,
                       const place *at)
{
    place here = item(at, w->index), type_place = below(&here, "type");
    df_value type, fill;
    parse_field(p, f, &w->value, &here);
    if (p->rc != DF_OK)
        return;
    type = member(&w->value, "type");
    fill = member(&w->value, "default");
    if (type.type == DF_V_ABSENT)
        fail(p, &here, "a field needs a \"type\"");
    else
        f->type = parse(p, &type, space, &type_place);
    if (p->rc == DF_OK && fill.type != DF_V_ABSENT)
        keep_default(p, f, &fill, &here);
}

static df__avro_type *parse_record(parser *p, const df_value *v, df_bytes space, const place *at)
{
    df__avro_type *n = type_new(p, DF__AVRO_RECORD, at);
    df_value fields = member(v, "fields");
    place here = below(at, "fields");
    df_walk w = {0};
    df_bytes *names;
    size_t twice;
    if (!n || !define(p, n, v, at, &space))
        return NULL;
    if (fields.type != DF_V_ARRAY)
        return fail(p, &here, "a record needs a list of fields");
    n->fields = take(p, fields.len * sizeof *n->fields);
    names = df__arena_zalloc(&p->scratch, fields.len * sizeof *names + 1);
    if (!names)
        no_memory(p);
    while (p->rc == DF_OK && df_value_walk(&fields, &w) == DF_OK) {
        field_type(p, &n->fields[n->count], &w, space, &here);
        names[n->count] = n->fields[n->count].name;
        n->count++;
    }
    if (p->rc == DF_OK && df__avro_twice(&p->scratch, names, n->count, &twice)) {
        place one = item(&here, twice);
        return fail(p, &one, "a field of that name is there twice");
    }
    n->defined = 1;
    return n;
}

/* Arrays and maps: what all their items are of. */
typedef struct container {
    enum df__avro_kind type;
    const char *member, *why;
} container;

static df__avro_type *parse_items(parser *p, const df_value *v, df_bytes space, const place *at,
                                  const container *c)
{
    df__avro_type *n = type_new(p, c->type, at);
    df_value items = member(v, c->member);
    place here = below(at, c->member);
    if (n && items.type == DF_V_ABSENT)
        return fail(p, at, "%s", c->why);
    if (n)
        n->item = parse(p, &items, space, &here);
    return n;
}

static df__avro_type *parse_list(parser *p, const df_value *v, df_bytes space, const place *at)
{
    static const container list = {DF__AVRO_ARRAY, "items", "an array needs \"items\""};
    return parse_items(p, v, space, at, &list);
}

static df__avro_type *parse_map(parser *p, const df_value *v, df_bytes space, const place *at)
{
    static const container map = {DF__AVRO_MAP, "values", "a map needs \"values\""};
    return parse_items(p, v, space, at, &map);
}

/* ---- unions ---------------------------------------------------------------------------------- */

static int branch_taken(const df__avro_type *u, const df__avro_type *n)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->branches[i]->kind == n->kind && df__bytes_same(u->branches[i]->name, n->name))
            return 1;
    return 0;
}

static df__avro_type *parse_union(parser *p, const df_value *v, df_bytes space, const place *at)
{
    df__avro_type *n = type_new(p, DF__AVRO_UNION, at), *b;
    df_walk w = {0};
    if (n && v->len > DF__AVRO_BRANCHES)
        return fail(p, at, "a union of more than %d types", DF__AVRO_BRANCHES);
    if (n)
        n->branches = take(p, v->len * sizeof *n->branches);
    while (p->rc == DF_OK && df_value_walk(v, &w) == DF_OK) {
        place here = item(at, w.index);
        b = parse(p, &w.value, space, &here);
        if (!b)
            return NULL;
        if (b->kind == DF__AVRO_UNION)
            return fail(p, &here, "a union cannot hold a union");
        if (branch_taken(n, b))
            return fail(p, &here, "the union has \"%.*s\" twice", (int)df__avro_shown(b->name),
                        (const char *)b->name.data);
        n->branches[n->count++] = b;
    }
    return n;
}

/* ---- logical types --------------------------------------------------------------------------- */

static const struct logical_row {
    const char *word;
    enum df__avro_logical logical;
    enum df__avro_kind type, other;
    size_t size; /* of a fixed */
} logical_rows[] = {
    {"decimal", DF__AVRO_DECIMAL, DF__AVRO_BYTES, DF__AVRO_FIXED, 0},
    {"date", DF__AVRO_DATE, DF__AVRO_INT, DF__AVRO_INT, 0},
    {"time-millis", DF__AVRO_TIME_MILLIS, DF__AVRO_INT, DF__AVRO_INT, 0},
    {"time-micros", DF__AVRO_TIME_MICROS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"timestamp-millis", DF__AVRO_TS_MILLIS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"timestamp-micros", DF__AVRO_TS_MICROS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"timestamp-nanos", DF__AVRO_TS_NANOS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"local-timestamp-millis", DF__AVRO_LOCAL_MILLIS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"local-timestamp-micros", DF__AVRO_LOCAL_MICROS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"local-timestamp-nanos", DF__AVRO_LOCAL_NANOS, DF__AVRO_LONG, DF__AVRO_LONG, 0},
    {"uuid", DF__AVRO_UUID, DF__AVRO_STRING, DF__AVRO_FIXED, 16},
    {"text", DF__AVRO_AS_TEXT, DF__AVRO_STRING, DF__AVRO_STRING, 0},
    {"duration", DF__AVRO_DURATION, DF__AVRO_FIXED, DF__AVRO_FIXED, 12},
};

static void read_decimal(df__avro_type *n, const df_value *v)
{
    df_value precision = member(v, "precision"), scale = member(v, "scale");
    int64_t p, s = 0;
    if (df_value_int(&precision, &p) != DF_OK || p < 1 || p > DF__AVRO_DIGITS)
        return;
    if (scale.type != DF_V_ABSENT && (df_value_int(&scale, &s) != DF_OK || s < 0 || s > p))
        return;
    n->logical = DF__AVRO_DECIMAL;
    n->precision = (int)p;
    n->scale = (int)s;
}

/* A logical type that is unknown, or does not fit, is ignored: so the specification has it. */
static void read_logical(df__avro_type *n, const df_value *v)
{
    df_value word = member(v, "logicalType");
    for (size_t i = 0; i < sizeof logical_rows / sizeof *logical_rows; i++) {
        const struct logical_row *row = &logical_rows[i];
        if ((n->kind != row->type && n->kind != row->other) ||
            !df__bytes_are(text_of(&word), row->word) ||
            (n->kind == DF__AVRO_FIXED && row->size && n->size != row->size))
            continue;
        if (row->logical == DF__AVRO_DECIMAL)
            read_decimal(n, v);
        else
            n->logical = row->logical;
        return;
    }
}

/* ---- any type -------------------------------------------------------------------------------- */

typedef df__avro_type *parse_fn(parser *p, const df_value *v, df_bytes space, const place *at);

static df__avro_type *parse_object(parser *p, const df_value *v, df_bytes space, const place *at)
{
    static parse_fn *const complex[DF__AVRO_KINDS] = {[DF__AVRO_FIXED] = parse_fixed,
                                                      [DF__AVRO_ENUM] = parse_enum,
                                                      [DF__AVRO_RECORD] = parse_record,
                                                      [DF__AVRO_ARRAY] = parse_list,
                                                      [DF__AVRO_MAP] = parse_map};
    df_value type = member(v, "type");
    place here = below(at, "type");
    enum df__avro_kind found;
    df__avro_type *n;
    if (type.type == DF_V_ABSENT)
        return fail(p, at, "has no \"type\"");
    if (type.type != DF_V_STRING)
        return parse(p, &type, space, &here);
    if (!word_type(text_of(&type), &found))
        return named(p, text_of(&type), space, &here);
    if (found == DF__AVRO_UNION)
        return fail(p, &here, "a union is written as a list");
    n = complex[found] ? complex[found](p, v, space, at) : type_new(p, found, at);
    if (n && p->rc == DF_OK)
        read_logical(n, v);
    return n;
}

static df__avro_type *parse_any(parser *p, const df_value *v, df_bytes space, const place *at)
{
    if (v->type == DF_V_STRING)
        return parse_word(p, text_of(v), space, at);
    if (v->type == DF_V_ARRAY)
        return parse_union(p, v, space, at);
    if (v->type == DF_V_OBJECT)
        return parse_object(p, v, space, at);
    return fail(p, at, "a type is a string, an object or a list");
}

static df__avro_type *parse(parser *p, const df_value *v, df_bytes space, const place *at)
{
    df__avro_type *n;
    place here = *at;
    if (p->rc != DF_OK)
        return NULL;
    if (++here.depth > TEXT_DEPTH)
        return fail(p, at, "nested more than %d deep", TEXT_DEPTH);
    n = parse_any(p, v, space, &here);
    if (!n || p->rc != DF_OK || n->put || (n->kind == DF__AVRO_RECORD && !n->defined))
        return n;
    return df__avro_bind(&p->s->arena, n) == DF_OK ? n : no_memory(p);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void read_defaults(parser *p)
{
    df__buf b;
    const char *why;
    df__buf_init(&b, p->s->heap);
    for (pending *d = p->defaults; d && p->rc == DF_OK; d = d->next) {
        df_bytes fill;
        why = "";
        df__buf_clear(&b);
        if (df__avro_fill(d->field->type, &d->json, &b, &why) != DF_OK || b.failed) {
            p->rc = b.failed ? DF_ENOMEM : DF_ESPEC;
            df__text_printf(p->error->text, sizeof p->error->text, "Avro schema at %.200s: %s",
                            d->path, why);
            break;
        }
        fill = (df_bytes){b.len ? b.data : "", b.len};
        d->field->fill = keep(p, fill);
    }
    df__buf_free(&b);
}

/* All their names are names of this schema too. */
static void use_names(parser *p, const df_avro_schema *ref)
{
    const place root = {NULL, NULL, 0, 0};
    for (size_t i = 0; i < ref->name_cap && p->rc == DF_OK; i++) {
        df__avro_type *n = ref->names[i], *old = n ? df__avro_find(p->s, n->name) : NULL;
        if (n && old && old != n)
            fail(p, &root, "two of the references define \"%.*s\"", (int)df__avro_shown(n->name),
                 (const char *)n->name.data);
        else if (n && !old && df__avro_enter(p->s, n) != DF_OK)
            no_memory(p);
    }
}

static void hold_refs(parser *p, const df__avro_source *from)
{
    p->s->refs = take(p, from->ref_count * sizeof *p->s->refs);
    for (size_t i = 0; i < from->ref_count && p->rc == DF_OK; i++) {
        p->s->refs[p->s->ref_count++] = df_avro_schema_hold(from->refs[i]);
        use_names(p, from->refs[i]);
    }
}

static int parse_text(parser *p, df_bytes text)
{
    place root = {NULL, NULL, 0, 0};
    df_value v;
    df__tree *tree;
    char err[200];
    int rc;
    if (text.len > DF__AVRO_BYTES_MAX)
        return fail(p, &root, "more than %d bytes", DF__AVRO_BYTES_MAX), p->rc;
    rc = df__tree_parse(&p->scratch, text, &tree, err, sizeof err);
    if (rc == DF_EDATA)
        fail(p, &root, "%s", err);
    if (rc != DF_OK)
        return rc == DF_ENOMEM ? rc : p->rc;
    df__tree_root(tree, &v);
    p->s->root = parse(p, &v, (df_bytes){"", 0}, &root);
    if (p->rc == DF_OK)
        read_defaults(p);
    return p->rc;
}

int df__avro_parse(const df__heap *heap, const df__avro_source *from, df_avro_schema **ret,
                   df__avro_error *error)
{
    df_avro_schema *s = df__zalloc(heap, sizeof *s);
    parser p = {.s = s, .error = error, .rc = DF_OK};
    if (!s)
        return DF_ENOMEM;
    s->heap = heap;
    s->holds = 1;
    df__arena_init(&s->arena, heap, 4096);
    df__arena_init(&p.scratch, heap, 4096);
    p.tail = &p.defaults;
    hold_refs(&p, from);
    if (p.rc == DF_OK)
        p.rc = parse_text(&p, from->text);
    df__arena_free(&p.scratch);
    if (p.rc != DF_OK) {
        df_avro_schema_free(s);
        s = NULL;
    }
    *ret = s;
    return p.rc;
}

df_avro_schema *df_avro_schema_hold(const df_avro_schema *schema)
{
    df_avro_schema *s = (df_avro_schema *)(uintptr_t)schema;
    if (s)
        __atomic_fetch_add(&s->holds, 1, __ATOMIC_RELAXED);
    return s;
}

df_bytes df_avro_schema_name(const df_avro_schema *schema)
{
    const df__avro_type *n = schema->root;
    return df__avro_is_named(n) ? n->name : (df_bytes){NULL, 0};
}

void df_avro_schema_free(df_avro_schema *s)
{
    if (!s || __atomic_fetch_sub(&s->holds, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    for (size_t i = 0; i < s->ref_count; i++)
        df_avro_schema_free((df_avro_schema *)(uintptr_t)s->refs[i]);
    df__free(s->heap, s->names);
    df__arena_free(&s->arena);
    df__free(s->heap, s);
}
