/* SPDX-License-Identifier: Apache-2.0
 * tree.c: parsing, and reading a tree of either sort. */
#include "record/tree.h"

#include <string.h>

#include "record/number.h"

/* For documents up to here yyjson guesses how many values there are and grows when it was wrong;
 * in larger ones they are counted first, since a wrong guess would cost the budget. */
enum { GUESS_MAX = 32 * 1024, ENDS_TEXT = 2, HEAD_VALUES = 16 };

typedef struct alc_state {
    df__arena *arena;
    size_t values_size; /* of a large document: of the block with its values; 0: yyjson's guess */
    void *values;
    int seen;
} alc_state;

/* Every value but the root follows one of these, and each of them has one value after it at most.
 * So an upper bound, which only `[]` and `{}` make larger than the number. */
static size_t count_values(const char *p, size_t len)
{
    static const unsigned char kinds[256] = {
        ['['] = 1, ['{'] = 1, [','] = 1, [':'] = 1, ['"'] = ENDS_TEXT};
    const char *end = p + len, *from, *back;
    size_t count = 1;
    while (p < end) {
        unsigned kind = kinds[(unsigned char)*p++];
        if (kind != ENDS_TEXT) {
            count += kind;
            continue;
        }
        do { /* to the quote with no backslash, or an even number of them, before it */
            from = p;
            p = memchr(p, '"', (size_t)(end - p));
            if (!p)
                return count;
            for (back = p; back > from && back[-1] == '\\'; back--)
                ;
        } while ((p++ - back) & 1);
    }
    return count;
}

size_t df__tree_cost(df_bytes text, int edited)
{
    size_t each = sizeof(yyjson_val) + (edited ? sizeof(df__node) : 0);
    if (!text.data)
        return 0;
    return sizeof(df__tree) + sizeof(yyjson_doc) + count_values(text.data, text.len) * each;
}

/* yyjson asks for the text's copy, then for the values. */
static void *alc_malloc(void *ctx, size_t size)
{
    alc_state *s = ctx;
    if (s->values_size && s->seen++ == 1)
        return s->values = df__arena_alloc(s->arena, s->values_size);
    return df__arena_alloc(s->arena, size);
}

static void *alc_realloc(void *ctx, void *old, size_t old_size, size_t size)
{
    alc_state *s = ctx;
    void *p;
    if (s->values && old == s->values) /* it only thinks that it needs more */
        return old;
    if (df__arena_extend(s->arena, old, old_size, size))
        return old;
    p = df__arena_alloc(s->arena, size);
    if (p)
        memcpy(p, old, old_size < size ? old_size : size);
    return p;
}

static void alc_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

/* Gives back what the values did not need. */
static void settle(df__arena *a, const yyjson_doc *doc)
{
    const char *end = (const char *)(doc->root + doc->val_read);
    if (a->last == (const unsigned char *)doc && (const unsigned char *)end <= a->at)
        a->at = a->last + (end - (const char *)doc);
}

/* Sizes a large document before anything is made of it. DF_EDATA: the arena's limit is lower. */
static int measure(alc_state *s, df_bytes text, char *err, size_t errlen)
{
    size_t count, need;
    df__arena *a = s->arena;
    if (text.len <= GUESS_MAX)
        return DF_OK;
    count = count_values(text.data, text.len);
    if (count > SIZE_MAX / sizeof(yyjson_val) / 4)
        return DF_ENOMEM;
    s->values_size = (count + HEAD_VALUES) * sizeof(yyjson_val);
    need = s->values_size + text.len;
    if (!a->limit || (a->limit > a->total && need <= a->limit - a->total))
        return DF_OK;
    a->over = 1;
    if (err)
        df__text_printf(err, errlen,
                        "too large to be taken apart: its JSON has %zu values, which "
                        "need %zu bytes of memory, and %zu are left for it (raise memoryLimit)",
                        count, need, a->limit > a->total ? a->limit - a->total : 0);
    return DF_EDATA;
}

