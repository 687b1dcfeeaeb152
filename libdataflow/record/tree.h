/* SPDX-License-Identifier: Apache-2.0
 * tree.h: a JSON document in an arena. As parsed it is yyjson's array of values; the first edit
 * that moves something makes linked nodes of it, one for each value and in the same order, so
 * that a borrowed value of the array still finds its node. Only for libdataflow/record. */
#ifndef DF_RECORD_TREE_H
#define DF_RECORD_TREE_H

#include <yyjson.h>

#include "record/record.h"

/* A value that can be edited. The members of an object are a ring of key, value, key, value; of
 * an array a ring of values; v.uni.ptr of a container is the last of its ring. `up` of a key or
 * an element is the container, of a member's value its key. A root's ring is itself; a node that
 * is not placed yet has no next. */
typedef struct df__node {
    yyjson_val v;
    struct df__node *next, *prev, *up;
} df__node;

struct df__tree {
    const yyjson_val *vals; /* as parsed */
    size_t count;
    df_bytes pool;          /* the strings of vals lie here */
    const yyjson_val *root; /* NULL: not parsed, or edited */
    df__node *nodes;        /* of vals, or of the tree this one was copied from */
    df__node *edit;         /* root once edited */
    df__node *origin;       /* root that it was copied from */
    df_bytes text;          /* the current value as bytes, when has_text */
    uint64_t seen_path;     /* number of the last path looked up, while nothing changed since */
    const void *seen;       /* what it found, with no duplicates on the way */
    uint8_t seen_many;      /* there were duplicates on the way, also to nothing */
    uint8_t has_text;
    uint8_t shared; /* other records look at it: copy before an edit */
    uint8_t fixed;  /* other records look at vals: nothing changes in them */
};

enum {
    DF__NODE_STR = YYJSON_TYPE_STR,
    DF__NODE_ARR = YYJSON_TYPE_ARR,
    DF__NODE_OBJ = YYJSON_TYPE_OBJ
};

/* Scalars that a source of types has. Parsing leaves numbers as RAW text, so the type NUM is free
 * for them; which one it is stands in the bits of the tag that yyjson reserves. BYTES keep their
 * place in uni.str and their length as a string does; the others keep their value in uni.i64 or
 * uni.f64; a TIMESTAMP has its zone where others have a length. */
enum {
    DF__NODE_TYPED = YYJSON_TYPE_NUM,
    DF__NODE_DOUBLE = DF__NODE_TYPED,
    DF__NODE_BYTES = DF__NODE_TYPED | 1 << 5,
    DF__NODE_TIMESTAMP = DF__NODE_TYPED | 2 << 5,
    DF__NODE_DATE = DF__NODE_TYPED | 3 << 5,
    DF__NODE_TIME = DF__NODE_TYPED | 4 << 5,
    DF__NODE_UNCHANGED = DF__NODE_TYPED | 5 << 5,
    DF__NODE_INT = DF__NODE_TYPED | 6 << 5 /* of JSON too, but without its text */
};

/* 1: the source did not send it (DF_V_UNCHANGED). */
static inline int df__is_unchanged(const yyjson_val *v)
{
    return (v->tag & 0xff) == DF__NODE_UNCHANGED;
}

/* Its text lies outside of the value. */
static inline int df__has_text(const yyjson_val *v)
{
    unsigned type = (unsigned)(v->tag & YYJSON_TYPE_MASK);
    return type == DF__NODE_STR || type == YYJSON_TYPE_RAW || (v->tag & 0xff) == DF__NODE_BYTES;
}

/* 1: there are values; 0: no tree, or one that is bytes alone. */
static inline int df__tree_parsed(const df__tree *t)
{
    return t && (t->root || t->edit);
}

/* Its type, of yyjson's: which of the typed scalars it is stands beside it. */
static inline unsigned df__type(const yyjson_val *v)
{
    return (unsigned)(v->tag & YYJSON_TYPE_MASK);
}

/* Bytes of a text, members of a container. */
static inline size_t df__len(const yyjson_val *v)
{
    return (size_t)(v->tag >> YYJSON_TAG_BIT);
}

/* 1: an object or an array. */
static inline int df__is_container(const yyjson_val *v)
{
    return df__type(v) >= DF__NODE_ARR;
}

/* The value after v and all that is in it, in an array as parsed. */
static inline const yyjson_val *df__after(const yyjson_val *v)
{
    return (const yyjson_val *)(const void *)((const char *)v +
                                              (df__is_container(v) ? v->uni.ofs : sizeof *v));
}

/* Eight bytes from any place, in the order of the machine. */
static inline uint64_t df__load8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

