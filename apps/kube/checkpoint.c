/* SPDX-License-Identifier: Apache-2.0
 * checkpoint.c: see checkpoint.h. */
#include "kube/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "util/codec.h"

static const char own[] = "dataflow";

void kube_checkpoint_init(kube_checkpoint *c, const char *type)
{
    memset(c, 0, sizeof *c);
    c->type = type;
    df__buf_init(&c->others, &df__heap_libc);
}

static void free_position(kube_position *p)
{
    free(p->partition);
    free(p->data);
    free(p);
}

void kube_checkpoint_free(kube_checkpoint *c)
{
    while (c->positions) {
        kube_position *next = c->positions->next;
        free_position(c->positions);
        c->positions = next;
    }
    free(c->writer);
    df__buf_free(&c->others);
    kube_checkpoint_init(c, c->type);
}

/* ---- positions ----------------------------------------------------------------------------- */

static kube_position **place_of(kube_checkpoint *c, const char *partition)
{
    kube_position **at = &c->positions;
    while (*at && strcmp((*at)->partition, partition) != 0)
        at = &(*at)->next;
    return at;
}

const kube_position *kube_checkpoint_get(const kube_checkpoint *c, const char *partition)
{
    const kube_position *of_all = NULL;
    for (const kube_position *p = c->positions; p; p = p->next) {
        if (!strcmp(p->partition, partition))
            return p;
        if (!*p->partition)
            of_all = p;
    }
    return strcmp(partition, KUBE_SOURCE_ROW) ? of_all : NULL;
}

static void drop(kube_checkpoint *c, const char *partition)
{
    kube_position **at = place_of(c, partition), *gone = *at;
    if (!gone)
        return;
    *at = gone->next;
    free_position(gone);
}

static int put(kube_checkpoint *c, const char *partition, df_bytes data)
{
    kube_position **at = place_of(c, partition), *p = *at;
    char *copy = malloc(data.len + 1);
    if (!copy)
        return DF_ENOMEM;
    memcpy(copy, data.data, data.len);
    copy[data.len] = '\0';
    if (!p) {
        p = calloc(1, sizeof *p);
        if (p)
            p->partition = strdup(partition);
        if (!p || !p->partition) {
            free(p);
            free(copy);
            return DF_ENOMEM;
        }
        *at = p;
    }
    free(p->data);
    p->data = copy;
    p->len = data.len;
    return DF_OK;
}

/* A partition with a name takes the place of an older form, which had none. */
int kube_checkpoint_put(kube_checkpoint *c, const char *partition, df_bytes data)
{
    if (strcmp(partition, KUBE_SOURCE_ROW) != 0)
        drop(c, "");
    if (data.data)
        return put(c, partition, data);
    drop(c, partition);
    return DF_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Members of an older form, and what they are called now. */
static const struct {
    const char *name, *now;
} older[] = {{"lastReadChangeTime", NULL},
             {"lastReadOrderByValue", NULL},
             {"lastReadTime", "lastReadChangeTime"},
             {"lastReadID", "lastReadOrderByValue"},
             {"lastAckedLSN", NULL},
             {"snapshotLSN", NULL},
             {"slotName", NULL},
             {"publicationName", NULL},
             {"phase", NULL},
             {"snapshotCompletedTables", NULL},
             {"lastAckedSnapshotID", NULL},
             {"lastAckedSnapshotSequence", NULL},
             {"branch", NULL},
             {"namespace", NULL},
             {"table", NULL},
             {"scanSnapshotID", NULL},
             {"scanRowOffset", NULL}};
enum { OLDER = sizeof older / sizeof *older };

static const char *name_now(yyjson_val *name, int *known)
{
    const char *text = yyjson_get_str(name);
    for (size_t i = 0; i < OLDER; i++) {
        *known = yyjson_equals_str(name, older[i].name);
        if (*known)
            return older[i].now ? older[i].now : text;
    }
    return text;
}

static void add_member(df__buf *out, const char *name, size_t len, yyjson_val *value)
{
    if (out->len > 1)
        df__buf_char(out, ',');
    df__buf_json(out, name, len);
    df__buf_char(out, ':');
    app_json_write(out, value);
}

/* All members but ours, as an object. An older form has known members only. */
static int read_members(kube_checkpoint *c, const char *partition, yyjson_val *entry, int is_older)
{
    yyjson_val *name, *value;
    size_t at, count, members = 0;
    int rc = DF_OK, known;
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    df__buf_char(&out, '{');
    yyjson_obj_foreach (entry, at, count, name, value) {
        const char *text = yyjson_get_str(name);
        size_t len = yyjson_get_len(name);
        if (yyjson_equals_str(name, own))
            continue;
        if (is_older) {
            text = name_now(name, &known);
            len = strlen(text);
            if (!known)
                rc = DF_ESTATE;
        }
        add_member(&out, text, len, value);
        members++;
    }
    df__buf_char(&out, '}');
    if (rc == DF_OK && !df__buf_cstr(&out))
        rc = DF_ENOMEM;
    if (rc == DF_OK && (members || !is_older))
        rc = put(c, partition, (df_bytes){out.data, out.len});
    df__buf_free(&out);
    return rc;
}

static int read_base64(kube_checkpoint *c, const char *partition, const char *text)
{
    df__buf out;
    int rc = DF_ESTATE;
    df__buf_init(&out, &df__heap_libc);
    if (df__base64_read(&out, text, strlen(text)) == 0)
        rc = df__buf_cstr(&out) ? put(c, partition, (df_bytes){out.data, out.len}) : DF_ENOMEM;
    df__buf_free(&out);
    return rc;
}

static int is_base64(yyjson_val *value)
{
    return yyjson_obj_size(value) == 1 && yyjson_is_str(yyjson_obj_get(value, "base64"));
}

static int read_position(kube_checkpoint *c, const char *partition, yyjson_val *value)
{
    df__buf out;
    int rc;
    if (yyjson_is_str(value))
        return put(c, partition, (df_bytes){yyjson_get_str(value), yyjson_get_len(value)});
    if (!yyjson_is_obj(value))
        return DF_ESTATE;
    if (is_base64(value))
        return read_base64(c, partition, app_json_text(value, "base64"));
    df__buf_init(&out, &df__heap_libc);
    app_json_write(&out, value);
    rc = df__buf_cstr(&out) ? put(c, partition, (df_bytes){out.data, out.len}) : DF_ENOMEM;
    df__buf_free(&out);
    return rc;
}

static int read_partitions(kube_checkpoint *c, yyjson_val *partitions)
{
    yyjson_val *name, *value;
    size_t at, count;
    int rc = DF_OK;
    if (!yyjson_is_obj(partitions))
        return DF_ESTATE;
    yyjson_obj_foreach (partitions, at, count, name, value) {
        const char *text = yyjson_get_str(name);
        if (rc != DF_OK)
            break;
        rc = *text && strlen(text) == yyjson_get_len(name) && *place_of(c, text) == NULL &&
                     strcmp(text, KUBE_SOURCE_ROW) != 0
                 ? read_position(c, text, value)
                 : DF_ESTATE;
    }
    return rc;
}

/* A text that has no NUL inside; NULL: it is missing or another thing. */
static const char *whole_text(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v) && strlen(yyjson_get_str(v)) == yyjson_get_len(v) ? yyjson_get_str(v)
                                                                              : NULL;
}

