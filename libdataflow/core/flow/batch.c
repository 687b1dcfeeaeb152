/* SPDX-License-Identifier: Apache-2.0
 * batch.c: batches and what a source does to one; see batch.h. */
#include "core/flow/batch.h"

#include <string.h>

#include "core/stage/stage.h"

enum { SAMPLE = 64 };

df_batch *df__batch_new(const df__heap *heap, size_t room)
{
    df_batch *b = df__zalloc(heap, sizeof *b);
    if (!b)
        return NULL;
    b->heap = heap;
    b->room = room;
    b->max_records = DF__BATCH_RECORDS;
    b->msg.about = b;
    df__arena_init(&b->arena, heap, room < 65536 ? 4096 : 65536);
    return b;
}

void df__batch_free(df_batch *b)
{
    if (!b)
        return;
    df__arena_free(&b->arena);
    df__free(b->heap, b->chunks);
    df__free(b->heap, b);
}

size_t df__batch_size(const df_batch *b)
{
    return b->arena.total + sizeof *b + b->chunk_cap * sizeof *b->chunks;
}

size_t df__batch_cost(const df_batch *b)
{
    return df__batch_size(b) + b->expected;
}

static int new_chunk(df_batch *b, size_t chunk)
{
    if (df__grow(b->heap, &b->chunks, &b->chunk_cap, chunk, sizeof *b->chunks) != DF_OK)
        return DF_ENOMEM;
    b->chunks[chunk] = df__arena_alloc(&b->arena, DF__CHUNK_RECORDS * sizeof(df_record));
    return b->chunks[chunk] ? DF_OK : DF_ENOMEM;
}

/* A record at the end, zeroed but for arena and state. NULL: no memory. */
static inline df_record *append(df_batch *b)
{
    size_t chunk = b->count / DF__CHUNK_RECORDS;
    df_record *r;
    if (b->count % DF__CHUNK_RECORDS == 0 && new_chunk(b, chunk) != DF_OK)
        return NULL;
    r = &b->chunks[chunk][b->count % DF__CHUNK_RECORDS];
    memset(r, 0, sizeof *r);
    r->arena = &b->arena;
    b->count++;
    return r;
}

static int copy_headers(df_batch *b, const df_input *in, df_record *r)
{
    df_header *copy;
    if (!in->header_count)
        return DF_OK;
    copy = df__arena_alloc(&b->arena, in->header_count * sizeof *copy);
    if (!copy)
        return DF_ENOMEM;
    for (size_t i = 0; i < in->header_count; i++) {
        const char *name = in->headers[i].name;
        copy[i].name = df__arena_bytes(&b->arena, name, strlen(name));
        if (!copy[i].name || df__arena_copy(&b->arena, in->headers[i].value, &copy[i].value))
            return DF_ENOMEM;
    }
    r->headers = copy;
    r->header_count = (uint32_t)in->header_count;
    return DF_OK;
}

/* What a record takes as it was read: payload, key and headers. */
static size_t input_bytes(const df_input *in)
{
    size_t bytes = in->payload.len + in->key.len;
    for (size_t i = 0; i < in->header_count; i++)
        bytes += sizeof *in->headers + strlen(in->headers[i].name) + in->headers[i].value.len;
    return bytes;
}

/* Its bytes are kept for the error sink while they fit twice the limit; past that only the first
 * of the payload and of the key, or one record could break the budget. */
static int copy_too_large(df_batch *b, const df_input *in, size_t bytes, df_record *r)
{
    df_input part = *in;
    int cut = bytes > 2 * b->max_record_bytes;
    if (cut) {
        part.payload.len = in->payload.len < DF__CUT_BYTES ? in->payload.len : DF__CUT_BYTES;
        part.key.len = in->key.len < DF__CUT_BYTES ? in->key.len : DF__CUT_BYTES;
        part.header_count = 0;
    }
    if (df__arena_copy(&b->arena, part.payload, &r->payload) != DF_OK ||
        df__arena_copy(&b->arena, part.key, &r->key) != DF_OK || copy_headers(b, &part, r) != DF_OK)
        return DF_ENOMEM;
    df_record_failf(r, DF_EDATA,
                    "record of %zu bytes is over the limit of %zu bytes "
                    "(an eighth of memoryLimit)%s",
                    bytes, b->max_record_bytes,
                    cut ? "; only its first 4096 bytes are kept, and no headers" : "");
    return DF_OK;
}

