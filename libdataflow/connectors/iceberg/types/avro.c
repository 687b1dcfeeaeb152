/* SPDX-License-Identifier: Apache-2.0
 * avro.c: see avro.h. Lengths are checked before anything is taken for them. */
#include "types/avro.h"

#include <string.h>
#include <yyjson.h>
#include <zlib.h>

enum { DEPTH = 32, BLOCK_MAX = 512 << 20, VALUE_MAX = 256 << 20 };

enum type {
    T_NULL,
    T_BOOLEAN,
    T_INT,
    T_LONG,
    T_FLOAT,
    T_DOUBLE,
    T_BYTES,
    T_STRING,
    T_FIXED,
    T_ENUM,
    T_ARRAY,
    T_MAP,
    T_UNION,
    T_RECORD
};

struct df__ice_avro_node {
    enum type type;
    const char *name; /* of a named type */
    size_t size;      /* fixed */
    int is_decimal;
    const df__ice_avro_node **parts; /* fields, branches, or the one item */
    int *ids;                        /* of the fields */
    size_t count;
};

/* ---- the schema ------------------------------------------------------------------------------ */

typedef struct parser {
    df__arena *arena;
    df__ice_avro_node *named[256];
    size_t named_count;
    int depth;
} parser;

static int parse(parser *p, yyjson_val *v, const df__ice_avro_node **ret);

static int parse_word(parser *p, const char *word, const df__ice_avro_node **ret)
{
    static const char *const words[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    df__ice_avro_node *n;
    for (size_t i = 0; i < p->named_count; i++) {
        if (strcmp(p->named[i]->name, word) == 0) {
            *ret = p->named[i];
            return DF_OK;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], word) != 0)
            continue;
        n = df__arena_zalloc(p->arena, sizeof *n);
        if (!n)
            return DF_ENOMEM;
        n->type = (enum type)i;
        *ret = n;
        return DF_OK;
    }
    return DF_EDATA;
}

static int make_parts(parser *p, df__ice_avro_node *n, size_t count)
{
    n->count = count;
    n->parts = df__arena_zalloc(p->arena, (count + 1) * sizeof(void *));
    n->ids = df__arena_zalloc(p->arena, (count + 1) * sizeof *n->ids);
    return n->parts && n->ids ? DF_OK : DF_ENOMEM;
}

static int parse_record(parser *p, yyjson_val *v, df__ice_avro_node *n)
{
    yyjson_val *field, *fields = yyjson_obj_get(v, "fields");
    size_t i, most;
    int rc = make_parts(p, n, yyjson_arr_size(fields));
    yyjson_arr_foreach (fields, i, most, field) {
        yyjson_val *id = yyjson_obj_get(field, "field-id");
        if (rc != DF_OK)
            return rc;
        n->ids[i] = yyjson_is_int(id) ? yyjson_get_int(id) : -1;
        rc = parse(p, yyjson_obj_get(field, "type"), &n->parts[i]);
    }
    return rc;
}

static int parse_union(parser *p, yyjson_val *v, df__ice_avro_node *n)
{
    yyjson_val *branch;
    size_t i, most;
    n->type = T_UNION;
    int rc = make_parts(p, n, yyjson_arr_size(v));
    yyjson_arr_foreach (v, i, most, branch)
        rc = rc == DF_OK ? parse(p, branch, &n->parts[i]) : rc;
    return rc;
}

static int parse_object(parser *p, yyjson_val *v, df__ice_avro_node *n)
{
    const char *word = yyjson_get_str(yyjson_obj_get(v, "type"));
    const char *name = yyjson_get_str(yyjson_obj_get(v, "name"));
    if (!word)
        return DF_EDATA;
    int is_record = strcmp(word, "record") == 0, is_fixed = strcmp(word, "fixed") == 0;
    if (is_record || is_fixed || strcmp(word, "enum") == 0) {
        if (p->named_count == sizeof p->named / sizeof *p->named)
            return DF_EDATA;
        n->type = is_record ? T_RECORD : is_fixed ? T_FIXED : T_ENUM;
        n->name = df__arena_bytes(p->arena, name ? name : "", name ? strlen(name) : 0);
        n->size = (size_t)yyjson_get_uint(yyjson_obj_get(v, "size"));
        n->is_decimal = yyjson_equals_str(yyjson_obj_get(v, "logicalType"), "decimal");
        if (!n->name)
            return DF_ENOMEM;
        p->named[p->named_count++] = n;
        return is_record ? parse_record(p, v, n) : DF_OK;
    }
    int is_array = strcmp(word, "array") == 0;
    n->type = is_array ? T_ARRAY : T_MAP;
    int rc = make_parts(p, n, 1);
    return rc == DF_OK ? parse(p, yyjson_obj_get(v, is_array ? "items" : "values"), n->parts) : rc;
}

