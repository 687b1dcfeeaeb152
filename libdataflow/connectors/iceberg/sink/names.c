/* SPDX-License-Identifier: Apache-2.0
 * names.c: which files a snapshot names, for the commands that look after a table. */
#include <string.h>

#include "sink/sink.h"

int df__ice_refuse_nessie(df__ice_sink *s)
{
    if (s->catalog.is_nessie || df__ice_property(&s->catalog, "nessie.is-nessie-catalog"))
        return df_stage_fail(s->st, DF_ENOTSUP, "not_supported",
                             "Nessie keeps the states of before in its history, on every branch "
                             "and tag, and their files with them; its own tool (nessie-gc) knows "
                             "them all");
    return DF_OK;
}

df_bytes df__ice_path_key(const char *path)
{
    const char *rest = df__ice_local(path);
    if (!rest && df__ice_is_s3(path))
        rest = strstr(path, "://") + 3;
    rest = rest ? rest : path;
    return (df_bytes){rest, strlen(rest)};
}

static int get(df__ice_sink *s, const char *path, df__buf *file)
{
    df__buf_init(file, &s->session.heap);
    int rc = df__ice_store_get(&s->store, path, 0, 0, file);
    return rc == DF_ENOTFOUND
               ? df_stage_failf(s->st, DF_EIO, "transient",
                                "%.200s is gone: the table was cleaned up meanwhile, or lost a "
                                "file; ask again",
                                path)
               : rc;
}

int df__ice_list_get(df__ice_sink *s, const char *path, df__arena *arena, df__ice_listed *ret)
{
    df__buf file;
    const char *why = "";
    memset(ret, 0, sizeof *ret);
    if (!path) /* format-version 1 may name its manifests in the metadata itself */
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s has a snapshot without a manifest list, whose files are "
                              "not known",
                              s->catalog.shown.data);
    int rc = get(s, path, &file);
    if (rc == DF_OK)
        rc = df__ice_list_read(arena, (df_bytes){file.data, file.len}, &ret->rows, &ret->count,
                               &why);
    ret->bytes = (int64_t)file.len;
    if (rc == DF_EDATA)
        rc = df_stage_failf(s->st, DF_EINVAL, "invalid_data", "the manifest list %.200s: %s", path,
                            why);
    df__buf_free(&file);
    return rc;
}

int df__ice_manifest_get(df__ice_sink *s, const df__ice_manifest *m, df__ice_entry_fn each,
                         void *user)
{
    df__buf path, file;
    df__ice_reading reading = {.heap = &s->session.heap, .each = each, .user = user};
    df__buf_init(&path, &s->session.heap);
    df__buf_init(&file, &s->session.heap);
    df__buf_add(&path, m->path.data, m->path.len);
    int rc = df__buf_cstr(&path) ? get(s, path.data, &file) : DF_ENOMEM;
    if (rc == DF_OK)
        rc = df__ice_manifest_read((df_bytes){file.data, file.len}, m, &reading);
    if (rc == DF_EDATA)
        rc = df_stage_failf(s->st, DF_EINVAL, "invalid_data", "the manifest %.200s: %s", path.data,
                            reading.why);
    df__buf_free(&path);
    df__buf_free(&file);
    return rc;
}
