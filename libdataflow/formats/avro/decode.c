/* SPDX-License-Identifier: Apache-2.0
 * decode.c: runs a program over a body: containers, unions, defaults, and all bounds. No recursion:
 * what is open is on a stack of its own. */
#include "formats/avro/program.h"

/* Values for which no byte need be there (nulls, empty records), and values for each byte. */
enum { FREE_VALUES = 100000, VALUES_PER_BYTE = 64, FIRST_VALUES = 32, FIRST_DEPTH = 16 };

static const df__aop *op_at(const df__machine *m, uint32_t index)
{
    return &m->program->ops[index];
}

/* ---- room ------------------------------------------------------------------------------------ */

/* More room for values; 0: failed. */
static int grow(df__machine *m)
{
    size_t used = (size_t)(m->at - m->vals);
    size_t cap = (size_t)(m->limit - m->vals) + DF__AVRO_ROOM, more = 2 * cap;
    yyjson_val *fresh;
    if (used + m->spent > m->budget)
        return df__aop_fail(m, NULL, "more values than a body of that size may have"), 0;
    if (!df__arena_extend(m->arena, m->vals, cap * sizeof *fresh, more * sizeof *fresh)) {
        fresh = df__arena_alloc(m->arena, more * sizeof *fresh);
        if (!fresh) {
            m->rc = DF_ENOMEM;
            return 0;
        }
        memcpy(fresh, m->vals, used * sizeof *fresh);
        m->vals = fresh;
        m->at = fresh + used;
    }
    m->limit = m->vals + more - DF__AVRO_ROOM;
    return 1;
}

/* Room for more that is open; 0: failed. */
static int deepen(df__machine *m)
{
    size_t more = m->depth < DF__AVRO_DEPTH / 2 ? 2 * m->depth : DF__AVRO_DEPTH;
    df__aframe *fresh;
    if (m->depth == DF__AVRO_DEPTH)
        return df__aop_fail(m, NULL, "nested more than %d deep", DF__AVRO_DEPTH), 0;
    fresh = df__arena_alloc(m->arena, more * sizeof *fresh);
    if (!fresh) {
        m->rc = DF_ENOMEM;
        return 0;
    }
    memcpy(fresh, m->frames, m->depth * sizeof *fresh);
    m->frames = fresh;
    m->top = fresh + m->depth - 1;
    m->depth = more;
    return 1;
}

static df__aframe *push(df__machine *m, const df__aop *back, int container)
{
    df__aframe *f = m->top + 1;
    if (f == m->frames + m->depth) {
        if (!deepen(m))
            return NULL;
        f = m->top + 1;
    }
    m->top = f;
    f->back = back;
    f->container = container;
    f->open = (size_t)(m->at - m->vals) - (size_t)container;
    f->left = f->count = 0;
    f->block_end = NULL;
    return f;
}

/* {"array": [...]} and nothing else becomes the list. */
static void collapse(df__machine *m, yyjson_val *v)
{
    if (df__len(v) != 1 || df__type(v) != DF__NODE_OBJ || df__len(v + 1) != 5 ||
        memcmp(v[1].uni.str, "array", 5) != 0 || df__type(v + 2) != DF__NODE_ARR)
        return;
    memmove(v, v + 2, (size_t)(m->at - (v + 2)) * sizeof *v);
    m->at -= 2;
}

/* Completes the innermost container. */
static inline const df__aop *close(df__machine *m, size_t len)
{
    df__aframe *f = m->top--;
    yyjson_val *v = &m->vals[f->open];
    v->tag = (uint64_t)len << YYJSON_TAG_BIT | (v->tag & 0xff);
    v->uni.ofs = (size_t)((char *)m->at - (char *)v);
    if (m->program->flags & DF_AVRO_COLLAPSE)
        collapse(m, v);
    return f->back;
}

/* ---- records, unions ------------------------------------------------------------------------- */

const df__aop *df__aop_call(df__machine *m, const df__aop *o)
{
    df__aop_place(m, o)->tag = DF__NODE_OBJ;
    return push(m, o + 1, 1) ? op_at(m, o->to) : NULL;
}

const df__aop *df__aop_return(df__machine *m, const df__aop *o)
{
    return close(m, o->count);
}

const df__aop *df__aop_union(df__machine *m, const df__aop *o)
{
    const uint32_t *branches = o->table;
    int64_t i;
    if (!df__aop_long(m, o, &i))
        return NULL;
    if (o->key.tag)
        *m->at++ = o->key;
    if (i < 0 || (uint64_t)i >= o->count)
        return df__aop_fail(m, NULL, "the union has no branch of that number, only %u", o->count);
    return op_at(m, branches[i]);
}

