/* SPDX-License-Identifier: Apache-2.0
 * meta.c: see meta.h. */
#include "types/meta.h"

#include <stdlib.h>
#include <string.h>

static int64_t number(yyjson_val *object, const char *name, int64_t missing)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_int(v) ? yyjson_get_sint(v) : missing;
}

static const char *text(yyjson_val *object, const char *name)
{
    return yyjson_get_str(yyjson_obj_get(object, name));
}

static void read_snapshot(yyjson_val *v, df__ice_snapshot *ret)
{
    ret->id = number(v, "snapshot-id", ICE_NO_SNAPSHOT);
    ret->parent = number(v, "parent-snapshot-id", ICE_NO_SNAPSHOT);
    ret->sequence = number(v, "sequence-number", 0);
    ret->schema_id = number(v, "schema-id", -1);
    ret->time_ms = number(v, "timestamp-ms", 0);
    ret->manifests = text(v, "manifest-list");
    ret->summary = yyjson_obj_get(v, "summary");
    const char *operation = text(ret->summary, "operation");
    ret->operation = operation ? operation : "";
}

/* The element of an array whose member `key` is `id`. */
static yyjson_val *find(yyjson_val *list, const char *key, int64_t id)
{
    yyjson_val *v;
    size_t i, most;
    yyjson_arr_foreach (list, i, most, v)
        if (number(v, key, -1) == id)
            return v;
    return NULL;
}

/* ---- snapshots by their ids ------------------------------------------------------------------ */

enum { FEW = 16 };

static size_t place_of(const df__ice_meta *m, int64_t id)
{
    uint64_t sum = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(sum >> 20) & (m->by_id_count - 1);
}

/* A table may have some 100,000 of them, and a walk asks for each. */
static int index_snapshots(df__ice_meta *m)
{
    yyjson_val *v, *list = yyjson_obj_get(m->table, "snapshots");
    size_t i, most, count = yyjson_arr_size(list);
    if (count <= FEW)
        return DF_OK;
    for (m->by_id_count = 4 * FEW; m->by_id_count < 2 * count;)
        m->by_id_count *= 2;
    m->by_id = df__zalloc(&df__heap_libc, m->by_id_count * sizeof(yyjson_val *));
    if (!m->by_id)
        return DF_ENOMEM;
    yyjson_arr_foreach (list, i, most, v) {
        size_t at = place_of(m, number(v, "snapshot-id", ICE_NO_SNAPSHOT));
        while (m->by_id[at])
            at = (at + 1) & (m->by_id_count - 1);
        m->by_id[at] = v;
    }
    return DF_OK;
}

static yyjson_val *indexed(const df__ice_meta *m, int64_t id)
{
    size_t at = place_of(m, id);
    while (m->by_id[at] && number(m->by_id[at], "snapshot-id", ICE_NO_SNAPSHOT) != id)
        at = (at + 1) & (m->by_id_count - 1);
    return m->by_id[at];
}

int df__ice_meta_snapshot(const df__ice_meta *m, int64_t id, df__ice_snapshot *ret)
{
    yyjson_val *v =
        m->by_id ? indexed(m, id) : find(yyjson_obj_get(m->table, "snapshots"), "snapshot-id", id);
    if (v)
        read_snapshot(v, ret);
    return v != NULL;
}

int df__ice_meta_is_lost(const df__ice_meta *m, int64_t id)
{
    df__ice_snapshot at = m->snapshot, x;
    size_t most = yyjson_arr_size(yyjson_obj_get(m->table, "snapshots"));
    if (!df__ice_meta_snapshot(m, id, &x))
        return 0;
    if (!m->has_snapshot)
        return 1;
    for (size_t i = 0; i <= most && at.id != id; i++) {
        if (at.sequence < x.sequence || at.parent == ICE_NO_SNAPSHOT)
            return 1;
        if (!df__ice_meta_snapshot(m, at.parent, &at))
            return 0;
    }
    return at.id != id;
}

yyjson_val *df__ice_meta_spec(const df__ice_meta *m, int64_t id)
{
    yyjson_val *specs = yyjson_obj_get(m->table, "partition-specs");
    return yyjson_obj_get(find(specs, "spec-id", id), "fields");
}

yyjson_val *df__ice_meta_schema(const df__ice_meta *m, int64_t id)
{
    return find(yyjson_obj_get(m->table, "schemas"), "schema-id", id);
}

static int bad(char why[ICE_SHOWN], const char *what)
{
    df__text_printf(why, ICE_SHOWN, "the catalog's answer for the table %s", what);
    return DF_EDATA;
}