static int parse(parser *p, yyjson_val *v, const df__ice_avro_node **ret)
{
    const char *word = yyjson_get_str(v);
    const char *inner = yyjson_get_str(yyjson_obj_get(v, "type"));
    if (word)
        return parse_word(p, word, ret);
    if (inner && strcmp(inner, "array") != 0 && strcmp(inner, "map") != 0 &&
        strcmp(inner, "record") != 0 && strcmp(inner, "fixed") != 0 && strcmp(inner, "enum") != 0)
        return parse_word(p, inner, ret); /* {"type": "int", "logicalType": "date"} */
    if (p->depth == DEPTH || (!yyjson_is_obj(v) && !yyjson_is_arr(v)))
        return DF_EDATA;
    df__ice_avro_node *n = df__arena_zalloc(p->arena, sizeof *n);
    if (!n)
        return DF_ENOMEM;
    *ret = n;
    p->depth++;
    int rc = yyjson_is_arr(v) ? parse_union(p, v, n) : parse_object(p, v, n);
    p->depth--;
    return rc;
}

static int parse_schema(df__ice_avro_file *f, df_bytes text)
{
    parser p = {.arena = &f->arena};
    yyjson_doc *doc = text.data ? yyjson_read(text.data, text.len, 0) : NULL;
    int rc = doc ? parse(&p, yyjson_doc_get_root(doc), &f->root) : DF_EDATA;
    yyjson_doc_free(doc);
    return rc == DF_OK && f->root->type != T_RECORD ? DF_EDATA : rc;
}

/* ---- values ---------------------------------------------------------------------------------- */

typedef struct cursor {
    const unsigned char *p, *end;
    df__arena *arena;
    int depth;
} cursor;

static int get_long(cursor *c, int64_t *ret)
{
    uint64_t u = 0;
    for (int shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        unsigned char byte = *c->p++;
        u |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
            return DF_OK;
        }
    }
    return DF_EDATA;
}

static int get_raw(cursor *c, size_t len, df_bytes *ret)
{
    if (len > (size_t)(c->end - c->p))
        return DF_EDATA;
    *ret = (df_bytes){c->p, len};
    c->p += len;
    return DF_OK;
}

static int get_bytes(cursor *c, df_bytes *ret)
{
    int64_t len;
    int rc = get_long(c, &len);
    return rc != DF_OK || len < 0 ? DF_EDATA : get_raw(c, (size_t)len, ret);
}

static int get(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret);

/* A decimal as its fewest bytes: the type of a column may have become wider since. */
static df_bytes narrowed(df_bytes raw)
{
    const unsigned char *p = raw.data;
    size_t at = 0;
    while (at + 1 < raw.len &&
           ((p[at] == 0 && p[at + 1] < 0x80) || (p[at] == 0xff && p[at + 1] >= 0x80)))
        at++;
    return (df_bytes){p + at, raw.len - at};
}

static int get_fixed(cursor *c, const df__ice_avro_node *n, df_bytes *ret)
{
    int rc = get_raw(c, n->size, ret);
    if (rc == DF_OK && n->is_decimal)
        *ret = narrowed(*ret);
    return rc;
}

static int get_record(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret)
{
    df__ice_avro_value *items = df__arena_zalloc(c->arena, (n->count + 1) * sizeof *items);
    int rc = items ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; i < n->count && rc == DF_OK; i++)
        rc = get(c, n->parts[i], &items[i]);
    ret->kind = ICE_AVRO_RECORD;
    ret->items = items;
    ret->count = n->count;
    ret->type = n;
    return rc;
}

/* A block of an array or map: its items follow those that are there. */
static int get_block(cursor *c, const df__ice_avro_node *n, int64_t count, df__ice_avro_value *ret)
{
    size_t total = ret->count + (size_t)count;
    if (count > c->end - c->p || total > VALUE_MAX / sizeof *ret->items)
        return DF_EDATA;
    df__ice_avro_value *items = df__arena_zalloc(c->arena, (total + 1) * sizeof *items);
    if (!items)
        return DF_ENOMEM;
    if (ret->count)
        memcpy(items, ret->items, ret->count * sizeof *items);
    int rc = DF_OK;
    for (size_t i = ret->count; i < total && rc == DF_OK; i++) {
        df_bytes key;
        rc = n->type == T_MAP ? get_bytes(c, &key) : DF_OK;
        rc = rc == DF_OK ? get(c, n->parts[0], &items[i]) : rc;
    }
    ret->items = items;
    ret->count = total;
    return rc;
}