/* Held at once, since the source may give its partition another one before the record is complete.
 */
static int keep_schema(df_batch *b, df_record *r)
{
    b->schema = r->span->part->in.schema;
    return b->schema ? df_record_set_schema(r, b->schema) : DF_OK;
}

/* Copies one input row into a record (payload, key, headers). */
static int copy_in(df_batch *b, const df_input *in, size_t bytes, df_record *r)
{
    r->time_us = in->time_us ? in->time_us : b->now_us;
    r->offset = in->offset;
    r->op = in->op;
    if (keep_schema(b, r) != DF_OK)
        return DF_ENOMEM;
    if (b->max_record_bytes && bytes > b->max_record_bytes)
        return copy_too_large(b, in, bytes, r);
    if (df__arena_copy(&b->arena, in->payload, &r->payload) != DF_OK ||
        (in->key.data && df__arena_copy(&b->arena, in->key, &r->key) != DF_OK))
        return DF_ENOMEM;
    return in->header_count ? copy_headers(b, in, r) : DF_OK;
}

/* Memory for the tree of a record. Large ones are counted and edited at worst; of small ones every
 * 64th speaks for the others, and the measured ratio for what becomes of the trees. */
static size_t tree_bytes(const df_batch *b, const df_record *r)
{
    size_t len = r->payload.len;
    if (r->state != DF__RECORD_LIVE)
        return 0;
    if (len >= DF__LARGE_RECORD)
        return len + df__tree_cost(r->payload, 1);
    return !b->has_steps || b->count % SAMPLE ? 0 : SAMPLE * (len + df__tree_cost(r->payload, 0));
}

static df__span *span_of(df_batch *b, df_partition *part)
{
    df__span *s;
    if (part->in.filling && part->in.batch == b)
        return part->in.filling;
    s = df__span_new(part);
    if (!s)
        return NULL;
    s->sibling = b->spans;
    b->spans = s;
    part->in.filling = s;
    part->in.batch = b;
    return s;
}

/* The partition leaves this process while the batch is being read: its records are not delivered
 * (nothing acknowledged them, so whoever reads on gets them). */
void df__batch_forget(df_batch *b, df_partition *part)
{
    df__span **at = &b->spans;
    if (!part->in.filling || part->in.batch != b)
        return;
    for (size_t i = 0; i < b->count; i++) {
        df_record *r = df_batch_at(b, i);
        if (r->span == part->in.filling) {
            r->state = DF__RECORD_MOVED;
            r->span = NULL;
        }
    }
    while (*at && *at != part->in.filling)
        at = &(*at)->sibling;
    if (*at)
        *at = part->in.filling->sibling;
    df__span_free(part->in.filling);
    part->in.filling = NULL;
    part->in.batch = NULL;
}

static size_t in_use(const df__arena *a)
{
    return a->total - (size_t)(a->end - a->at);
}

/* Bytes of its grant that `bytes` of memory take. */
static size_t of_room(const df_batch *b, size_t bytes)
{
    return b->ratio_x16 ? bytes * 16 / b->ratio_x16 : bytes;
}

/* What the source built for the newest record, so far: a tree, instead of a payload or from one
 * that the core cannot read (Avro). */
static size_t tree_built(const df_batch *b)
{
    return in_use(&b->arena) - b->built_from;
}

/* It is complete: it counts as payload does. */
static void end_tree(df_batch *b)
{
    size_t tree = tree_built(b), used = of_room(b, tree);
    df_record *r = df_batch_at(b, b->count - 1);
    b->building = 0;
    if (!r->payload.data)
        r->built = tree < UINT32_MAX ? (uint32_t)tree : UINT32_MAX;
    b->input_bytes += tree;
    b->room -= b->room < used ? b->room : used;
    if (b->max_record_bytes && tree > b->max_record_bytes)
        df_record_failf(r, DF_EDATA,
                        "record of %zu bytes is over the "
                        "limit of %zu bytes (an eighth of memoryLimit)",
                        tree, b->max_record_bytes);
}

/* Building a record's tree was an edit, which has no schema; now it gets the one of its partition.
 */
