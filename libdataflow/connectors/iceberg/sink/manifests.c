/* SPDX-License-Identifier: Apache-2.0
 * manifests.c: the manifests of a commit: one for the files of each spec, data files and both kinds
 * of delete files apart. */
#include <string.h>

#include "sink/sink.h"

const char *df__ice_metadata_path(df__buf *b, const df__ice_meta *m, const char *format,
                                  const char *name)
{
    const char *folder = df__ice_meta_property(m, "write.metadata.path");
    df__buf_clear(b);
    df__buf_str(b, folder ? folder : m->location);
    while (b->len && b->data[b->len - 1] == '/')
        b->len--;
    df__buf_str(b, folder ? "/" : "/metadata/");
    df__buf_printf(b, format, name);
    return df__buf_cstr(b);
}

void df__ice_sync(df__ice_sink *s, unsigned char ret[16])
{
    uint64_t two[2] = {df__ice_random(&s->session), df__ice_random(&s->session)};
    memcpy(ret, two, sizeof two);
}

static int no_memory(const df__ice_sink *s)
{
    return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a commit");
}

/* What manifests have in common: they are for files of one content in one spec. */
typedef struct group {
    const df__ice_spec *spec;
    int content;
    df__ice_data_file *files; /* copies */
    size_t count;
} group;

static int describe(df__ice_sink *s, const group *g, df__ice_own *own)
{
    df__ice_manifest *m = &own->manifest;
    df__arena *memory = &s->pending.memory;
    df__ice_extent *extents =
        df__arena_zalloc(memory, (g->spec->count + 1) * sizeof(df__ice_extent));
    df__buf summaries;
    int64_t rows = 0;
    if (!extents)
        return DF_ENOMEM;
    own->content = g->content;
    own->bytes = 0;
    for (size_t i = 0; i < g->count; i++) {
        rows += g->files[i].summary.records;
        own->bytes += g->files[i].summary.bytes;
        df__ice_extent_add(g->spec, extents, g->files[i].tuple);
    }
    m->spec_id = g->spec->id;
    m->content = g->content != ICE_DATA;
    m->snapshot = s->pending.id;
    m->files[0] = (int64_t)g->count;
    m->rows[0] = rows;
    df__buf_init(&summaries, &s->session.heap);
    df__ice_extent_avro(g->spec, extents, &summaries);
    int rc = summaries.failed ? DF_ENOMEM
                              : df__arena_copy(memory, (df_bytes){summaries.data, summaries.len},
                                               &m->partitions);
    df__buf_free(&summaries);
    return rc;
}

/* Entries inherit their sequence number from the list. */
static int put_manifest(df__ice_sink *s, const df__ice_meta *m, const group *g, df__ice_own *own)
{
    char name[37];
    df__buf file, path;
    df__ice_manifest_of of = {
        .meta = m, .spec = g->spec, .deletes = g->content != ICE_DATA, .snapshot = s->pending.id};
    df__ice_uuid(&s->session, name);
    df__ice_sync(s, of.sync);
    df__buf_init(&file, &s->session.heap);
    df__buf_init(&path, &s->session.heap);
    memset(own, 0, sizeof *own);
    int rc = df__ice_metadata_path(&path, m, "%s-m0.avro", name)
                 ? df__ice_manifest_write(&file, &of, g->files, g->count)
                 : DF_ENOMEM;
    rc = rc == DF_OK ? describe(s, g, own) : rc;
    if (rc == DF_OK)
        rc = df__arena_copy(&s->pending.memory, (df_bytes){path.data, path.len},
                            &own->manifest.path);
    if (rc == DF_ENOMEM)
        (void)no_memory(s);
    own->manifest.length = (int64_t)file.len;
    if (rc == DF_OK)
        rc = df__ice_store_put(&s->store, path.data, (df_bytes){file.data, file.len});
    df__buf_free(&file);
    df__buf_free(&path);
    return rc;
}

typedef struct writing {
    df__ice_sink *s;
    const df__ice_meta *meta;
    df__ice_data_file *room; /* for copies of all files */
} writing;

static int write_group(writing *w, const df__ice_spec *spec, int content)
{
    df__ice_sink *s = w->s;
    df__ice_pending *p = &s->pending;
    group g = {.spec = spec, .content = content, .files = w->room};
    for (size_t i = 0; i < p->files; i++)
        if (s->files[i].content == content && s->files[i].spec_id == spec->id)
            g.files[g.count++] = s->files[i];
    int rc = g.count ? put_manifest(s, w->meta, &g, &p->manifests[p->manifest_count]) : DF_OK;
    p->manifest_count += rc == DF_OK && g.count;
    return rc;
}

/* The spec for deletes may be one that the table got for them. */
static int write_groups(writing *w, int content)
{
    df__ice_sink *s = w->s;
    int is_new = s->flat.id >= 0 && !s->flat.fields, rc = DF_OK;
    for (size_t i = 0; i < s->spec_count && rc == DF_OK; i++)
        rc = write_group(w, &s->specs[i], content);
    return rc == DF_OK && is_new ? write_group(w, &s->flat, content) : rc;
}

static int count_partitions(df__ice_sink *s)
{
    df__ice_keymap tuples;
    size_t number;
    int rc = DF_OK;
    df__ice_keymap_init(&tuples, &s->session.heap, s->parts.seed);
    for (size_t i = 0; i < s->pending.files && rc == DF_OK; i++) {
        rc = df__ice_keymap_put(&tuples, s->files[i].tuple, &number);
        rc = rc == DF_EEXISTS ? DF_OK : rc;
    }
    s->pending.partitions = tuples.count;
    df__ice_keymap_clear(&tuples);
    return rc == DF_OK ? rc : no_memory(s);
}

/* Those of a try that failed half way are written again. */
int df__ice_manifests_put(df__ice_sink *s, const df__ice_meta *m)
{
    df__ice_pending *p = &s->pending;
    writing w = {.s = s, .meta = m};
    if (p->files == 0 || p->manifest_count)
        return DF_OK;
    size_t most = 3 * (s->spec_count + 1);
    w.room = df__alloc(&s->session.heap, p->files * sizeof *w.room);
    p->manifests = df__arena_zalloc(&p->memory, most * sizeof *p->manifests);
    int rc = w.room && p->manifests ? count_partitions(s) : no_memory(s);
    for (int content = ICE_DATA; content <= ICE_EQUALITY && rc == DF_OK; content++)
        rc = write_groups(&w, content);
    df__free(&s->session.heap, w.room);
    if (rc != DF_OK)
        p->manifest_count = 0;
    return rc;
}