static int get_list(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret)
{
    int64_t count, size;
    ret->kind = ICE_AVRO_LIST;
    for (;;) {
        int rc = get_long(c, &count);
        if (rc != DF_OK || count == 0)
            return rc;
        if (count < 0) { /* its bytes follow */
            if (count == INT64_MIN || get_long(c, &size) != DF_OK)
                return DF_EDATA;
            count = -count;
        }
        rc = get_block(c, n, count, ret);
        if (rc != DF_OK)
            return rc;
    }
}

static int get_real(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret)
{
    df_bytes raw;
    float narrow;
    int rc = get_raw(c, n->type == T_FLOAT ? 4 : 8, &raw);
    if (rc != DF_OK)
        return rc;
    ret->kind = ICE_AVRO_DOUBLE;
    if (n->type == T_FLOAT) {
        memcpy(&narrow, raw.data, 4);
        ret->real = (double)narrow;
    } else {
        memcpy(&ret->real, raw.data, 8);
    }
    return DF_OK;
}

static int get_branch(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret)
{
    int64_t which;
    if (get_long(c, &which) != DF_OK || which < 0 || (uint64_t)which >= n->count)
        return DF_EDATA;
    return get(c, n->parts[which], ret);
}

static int get_one(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret)
{
    df_bytes raw;
    int rc;
    switch (n->type) {
    case T_NULL:
        ret->kind = ICE_AVRO_NULL;
        return DF_OK;
    case T_BOOLEAN:
        rc = get_raw(c, 1, &raw);
        ret->kind = ICE_AVRO_LONG;
        ret->number = rc == DF_OK && *(const unsigned char *)raw.data;
        return rc;
    case T_INT:
    case T_LONG:
    case T_ENUM:
        ret->kind = ICE_AVRO_LONG;
        return get_long(c, &ret->number);
    case T_FLOAT:
    case T_DOUBLE:
        return get_real(c, n, ret);
    case T_BYTES:
    case T_STRING:
        ret->kind = ICE_AVRO_BYTES;
        return get_bytes(c, &ret->bytes);
    case T_FIXED:
        ret->kind = ICE_AVRO_BYTES;
        return get_fixed(c, n, &ret->bytes);
    case T_UNION:
        return get_branch(c, n, ret);
    case T_RECORD:
        return get_record(c, n, ret);
    default:
        return get_list(c, n, ret);
    }
}

/* A named type may be in itself, and a list may come in many blocks. */
static int get(cursor *c, const df__ice_avro_node *n, df__ice_avro_value *ret)
{
    if (c->depth == 2 * DEPTH || c->arena->total > 2 * (size_t)VALUE_MAX)
        return DF_EDATA;
    c->depth++;
    int rc = get_one(c, n, ret);
    c->depth--;
    return rc;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int bad(df__ice_avro_file *f, const char *why)
{
    f->why = why;
    return DF_EDATA;
}

/* Walks the header's map from `c` on; finds `name` when it is not NULL. */
static int walk_meta(cursor *c, const char *name, df_bytes *ret)
{
    int64_t count, size;
    df_bytes key, value;
    for (;;) {
        if (get_long(c, &count) != DF_OK)
            return DF_EDATA;
        if (count == 0)
            return DF_OK;
        if (count < 0 && (count == INT64_MIN || get_long(c, &size) != DF_OK))
            return DF_EDATA;
        for (int64_t i = count < 0 ? -count : count; i > 0; i--) {
            if (get_bytes(c, &key) != DF_OK || get_bytes(c, &value) != DF_OK)
                return DF_EDATA;
            if (name && key.len == strlen(name) && memcmp(key.data, name, key.len) == 0)
                *ret = value;
        }
    }
}

static df_bytes meta_of(const df__ice_avro_file *f, const char *name)
{
    const unsigned char *at = f->meta.data;
    cursor c = {at, at + f->meta.len, NULL, 0};
    df_bytes value = {NULL, 0};
    (void)walk_meta(&c, name, &value);
    return value;
}

int df__ice_avro_open(const df__heap *heap, df_bytes data, df__ice_avro_file *ret)
{
    const unsigned char *at = data.data;
    cursor c = {at ? at + 4 : NULL, at ? at + data.len : NULL, NULL, 0};
    df_bytes nothing = {NULL, 0}, sync;
    memset(ret, 0, sizeof *ret);
    ret->heap = heap;
    df__arena_init(&ret->arena, heap, 8192);
    df__buf_init(&ret->block, heap);
    if (data.len < 4 || memcmp(data.data, "Obj\1", 4) != 0)
        return bad(ret, "it is no Avro file");
    if (walk_meta(&c, NULL, &nothing) != DF_OK)
        return bad(ret, "its header is damaged");
    ret->meta = (df_bytes){at + 4, (size_t)(c.p - at - 4)};
    if (get_raw(&c, 16, &sync) != DF_OK)
        return bad(ret, "its header is damaged");
    memcpy(ret->sync, sync.data, 16);
    ret->rest = (df_bytes){c.p, (size_t)(c.end - c.p)};
    df_bytes codec = meta_of(ret, "avro.codec");
    ret->deflated = codec.len == 7 && memcmp(codec.data, "deflate", 7) == 0;
    if (codec.len && !ret->deflated && (codec.len != 4 || memcmp(codec.data, "null", 4) != 0))
        return bad(ret, "its codec is not supported: only null and deflate are");
    int rc = parse_schema(ret, meta_of(ret, "avro.schema"));
    return rc == DF_EDATA ? bad(ret, "its schema is none of a record") : rc;
}

void df__ice_avro_close(df__ice_avro_file *f)
{
    if (!f->heap)
        return;
    df__arena_free(&f->arena);
    df__buf_free(&f->block);
    memset(f, 0, sizeof *f);
}

static int inflate_block(df__ice_avro_file *f, df_bytes raw)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)raw.data, .avail_in = (uInt)raw.len};
    int rc = inflateInit2(&z, -MAX_WBITS);
    if (rc != Z_OK)
        return DF_ENOMEM;
    while (rc == Z_OK) {
        char *at = f->block.len > BLOCK_MAX ? NULL : df__buf_reserve(&f->block, 64 << 10);
        if (!at)
            break;
        size_t room = f->block.cap - f->block.len;
        z.next_out = (Bytef *)at;
        z.avail_out = (uInt)(room > 1 << 30 ? 1 << 30 : room);
        uInt before = z.avail_out;
        rc = inflate(&z, Z_NO_FLUSH);
        f->block.len += before - z.avail_out;
    }
    (void)inflateEnd(&z);
    if (f->block.failed)
        return DF_ENOMEM;
    return rc == Z_STREAM_END ? DF_OK : bad(f, "a block of it is damaged");
}

