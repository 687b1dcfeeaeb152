/* SPDX-License-Identifier: Apache-2.0
 * owner.c: the note that each commit leaves in a property of the table: which commit it was, and
 * with exactly-once who owns the flow's positions, and where they are. The property is in the same
 * commit as the files. A note whose snapshot was rolled back is not believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"
#include "util/codec.h"
#include "util/sha256.h"

void df__ice_owner_key(df__ice_sink *s, const df_stage_info *info)
{
    char hex[DF__SHA256_HEX], text[1024];
    size_t len = df__text_printf(text, sizeof text, "%s/%s/%s", info->space ? info->space : "",
                                 info->pipeline, info->stage);
    df__sha256_hex(text, len, hex);
    snprintf(s->key, sizeof s->key, "dataflow.sink.%.16s", hex);
}

/* ---- the note -------------------------------------------------------------------------------- */

static const char *text_of(yyjson_val *object, const char *name)
{
    const char *text = yyjson_get_str(yyjson_obj_get(object, name));
    return text ? text : "";
}

void df__ice_note_read(const df__ice_sink *s, const df__ice_meta *m, df__ice_note *ret)
{
    const char *text = df__ice_meta_property(m, s->key);
    memset(ret, 0, sizeof *ret);
    ret->commit = ICE_NO_SNAPSHOT;
    ret->owner = ret->source = "";
    ret->doc = text ? yyjson_read(text, strlen(text), 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(ret->doc);
    if (!yyjson_is_obj(root))
        return;
    const char *commit = text_of(root, "commit");
    ret->commit = *commit ? strtoll(commit, NULL, 10) : ICE_NO_SNAPSHOT;
    ret->epoch = yyjson_get_sint(yyjson_obj_get(root, "epoch"));
    ret->owner = text_of(root, "owner");
    ret->source = text_of(root, "source");
}

void df__ice_note_free(df__ice_note *n)
{
    yyjson_doc_free(n->doc);
    n->doc = NULL;
}

static void add_position(df__buf *b, const df__ice_place_of *p)
{
    df__buf_json(b, p->name, strlen(p->name));
    df__buf_printf(b, ":[\"%llu\",\"", (unsigned long long)p->seq);
    df__base64_add(b, p->data, p->len);
    df__buf_str(b, "\"]");
}

void df__ice_note_write(df__ice_sink *s, df__buf *out)
{
    df__buf b;
    df__buf_init(&b, out->heap);
    df__buf_printf(&b, "{\"v\":1,\"commit\":\"%lld\"", (long long)s->pending.id);
    if (s->exactly_once) {
        df__buf_printf(&b, ",\"owner\":\"%s\",\"epoch\":%lld,\"source\":", s->owner,
                       (long long)s->epoch);
        df__buf_json(&b, s->source, strlen(s->source));
        df__buf_str(&b, ",\"positions\":{");
        for (size_t i = 0; i < s->pending.at.count; i++) {
            df__buf_str(&b, i ? "," : "");
            add_position(&b, &s->pending.at.rows[i]);
        }
        df__buf_char(&b, '}');
    }
    df__buf_char(&b, '}');
    out->failed |= b.failed;
    df__buf_json(out, b.data ? b.data : "", b.len);
    df__buf_free(&b);
}

/* ---- positions ------------------------------------------------------------------------------- */

void df__ice_places_free(df__ice_sink *s, df__ice_places *p)
{
    for (size_t i = 0; i < p->count; i++) {
        df__free(&s->session.heap, p->rows[i].name);
        df__free(&s->session.heap, p->rows[i].data);
    }
    df__free(&s->session.heap, p->rows);
    memset(p, 0, sizeof *p);
}

static df__ice_place_of *find(const df__ice_places *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->rows[i].name, name) == 0)
            return &p->rows[i];
    return NULL;
}

/* Sets a place; makes it when there is none of that name. */
static int set(df__ice_sink *s, df__ice_places *p, const char *name, const df__ice_place_of *to)
{
    const df__heap *heap = &s->session.heap;
    df__ice_place_of *row = find(p, name);
    char *data = df__strndup(heap, to->data ? to->data : "", to->len);
    if (!data)
        return DF_ENOMEM;
    if (!row) {
        char *copy = df__strdup(heap, name);
        if (!copy || df__grow(heap, &p->rows, &p->cap, p->count, sizeof *p->rows) != DF_OK) {
            df__free(heap, copy);
            df__free(heap, data);
            return DF_ENOMEM;
        }
        row = &p->rows[p->count++];
        *row = (df__ice_place_of){.name = copy};
    }
    df__free(heap, row->data);
    row->data = data;
    row->len = to->len;
    row->seq = to->seq;
    return DF_OK;
}

int df__ice_places_copy(df__ice_sink *s, df__ice_places *to, const df__ice_places *from)
{
    int rc = DF_OK;
    df__ice_places_free(s, to);
    for (size_t i = 0; i < from->count && rc == DF_OK; i++)
        rc = set(s, to, from->rows[i].name, &from->rows[i]);
    return rc;
}

int df__ice_places_add(df__ice_sink *s, const df_parcel *parcel)
{
    size_t count;
    const df_position *rows = df_parcel_positions(parcel, &count);
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        df__ice_place_of to = {.len = at->data.len, .seq = at->seq};
        to.data = (char *)(uintptr_t)at->data.data;
        rc = set(s, &s->next, at->name, &to);
    }
    return rc == DF_OK ? rc : df_stage_fail(s->st, rc, NULL, "no memory for positions");
}