static void end_built(df_batch *b)
{
    if (b->building)
        end_tree(b);
    if (b->schema) {
        df_record *r = df_batch_at(b, b->count - 1);
        r->schema = r->schema ? r->schema : b->schema;
        b->schema = NULL;
    }
}

/* What the source did with the newest record is over. */
static inline void end_record(df_batch *b)
{
    b->arena.limit = 0;
    if (b->schema || (b->building && in_use(&b->arena) != b->built_from))
        end_built(b);
}

size_t df_batch_room(const df_batch *b)
{
    size_t tree;
    if (b->count >= b->max_records)
        return 0;
    if (b->parent) /* children share bytes with their parent: what counts is what they add */
        return b->arena.total >= b->room ? 0 : b->room - b->arena.total;
    if (!b->building)
        return b->room;
    tree = of_room(b, tree_built(b));
    return tree >= b->room ? 0 : b->room - tree;
}

/* The source marks at the end of each read: while a begun block is read, behind each record. */
static inline void take_room(df_batch *b, const df_partition *part, size_t used)
{
    b->room -= b->room < used ? b->room : used;
    if (!part->in.begun_armed)
        return;
    b->held_room = b->room;
    b->room = 0;
}

int df_batch_add(df_batch *b, const df_input *in, df_record **ret_record)
{
    df_partition *part;
    df__span *span;
    df_record *r;
    size_t bytes = input_bytes(in), plain = in->payload.len + in->key.len, tree, used;
    if (!b->source || in->partition >= b->source->partition_count)
        return DF_EINVAL;
    if (!b->max_records) /* called to serve only: a record here would be lost */
        return DF_ESTATE;
    end_record(b);
    part = b->source->partitions[in->partition];
    span = span_of(b, part);
    r = span ? append(b) : NULL;
    if (!r)
        return DF_ENOMEM;
    r->span = span;
    r->partition = part->name;
    r->shared = part->in.meta;
    if (copy_in(b, in, bytes, r) != DF_OK) {
        b->schema = NULL;
        b->count--;
        return DF_ENOMEM;
    }
    span->count++;
    b->payload_bytes += plain;
    b->input_bytes += bytes;
    tree = tree_bytes(b, r);
    b->expected += r->payload.len >= DF__LARGE_RECORD ? tree : 0;
    used = b->ratio_x16 ? of_room(b, bytes + sizeof *r + tree) : 0;
    if (used < bytes)
        used = bytes;
    take_room(b, part, used);
    b->arena.over = 0;
    if (in->payload.data && b->max_large) /* the source may look into it */
        b->arena.limit = b->arena.total + b->max_large / 2;
    b->building = r->state == DF__RECORD_LIVE;
    b->built_from = in_use(&b->arena);
    if (ret_record)
        *ret_record = r;
    return DF_OK;
}

static int is_begun_end(const df_partition *p, df_bytes position)
{
    return position.len == p->begun.mark.len &&
           memcmp(position.data, p->begun.mark.text, position.len) == 0;
}

int df__batch_go_on(df_batch *b)
{
    size_t room = b->held_room;
    b->held_room = 0;
    if (!room || b->count >= b->max_records)
        return 0;
    b->room = room;
    return 1;
}

int df_batch_mark(df_batch *b, const df_partition *part, df_bytes position)
{
    df_partition *p = (df_partition *)part; /* the const is the caller's promise, not ours */
    df__span *span;
    if (b->source && !b->max_records) /* called to serve only: nobody would see it */
        return DF_ESTATE;
    span = span_of(b, p);
    if (!span)
        return DF_ENOMEM;
    if (p->in.begun_armed && is_begun_end(p, position)) {
        p->in.begun_armed = 0;
        span->ends_begun = 1;
        b->held_room = 0; /* what follows goes into another parcel, so into another batch */
    }
    /* until admission, seq is the number of records of this span that the mark covers */
    return df__mark_set(b->heap, &span->mark, position, span->count);
}

/* Records after the last mark get a span of their own, without a mark. */
static int split_tail(df_batch *b, df__span *s)
{
    uint64_t covered = s->mark.seq;
    df__span *tail = df__span_new(s->part);
    if (!tail)
        return DF_ENOMEM;
    tail->count = (uint32_t)(s->count - covered);
    s->count = (uint32_t)covered;
    for (size_t i = 0; i < b->count; i++) {
        df_record *r = df_batch_at(b, i);
        if (r->span != s)
            continue;
        if (covered)
            covered--;
        else
            r->span = tail;
    }
    tail->sibling = s->sibling;
    s->sibling = tail;
    return DF_OK;
}

