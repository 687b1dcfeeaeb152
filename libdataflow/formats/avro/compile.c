/* SPDX-License-Identifier: Apache-2.0
 * compile.c: a writer's schema, and a reader's, to a program. Each pair of records is compiled
 * once and called, so that types may hold themselves. */
#include "formats/avro/program.h"

#include <stdarg.h>

enum { OPS_MAX = 1000000 };

typedef struct routine { /* what reads a record of type w as one of type r */
    const df__avro_type *w, *r;
    size_t start;
} routine;

typedef struct compiler {
    df_avro_program *p;
    df__avro_error *error;
    int rc;
    int soft; /* inside of what may be missing: what cannot be read fails when it is there */
    routine *routines;
    size_t count, cap, done;
    uint32_t *slots; /* routines by their pair */
    size_t slot_cap;
    df_bytes record, field; /* what is compiled, for texts */
} compiler;

static const yyjson_val no_key;

static void compile(compiler *c, const df__avro_type *w, const df__avro_type *r, yyjson_val key);

/* ---- operations ------------------------------------------------------------------------------ */

static size_t emit(compiler *c, df__aop_fn *run, yyjson_val key)
{
    df_avro_program *p = c->p;
    if (c->rc == DF_OK && p->count >= OPS_MAX) {
        df__text_printf(c->error->text, sizeof c->error->text,
                        "Avro: the two schemas together are too large");
        c->rc = DF_ESPEC;
    }
    if (c->rc == DF_OK)
        c->rc = df__grow(p->heap, &p->ops, &p->cap, p->count, sizeof *p->ops);
    if (c->rc != DF_OK)
        return 0;
    p->ops[p->count] = (df__aop){.run = run, .keyed = key.tag != 0, .key = key};
    return p->count++;
}

/* Operation `index`, as long as nothing is emitted; after a failure one that is not run. */
static df__aop *op(compiler *c, size_t index)
{
    static _Thread_local df__aop nowhere;
    return c->rc == DF_OK ? &c->p->ops[index] : &nowhere;
}

static void *table(compiler *c, size_t size)
{
    void *p = c->rc == DF_OK ? df__arena_zalloc(&c->p->arena, size + 1) : NULL;
    if (!p && c->rc == DF_OK)
        c->rc = DF_ENOMEM;
    return p;
}

static yyjson_val text_val(df_bytes text)
{
    yyjson_val v;
    int plain = 0;
    df__utf8_check(text.data, text.len, &plain);
    v.tag = (uint64_t)text.len << YYJSON_TAG_BIT | YYJSON_TYPE_STR |
            (plain ? YYJSON_SUBTYPE_NOESC : YYJSON_SUBTYPE_NONE);
    v.uni.str = text.data;
    return v;
}

/* ---- what cannot be -------------------------------------------------------------------------- */

static DF_PRINTF(3, 4) void never(compiler *c, yyjson_val key, const char *format, ...)
{
    char text[400];
    size_t n = df__text_printf(text, sizeof text, "%s%.*s%s%.*s%s", c->record.len ? "record " : "",
                               (int)(c->record.len < 80 ? c->record.len : 80),
                               (const char *)c->record.data, c->field.len ? ", field " : "",
                               (int)(c->field.len < 80 ? c->field.len : 80),
                               (const char *)c->field.data, c->record.len ? ": " : "");
    size_t at;
    char *copy;
    va_list args;
    va_start(args, format);
    n += df__text_vprintf(text + n, sizeof text - n, format, args);
    va_end(args);
    if (c->rc == DF_OK && !c->soft) {
        df__text_printf(c->error->text, sizeof c->error->text, "Avro: %s", text);
        c->rc = DF_ESPEC;
    }
    copy = table(c, n);
    at = emit(c, df__aop_never, key);
    if (copy) {
        memcpy(copy, text, n);
        op(c, at)->table = copy;
    }
}

static void mismatch(compiler *c, const df__avro_type *w, const df__avro_type *r, yyjson_val key)
{
    never(c, key, "what was written as %.*s cannot be read as %.*s",
          (int)(w->name.len < 80 ? w->name.len : 80), (const char *)w->name.data,
          (int)(r->name.len < 80 ? r->name.len : 80), (const char *)r->name.data);
}

/* ---- names ----------------------------------------------------------------------------------- */

static int is_alias(const df_bytes *aliases, size_t count, df_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (df__bytes_same(aliases[i], name))
            return 1;
    return 0;
}

static int named_alike(const df__avro_type *w, const df__avro_type *r)
{
    return df__bytes_same(w->name, r->name) || is_alias(r->aliases, r->alias_count, w->name);
}