/* Null, which has number `count`, or what follows. */
const df__aop *df__aop_optional(df__machine *m, const df__aop *o)
{
    int64_t i;
    if (!df__aop_long(m, o, &i))
        return NULL;
    if (i < 0 || i > 1)
        return df__aop_fail(m, o, "the union has no branch of that number, only 2");
    if (i != o->count)
        return o + 1;
    df__aop_place(m, o)->tag = YYJSON_TYPE_NULL;
    return op_at(m, o->to);
}

const df__aop *df__aop_jump(df__machine *m, const df__aop *o)
{
    return op_at(m, o->to);
}

/* The wrapper of a union's branch: table is its name's value. */
const df__aop *df__aop_wrap(df__machine *m, const df__aop *o)
{
    df__aop_place(m, o)->tag = DF__NODE_OBJ;
    return push(m, NULL, 1) ? o + 1 : NULL;
}

const df__aop *df__aop_unwrap(df__machine *m, const df__aop *o)
{
    close(m, 1);
    return o + 1;
}

const df__aop *df__aop_never(df__machine *m, const df__aop *o)
{
    return df__aop_fail(m, o, "%s", (const char *)o->table);
}

/* ---- lists and maps -------------------------------------------------------------------------- */

/* The head of a block. -1: failed; 0: the last one. */
static int next_block(df__machine *m, df__aframe *f)
{
    int64_t count, size;
    if (f->block_end && m->p != f->block_end)
        return df__aop_fail(m, NULL, "a block has another size than it says"), -1;
    f->block_end = NULL;
    if (!df__aop_long(m, NULL, &count))
        return -1;
    if (count < 0) {
        if (!df__aop_long(m, NULL, &size))
            return -1;
        if (size < 0 || size > m->end - m->p)
            return df__aop_fail(m, NULL, "a block says a size that the body does not have"), -1;
        f->block_end = m->p + size;
    }
    f->left = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    return f->left != 0;
}

/* The next item begins at `body`; when the last one is done, reading goes on at `after`. */
static inline const df__aop *next_item(df__machine *m, const df__aop *body, const df__aop *after)
{
    df__aframe *f = m->top;
    if (!f->left) {
        int more = next_block(m, f);
        if (more < 0)
            return NULL;
        if (!more) {
            close(m, f->count);
            return after;
        }
    }
    f->left--;
    f->count++;
    return body;
}

const df__aop *df__aop_list(df__machine *m, const df__aop *o)
{
    df__aop_place(m, o)->tag = o->tag;
    return push(m, NULL, 1) ? next_item(m, o + 1, op_at(m, o->to)) : NULL;
}

const df__aop *df__aop_next(df__machine *m, const df__aop *o)
{
    return next_item(m, op_at(m, o->to), o + 1);
}

/* ---- what is thrown away, and what was not written ------------------------------------------- */

/* A value that the reader does not have is read as any other, so with all checks. */
const df__aop *df__aop_drop(df__machine *m, const df__aop *o)
{
    return push(m, NULL, 0) ? o + 1 : NULL;
}

const df__aop *df__aop_dropped(df__machine *m, const df__aop *o)
{
    yyjson_val *from = &m->vals[m->top->open];
    m->spent += (size_t)(m->at - from);
    m->at = from;
    if ((size_t)(m->at - m->vals) + m->spent > m->budget)
        return df__aop_fail(m, NULL, "more values than a body of that size may have");
    m->top--;
    return o + 1;
}

/* A default is read from its own bytes. */
const df__aop *df__aop_fill(df__machine *m, const df__aop *o)
{
    df__aframe *f = push(m, NULL, 0);
    if (!f)
        return NULL;
    f->at = m->p;
    f->end = m->end;
    m->p = o->table;
    m->end = m->p + o->count;
    return o + 1;
}

const df__aop *df__aop_filled(df__machine *m, const df__aop *o)
{
    m->p = m->top->at;
    m->end = m->top->end;
    m->top--;
    return o + 1;
}