/* Takes the note's positions as s->stored and s->next. DF_ENOMEM. */
static int take(df__ice_sink *s, const df__ice_note *n)
{
    yyjson_val *key, *value;
    size_t i, most;
    df__buf bytes;
    int rc = DF_OK;
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(n->doc), "positions");
    df__ice_places_free(s, &s->stored);
    df__buf_init(&bytes, &s->session.heap);
    yyjson_obj_foreach (list, i, most, key, value) {
        const char *seq = yyjson_get_str(yyjson_arr_get(value, 0));
        yyjson_val *data = yyjson_arr_get(value, 1);
        df__buf_clear(&bytes);
        if (!seq || !yyjson_is_str(data) ||
            df__base64_read(&bytes, yyjson_get_str(data), yyjson_get_len(data)) != 0) {
            rc = df__ice_doom(s, "the property %s of the table is damaged", s->key);
            break;
        }
        df__ice_place_of to = {.data = bytes.data, .len = bytes.len};
        to.seq = strtoull(seq, NULL, 10);
        rc = bytes.failed ? DF_ENOMEM : set(s, &s->stored, yyjson_get_str(key), &to);
        if (rc != DF_OK)
            break;
    }
    df__buf_free(&bytes);
    return rc == DF_OK ? df__ice_places_copy(s, &s->next, &s->stored) : rc;
}

/* ---- what the core asks ---------------------------------------------------------------------- */

/* A position belongs to what was read, and to a history that is still the table's. */
static int check_note(df__ice_sink *s, const df__ice_meta *m, const df__ice_note *n)
{
    if (*n->source && *s->source && strcmp(n->source, s->source) != 0)
        return df_stage_failf(s->st, DF_ESTATE, "configuration",
                              "the positions in table %s (property %s) belong to another source; "
                              "give this flow another name, or remove the property",
                              s->catalog.shown.data, s->key);
    if (n->commit != ICE_NO_SNAPSHOT && df__ice_meta_is_lost(m, n->commit))
        return df_stage_failf(s->st, DF_ESTATE, "configuration",
                              "table %s was rolled back to a snapshot before the last commit of "
                              "this flow, and its positions were not; remove the property %s to "
                              "read the source from its beginning",
                              s->catalog.shown.data, s->key);
    return DF_OK;
}

int df__ice_take_over(df__ice_sink *s, const df__ice_meta *m, const df__ice_note *n)
{
    int rc = check_note(s, m, n);
    rc = rc == DF_OK ? take(s, n) : rc;
    rc = rc == DF_OK ? df__ice_places_copy(s, &s->pending.at, &s->next) : rc;
    s->epoch = n->epoch + 1;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for positions") : rc;
}

static int claim(df__ice_sink *s)
{
    df__ice_meta m;
    int rc = df__ice_table_look(s, &m);
    df__ice_meta_free(&m);
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, DF_ENOTFOUND, "configuration",
                              "exactlyOnce needs a table that is there: make %s before the flow "
                              "begins",
                              s->catalog.shown.data);
    df__ice_uuid(&s->session, s->owner);
    rc = rc == DF_OK ? df__ice_commit_claim(s) : rc;
    s->claimed = rc == DF_OK;
    return rc;
}

/* A partition that was given away with rows that were absorbed, and comes back: its position is in
 * the commit that has them. */
static int has_absorbed(const df__ice_sink *s, const char *name)
{
    const df__ice_place_of *next = find(&s->next, name), *at = find(&s->stored, name);
    return next && (!at || next->seq != at->seq || next->len != at->len ||
                    memcmp(next->data, at->data, at->len) != 0);
}

int df__ice_claim(void *self, df_stage *st, df_position *partition)
{
    df__ice_sink *s = self;
    int rc = s->claimed ? DF_OK : claim(s);
    if (rc == DF_OK && has_absorbed(s, partition->name))
        rc = df__ice_sink_flush(s, st, 0);
    if (rc == DF_AGAIN)
        rc = df_stage_fail(st, DF_EIO, "transient", "other writers were faster again and again");
    if (rc != DF_OK)
        return rc;
    const df__ice_place_of *row = find(&s->stored, partition->name);
    partition->epoch = (uint64_t)s->epoch;
    if (!row)
        return DF_ENOTFOUND;
    partition->data = (df_bytes){row->data, row->len};
    partition->seq = row->seq;
    return DF_OK;
}

/* With batchSize: what the table says is right, and is what the next commit goes by. */
int df__ice_resolve(void *self, df_stage *st, df_parcel *parcel)
{
    df__ice_sink *s = self;
    df__ice_meta m;
    df__ice_note note;
    size_t count;
    const df_position *rows = df_parcel_positions(parcel, &count);
    int rc = df__ice_table_look(s, &m);
    (void)st;
    if (rc != DF_OK) {
        df__ice_meta_free(&m);
        return rc == DF_ENOTFOUND ? df__ice_missing(s) : rc;
    }
    df__ice_note_read(s, &m, &note);
    int ours = strcmp(note.owner, s->owner) == 0;
    rc = ours ? take(s, &note)
              : df_stage_fail(s->st, DF_EFENCED, "fenced", "another process owns the positions");
    if (rc == DF_OK)
        s->last_commit = note.commit;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        const df__ice_place_of *row = find(&s->stored, at->name);
        rc = row && row->seq >= at->seq ? DF_OK : DF_AGAIN;
    }
    df__ice_note_free(&note);
    df__ice_meta_free(&m);
    return count ? rc : DF_AGAIN;
}