static int nearly_alike(const df__avro_type *w, const df__avro_type *r)
{
    return named_alike(w, r) || df__bytes_same(df__avro_short(w->name), df__avro_short(r->name));
}

/* Another scale would move the point. */
static int same_scale(const df__avro_type *w, const df__avro_type *r)
{
    return w->logical != DF__AVRO_DECIMAL || r->logical != DF__AVRO_DECIMAL || w->scale == r->scale;
}

/* The branch of a reader's union for what was written: the type of that name, then one that has the
 * same name in another namespace, then one that it is promoted to. NULL: none. */
static const df__avro_type *pick(const df__avro_type *w, const df__avro_type *u)
{
    df__aop ignored;
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < u->count; i++) {
            const df__avro_type *r = u->branches[i];
            int same = r->kind == w->kind &&
                       (!df__avro_is_named(r) || (pass ? nearly_alike(w, r) : named_alike(w, r)));
            if (r->kind == DF__AVRO_FIXED && r->size != w->size)
                continue;
            if (pass < 2 ? same : r->kind < DF__AVRO_FIXED && df__aop_scalar(w, r, &ignored))
                return same_scale(w, r) ? r : NULL;
        }
    return NULL;
}

/* ---- routines -------------------------------------------------------------------------------- */

static size_t slot_of(const compiler *c, const df__avro_type *w, const df__avro_type *r)
{
    uint64_t hash = ((uintptr_t)w >> 4) * UINT64_C(0x9e3779b97f4a7c15) ^ (uintptr_t)r >> 4;
    size_t at = (size_t)(hash * UINT64_C(0xff51afd7ed558ccd) >> 20) & (c->slot_cap - 1);
    for (; c->slots[at]; at = (at + 1) & (c->slot_cap - 1)) {
        const routine *one = &c->routines[c->slots[at] - 1];
        if (one->w == w && one->r == r)
            break;
    }
    return at;
}

static int more_slots(compiler *c)
{
    size_t cap = c->slot_cap ? 2 * c->slot_cap : 16;
    uint32_t *fresh = df__zalloc(c->p->heap, cap * sizeof *fresh);
    if (!fresh)
        return DF_ENOMEM;
    df__free(c->p->heap, c->slots);
    c->slots = fresh;
    c->slot_cap = cap;
    for (size_t i = 0; i < c->count; i++)
        fresh[slot_of(c, c->routines[i].w, c->routines[i].r)] = (uint32_t)i + 1;
    return DF_OK;
}

/* The number of the routine for that pair, which is compiled later. */
static uint32_t routine_of(compiler *c, const df__avro_type *w, const df__avro_type *r)
{
    size_t at;
    if (c->rc == DF_OK && 2 * (c->count + 1) > c->slot_cap)
        c->rc = more_slots(c);
    if (c->rc != DF_OK)
        return 0;
    at = slot_of(c, w, r);
    if (!c->slots[at]) {
        c->rc = df__grow(c->p->heap, &c->routines, &c->cap, c->count, sizeof *c->routines);
        if (c->rc != DF_OK)
            return 0;
        c->routines[c->count++] = (routine){w, r, 0};
        c->slots[at] = (uint32_t)c->count;
    }
    return c->slots[at] - 1;
}

/* ---- records --------------------------------------------------------------------------------- */

/* The reader's field for what was written as `f`; r->count: none. */
static size_t reader_field(const df__avro_type *r, const df__avro_field *f, size_t guess,
                           const unsigned char *taken)
{
    if (guess < r->count && df__bytes_same(r->fields[guess].name, f->name))
        return guess;
    for (size_t i = 0; i < r->count; i++)
        if (df__bytes_same(r->fields[i].name, f->name))
            return i;
    for (size_t i = 0; i < r->count; i++)
        if (!taken[i] && is_alias(r->fields[i].aliases, r->fields[i].alias_count, f->name))
            return i;
    return r->count;
}

/* A field that the writer has and the reader has not. */
static void drop_field(compiler *c, const df__avro_field *f)
{
    emit(c, df__aop_drop, no_key);
    compile(c, f->type, f->type, text_val(f->name));
    emit(c, df__aop_dropped, no_key);
}

/* A field that the reader has and the writer has not. */
static void fill_field(compiler *c, const df__avro_field *f)
{
    size_t at;
    c->field = f->name;
    if (!f->fill.data) {
        never(c, text_val(f->name), "was not written, and has no default");
        return;
    }
    at = emit(c, df__aop_fill, no_key);
    op(c, at)->table = f->fill.data;
    op(c, at)->count = (uint32_t)f->fill.len;
    compile(c, f->type, f->type, text_val(f->name));
    emit(c, df__aop_filled, no_key);
}