static int read_own(kube_checkpoint *c, yyjson_val *entry, yyjson_val *ours)
{
    const char *writer = whole_text(ours, "writer"), *source = whole_text(ours, "source");
    const char *partition = whole_text(ours, "partition");
    int rc = DF_ESTATE;
    if (!writer || (yyjson_obj_get(ours, "source") && !source))
        return rc;
    if (!yyjson_obj_get(ours, "partition"))
        rc = yyjson_obj_size(entry) == 1 ? read_partitions(c, yyjson_obj_get(ours, "partitions"))
                                         : DF_ESTATE;
    else if (partition && *partition && strcmp(partition, KUBE_SOURCE_ROW) != 0)
        rc = read_members(c, partition, entry, 0);
    if (rc == DF_OK && source)
        rc = put(c, KUBE_SOURCE_ROW, (df_bytes){source, strlen(source)});
    c->writer = strdup(writer);
    return c->writer ? rc : DF_ENOMEM;
}

static int read_entry(kube_checkpoint *c, yyjson_val *entry)
{
    yyjson_val *ours = yyjson_obj_get(entry, own);
    if (!yyjson_is_obj(entry))
        return DF_ESTATE;
    return ours ? read_own(c, entry, ours) : read_members(c, "", entry, 1);
}

static int read_root(kube_checkpoint *c, yyjson_val *root, char *err, size_t err_len)
{
    yyjson_val *name, *value;
    size_t at, count;
    int rc = DF_OK, entries = 0;
    yyjson_obj_foreach (root, at, count, name, value) {
        if (yyjson_equals_str(name, c->type)) {
            rc = rc || entries++ ? DF_ESTATE : read_entry(c, value);
            if (rc == DF_ESTATE)
                snprintf(err, err_len, "member \"%s\" is no checkpoint of a form that is known",
                         c->type);
        } else {
            df__buf_json(&c->others, yyjson_get_str(name), yyjson_get_len(name));
            df__buf_char(&c->others, ':');
            app_json_write(&c->others, value);
            df__buf_char(&c->others, ',');
        }
    }
    if (rc == DF_OK && c->others.failed)
        rc = DF_ENOMEM;
    if (rc == DF_ENOMEM)
        snprintf(err, err_len, "no memory");
    return rc;
}