static int read_parts(df__ice_meta *m, char why[ICE_SHOWN])
{
    yyjson_val *t = m->table;
    m->schema_id = number(t, "current-schema-id", 0);
    m->schema = df__ice_meta_schema(m, m->schema_id);
    if (!m->schema)
        m->schema = yyjson_obj_get(t, "schema");
    m->spec_id = number(t, "default-spec-id", 0);
    m->spec = df__ice_meta_spec(m, m->spec_id);
    m->order_id = number(t, "default-sort-order-id", 0);
    if (!m->spec)
        m->spec = yyjson_obj_get(t, "partition-spec");
    if (!m->schema)
        return bad(why, "has no schema");
    int rc = index_snapshots(m);
    if (rc != DF_OK)
        return rc;
    int64_t current = number(t, "current-snapshot-id", ICE_NO_SNAPSHOT);
    m->has_snapshot = current != ICE_NO_SNAPSHOT;
    m->snapshot.id = m->snapshot.parent = ICE_NO_SNAPSHOT;
    if (m->has_snapshot && !df__ice_meta_snapshot(m, current, &m->snapshot))
        return bad(why, "does not list its current snapshot");
    return DF_OK;
}

int df__ice_meta_read(const df__ice_answer *a, df__ice_meta *ret, char why[ICE_SHOWN])
{
    memset(ret, 0, sizeof *ret);
    ret->doc = yyjson_read(a->body.data, a->body.len, 0);
    ret->root = yyjson_doc_get_root(ret->doc);
    ret->table = yyjson_obj_get(ret->root, "metadata");
    ret->version = (int)number(ret->table, "format-version", 0);
    ret->uuid = text(ret->table, "table-uuid");
    ret->location = text(ret->table, "location");
    ret->sequence = number(ret->table, "last-sequence-number", 0);
    if (!ret->table || !ret->location || !ret->uuid || ret->version < 1)
        return bad(why, "is no table's metadata");
    return read_parts(ret, why);
}

void df__ice_meta_free(df__ice_meta *m)
{
    yyjson_doc_free(m->doc);
    df__free(&df__heap_libc, m->by_id);
    memset(m, 0, sizeof *m);
}

const char *df__ice_meta_property(const df__ice_meta *m, const char *name)
{
    return text(yyjson_obj_get(m->table, "properties"), name);
}

static const char *config_of(const df__ice_meta *m, const char *name)
{
    return text(yyjson_obj_get(m->root, "config"), name);
}

/* Of the table's credentials the one with the longest prefix of its location, else its config, else
 * that of the catalog. */
static const char *fact(const df__ice_catalog *c, const df__ice_meta *m, yyjson_val *keys,
                        const char *name)
{
    const char *t = text(keys, name);
    t = t ? t : config_of(m, name);
    return t ? t : df__ice_property(c, name);
}

static yyjson_val *credentials(const df__ice_meta *m)
{
    yyjson_val *v, *best = NULL;
    size_t i, most, longest = 0;
    yyjson_val *list = yyjson_obj_get(m->root, "storage-credentials");
    yyjson_arr_foreach (list, i, most, v) {
        const char *prefix = text(v, "prefix");
        size_t len = prefix ? strlen(prefix) : 0;
        if (len && len >= longest && strncmp(m->location, prefix, len) == 0) {
            best = v;
            longest = len;
        }
    }
    return yyjson_obj_get(best, "config");
}

/* Other keys for a table, out of a new look at it. */
static int renew(df__ice_catalog *c, df__ice_store *store)
{
    df__ice_answer a;
    df__ice_meta m = {.doc = NULL};
    df__ice_store_facts facts;
    char why[ICE_SHOWN];
    int rc = df__ice_load(c, &a);
    rc = rc == DF_OK ? df__ice_meta_read(&a, &m, why) : rc;
    if (rc == DF_OK) {
        df__ice_meta_facts(c, &m, &facts);
        rc = facts.key ? df__ice_store_set(store, &facts) : DF_ENOTFOUND;
    }
    df__buf_free(&a.body);
    df__ice_meta_free(&m);
    return rc;
}

void df__ice_meta_facts(df__ice_catalog *c, const df__ice_meta *m, df__ice_store_facts *ret)
{
    yyjson_val *keys = credentials(m);
    const char *style = fact(c, m, keys, "s3.path-style-access");
    const char *signs = fact(c, m, keys, "s3.remote-signing-enabled");
    const char *until = fact(c, m, keys, "s3.session-token-expires-at-ms");
    ret->endpoint = fact(c, m, keys, "s3.endpoint");
    ret->region = fact(c, m, keys, "client.region");
    if (!ret->region)
        ret->region = fact(c, m, keys, "s3.region");
    ret->key = fact(c, m, keys, "s3.access-key-id");
    ret->secret = fact(c, m, keys, "s3.secret-access-key");
    ret->token = fact(c, m, keys, "s3.session-token");
    ret->path_style = style ? strcmp(style, "true") == 0 : -1;
    ret->signs = signs && strcmp(signs, "true") == 0;
    ret->until_us = until ? strtoll(until, NULL, 10) * 1000 : 0;
    ret->catalog = c;
    ret->renew = renew;
}