static void compile_routine(compiler *c, const df__avro_type *w, const df__avro_type *r)
{
    unsigned char *taken = df__zalloc(c->p->heap, r->count + 1);
    size_t at;
    if (!taken) {
        c->rc = DF_ENOMEM;
        return;
    }
    for (size_t i = 0; i < w->count && c->rc == DF_OK; i++) {
        size_t k = w == r ? i : reader_field(r, &w->fields[i], i, taken);
        c->record = w->name;
        c->field = w->fields[i].name;
        if (k == r->count || taken[k]) {
            drop_field(c, &w->fields[i]);
            continue;
        }
        taken[k] = 1;
        compile(c, w->fields[i].type, r->fields[k].type, text_val(r->fields[k].name));
    }
    for (size_t k = 0; k < r->count && c->rc == DF_OK; k++)
        if (!taken[k])
            fill_field(c, &r->fields[k]);
    at = emit(c, df__aop_return, no_key);
    op(c, at)->count = (uint32_t)r->count;
    df__free(c->p->heap, taken);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void compile_record(compiler *c, const df__avro_type *w, const df__avro_type *r,
                           yyjson_val key)
{
    uint32_t number = routine_of(c, w, r);
    size_t at = emit(c, df__aop_call, key);
    op(c, at)->to = number;
}

static void compile_list(compiler *c, const df__avro_type *w, const df__avro_type *r,
                         yyjson_val key)
{
    int map = w->kind == DF__AVRO_MAP;
    size_t at = emit(c, df__aop_list, key), next;
    op(c, at)->tag = map ? DF__NODE_OBJ : DF__NODE_ARR;
    if (map)
        emit(c, df__aop_map_key, no_key);
    c->soft++;
    compile(c, w->item, r->item, no_key);
    c->soft--;
    next = emit(c, df__aop_next, no_key);
    op(c, next)->to = (uint32_t)at + 1;
    op(c, at)->to = (uint32_t)next + 1;
}

static void compile_enum(compiler *c, const df__avro_type *w, const df__avro_type *r,
                         yyjson_val key)
{
    yyjson_val *symbols = table(c, w->count * sizeof *symbols);
    size_t at;
    if (w != r && !nearly_alike(w, r)) {
        mismatch(c, w, r, key);
        return;
    }
    at = emit(c, df__aop_enum, key);
    for (size_t i = 0; i < w->count && symbols; i++)
        if (w == r || is_alias(r->symbols, r->count, w->symbols[i]))
            symbols[i] = text_val(w->symbols[i]);
        else if (r->fallback >= 0)
            symbols[i] = text_val(r->symbols[r->fallback]);
    op(c, at)->table = symbols;
    op(c, at)->count = (uint32_t)w->count;
}

/* The value of a reader's branch, in its wrapper where that is wanted. */
static void compile_branch(compiler *c, const df__avro_type *w, const df__avro_type *branch,
                           yyjson_val key)
{
    char buf[64];
    const char *name;
    char *copy;
    size_t len;
    if (!(c->p->flags & DF_AVRO_WRAP) || branch->kind == DF__AVRO_NULL) {
        compile(c, w, branch, key);
        return;
    }
    len = df__avro_branch_name(branch, buf, &name);
    copy = table(c, len);
    if (!copy)
        return;
    memcpy(copy, name, len);
    emit(c, df__aop_wrap, key);
    compile(c, w, branch, text_val((df_bytes){copy, len}));
    emit(c, df__aop_unwrap, no_key);
}

/* Null and one other type, as they were written: a null is jumped over. */
static void compile_optional(compiler *c, const df__avro_type *u, yyjson_val key)
{
    int second = u->branches[0]->kind == DF__AVRO_NULL;
    size_t at = emit(c, df__aop_optional, key);
    op(c, at)->plain = DF__AOP_OPTIONAL;
    op(c, at)->count = second ? 0 : 1;
    c->soft++;
    compile_branch(c, u->branches[second], u->branches[second], key);
    c->soft--;
    op(c, at)->to = (uint32_t)c->p->count;
}

static void compile_union(compiler *c, const df__avro_type *w, const df__avro_type *r,
                          yyjson_val key)
{
    uint32_t *starts = table(c, w->count * sizeof *starts);
    uint32_t *jumps = table(c, w->count * sizeof *jumps);
    size_t at = emit(c, df__aop_union, key);
    if (!starts || !jumps)
        return;
    op(c, at)->table = starts;
    op(c, at)->count = (uint32_t)w->count;
    c->soft++;
    for (size_t i = 0; i < w->count; i++) {
        starts[i] = (uint32_t)c->p->count;
        if (w == r)
            compile_branch(c, w->branches[i], w->branches[i], no_key);
        else
            compile(c, w->branches[i], r, no_key);
        jumps[i] = (uint32_t)emit(c, df__aop_jump, no_key);
    }
    c->soft--;
    for (size_t i = 0; i < w->count; i++)
        op(c, jumps[i])->to = (uint32_t)c->p->count;
}

static void compile_scalar(compiler *c, const df__avro_type *w, const df__avro_type *r,
                           yyjson_val key)
{
    df__aop o = {.run = NULL};
    df__aop_fn *run = df__aop_scalar(w, r, &o);
    size_t at;
    if (!run || !same_scale(w, r) ||
        (w->kind == DF__AVRO_FIXED && (w->size != r->size || !nearly_alike(w, r)))) {
        mismatch(c, w, r, key);
        return;
    }
    at = emit(c, run, key);
    op(c, at)->tag = o.tag;
    op(c, at)->plain = o.plain;
    op(c, at)->count = o.count;
    op(c, at)->to = o.to;
}

static void compile(compiler *c, const df__avro_type *w, const df__avro_type *r, yyjson_val key)
{
    const df__avro_type *branch;
    if (c->rc != DF_OK)
        return;
    if (w == r && df__avro_is_optional(w)) {
        compile_optional(c, w, key);
    } else if (w->kind == DF__AVRO_UNION) {
        compile_union(c, w, r, key);
    } else if (r->kind == DF__AVRO_UNION) {
        branch = pick(w, r);
        if (branch)
            compile_branch(c, w, branch, key);
        else
            mismatch(c, w, r, key);
    } else if (w->kind != r->kind && (w->kind >= DF__AVRO_FIXED || r->kind >= DF__AVRO_FIXED)) {
        mismatch(c, w, r, key);
    } else if (w->kind == DF__AVRO_RECORD) {
        compile_record(c, w, r, key);
    } else if (w->kind == DF__AVRO_ARRAY || w->kind == DF__AVRO_MAP) {
        compile_list(c, w, r, key);
    } else if (w->kind == DF__AVRO_ENUM) {
        compile_enum(c, w, r, key);
    } else {
        compile_scalar(c, w, r, key);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* A record that is only found inside of what may be missing is soft as a whole. */
static void compile_all(compiler *c, const df__avro_type *w, const df__avro_type *r)
{
    compile(c, w, r, no_key);
    emit(c, df__aop_end, no_key);
    for (; c->done < c->count && c->rc == DF_OK; c->done++) {
        const df__avro_type *one = c->routines[c->done].w, *as = c->routines[c->done].r;
        c->routines[c->done].start = c->p->count;
        c->soft += c->done > 0;
        compile_routine(c, one, as);
        c->soft -= c->done > 0;
    }
    for (size_t i = 0; i < c->p->count && c->rc == DF_OK; i++)
        if (c->p->ops[i].run == df__aop_call)
            c->p->ops[i].to = (uint32_t)c->routines[c->p->ops[i].to].start;
    df__free(c->p->heap, c->routines);
    df__free(c->p->heap, c->slots);
}

int df__avro_compile(const df__heap *heap, const df__avro_plan *plan, df_avro_program **ret,
                     df__avro_error *error)
{
    const df_avro_schema *reader = plan->reader ? plan->reader : plan->writer;
    df_avro_program *p = df__zalloc(heap, sizeof *p);
    compiler c = {.p = p, .error = error, .rc = DF_OK};
    *ret = NULL;
    if (!p)
        return DF_ENOMEM;
    p->heap = heap;
    p->holds = 1;
    p->flags = plan->flags;
    p->writer = df_avro_schema_hold(plan->writer);
    p->reader = df_avro_schema_hold(reader);
    df__arena_init(&p->arena, heap, 1024);
    compile_all(&c, p->writer->root, p->reader->root);
    if (c.rc == DF_OK)
        c.rc = df__avro_columns(heap, p->reader->root, p->flags, &p->columns);
    if (c.rc == DF_OK)
        *ret = p;
    else
        df_avro_program_free(p);
    return c.rc;
}

const df_schema *df_avro_columns(const df_avro_program *p)
{
    return p->columns;
}

void df_avro_program_free(df_avro_program *p)
{
    if (!p || __atomic_fetch_sub(&p->holds, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    df_avro_schema_free(p->writer);
    df_avro_schema_free(p->reader);
    df_schema_free(p->columns);
    df__free(p->heap, p->ops);
    df__arena_free(&p->arena);
    df__free(p->heap, p);
}