static int next_block(df__ice_avro_file *f)
{
    const unsigned char *at = f->rest.data;
    cursor c = {at, at + f->rest.len, NULL, 0};
    df_bytes raw, sync;
    if (f->rest.len == 0)
        return DF_DONE;
    if (get_long(&c, &f->left) != DF_OK || f->left < 0 || get_bytes(&c, &raw) != DF_OK ||
        get_raw(&c, 16, &sync) != DF_OK || memcmp(sync.data, f->sync, 16) != 0)
        return bad(f, "it is cut off or damaged");
    f->rest = (df_bytes){c.p, (size_t)(c.end - c.p)};
    f->at = 0;
    df__buf_clear(&f->block);
    int rc = DF_OK;
    if (f->deflated)
        rc = inflate_block(f, raw);
    else
        df__buf_add(&f->block, raw.data, raw.len);
    rc = rc == DF_OK && f->block.failed ? DF_ENOMEM : rc;
    if (rc == DF_OK && (uint64_t)f->left > f->block.len) /* each has a byte at least */
        return bad(f, "a block of it has fewer values than it says");
    return rc;
}

int df__ice_avro_next(df__ice_avro_file *f, df__arena *arena, df__ice_avro_value *ret)
{
    int rc = DF_OK;
    while (f->left == 0 && rc == DF_OK)
        rc = next_block(f);
    if (rc != DF_OK)
        return rc;
    const unsigned char *at = (const unsigned char *)f->block.data;
    cursor c = {at + f->at, at + f->block.len, arena, 0};
    memset(ret, 0, sizeof *ret);
    rc = get(&c, f->root, ret);
    f->at = (size_t)(c.p - at);
    f->left--;
    return rc == DF_EDATA ? bad(f, "a value of it is damaged") : rc;
}

const df__ice_avro_value *df__ice_avro_field(const df__ice_avro_value *record, int id)
{
    static const df__ice_avro_value nothing = {.kind = ICE_AVRO_NULL};
    for (size_t i = 0; record->kind == ICE_AVRO_RECORD && i < record->count; i++)
        if (record->type->ids[i] == id)
            return &record->items[i];
    return &nothing;
}

int df__ice_avro_id(const df__ice_avro_value *record, size_t i)
{
    return record->type->ids[i];
}

int64_t df__ice_avro_number(const df__ice_avro_value *record, int id, int64_t missing)
{
    const df__ice_avro_value *v = df__ice_avro_field(record, id);
    return v->kind == ICE_AVRO_LONG ? v->number : missing;
}
