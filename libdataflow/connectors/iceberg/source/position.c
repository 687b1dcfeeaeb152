/* SPDX-License-Identifier: Apache-2.0
 * position.c: the position as the JSON text that earlier versions kept, with the table's id and the
 * place in the snapshot at hand beside it. */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"

static void put_text(df__buf *b, const char *name, df_bytes text)
{
    df__buf_printf(b, ",\"%s\":", name);
    df__buf_json(b, text.data ? text.data : "", text.len);
}

int df__ice_position_write(df__ice_source *s)
{
    df__buf *b = &s->position;
    const df__ice_spot *p = &s->spot;
    df__buf_clear(b);
    df__buf_printf(b, "{\"lastAckedSnapshotID\":\"%lld\",\"lastAckedSnapshotSequence\":%lld",
                   (long long)p->done, (long long)p->done_sequence);
    if (s->place.base_url.data)
        put_text(b, "branch", s->place.branch);
    put_text(b, "namespace", s->place.namespace);
    put_text(b, "table", s->place.table);
    put_text(b, "tableUUID", (df_bytes){p->uuid, strlen(p->uuid)});
    if (p->done_commit[0])
        put_text(b, "commit", (df_bytes){p->done_commit, strlen(p->done_commit)});
    if (p->target != ICE_NO_SNAPSHOT && p->target_commit[0])
        put_text(b, "scanCommit", (df_bytes){p->target_commit, strlen(p->target_commit)});
    if (p->target != ICE_NO_SNAPSHOT)
        df__buf_printf(b, ",\"scanSnapshotID\":\"%lld\",\"scanFile\":%lld,\"scanRowOffset\":%lld",
                       (long long)p->target, (long long)p->file, (long long)p->row);
    df__buf_char(b, '}');
    return df__buf_cstr(b) ? DF_OK : DF_ENOMEM;
}

static int64_t id_of(yyjson_val *root, const char *name)
{
    const char *text = yyjson_get_str(yyjson_obj_get(root, name));
    return text ? strtoll(text, NULL, 10) : ICE_NO_SNAPSHOT;
}

static int64_t number_of(yyjson_val *root, const char *name)
{
    yyjson_val *v = yyjson_obj_get(root, name);
    return yyjson_is_int(v) ? yyjson_get_sint(v) : 0;
}

/* A commit goes into addresses: what is none is not known. */
static void commit_of(yyjson_val *root, const char *name, char ret[ICE_COMMIT])
{
    const char *text = yyjson_get_str(yyjson_obj_get(root, name));
    size_t len = text ? strlen(text) : 0;
    if (len < ICE_COMMIT && (!text || strspn(text, "0123456789abcdef") == len))
        df__text_set(ret, ICE_COMMIT, text ? text : "", len);
}

int df__ice_position_read(df_bytes text, df__ice_spot *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->done = ret->target = ICE_NO_SNAPSHOT;
    if (text.len == 0)
        return DF_OK;
    yyjson_doc *doc = yyjson_read(text.data, text.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int good = yyjson_is_str(yyjson_obj_get(root, "lastAckedSnapshotID"));
    const char *uuid = yyjson_get_str(yyjson_obj_get(root, "tableUUID"));
    if (good) {
        ret->done = id_of(root, "lastAckedSnapshotID");
        ret->done_sequence = number_of(root, "lastAckedSnapshotSequence");
        ret->target = id_of(root, "scanSnapshotID");
        ret->file = number_of(root, "scanFile");
        ret->row = number_of(root, "scanRowOffset");
        commit_of(root, "commit", ret->done_commit);
        commit_of(root, "scanCommit", ret->target_commit);
        df__text_set(ret->uuid, sizeof ret->uuid, uuid ? uuid : "", uuid ? strlen(uuid) : 0);
        /* A row of the whole snapshot, as earlier versions counted, is no place in a plan. */
        if (!yyjson_obj_get(root, "scanFile")) {
            ret->target = ICE_NO_SNAPSHOT;
            ret->file = ret->row = 0;
        }
    }
    yyjson_doc_free(doc);
    return good && ret->file >= 0 && ret->row >= 0 ? DF_OK : DF_EDATA;
}