const df__aop *df__aop_end(df__machine *m, const df__aop *o)
{
    (void)m;
    (void)o;
    return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int run(df__machine *m, df_bytes body)
{
    df__aframe frames[FIRST_DEPTH];
    const df_avro_program *p = m->program;
    size_t cap = p->usual + FIRST_VALUES;
    const df__aop *o = p->ops;
    m->frames = m->top = frames;
    m->depth = FIRST_DEPTH;
    m->p = body.data;
    m->end = m->p + body.len;
    m->budget =
        FREE_VALUES + (body.len < SIZE_MAX / 256 ? body.len * VALUES_PER_BYTE : SIZE_MAX / 4);
    m->vals = m->at = df__arena_alloc(m->arena, cap * sizeof *m->vals);
    if (!m->vals)
        return DF_ENOMEM;
    m->limit = m->vals + cap - DF__AVRO_ROOM;
    while (o) {
        if (o->plain != DF__AOP_OTHER)
            o = df__aop_plainly(m, o);
        if (m->at > m->limit && !grow(m))
            break;
        o = o->run(m, o);
    }
    return m->rc;
}

/* Gives back what the values did not need, and remembers how many there were. */
static void settle(df__machine *m)
{
    df_avro_program *p = (df_avro_program *)(uintptr_t)m->program;
    size_t count = (size_t)(m->at - m->vals);
    if (m->arena->last == (unsigned char *)m->vals)
        m->arena->at = (unsigned char *)m->at;
    if (count > __atomic_load_n(&p->usual, __ATOMIC_RELAXED) && count < 4096)
        __atomic_store_n(&p->usual, count, __ATOMIC_RELAXED);
}

static void let_go(void *what)
{
    df_avro_program_free(what);
}

/* The arena holds the program, whose names its values use. */
static int held_by(df__arena *a, const df_avro_program *program)
{
    df_avro_program *p = (df_avro_program *)(uintptr_t)program;
    for (const df__kept *k = a->kept; k; k = k->next)
        if (k->what == p)
            return DF_OK;
    if (df__arena_keep(a, let_go, p) != DF_OK)
        return DF_ENOMEM;
    __atomic_fetch_add(&p->holds, 1, __ATOMIC_RELAXED);
    return DF_OK;
}

/* The values of the start of `body`. */
static int decode(df__machine *m, df_bytes body)
{
    df__arena_mark before;
    int rc = held_by(m->arena, m->program);
    if (rc != DF_OK)
        return rc;
    before = df__arena_note(m->arena);
    rc = run(m, body);
    if (rc != DF_OK)
        df__arena_back(m->arena, before);
    else
        settle(m);
    return rc;
}

int df__avro_decode_value(const df_avro_program *program, df__arena *arena, df__avro_input *in,
                          df_value *ret, df__avro_error *error)
{
    df__machine m = {.program = program, .arena = arena, .error = error, .rc = DF_OK};
    int rc = decode(&m, in->body);
    if (rc != DF_OK)
        return rc;
    in->used = (size_t)(m.p - (const unsigned char *)in->body.data);
    df__value_fill(m.vals, ret);
    return DF_OK;
}

/* The values of the whole of `body`. */
static int decode_whole(df__machine *m, df_bytes body)
{
    df__arena_mark before = df__arena_note(m->arena);
    int rc = decode(m, body);
    if (rc != DF_OK || m->p == m->end)
        return rc;
    df__text_printf(m->error->text, sizeof m->error->text,
                    "Avro: %zu bytes follow the value: the body was written with another schema",
                    (size_t)(m->end - m->p));
    df__arena_back(m->arena, before);
    return DF_EDATA;
}

int df__avro_decode_apart(const df_avro_program *program, df_record *r, df_bytes body,
                          df_value *ret, df__avro_error *error)
{
    df__machine m = {.program = program, .arena = r->arena, .error = error, .rc = DF_OK};
    int rc = decode_whole(&m, body);
    if (rc == DF_OK)
        df__value_fill(m.vals, ret);
    return rc;
}

int df__avro_decode(const df_avro_program *program, df_record *r, df_bytes body,
                    df__avro_error *error)
{
    df__machine m = {.program = program, .arena = r->arena, .error = error, .rc = DF_OK};
    df__tree *t;
    int rc = decode_whole(&m, body);
    if (rc != DF_OK)
        return rc;
    t = df__arena_zalloc(r->arena, sizeof *t);
    if (!t)
        return DF_ENOMEM;
    t->vals = t->root = m.vals;
    t->count = (size_t)(m.at - m.vals);
    t->pool = body;
    df__record_place(r, t);
    r->schema = program->columns; /* which lives as long as the program, so as the arena */
    r->before = NULL;
    return DF_OK;
}
