/* SPDX-License-Identifier: Apache-2.0
 * write.c: values as JSON and as text, into an arena, into a fixed buffer, or against a text to
 * compare with. Depth costs no recursion and no memory. */
#include "record/tree.h"

#include <math.h>
#include <string.h>

#include "record/number.h"
#include "record/timetext.h"
#include "util/codec.h"

/* ---- where it goes --------------------------------------------------------------------------- */

size_t df__out_len(const df__out *o)
{
    return o->done + (size_t)(o->at - o->begin);
}

static void more_fixed(df__out *o)
{
    o->done = df__out_len(o);
    o->at = o->begin = o->scratch;
    o->end = o->scratch + sizeof o->scratch;
}

void df__out_fixed(df__out *o, char *buf, size_t len)
{
    o->failed = 0;
    o->done = 0;
    o->at = o->begin = buf ? buf : o->scratch;
    o->end = buf ? buf + len : o->scratch;
    o->more = more_fixed;
}

static void more_arena(df__out *o)
{
    size_t len = (size_t)(o->at - o->begin), cap = o->cap * 2;
    char *p;
    if (o->failed) {
        o->at = o->begin;
        return;
    }
    if (df__arena_extend(o->arena, o->begin, o->cap, cap)) {
        o->end = o->begin + cap;
        o->cap = cap;
        return;
    }
    p = df__arena_alloc(o->arena, cap);
    if (!p) {
        o->failed = 1;
        o->at = o->begin = o->scratch;
        o->end = o->scratch + sizeof o->scratch;
        return;
    }
    memcpy(p, o->begin, len);
    o->begin = p;
    o->at = p + len;
    o->end = p + cap;
    o->cap = cap;
}

static int out_arena(df__out *o, df__arena *a, size_t len)
{
    o->failed = 0;
    o->done = 0;
    o->arena = a;
    o->more = more_arena;
    o->cap = len < 64 ? 64 : len;
    o->begin = df__arena_alloc(a, o->cap);
    if (!o->begin) {
        o->failed = 1;
        o->cap = sizeof o->scratch;
        o->begin = o->scratch;
    }
    o->at = o->begin;
    o->end = o->begin + o->cap;
    return o->failed ? DF_ENOMEM : DF_OK;
}

/* The bytes in the arena, cut to size. DF_ENOMEM. */
static int out_finish(df__out *o, df_bytes *ret)
{
    df__arena *a = o->arena;
    if (o->failed)
        return DF_ENOMEM;
    if (a->last == (unsigned char *)o->begin)
        a->at = (unsigned char *)o->at;
    ret->data = o->begin;
    ret->len = (size_t)(o->at - o->begin);
    return DF_OK;
}

static void put_slow(df__out *o, const char *p, size_t n)
{
    while (n) {
        size_t room = (size_t)(o->end - o->at);
        if (room > n)
            room = n;
        if (room) {
            memcpy(o->at, p, room);
            o->at += room;
            p += room;
            n -= room;
        }
        if (n)
            o->more(o);
    }
}

static void df__out_put(df__out *o, const char *p, size_t n)
{
    if ((size_t)(o->end - o->at) < n) {
        put_slow(o, p, n);
        return;
    }
    df__copy(o->at, p, n);
    o->at += n;
}

static inline void put_char(df__out *o, char c)
{
    if (o->at == o->end)
        o->more(o);
    *o->at++ = c;
}

/* ---- strings --------------------------------------------------------------------------------- */

#define EACH_BYTE 0x0101010101010101u

static inline uint64_t zero_bytes(uint64_t x)
{
    return (x - EACH_BYTE) & ~x & (EACH_BYTE * 0x80);
}

/* Has the top bit of some byte set when one of these eight needs an escape. */
static inline uint64_t escapes8(uint64_t x)
{
    return zero_bytes(x ^ (EACH_BYTE * '"')) | zero_bytes(x ^ (EACH_BYTE * '\\')) |
           ((x - EACH_BYTE * 0x20) & ~x & (EACH_BYTE * 0x80));
}