int kube_checkpoint_read(kube_checkpoint *c, df_bytes text, char *err, size_t err_len)
{
    yyjson_doc *doc;
    yyjson_val *root;
    int rc = DF_ESTATE;
    if (!text.len)
        return DF_OK;
    doc = app_json_read(text.data, text.len, err, err_len);
    root = yyjson_doc_get_root(doc);
    if (yyjson_is_obj(root))
        rc = read_root(c, root, err, err_len);
    else if (doc)
        snprintf(err, err_len, "it is no JSON object");
    yyjson_doc_free(doc);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The compact text of the bytes read as JSON is the same bytes. */
static int is_exact(yyjson_val *value, df_bytes data)
{
    df__buf out;
    int same;
    df__buf_init(&out, &df__heap_libc);
    app_json_write(&out, value);
    same = !out.failed && out.len == data.len && !memcmp(out.data, data.data, data.len);
    df__buf_free(&out);
    return same;
}

static int is_object(df_bytes data, int *has_own)
{
    char err[100];
    yyjson_doc *doc = app_json_read(data.data, data.len, err, sizeof err);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int is = yyjson_is_obj(root) && !is_base64(root) && is_exact(root, data);
    *has_own = yyjson_obj_get(root, own) != NULL;
    yyjson_doc_free(doc);
    return is;
}

/* A JSON string gives the same bytes back. */
static int is_text(df_bytes data)
{
    char err[100];
    yyjson_doc *doc;
    yyjson_val *root;
    df__buf out;
    int is;
    df__buf_init(&out, &df__heap_libc);
    df__buf_json(&out, data.data, data.len);
    doc = app_json_read(out.data, out.len, err, sizeof err);
    root = yyjson_doc_get_root(doc);
    is = yyjson_is_str(root) && yyjson_get_len(root) == data.len &&
         !memcmp(yyjson_get_str(root), data.data, data.len);
    yyjson_doc_free(doc);
    df__buf_free(&out);
    return is;
}

static void add_position(df__buf *out, df_bytes data)
{
    int has_own;
    if (is_object(data, &has_own)) {
        df__buf_add(out, data.data, data.len);
    } else if (is_text(data)) {
        df__buf_json(out, data.data, data.len);
    } else {
        df__buf_str(out, "{\"base64\":\"");
        df__base64_add(out, data.data, data.len);
        df__buf_str(out, "\"}");
    }
}

static void add_text(df__buf *out, const char *name, const char *value, size_t len)
{
    df__buf_printf(out, "\"%s\":", name);
    df__buf_json(out, value, len);
}

/* The one position whose members may stand beside ours. */
static const kube_position *only_one(const kube_checkpoint *c)
{
    const kube_position *one = NULL;
    int has_own = 0;
    for (const kube_position *p = c->positions; p; p = p->next) {
        if (!strcmp(p->partition, KUBE_SOURCE_ROW))
            continue;
        if (one)
            return NULL;
        one = p;
    }
    return one && is_object((df_bytes){one->data, one->len}, &has_own) && !has_own ? one : NULL;
}

static int add_partitions(const kube_checkpoint *c, df__buf *out)
{
    const char *comma = "";
    df__buf_str(out, ",\"partitions\":{");
    for (const kube_position *p = c->positions; p; p = p->next) {
        if (!strcmp(p->partition, KUBE_SOURCE_ROW))
            continue;
        if (!is_text((df_bytes){p->partition, strlen(p->partition)}))
            return DF_EINVAL;
        df__buf_str(out, comma);
        df__buf_json(out, p->partition, strlen(p->partition));
        df__buf_char(out, ':');
        add_position(out, (df_bytes){p->data, p->len});
        comma = ",";
    }
    df__buf_char(out, '}');
    return DF_OK;
}

/* An older form that nobody has moved yet stays as it is: it has no partition. */
static int write_older(const kube_position *p, df__buf *out)
{
    df__buf_add(out, p->data, p->len);
    df__buf_char(out, '}');
    return df__buf_cstr(out) ? DF_OK : DF_ENOMEM;
}

int kube_checkpoint_write(const kube_checkpoint *c, const char *writer, df__buf *out)
{
    const kube_position *one = only_one(c);
    const kube_position *source = *place_of((kube_checkpoint *)(uintptr_t)c, KUBE_SOURCE_ROW);
    int rc = DF_OK;
    df__buf_char(out, '{');
    if (c->others.len)
        df__buf_add(out, c->others.data, c->others.len);
    df__buf_json(out, c->type, strlen(c->type));
    df__buf_char(out, ':');
    if (one && !*one->partition)
        return write_older(one, out);
    df__buf_char(out, '{');
    if (one && one->len > 2) { /* without its braces */
        df__buf_add(out, one->data + 1, one->len - 2);
        df__buf_char(out, ',');
    }
    df__buf_printf(out, "\"%s\":{", own);
    add_text(out, "writer", writer, strlen(writer));
    if (source) {
        df__buf_char(out, ',');
        add_text(out, "source", source->data, source->len);
    }
    if (one && !is_text((df_bytes){one->partition, strlen(one->partition)}))
        rc = DF_EINVAL;
    if (one) {
        df__buf_char(out, ',');
        add_text(out, "partition", one->partition, strlen(one->partition));
    } else {
        rc = add_partitions(c, out);
    }
    df__buf_str(out, "}}}");
    return rc ? rc : df__buf_cstr(out) ? DF_OK : DF_ENOMEM;
}
