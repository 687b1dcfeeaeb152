/* SPDX-License-Identifier: Apache-2.0
 * join.c: joins the metrics of many pods, see prom.h. A text is read twice: whether all of it
 * can be taken, then to take it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/metrics/prom.h"

enum { FAMILIES = 1000, FAMILY_NAME = 200, BYTES = 64 << 20 };

/* Series of one pod, in the order in which it wrote them. */
typedef struct chunk {
    size_t rank, from, len;
} chunk;

/* Pods of several versions may say different types of one name: that of most pods is written. */
typedef struct family {
    char *name, *help; /* help: as written; NULL: none */
    char type[12];     /* "untyped": nothing was said */
    df__buf series;
    chunk *chunks;
    size_t chunk_count, chunk_cap;
} family;

struct op_prom {
    family **families;
    size_t count, cap;
    size_t bytes; /* of all series */
    int failed;
    /* while a text is added */
    const op_prom_origin *of;
    family *last; /* of the newest TYPE line */
    const char *why;
    df_bytes help_name, help; /* the newest, whose TYPE line comes next */
    uint64_t *seen;           /* hashes of its series, in a table that is never full */
    size_t seen_cap, seen_count;
};

/* ---- families -------------------------------------------------------------------------------- */

static family *find(const op_prom *p, df_bytes name, const char *type)
{
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->families[i]->type, type) && op_bytes_are(name, p->families[i]->name))
            return p->families[i];
    return NULL;
}

static family *new_family(df_bytes name, const char *type)
{
    family *f = calloc(1, sizeof *f);
    if (!f || !(f->name = strndup(name.data, name.len))) {
        free(f);
        return NULL;
    }
    snprintf(f->type, sizeof f->type, "%s", type);
    df__buf_init(&f->series, &df__heap_libc);
    return f;
}

/* NULL: no memory, or too many. */
static family *add_family(op_prom *p, df_bytes name, const char *type)
{
    family *f = find(p, name, type);
    if (f || p->count >= FAMILIES)
        return f;
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        family **more = realloc(p->families, cap * sizeof *more);
        if (!more)
            return NULL;
        p->families = more;
        p->cap = cap;
    }
    f = new_family(name, type);
    if (f)
        p->families[p->count++] = f;
    return f;
}

/* Whether a sample of this name is one of the family. */
static int belongs(const family *f, df_bytes name)
{
    static const char *const parts[] = {"_bucket", "_sum", "_count"};
    size_t len = strlen(f->name);
    int many = !strcmp(f->type, "histogram") || !strcmp(f->type, "summary");
    if (op_bytes_are(name, f->name))
        return strcmp(f->type, "histogram") != 0;
    if (!many || name.len < len || memcmp(name.data, f->name, len) != 0)
        return 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (op_bytes_are((df_bytes){(const char *)name.data + len, name.len - len}, parts[i]))
            return 1;
    return 0;
}

static int is_operators(df_bytes name)
{
    static const char own[] = "dataflow_controller_";
    return op_bytes_are(name, "dataflow_status") ||
           (name.len >= sizeof own - 1 && !memcmp(name.data, own, sizeof own - 1));
}

/* ---- the first reading ----------------------------------------------------------------------- */

static uint64_t hash_of(uint64_t h, df_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ ((const unsigned char *)text.data)[i]) * 1099511628211u;
    return (h ^ 0xff) * 1099511628211u;
}

static int is_origin(df_bytes name)
{
    return op_bytes_are(name, "namespace") || op_bytes_are(name, "name") ||
           op_bytes_are(name, "pod");
}

/* The same for every order of labels. */
static uint64_t hash_series(const op_sample *s)
{
    uint64_t sum = hash_of(14695981039346656037u, s->name);
    df_bytes rest = s->labels, name, value;
    while (op_prom_label(&rest, &name, &value))
        if (!is_origin(name))
            sum += hash_of(hash_of(1469598103934665603u, name), value);
    return sum ? sum : 1;
}

static int grow_seen(op_prom *p)
{
    size_t cap = p->seen_cap ? 2 * p->seen_cap : 1024;
    uint64_t *more = calloc(cap, sizeof *more);
    if (!more)
        return -1;
    for (size_t i = 0; i < p->seen_cap; i++) {
        size_t at = p->seen[i] & (cap - 1);
        while (p->seen[i] && more[at])
            at = (at + 1) & (cap - 1);
        if (p->seen[i])
            more[at] = p->seen[i];
    }
    free(p->seen);
    p->seen = more;
    p->seen_cap = cap;
    return 0;
}

static int refuse(op_prom *p, const char *why)
{
    p->why = why;
    return -1;
}

static int check_sample(void *user, const op_sample *s)
{
    op_prom *p = user;
    uint64_t hash = hash_series(s);
    size_t at;
    if (2 * (p->seen_count + 1) > p->seen_cap && grow_seen(p) < 0)
        return refuse(p, "out of memory");
    at = hash & (p->seen_cap - 1);
    while (p->seen[at] && p->seen[at] != hash)
        at = (at + 1) & (p->seen_cap - 1);
    if (p->seen[at])
        return refuse(p, "a series stands in it twice");
    p->seen[at] = hash;
    p->seen_count++;
    return 0;
}

static int check_family(void *user, df_bytes name, df_bytes text)
{
    op_prom *p = user;
    (void)text;
    return name.len < FAMILY_NAME ? 0 : refuse(p, "a family has a name of 200 bytes or more");
}

/* ---- the second ------------------------------------------------------------------------------ */

static int take_help(void *user, df_bytes name, df_bytes text)
{
    op_prom *p = user;
    p->help_name = name;
    p->help = text;
    return 0;
}