/* Eight bytes of ASCII that need no escape. */
static inline int is_plain8(uint64_t x)
{
    return ((x & (EACH_BYTE * 0x80)) | escapes8(x)) == 0;
}

/* Bytes from p that JSON takes as they are. */
static size_t plain_run(const char *p, size_t len)
{
    size_t n = 0;
    while (len - n >= 8 && !escapes8(df__load8(p + n)))
        n += 8;
    for (; n < len; n++) {
        unsigned char c = (unsigned char)p[n];
        if (c < 0x20 || c == '"' || c == '\\')
            break;
    }
    return n;
}

static void put_escape(df__out *o, unsigned char c)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    for (size_t i = 0; i + 1 < sizeof names; i += 2)
        if ((unsigned char)names[i] == c) {
            text[1] = names[i + 1];
            df__out_put(o, text, 2);
            return;
        }
    df__out_put(o, text, sizeof text);
}

static void put_string(df__out *o, const char *p, size_t len)
{
    put_char(o, '"');
    for (;;) {
        size_t n = plain_run(p, len);
        df__out_put(o, p, n);
        if (n == len)
            break;
        put_escape(o, (unsigned char)p[n]);
        p += n + 1;
        len -= n + 1;
    }
    put_char(o, '"');
}

static inline void put_string_val(df__out *o, const yyjson_val *v)
{
    size_t len = df__len(v);
    if ((v->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC &&
        (size_t)(o->end - o->at) >= len + 2) {
        char *at = o->at;
        *at++ = '"';
        df__copy(at, v->uni.str, len);
        at += len;
        *at++ = '"';
        o->at = at;
        return;
    }
    put_string(o, v->uni.str, len);
}

/* The length of the character of several bytes at p; 0: not UTF-8. */
static size_t long_char(const unsigned char *p, size_t room)
{
    unsigned c = *p, low = 0x80, high = 0xbf;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || room < len)
        return 0;
    if (c == 0xe0) /* nothing that fits fewer bytes */
        low = 0xa0;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xed) /* no surrogates */
        high = 0x9f;
    else if (c == 0xf4) /* nothing past U+10FFFF */
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Less than eight bytes, some of them twice, and plain ones. */
static inline uint64_t up_to_7(const char *s, size_t len)
{
    uint64_t first, middle, last;
    if (len >= 4)
        return df__load4(s) | (uint64_t)df__load4(s + len - 4) << 32;
    if (len == 0)
        return EACH_BYTE * 'a';
    first = (unsigned char)s[0];
    middle = (unsigned char)s[len >> 1];
    last = (unsigned char)s[len - 1];
    return first | middle << 8 | last << 16 | (EACH_BYTE * 'a') << 24;
}

/* ASCII that needs no escape, all of it: eight bytes at a time, the last eight overlapping. */
static inline int is_plain(const char *s, size_t len)
{
    if (len < 8)
        return is_plain8(up_to_7(s, len));
    for (size_t at = 0; at + 8 <= len; at += 8)
        if (!is_plain8(df__load8(s + at)))
            return 0;
    return is_plain8(df__load8(s + len - 8));
}

int df__utf8_check(const char *s, size_t len, int *ret_plain)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t at = 0;
    int plain = 1;
    if (is_plain(s, len))
        at = len;
    while (at < len) {
        size_t n = 1;
        if (len - at >= 8 && is_plain8(df__load8(s + at)))
            n = 8;
        else if (p[at] < 0x80)
            plain &= p[at] >= 0x20 && p[at] != '"' && p[at] != '\\';
        else
            n = long_char(p + at, len - at);
        if (n == 0)
            return 0;
        at += n;
    }
    if (ret_plain)
        *ret_plain = plain;
    return 1;
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* Apart, so that put_scalar stays small. */
static void put_typed(df__out *o, const yyjson_val *v)
{
    df_value value;
    df__value_fill(v, &value);
    if (value.type == DF_V_UNCHANGED)
        df__out_put(o, "null", 4); /* in an array: members are left out */
    else
        df__write_json(o, &value);
}

