/* SPDX-License-Identifier: Apache-2.0
 * state.c: which state of the table is read. The newest one; that of a branch or a tag of the
 * table; one snapshot; or the one that was current at a time. Nessie has branches, tags and times
 * of its own, which hold for all its tables: they are in the address of the table. Source: the
 * Iceberg table specification, "Snapshot References" and "Point in Time Reads". */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "util/rfc3339.h"

/* ---- options --------------------------------------------------------------------------------- */

static int is_number(df_bytes text)
{
    return text.len > 0 && text.len < 20 && strspn(text.data, "0123456789") == text.len;
}

/* Milliseconds since 1970, or RFC 3339 with its zone. DF_EDATA. */
static int read_moment(df_bytes text, int64_t *ret_ms)
{
    df__stamp at;
    if (is_number(text)) {
        *ret_ms = strtoll(text.data, NULL, 10);
        return *ret_ms / 1000 <= DF__SEC_MAX ? DF_OK : DF_EDATA;
    }
    if (df__stamp_parse(text, &at) != DF_OK || !at.has_zone)
        return DF_EDATA;
    *ret_ms = (at.local - at.offset) * 1000 + at.nsec / 1000000;
    return *ret_ms >= 0 ? DF_OK : DF_EDATA;
}

static int is_open_text(df_bytes text) /* it is known when the run begins */
{
    return text.data && strstr(text.data, "${") != NULL;
}

/* They each name one state; Nessie's branch and a time go together. */
static int check_one(df_stage *st, const df__ice_source *s)
{
    int nessie = s->place.base_url.data != NULL;
    const struct {
        const char *name;
        df_bytes text;
    } rows[] = {{"tag", s->opt.tag},
                {"snapshotID", s->opt.snapshot},
                {"asOfTimestamp", s->opt.as_of},
                {"branch", s->place.branch}};
    size_t count = sizeof rows / sizeof *rows;
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        int is_default = nessie && i + 1 == count && rows[i].text.data &&
                         (s->opt.as_of.data || strcmp(rows[i].text.data, "main") == 0);
        if (!rows[i].text.data || is_default)
            continue;
        if (first)
            return df_stage_problemf(st, DF_ERROR, rows[i].name,
                                     "%s names the state that is read already", first);
        first = rows[i].name;
    }
    return DF_OK;
}

int df__ice_state_check(df_stage *st, const df__ice_source *s)
{
    int64_t ms;
    int rc = check_one(st, s);
    if (s->opt.snapshot.data && !is_open_text(s->opt.snapshot) && !is_number(s->opt.snapshot))
        rc = df_stage_problem(st, DF_ERROR, "snapshotID", "is a decimal number");
    if (s->opt.as_of.data && !is_open_text(s->opt.as_of) && read_moment(s->opt.as_of, &ms) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "asOfTimestamp",
                              "is a time with its zone (2026-01-02T03:04:05Z), or milliseconds "
                              "since 1970");
    return rc;
}

int df__ice_state_open(df__ice_source *s)
{
    s->as_of[0] = '\0';
    if (s->opt.snapshot.data && !is_number(s->opt.snapshot))
        return df_stage_fail(s->st, DF_EINVAL, "configuration", "snapshotID: is no decimal number");
    if (s->opt.as_of.data && read_moment(s->opt.as_of, &s->as_of_ms) != DF_OK)
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "asOfTimestamp: is no time with its zone");
    if (!s->place.base_url.data)
        return DF_OK;
    if (s->opt.tag.data) {
        s->place.branch = s->opt.tag;
        s->place.is_tag = 1;
    }
    if (s->opt.as_of.data) {
        df__instant t = {s->as_of_ms / 1000, (int32_t)(s->as_of_ms % 1000) * 1000000};
        size_t len = df__rfc3339_write(t, 0, DF__RFC3339_NANO, s->as_of + 1);
        s->as_of[0] = '*';
        s->as_of[len + 1] = '\0';
    }
    return DF_OK;
}

/* ---- the table's metadata -------------------------------------------------------------------- */

static int none(df__ice_source *s, const char *what, df_bytes name)
{
    return df_stage_failf(s->st, DF_EINVAL, "configuration", "%s: table %s has no %s %.*s", what,
                          s->catalog.shown.data, what, (int)name.len, (const char *)name.data);
}

/* DF_DONE: the table has no snapshot yet. */
static int ref_of(df__ice_source *s, const char *type, df_bytes name, int64_t *ret)
{
    yyjson_val *ref = yyjson_obj_getn(yyjson_obj_get(s->meta.table, "refs"), name.data, name.len);
    yyjson_val *id = yyjson_obj_get(ref, "snapshot-id");
    const char *is = yyjson_get_str(yyjson_obj_get(ref, "type"));
    int is_main = strcmp(name.data, "main") == 0 && strcmp(type, "branch") == 0;
    if (!ref && is_main) { /* what the metadata calls current */
        *ret = s->meta.snapshot.id;
        return s->meta.has_snapshot ? DF_OK : DF_DONE;
    }
    if (!yyjson_is_int(id) || !is)
        return none(s, type, name);
    if (strcmp(is, type) != 0)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "%s: %.*s is a %.20s of table %s: name it with %.20s", type,
                              (int)name.len, (const char *)name.data, is, s->catalog.shown.data,
                              is);
    *ret = yyjson_get_sint(id);
    return DF_OK;
}

/* What the log of the table says was current then. */
static int current_at(df__ice_source *s, int64_t *ret)
{
    yyjson_val *v, *best = NULL;
    size_t i, most;
    yyjson_arr_foreach (yyjson_obj_get(s->meta.table, "snapshot-log"), i, most, v)
        if (yyjson_get_sint(yyjson_obj_get(v, "timestamp-ms")) <= s->as_of_ms)
            best = v;
    if (!best)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "asOfTimestamp: the log of table %s has no snapshot of that time or "
                              "before it",
                              s->catalog.shown.data);
    *ret = yyjson_get_sint(yyjson_obj_get(best, "snapshot-id"));
    return DF_OK;
}

/* A branch is read with the table's newest columns, a fixed state with those it had. */
static int show(df__ice_source *s, int64_t id, int fixed)
{
    if (!df__ice_meta_snapshot(&s->meta, id, &s->meta.snapshot))
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "snapshotID: table %s has no snapshot %lld, or none any more (it "
                              "expired)",
                              s->catalog.shown.data, (long long)id);
    s->meta.has_snapshot = 1;
    yyjson_val *schema = df__ice_meta_schema(&s->meta, s->meta.snapshot.schema_id);
    if (fixed && schema)
        s->meta.schema = schema;
    return DF_OK;
}

int df__ice_state_set(df__ice_source *s)
{
    int64_t id = ICE_NO_SNAPSHOT;
    int rc = DF_OK, fixed = 1;
    if (s->place.base_url.data)
        return DF_OK;
    if (s->opt.snapshot.data) {
        id = strtoll(s->opt.snapshot.data, NULL, 10);
    } else if (s->opt.tag.data) {
        rc = ref_of(s, "tag", s->opt.tag, &id);
    } else if (s->opt.as_of.data) {
        rc = current_at(s, &id);
    } else if (s->place.branch.data) {
        fixed = 0;
        rc = ref_of(s, "branch", s->place.branch, &id);
    } else {
        return DF_OK;
    }
    if (rc == DF_DONE)
        return DF_OK;
    return rc == DF_OK ? show(s, id, fixed) : rc;
}