static int parse_error(const yyjson_read_err *e, size_t len, char *err, size_t errlen)
{
    if (e->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return DF_ENOMEM;
    if (err)
        df__text_printf(err, errlen, "not JSON: %s at byte %zu of %zu", e->msg, e->pos, len);
    return DF_EDATA;
}

int df__tree_parse(df__arena *a, df_bytes text, df__tree **ret, char *err, size_t errlen)
{
    alc_state s = {a, 0, NULL, 0};
    df__arena_mark before = df__arena_note(a);
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, &s};
    yyjson_read_err e = {0};
    yyjson_doc *doc;
    df__tree *t;
    int rc;
    if (!text.data || text.len == 0) {
        if (err)
            df__text_printf(err, errlen, "not JSON: %s",
                            text.data ? "the payload is empty" : "there is no payload");
        return DF_EDATA;
    }
    t = df__arena_alloc(a, sizeof *t);
    if (!t)
        return DF_ENOMEM;
    rc = measure(&s, text, err, errlen);
    /* Without YYJSON_READ_INSITU the text is only read. */
    doc = rc != DF_OK ? NULL
                      : yyjson_read_opts((char *)(uintptr_t)text.data, text.len,
                                         YYJSON_READ_NUMBER_AS_RAW, &alc, &e);
    if (!doc) {
        df__arena_back(a, before);
        return rc != DF_OK ? rc : parse_error(&e, text.len, err, errlen);
    }
    settle(a, doc);
    *t = (df__tree){.vals = doc->root,
                    .count = doc->val_read,
                    .pool = {doc->str_pool, text.len},
                    .root = doc->root,
                    .text = text,
                    .has_text = 1};
    *ret = t;
    return DF_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

void df__tree_root(const df__tree *t, df_value *ret)
{
    df__value_fill(df__tree_handle(t), ret);
}

static void fill_typed(const yyjson_val *v, df_value *ret)
{
    static const int types[] = {DF_V_DOUBLE, DF_V_BYTES,     DF_V_TIMESTAMP, DF_V_DATE,
                                DF_V_TIME,   DF_V_UNCHANGED, DF_V_INT};
    ret->type = types[v->tag >> 5 & 7];
    if (ret->type == DF_V_BYTES) {
        ret->text = v->uni.str;
        ret->len = df__len(v);
    } else if (ret->type == DF_V_DOUBLE) {
        ret->u.d = v->uni.f64;
    } else {
        ret->u.i = v->uni.i64;
        ret->zone = ret->type == DF_V_TIMESTAMP ? (int32_t)(uint32_t)df__len(v) : 0;
    }
}

void df__value_fill(const void *handle, df_value *ret)
{
    const yyjson_val *v = df__val(handle);
    memset(ret, 0, sizeof *ret);
    if (!v)
        return;
    switch (df__type(v)) {
    case YYJSON_TYPE_STR:
    case YYJSON_TYPE_RAW:
        ret->text = v->uni.str;
        ret->len = df__len(v);
        ret->type = DF_V_STRING;
        if (df__type(v) == YYJSON_TYPE_RAW)
            ret->type = df__text_int(ret->text, ret->len, &ret->u.i) ? DF_V_INT : DF_V_NUMBER;
        break;
    case YYJSON_TYPE_BOOL:
        ret->type = DF_V_BOOL;
        ret->u.i = (v->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE;
        break;
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ:
        ret->type = df__type(v) == DF__NODE_ARR ? DF_V_ARRAY : DF_V_OBJECT;
        ret->u.node = handle;
        ret->len = df__len(v);
        break;
    case DF__NODE_TYPED:
        fill_typed(v, ret);
        break;
    default:
        ret->type = DF_V_NULL;
    }
}

static const void *member_node(const df__node *object, const df_bytes *name, size_t *ret_count)
{
    const df__node *n = df__first(object), *found = NULL;
    size_t left = df__len(&object->v);
    *ret_count = 0;
    for (; left; left--, n = n->next->next)
        if (df__key_is(&n->v, name)) {
            found = n->next;
            ++*ret_count;
        }
    return df__handle(found);
}

const void *df__member(const void *object, const df_bytes *name, size_t *ret_count)
{
    const yyjson_val *v = df__val(object), *key = v + 1, *found = NULL;
    size_t left = df__len(v), len = name->len, count = 0;
    if (df__is_node(object)) {
        found = member_node(df__node_of(object), name, &count);
    } else {
        for (; left; left--) {
            if (df__len(key) == len && df__same(key->uni.str, name->data, len)) {
                found = key + 1;
                count++;
            }
            key = df__is_container(key + 1) ? df__after(key + 1) : key + 2;
        }
    }
    if (ret_count)
        *ret_count = count;
    return found;
}

const void *df__element(const void *array, int64_t index)
{
    const yyjson_val *v = df__val(array);
    size_t len = df__len(v), i;
    if (index < 0)
        index += (int64_t)len;
    if (index < 0 || (uint64_t)index >= len)
        return NULL;
    i = (size_t)index;
    if (df__is_node(array)) {
        const df__node *n = (const df__node *)df__node_of(array)->v.uni.ptr;
        if (i >= len / 2)
            for (; i + 1 < len; i++)
                n = n->prev;
        else
            for (n = n->next; i; i--)
                n = n->next;
        return df__handle(n);
    }
    if (v->uni.ofs == (len + 1) * sizeof *v)
        return v + 1 + i;
    for (v++; i; i--)
        v = df__after(v);
    return v;
}

const void *df__child_first(const void *container)
{
    const yyjson_val *v = df__val(container);
    int object = df__type(v) == DF__NODE_OBJ;
    if (!df__is_container(v) || df__len(v) == 0)
        return NULL;
    if (df__is_node(container)) {
        const df__node *n = df__first(df__node_of(container));
        return df__handle(object ? n->next : n);
    }
    return v + 1 + object;
}

const void *df__child_next(const void *container, const void *child)
{
    const yyjson_val *v = df__val(container), *next;
    int object = df__type(v) == DF__NODE_OBJ;
    if (df__is_node(child)) {
        const df__node *n = df__node_of(child);
        if (!n->next || n == v->uni.ptr)
            return NULL;
        return df__handle(object ? n->next->next : n->next);
    }
    next = df__after(child);
    return next == df__after(v) ? NULL : next + object;
}

const yyjson_val *df__child_key(const void *container, const void *child)
{
    if (df__type(df__val(container)) != DF__NODE_OBJ)
        return NULL;
    if (df__is_node(child))
        return &df__node_of(child)->up->v;
    return (const yyjson_val *)child - 1;
}