/* Four of them. */
static inline uint32_t df__load4(const char *p)
{
    uint32_t x;
    memcpy(&x, p, 4);
    return x;
}

/* 1: the same n bytes; memcmp of what is mostly short, without the call. */
static inline int df__same(const char *a, const char *b, size_t n)
{
    if (n > 16)
        return memcmp(a, b, n) == 0;
    if (n >= 8)
        return ((df__load8(a) ^ df__load8(b)) | (df__load8(a + n - 8) ^ df__load8(b + n - 8))) == 0;
    if (n >= 4)
        return ((df__load4(a) ^ df__load4(b)) | (df__load4(a + n - 4) ^ df__load4(b + n - 4))) == 0;
    return n == 0 || (a[0] == b[0] && a[n >> 1] == b[n >> 1] && a[n - 1] == b[n - 1]);
}

/* memcpy of what is mostly short, without the call. */
static inline void df__copy(char *to, const char *from, size_t n)
{
    if (n > 16) {
        memcpy(to, from, n);
    } else if (n >= 8) {
        uint64_t x = df__load8(from), y = df__load8(from + n - 8);
        memcpy(to, &x, 8);
        memcpy(to + n - 8, &y, 8);
    } else if (n >= 4) {
        uint32_t x = df__load4(from), y = df__load4(from + n - 4);
        memcpy(to, &x, 4);
        memcpy(to + n - 4, &y, 4);
    } else if (n) {
        char x = from[0], y = from[n >> 1], z = from[n - 1];
        to[0] = x;
        to[n >> 1] = y;
        to[n - 1] = z;
    }
}

/* 1: the key has this name. */
static inline int df__key_is(const yyjson_val *key, const df_bytes *name)
{
    return df__len(key) == name->len && df__same(key->uni.str, name->data, name->len);
}

/* Handles are what df_value.u.node holds: a value as parsed, or a node with the lowest bit set. */
/* The handle of a node; NULL: NULL. */
static inline const void *df__handle(const df__node *n)
{
    return n ? (const char *)n + 1 : NULL;
}

/* 1: the handle is of a node. */
static inline int df__is_node(const void *handle)
{
    return (int)((uintptr_t)handle & 1);
}

/* The node of such a handle, which is not asked. */
static inline df__node *df__node_of(const void *handle)
{
    return (df__node *)((uintptr_t)handle & ~(uintptr_t)1);
}

/* The value that a handle of either sort points to; NULL: NULL. */
static inline const yyjson_val *df__val(const void *handle)
{
    return (const yyjson_val *)((uintptr_t)handle & ~(uintptr_t)1);
}

/* The first of a container's ring: an element, or the key of the first member; NULL: empty. */
static inline df__node *df__first(const df__node *container)
{
    return df__len(&container->v) ? ((df__node *)container->v.uni.ptr)->next : NULL;
}

/* 1: n is the value of a member. */
static inline int df__in_object(const df__node *n)
{
    return n->up && df__type(&n->up->v) == DF__NODE_STR;
}

/* The container of an element or a member's value; NULL: a root. */
static inline df__node *df__parent(const df__node *n)
{
    return df__in_object(n) ? n->up->up : n->up;
}

/* The handle of the root of a parsed tree. */
static inline const void *df__tree_handle(const df__tree *t)
{
    return t->edit ? df__handle(t->edit) : t->root;
}

/* What a handle points to as a df_value, whose texts are borrowed; NULL: ABSENT. */
void df__value_fill(const void *handle, df_value *ret);
/* The member of that name (the last one) or NULL; *ret_count, when asked for, tells how many. In
 * time of the object's size: see df__find. */
const void *df__member(const void *object, const df_bytes *name, size_t *ret_count);
/* An element by its index, a negative one from the end; NULL: none. */
const void *df__element(const void *array, int64_t index);

/* Handles of members. */
typedef struct df__singles {
    const void **at;
    size_t count;
} df__singles;

/* Walks a container of either sort: the value at the first place; NULL: empty, or no container. */
const void *df__child_first(const void *container);
/* The value after `child`, which must still be in it; NULL: that was the last. */
const void *df__child_next(const void *container, const void *child);
/* The key of a member's value; NULL: the container is no object. */
const yyjson_val *df__child_key(const void *container, const void *child);

/* ---- editing; the record's tree becomes its own and editable first --------------------------- */

/* Makes the parsed tree of r its own and editable, if it is not; handles as parsed find their nodes
 * with df__tree_node. DF_ENOMEM. */
