/* SPDX-License-Identifier: Apache-2.0
 * apply.c: see apply.h. */
#include "kube/apply.h"

#include <string.h>

#include "util/codec.h"

static const char apply_type[] = "application/apply-patch+yaml";
static const char merge_type[] = "application/merge-patch+json";

static int target_path(df__buf *path, const kube_target *t)
{
    df__buf_str(path, t->api);
    if (t->space) {
        df__buf_str(path, "/namespaces/");
        df__percent_add(path, t->space);
    }
    df__buf_printf(path, "/%s", t->plural);
    if (t->name) {
        df__buf_char(path, '/');
        df__percent_add(path, t->name);
    }
    if (t->subresource)
        df__buf_printf(path, "/%s", t->subresource);
    return df__buf_cstr(path) ? DF_OK : DF_ENOMEM;
}

/* ---- bodies -------------------------------------------------------------------------------- */

/* Bytes of a character at `p` that YAML does not allow unescaped: DEL, C1 without NEL, the byte
 * order mark, U+FFFE and U+FFFF. 0: it does. Such bytes are only inside strings. */
static size_t forbidden(const unsigned char *p, size_t left, unsigned *code)
{
    *code = *p;
    if (*p == 0x7f)
        return 1;
    if (*p == 0xc2 && left > 1 && p[1] >= 0x80 && p[1] < 0xa0 && p[1] != 0x85) {
        *code = p[1];
        return 2;
    }
    if (*p != 0xef || left < 3)
        return 0;
    *code = 0xf000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return *code == 0xfeff || *code >= 0xfffe ? 3 : 0;
}

/* JSON that the server's YAML reader takes for the same: no escaped slashes, and the few characters
 * that YAML does not allow as they are, escaped. NULL: no memory. */
static const char *yaml_text(json_object *object, df__buf *out)
{
    size_t len = 0, taken;
    unsigned code;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i += taken) {
        size_t plain = i;
        while (plain < len && (unsigned char)text[plain] < 0x7f)
            plain++;
        df__buf_add(out, text + i, plain - i);
        taken = plain - i;
        if (plain == len)
            break;
        size_t bad = forbidden((const unsigned char *)text + plain, len - plain, &code);
        if (bad)
            df__buf_printf(out, "\\u%04x", code);
        else
            df__buf_char(out, text[plain]);
        taken += bad ? bad : 1;
    }
    return df__buf_cstr(out);
}

/* ---- requests ------------------------------------------------------------------------------ */

typedef struct write {
    const char *method, *content_type, *query;
    json_object *object;
    const df__buf *text; /* in place of the object */
} write;

/* The body in `own`, or as it is. 0: no memory. */
static int body_of(const write *w, df__buf *own, df_bytes *ret)
{
    if (w->object && !yaml_text(w->object, own))
        return 0;
    if (w->text && w->text->failed)
        return 0;
    if (w->object || w->text)
        *ret =
            w->object ? (df_bytes){own->data, own->len} : (df_bytes){w->text->data, w->text->len};
    return 1;
}

static kube_request *start(kube_client *c, const kube_target *t, const write *w, kube_then then)
{
    kube_call call = {.method = w->method,
                      .content_type = w->content_type,
                      .done = then.done,
                      .user = then.user,
                      .total_us = then.total_us,
                      .unguarded = then.unguarded};
    kube_request *r = NULL;
    df__buf path, own;
    df__buf_init(&path, &df__heap_libc);
    df__buf_init(&own, &df__heap_libc);
    target_path(&path, t);
    df__buf_str(&path, w->query ? w->query : "");
    call.path = df__buf_cstr(&path);
    if (call.path && body_of(w, &own, &call.body))
        r = kube_client_start(c, &call);
    df__buf_free(&path);
    df__buf_free(&own);
    return r;
}

kube_request *kube_get(kube_client *c, const kube_target *t, kube_then then)
{
    return start(c, t, &(write){.method = "GET"}, then);
}

kube_request *kube_create(kube_client *c, const kube_target *t, json_object *object, kube_then then)
{
    kube_target all = *t;
    all.name = NULL;
    return start(
        c, &all,
        &(write){.method = "POST", .query = "?fieldManager=" KUBE_MANAGER, .object = object}, then);
}

kube_request *kube_apply(kube_client *c, const kube_target *t, json_object *object, int force,
                         kube_then then)
{
    write w = {"PATCH", apply_type, "?fieldManager=" KUBE_MANAGER, .object = object};
    if (force)
        w.query = "?fieldManager=" KUBE_MANAGER "&force=true";
    return start(c, t, &w, then);
}

/* An update without a version would replace whatever is there. */
kube_request *kube_update(kube_client *c, const kube_target *t, json_object *object, kube_then then)
{
    json_object *meta = NULL;
    kube_call refused = {.method = "PUT",
                         .path = t->plural,
                         .wrong = "an update needs metadata.resourceVersion",
                         .done = then.done,
                         .user = then.user};
    json_object_object_get_ex(object, "metadata", &meta);
    if (!*kube_text(meta, "resourceVersion"))
        return kube_client_start(c, &refused);
    return start(
        c, t, &(write){.method = "PUT", .query = "?fieldManager=" KUBE_MANAGER, .object = object},
        then);
}

kube_request *kube_merge(kube_client *c, const kube_target *t, json_object *patch, kube_then then)
{
    return start(
        c, t, &(write){"PATCH", merge_type, "?fieldManager=" KUBE_MANAGER, .object = patch}, then);
}

static void add_text(df__buf *out, const char *name, const char *value)
{
    df__buf_printf(out, "\"%s\":", name);
    df__buf_json(out, value, strlen(value));
}

kube_request *kube_delete(kube_client *c, const kube_target *t, const kube_deletion *how,
                          kube_then then)
{
    static const char *const ways[] = {"Background", "Foreground", "Orphan"};
    kube_request *r;
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    df__buf_printf(&out,
                   "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                   "\"propagationPolicy\":\"%s\",\"preconditions\":{",
                   ways[how->propagation]);
    if (how->uid)
        add_text(&out, "uid", how->uid);
    if (how->uid && how->version)
        df__buf_char(&out, ',');
    if (how->version)
        add_text(&out, "resourceVersion", how->version);
    df__buf_char(&out, '}');
    if (how->grace_s > 0)
        df__buf_printf(&out, ",\"gracePeriodSeconds\":%lld", (long long)how->grace_s);
    df__buf_char(&out, '}');
    r = start(c, t, &(write){.method = "DELETE", .text = &out}, then);
    df__buf_free(&out);
    return r;
}