void df__batch_cut(df_batch *b)
{
    for (size_t i = b->count; i > 0; i--) {
        df_record *r = df_batch_at(b, i - 1);
        df__span *s = r->span;
        if (!s || s->count <= (s->mark.set ? s->mark.seq : 0))
            continue;
        s->count--;
        r->state = DF__RECORD_MOVED;
        r->span = NULL;
    }
}

int df__batch_seal(df_batch *b)
{
    df__span *s = b->spans;
    end_record(b);
    while (s) {
        df__span *next = s->sibling;
        s->part->in.filling = NULL;
        s->part->in.batch = NULL;
        if (s->mark.set && s->mark.seq < s->count && split_tail(b, s) != DF_OK)
            return DF_ENOMEM;
        s = next;
    }
    return DF_OK;
}

void *df_batch_alloc(df_batch *b, size_t size)
{
    return df__arena_zalloc(&b->arena, size);
}

static df_record *record_at(const df_batch *b, size_t index)
{
    return &b->chunks[index / DF__CHUNK_RECORDS][index % DF__CHUNK_RECORDS];
}

size_t df_batch_count(const df_batch *b)
{
    return b->count - b->hidden;
}

df_record *df_batch_at(df_batch *b, size_t index)
{
    return record_at(b, b->first + index);
}

size_t df__batch_show_part(df_batch *b, size_t from)
{
    size_t to = from, bytes = 0;
    int large = from < b->count && record_at(b, from)->payload.len >= DF__LARGE_RECORD;
    while (to < b->count && to - from < DF__PART_RECORDS && bytes < DF__PART_BYTES) {
        size_t len = record_at(b, to)->payload.len;
        if (to > from && (large || len >= DF__LARGE_RECORD))
            break; /* a large one is alone */
        to++;
        bytes += len;
    }
    b->first = from;
    b->hidden = b->count - (to - from);
    b->arena.over = 0;
    b->arena.limit = large && b->max_large ? b->arena.total + b->max_large : 0;
    return to;
}

void df__batch_show_all(df_batch *b)
{
    b->first = b->hidden = 0;
    b->arena.limit = 0;
    b->arena.over = 0;
}

/* The tree that is made for it is the record's, so that a sink finds it parsed. */
int df__batch_check(df_batch *b, df_record *r)
{
    char text[DF__WHY];
    int rc;
    if (r->payload.len >= DF__LARGE_RECORD && b->max_large)
        b->arena.limit = b->arena.total + b->max_large;
    b->arena.over = 0;
    rc = df__record_check(r);
    if (rc == DF_ENOMEM && b->arena.over) {
        df__text_printf(text, sizeof text,
                        "too large: its JSON of %zu bytes needs more than %zu "
                        "bytes of memory (raise memoryLimit)",
                        r->payload.len, b->max_large);
        df__record_too_large(r, text);
        rc = DF_EDATA;
    }
    b->arena.limit = 0;
    b->arena.over = 0;
    return rc == DF_EDATA ? DF_OK : rc;
}

/* ---- expansion ---------------------------------------------------------------------------- */

int df_batch_emit(df_batch *out, df_record *parent, df_record **ret_child)
{
    df_record *child = append(out);
    if (!child)
        return DF_ENOMEM;
    df__record_inherit(child, parent, &out->arena);
    parent->expanded = 1;
    out->children++;
    if (out->parent)
        out->parent->newest_parent = parent;
    *ret_child = child;
    return DF_OK;
}

int df_batch_pass(df_batch *out, df_record *r)
{
    df_record *copy;
    if (r->state != DF__RECORD_LIVE) /* it ends where it is */
        return DF_OK;
    copy = append(out);
    if (!copy)
        return DF_ENOMEM;
    *copy = *r;
    copy->arena = &out->arena;
    copy->held = 0;
    copy->expanded = 0;
    copy->index = NULL;
    r->state = DF__RECORD_MOVED;
    out->moved++;
    return DF_OK;
}

uint64_t *df_batch_cursor(df_batch *in)
{
    return in->cursor;
}