int df__tree_edit(df_record *r);
/* An edited tree that is shared becomes the record's own, in the form that is fast to walk.
 * DF_ENOMEM. */
int df__tree_thaw(df_record *r);
/* A value of either sort as the array that parsing gives; what is edited is copied into the arena,
 * but for its texts. NULL: no memory. */
const yyjson_val *df__tree_flat(df__arena *a, const void *handle, size_t *ret_count);
/* The names of a schema's fields, as keys of a tree. */
const yyjson_val *df__schema_keys(const df_schema *schema, size_t *ret_count);
/* The node of a borrowed handle in r's edited tree, or a free-standing one; NULL: of another
 * record. */
df__node *df__tree_node(df_record *r, const void *handle);
/* The value array is r's own, not edited and not shared, and v is in it. */
int df__tree_in_place(const df_record *r, const yyjson_val *v);
/* The value changes: its bytes, schema and before image are those of another one. The index of a
 * large object is kept true by the caller (df__index_...). */
void df__record_mark(df_record *r);
/* The same, and the index is forgotten. */
void df__record_touch(df_record *r);

/* A node with a copy of value; containers that were made with df_value_new and are not placed
 * are taken instead. DF_EDATA as df__scalar_make, DF_ENOMEM. */
int df__node_take(df_record *r, const df_value *value, df__node **ret);
/* A node with a deep copy of a value of either sort, in r's memory, not placed. DF_ENOMEM. */
int df__node_copy(df_record *r, const void *handle, df__node **ret);
/* A node without content, not placed; NULL: no memory. */
df__node *df__node_new(df__arena *a, uint64_t tag);
/* A scalar as the tree holds it. DF_EDATA: a string that is not UTF-8, a number that is none;
 * DF_EINVAL: no scalar; DF_ENOMEM. */
int df__scalar_make(df_record *r, const df_value *value, yyjson_val *ret);
/* A text as the tree holds it, copied unless it is of r's own document. As df__scalar_make. */
int df__string_make(df_record *r, df_bytes text, yyjson_val *ret);

/* Puts a node that is not placed at the end of a container; key NULL: of an array. */
void df__node_append(df__node *container, df__node *key, df__node *value);
/* Takes a node out of its container, with its key; it is not placed then. */
void df__node_unlink(df__node *value);
/* Puts a node that is not placed where `old` is, under its key; `old` is not placed then. */
void df__node_replace(df__node *old, df__node *value);
/* Keeps the last member of that name, at the place of the first, and returns it; NULL: none. */
df__node *df__node_single(df__node *object, const df_bytes *name);
/* Removes all members of that name; returns how many. */
size_t df__node_remove(df__node *object, const df_bytes *name);
/* Leaves an object these of its members, in this order. */
void df__node_keep(df__node *object, const df__singles *members);

/* ---- index of a large object ----------------------------------------------------------------- */

/* The members of an object as a reader sees them: of each name the last, at the place of the first.
 * ret->at NULL: no name is there twice. Linear. DF_ENOMEM. */
int df__single_members(df__arena *a, const void *object, df__singles *ret);

/* As df__member, but fast when the same large object is asked again and again. */
const void *df__find(df_record *r, const void *container, const df_bytes *name, size_t *ret_count);
/* A member was appended. */
void df__index_add(df_record *r, const void *container, const void *value);
/* The member of that name has another node, `value`. */
void df__index_swap(df_record *r, const void *container, const df_bytes *name, const void *value);
/* The member of that name is about to go, or to lose its name. */
void df__index_drop(df_record *r, const void *container, const df_bytes *name);
/* Anything else happened to the tree: the index is made anew when it pays. */
void df__index_forget(df_record *r);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct df__out df__out;
struct df__out {
    char *at, *end, *begin;
    size_t done; /* written before begin */
    int failed;
    void (*more)(df__out *o); /* makes room; called when at == end */
    df__arena *arena;
    size_t cap;
    char scratch[256];
    const char *want; /* comparing: what must come */
    size_t want_len;
};
/* Writes into `buf`; what does not fit is counted only. buf NULL: nothing but counting. */
void df__out_fixed(df__out *o, char *buf, size_t len);
/* Bytes so far, with those that did not fit. */
size_t df__out_len(const df__out *o);
/* Writes a value as JSON, as df_value_json says. No recursion, no memory of its own. */
void df__write_json(df__out *o, const df_value *v);
/* Writes a value as text, as df_value_text says. */
void df__write_text(df__out *o, const df_value *v);
/* 1: the text of v is exactly this. Nothing is allocated. */
int df__text_equals(const df_value *v, const char *text, size_t len);

#endif
