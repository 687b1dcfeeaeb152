/* SPDX-License-Identifier: Apache-2.0
 * detach.c: turns a manifest into one that touches no server, for `dfproc test`. */
#include <stdlib.h>
#include <string.h>

#include "dfproc/cases.h"

enum { DEPTH_MAX = 64 };

/* Makes it a stage of another type; members named in `keep` stay. */
static void become(yyjson_mut_doc *doc, yyjson_mut_val *stage, const char *type,
                   const char *const *keep)
{
    yyjson_mut_val *kept = yyjson_mut_obj(doc), *name, *value;
    size_t at, count;
    for (size_t i = 0; keep[i]; i++) {
        value = yyjson_mut_obj_get(stage, keep[i]);
        if (value)
            yyjson_mut_obj_add_val(doc, kept, keep[i], yyjson_mut_val_mut_copy(doc, value));
    }
    yyjson_mut_obj_clear(stage);
    yyjson_mut_obj_add_str(doc, stage, "type", type);
    yyjson_mut_obj_foreach (kept, at, count, name, value)
        yyjson_mut_obj_add_val(doc, stage, yyjson_mut_get_str(name),
                               yyjson_mut_val_mut_copy(doc, value));
}

/* Sinks of routers lie somewhere inside a transformation. */
static void detach_routes(yyjson_mut_doc *doc, yyjson_mut_val *value, int depth)
{
    static const char *const nothing[] = {NULL};
    size_t at, count;
    yyjson_mut_val *name, *item;
    if (depth > DEPTH_MAX)
        return;
    if (yyjson_mut_is_arr(value))
        yyjson_mut_arr_foreach (value, at, count, item)
            detach_routes(doc, item, depth + 1);
    if (!yyjson_mut_is_obj(value))
        return;
    yyjson_mut_obj_foreach (value, at, count, name, item)
        if (yyjson_mut_equals_str(name, "sink") && yyjson_mut_obj_get(item, "type"))
            become(doc, item, "host", nothing);
        else
            detach_routes(doc, item, depth + 1);
}

static void detach_spec(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
    static const char *const nothing[] = {NULL};
    static const char *const policies[] = {"ackPolicy", "policy", NULL};
    static const char *const gone[] = {"deliveryGuarantee", "replicas", "strictIdempotency"};
    yyjson_mut_val *errors = yyjson_mut_obj_get(spec, "errors");
    become(doc, yyjson_mut_obj_get(spec, "source"), DFPROC_CASE_SOURCE, nothing);
    become(doc, yyjson_mut_obj_get(spec, "sink"), "host", nothing);
    if (yyjson_mut_obj_get(errors, "type"))
        become(doc, errors, "host", policies);
    detach_routes(doc, yyjson_mut_obj_get(spec, "transformations"), 0);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        yyjson_mut_obj_remove_key(spec, gone[i]);
}

int dfproc_cases_detach(const df__buf *manifest, df__buf *out, char *err, size_t err_len)
{
    const char *text = manifest->data ? manifest->data : "";
    size_t blank = 0, len;
    yyjson_doc *doc;
    yyjson_mut_doc *edit = NULL;
    yyjson_mut_val *root, *spec;
    char *written = NULL;
    while (blank < manifest->len && strchr(" \t\r\n", text[blank]))
        blank++;
    doc = blank < manifest->len && text[blank] == '{'
              ? app_json_read(text, manifest->len, err, err_len)
              : app_yaml_read(text, manifest->len, err, err_len);
    if (!doc)
        return -1;
    df__text_printf(err, err_len, "the manifest has no source or sink");
    edit = yyjson_doc_mut_copy(doc, NULL);
    root = yyjson_mut_doc_get_root(edit);
    spec = yyjson_mut_obj_get(root, "spec");
    spec = spec ? spec : root;
    if (yyjson_mut_is_obj(yyjson_mut_obj_get(spec, "source")) &&
        yyjson_mut_is_obj(yyjson_mut_obj_get(spec, "sink"))) {
        detach_spec(edit, spec);
        written = yyjson_mut_write(edit, YYJSON_WRITE_NOFLAG, &len);
    }
    if (written)
        df__buf_add(out, written, len);
    free(written);
    yyjson_mut_doc_free(edit);
    yyjson_doc_free(doc);
    return written && !out->failed ? 0 : -1;
}