static inline void put_scalar(df__out *o, const yyjson_val *v)
{
    switch (df__type(v)) {
    case YYJSON_TYPE_STR:
        put_string_val(o, v);
        break;
    case YYJSON_TYPE_RAW:
        df__out_put(o, v->uni.str, df__len(v));
        break;
    case YYJSON_TYPE_BOOL:
        if ((v->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE)
            df__out_put(o, "true", 4);
        else
            df__out_put(o, "false", 5);
        break;
    case DF__NODE_TYPED:
        put_typed(o, v);
        break;
    default:
        df__out_put(o, "null", 4);
    }
}

/* A member that the source did not send is not written. The first key from `key` on that is; NULL:
 * none in the object is. */
static const df__node *shown_key(const df__node *key, const df__node *object)
{
    while (df__is_unchanged(&key->next->v)) {
        if (key->next == object->v.uni.ptr)
            return NULL;
        key = key->next->next;
    }
    return key;
}

static inline const df__node *put_key(df__out *o, const df__node *key)
{
    put_string_val(o, &key->v);
    put_char(o, ':');
    return key->next;
}

/* Opens a container: its first child that is written, or NULL: it was closed at once. */
static const df__node *put_open(df__out *o, const df__node *n)
{
    int object = df__type(&n->v) == DF__NODE_OBJ;
    const df__node *child = df__len(&n->v) ? df__first(n) : NULL;
    put_char(o, object ? '{' : '[');
    if (child && object)
        child = shown_key(child, n);
    if (!child)
        put_char(o, object ? '}' : ']');
    return child && object ? put_key(o, child) : child;
}

static void put_nodes(df__out *o, const df__node *top)
{
    const df__node *n = top, *next;
    for (;;) {
        if (df__is_container(&n->v)) {
            next = put_open(o, n);
            if (next) {
                n = next;
                continue;
            }
        } else {
            put_scalar(o, &n->v);
        }
        for (next = NULL; n != top && !next;) {
            const df__node *up = df__parent(n);
            int object = df__type(&up->v) == DF__NODE_OBJ;
            if (n != up->v.uni.ptr)
                next = object ? shown_key(n->next, up) : n->next;
            if (next) {
                put_char(o, ',');
                n = object ? put_key(o, next) : next;
            } else {
                put_char(o, object ? '}' : ']');
                n = up;
            }
        }
        if (!next)
            return;
    }
}

/* The open containers around a place in an array of values: the innermost ones, and a mark every
 * so often from which the ones that were forgotten are found again. */
enum { NEAR = 512, STRIDE = 4096, MARKS = 512 };
typedef struct nest {
    size_t depth, low; /* levels low..depth-1 are in near */
    const yyjson_val *near[NEAR];
    const yyjson_val *marks[MARKS];
} nest;

static inline void nest_push(nest *s, const yyjson_val *v)
{
    if (s->depth % STRIDE == 0 && s->depth / STRIDE < MARKS)
        s->marks[s->depth / STRIDE] = v;
    s->near[s->depth % NEAR] = v;
    s->depth++;
    if (s->depth - s->low > NEAR)
        s->low = s->depth - NEAR;
}

/* Finds the containers around `place` again, from the nearest mark down to level depth-1. */
static void nest_refill(nest *s, const yyjson_val *place)
{
    size_t want = s->depth, mark = (want - 1) / STRIDE;
    const yyjson_val *v;
    if (mark >= MARKS)
        mark = MARKS - 1;
    v = s->marks[mark];
    s->depth = mark * STRIDE;
    s->low = s->depth;
    nest_push(s, v);
    while (s->depth < want) {
        int object = df__type(v) == DF__NODE_OBJ;
        for (v += 1 + object; df__after(v) <= place; v = df__after(v) + object)
            ;
        nest_push(s, v);
    }
}

static inline const yyjson_val *nest_top(nest *s, const yyjson_val *place)
{
    if (s->depth == s->low)
        nest_refill(s, place);
    return s->near[(s->depth - 1) % NEAR];
}

/* Puts the key of the next member that is written, and answers its value; `end`: there is none. */
static inline const yyjson_val *put_member(df__out *o, const yyjson_val *key, const yyjson_val *end,
                                           int comma)
{
    while (key != end && df__is_unchanged(key + 1))
        key += 2;
    if (key == end)
        return end;
    if (comma)
        put_char(o, ',');
    put_string_val(o, key);
    put_char(o, ':');
    return key + 1;
}

typedef struct vals { /* an array of values being written */
    df__out *o;
    const yyjson_val *up; /* the innermost open container; NULL: none */
    int object;           /* up is one */
    nest around;
} vals;

/* Opens the container at v: its first value that is written, or the end of the container. */
static inline const yyjson_val *open_vals(vals *w, const yyjson_val *v)
{
    nest_push(&w->around, v);
    w->up = v++;
    w->object = df__type(w->up) == DF__NODE_OBJ;
    put_char(w->o, w->object ? '{' : '[');
    return w->object ? put_member(w->o, v, df__after(w->up), 0) : v;
}

/* Goes on at v, after the value `last`: closes what is complete. NULL: all is written. */
static inline const yyjson_val *next_val(vals *w, const yyjson_val *v, const yyjson_val *last)
{
    while (w->up) {
        const yyjson_val *end = df__after(w->up);
        if (v != end && w->object)
            v = put_member(w->o, v, end, 1);
        else if (v != end)
            put_char(w->o, ',');
        if (v != end)
            return v;
        put_char(w->o, w->object ? '}' : ']');
        w->up = --w->around.depth ? nest_top(&w->around, last) : NULL;
        w->object = w->up && df__type(w->up) == DF__NODE_OBJ;
    }
    return NULL;
}

static void put_vals(df__out *o, const yyjson_val *v)
{
    const yyjson_val *last;
    vals w;
    w.o = o;
    w.up = NULL;
    w.object = 0;
    w.around.depth = w.around.low = 0;
    do {
        last = v;
        if (!df__is_container(v)) {
            put_scalar(o, v++);
        } else if (df__len(v)) {
            v = open_vals(&w, v);
            if (v != df__after(w.up))
                continue;
        } else {
            df__out_put(o, df__type(v) == DF__NODE_OBJ ? "{}" : "[]", 2);
            v++;
        }
        v = next_val(&w, v, last);
    } while (v);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void put_base64(df__out *o, const char *p, size_t len)
{
    char text[64];
    for (size_t part; len;
         p += part, len -= part) { /* whole threes, so that only the end is padded */
        part = len < 48 ? len : 48;
        df__base64_write(text, p, part);
        df__out_put(o, text, (part + 2) / 3 * 4);
    }
}

static void put_not_finite(df__out *o, double d)
{
    const char *text = isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity";
    df__out_put(o, text, strlen(text));
}

static void put_number(df__out *o, const df_value *v)
{
    char buf[DF__NUMBER_MAX];
    if (v->type != DF_V_DOUBLE && v->text)
        df__out_put(o, v->text, v->len);
    else if (v->type == DF_V_INT)
        df__out_put(o, buf, df__number_int(v->u.i, buf));
    else if (v->type == DF_V_DOUBLE && isfinite(v->u.d))
        df__out_put(o, buf, df__number_double(v->u.d, buf));
    else if (v->type == DF_V_DOUBLE)
        put_not_finite(o, v->u.d);
}

/* JSON has no such number: a string, as PostgreSQL and others write it. */
static void put_json_number(df__out *o, const df_value *v)
{
    int quoted = v->type == DF_V_DOUBLE && !isfinite(v->u.d);
    if (quoted)
        put_char(o, '"');
    put_number(o, v);
    if (quoted)
        put_char(o, '"');
}

static void put_tree(df__out *o, const df_value *v)
{
    if (!v->u.node)
        df__out_put(o, v->type == DF_V_OBJECT ? "{}" : "[]", 2);
    else if (df__is_node(v->u.node))
        put_nodes(o, df__node_of(v->u.node));
    else
        put_vals(o, v->u.node);
}

static void put_text(df__out *o, const df_value *v)
{
    df__out_put(o, v->text, v->len);
}

static void put_quoted(df__out *o, const df_value *v)
{
    put_string(o, v->text, v->len);
}

static void put_bytes(df__out *o, const df_value *v)
{
    put_char(o, '"');
    put_base64(o, v->text, v->len);
    put_char(o, '"');
}

static void put_null(df__out *o, const df_value *v)
{
    (void)v;
    df__out_put(o, "null", 4);
}

static void put_bool(df__out *o, const df_value *v)
{
    df__out_put(o, v->u.i ? "true" : "false", v->u.i ? 4 : 5);
}

static void put_time(df__out *o, const df_value *v)
{
    char buf[DF__TIMETEXT_MAX];
    df__out_put(o, buf, df__timetext(v, buf));
}

static void put_quoted_time(df__out *o, const df_value *v)
{
    put_char(o, '"');
    put_time(o, v);
    put_char(o, '"');
}

typedef void (*put_fn)(df__out *o, const df_value *v);

/* As text and as JSON. ABSENT and UNCHANGED have neither. */
static const put_fn forms[][2] = {
    [DF_V_NULL] = {put_null, put_null},
    [DF_V_BOOL] = {put_bool, put_bool},
    [DF_V_INT] = {put_number, put_number},
    [DF_V_NUMBER] = {put_number, put_number},
    [DF_V_DOUBLE] = {put_number, put_json_number},
    [DF_V_STRING] = {put_text, put_quoted},
    [DF_V_BYTES] = {put_text, put_bytes},
    [DF_V_TIMESTAMP] = {put_time, put_quoted_time},
    [DF_V_DATE] = {put_time, put_quoted_time},
    [DF_V_TIME] = {put_time, put_quoted_time},
    [DF_V_ARRAY] = {put_tree, put_tree},
    [DF_V_OBJECT] = {put_tree, put_tree},
};

static void put_value(df__out *o, const df_value *v, int json)
{
    if (v->type > DF_V_UNCHANGED && v->type <= DF_V_OBJECT)
        forms[v->type][json](o, v);
}

void df__write_json(df__out *o, const df_value *v)
{
    put_value(o, v, 1);
}

void df__write_text(df__out *o, const df_value *v)
{
    put_value(o, v, 0);
}

int df__tree_write(const df__tree *t, df__arena *a, df_bytes *ret)
{
    df__out o;
    df_value root;
    df__tree_root(t, &root);
    if (out_arena(&o, a, t->pool.len + t->pool.len / 8 + 256) != DF_OK)
        return DF_ENOMEM;
    df__write_json(&o, &root);
    return out_finish(&o, ret);
}

/* Takes what was written so far from what is wanted; a difference leaves want NULL. */
static void more_compare(df__out *o)
{
    size_t n = (size_t)(o->at - o->begin);
    if (o->want && (n > o->want_len || memcmp(o->begin, o->want, n) != 0))
        o->want = NULL;
    if (o->want) {
        o->want += n;
        o->want_len -= n;
    }
    o->at = o->begin;
}

int df__text_equals(const df_value *v, const char *text, size_t len)
{
    df__out o;
    if (v->type == DF_V_STRING || v->type == DF_V_BYTES)
        return v->len == len && memcmp(v->text, text, len) == 0;
    o.failed = 0;
    o.done = 0;
    o.at = o.begin = o.scratch;
    o.end = o.scratch + sizeof o.scratch;
    o.want = text;
    o.want_len = len;
    o.more = more_compare;
    df__write_text(&o, v);
    more_compare(&o);
    return o.want && o.want_len == 0;
}