static int take_type(void *user, df_bytes name, df_bytes type)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "summary", "untyped"};
    op_prom *p = user;
    p->last = NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types && !is_operators(name); i++)
        if (op_bytes_are(type, types[i]))
            p->last = add_family(p, name, types[i]);
    if (p->last && !p->last->help && op_bytes_are(p->help_name, p->last->name))
        p->last->help = strndup(p->help.data, p->help.len);
    return 0;
}

static void write_label(df__buf *out, const char *name, const char *value)
{
    df__buf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            df__buf_char(out, '\\');
        df__buf_char(out, *value);
    }
    df__buf_char(out, '"');
}

static void write_sample(op_prom *p, df__buf *out, const op_sample *s)
{
    df_bytes rest = s->labels, name, value;
    df__buf_add(out, s->name.data, s->name.len);
    df__buf_char(out, '{');
    write_label(out, "namespace", p->of->space);
    df__buf_char(out, ',');
    write_label(out, "name", p->of->name);
    df__buf_char(out, ',');
    write_label(out, "pod", p->of->pod);
    while (op_prom_label(&rest, &name, &value)) {
        if (is_origin(name))
            continue;
        df__buf_char(out, ',');
        df__buf_add(out, name.data, name.len);
        df__buf_str(out, "=\"");
        df__buf_add(out, value.data, value.len);
        df__buf_char(out, '"');
    }
    df__buf_str(out, "} ");
    df__buf_add(out, s->number.data, s->number.len);
    df__buf_char(out, '\n');
}

/* The pod's chunk of a family. */
static chunk *chunk_of(family *f, size_t rank)
{
    if (f->chunk_count && f->chunks[f->chunk_count - 1].rank == rank)
        return &f->chunks[f->chunk_count - 1];
    if (f->chunk_count == f->chunk_cap) {
        size_t cap = f->chunk_cap ? 2 * f->chunk_cap : 16;
        chunk *more = realloc(f->chunks, cap * sizeof *more);
        if (!more)
            return NULL;
        f->chunks = more;
        f->chunk_cap = cap;
    }
    f->chunks[f->chunk_count] = (chunk){rank, f->series.len, 0};
    return &f->chunks[f->chunk_count++];
}

/* A series that does not stand behind its family's TYPE line is a family of its own. */
static int take_sample(void *user, const op_sample *s)
{
    op_prom *p = user;
    size_t before;
    chunk *c;
    if (is_operators(s->name))
        return 0;
    if (!p->last || !belongs(p->last, s->name))
        p->last = s->name.len < FAMILY_NAME ? add_family(p, s->name, "untyped") : NULL;
    if (!p->last)
        return 0;
    c = chunk_of(p->last, p->of->rank);
    if (!c) {
        p->failed = 1;
        return 0;
    }
    before = p->last->series.len;
    write_sample(p, &p->last->series, s);
    c->len += p->last->series.len - before;
    p->bytes += p->last->series.len - before;
    return 0;
}

int op_prom_add(op_prom *p, df_bytes text, const op_prom_origin *of, const char **ret_why)
{
    const op_prom_reader check = {check_family, check_family, check_sample, p};
    const op_prom_reader take = {take_help, take_type, take_sample, p};
    p->of = of;
    p->why = NULL;
    p->last = NULL;
    p->help_name = (df_bytes){"", 0};
    p->seen_count = 0;
    if (p->seen_cap)
        memset(p->seen, 0, p->seen_cap * sizeof *p->seen);
    if (p->bytes > BYTES) {
        *ret_why = "the pods before it said 64 MiB";
        return -1;
    }
    if (op_prom_read(text, &check) != 0) {
        *ret_why = p->why ? p->why : "it is no Prometheus text";
        return -1;
    }
    op_prom_read(text, &take);
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

op_prom *op_prom_new(void)
{
    return calloc(1, sizeof(op_prom));
}

void op_prom_free(op_prom *p)
{
    for (size_t i = 0; p && i < p->count; i++) {
        df__buf_free(&p->families[i]->series);
        free(p->families[i]->chunks);
        free(p->families[i]->name);
        free(p->families[i]->help);
        free(p->families[i]);
    }
    if (p) {
        free(p->families);
        free(p->seen);
    }
    free(p);
}

static int by_rank(const void *a, const void *b)
{
    const chunk *one = a, *other = b;
    if (one->rank == other->rank)
        return one->from < other->from ? -1 : one->from > other->from;
    return one->rank < other->rank ? -1 : 1;
}

/* Of one name the one that most pods have is first. */
static int by_name(const void *a, const void *b)
{
    const family *one = *(family *const *)a, *other = *(family *const *)b;
    int order = strcmp(one->name, other->name);
    if (order || one->chunk_count == other->chunk_count)
        return order ? order : strcmp(one->type, other->type);
    return one->chunk_count > other->chunk_count ? -1 : 1;
}

static void write_family(family *f, df__buf *out)
{
    out->failed |= f->series.failed;
    if (f->help)
        df__buf_printf(out, "# HELP %s %s\n", f->name, f->help);
    df__buf_printf(out, "# TYPE %s %s\n", f->name, f->type);
    qsort(f->chunks, f->chunk_count, sizeof *f->chunks, by_rank);
    for (size_t i = 0; i < f->chunk_count && !f->series.failed; i++)
        df__buf_add(out, f->series.data + f->chunks[i].from, f->chunks[i].len);
}

void op_prom_write(op_prom *p, df__buf *out)
{
    const family *before = NULL;
    out->failed |= p->failed;
    p->last = NULL;
    if (p->count)
        qsort(p->families, p->count, sizeof(family *), by_name);
    for (size_t i = 0; i < p->count; i++) {
        family *f = p->families[i];
        if (f->chunk_count && !(before && !strcmp(before->name, f->name)))
            write_family(f, out);
        before = f;
    }
}
