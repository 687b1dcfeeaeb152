/* SPDX-License-Identifier: Apache-2.0
 * envelope.c: the payload of an error record. docs/errors.md describes it. The original bytes are
 * always in it: as original_message when that text is the payload to the byte, else beside it as
 * original_base64. */
#include <string.h>
#include <time.h>

#include "core/flow/flow.h"
#include "util/codec.h"

enum { KEEP_MAX = 256 << 10 /* room kept for the next one */ };
enum { META_MAX = 4 << 10, META_SUM = 64 << 10 }; /* metadata that a minimal envelope has */

static void member(df__buf *out, const char *name, const char *text)
{
    df__buf_str(out, ",\"");
    df__buf_str(out, name);
    df__buf_str(out, "\":");
    df__buf_json(out, text, strlen(text));
}

/* The text of a second is made once. */
static void timestamp(df__flow *f, df__buf *out)
{
    time_t seconds = (time_t)(f->io.wall(f->io.ctx) / 1000000);
    struct tm tm;
    if (!f->envelope.stamp[0] || f->envelope.stamp_s != (int64_t)seconds) {
        gmtime_r(&seconds, &tm);
        strftime(f->envelope.stamp, sizeof f->envelope.stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
        f->envelope.stamp_s = (int64_t)seconds;
    }
    member(out, "timestamp", f->envelope.stamp);
}

static void value(df__buf *out, const df_value *v)
{
    size_t n = df_value_json(v, NULL, 0);
    char *at = df__buf_reserve(out, n);
    if (at)
        out->len += df_value_json(v, at, n);
}

/* One of the two parts of metadata, see there. */
static void metadata_part(df__buf *out, const df_record *r, int large)
{
    size_t small = 0; /* bytes of the first part */
    df_walk walk;
    memset(&walk, 0, sizeof walk);
    while (df_meta_walk(r, &walk) == DF_OK) {
        int is_large = walk.value.len > META_MAX || small > META_SUM;
        small += is_large ? 0 : walk.name.len + walk.value.len;
        if (is_large != large)
            continue;
        df__buf_str(out, out->data[out->len - 1] == '{' ? "" : ",");
        df__buf_json(out, walk.name.data, walk.name.len);
        df__buf_char(out, ':');
        value(out, &walk.value);
    }
}

/* Large values, as a large key, come last: *ret_head ends before them. */
static void metadata(df__buf *out, const df_record *r, size_t *ret_head)
{
    df__buf_str(out, ",\"metadata\":{");
    if (out->failed)
        return;
    metadata_part(out, r, 0);
    *ret_head = out->len - DF__ADOPT;
    metadata_part(out, r, 1);
    df__buf_char(out, '}');
}

static void bytes_member(df__buf *out, const char *name, df_bytes v)
{
    int first = out->len && out->data[out->len - 1] == '{';
    df__buf_str(out, first ? "\"" : ",\"");
    df__buf_str(out, name);
    df__buf_str(out, "\":");
    if (!v.data) {
        df__buf_str(out, "null");
        return;
    }
    df__buf_char(out, '"');
    df__base64_add(out, v.data, v.len);
    df__buf_char(out, '"');
}

static void headers(df__buf *out, const df_record *r)
{
    if (!r->header_count)
        return;
    df__buf_str(out, ",\"headers_base64\":[");
    for (uint32_t i = 0; i < r->header_count; i++) {
        df__buf_str(out, i ? ",{" : "{");
        df__buf_str(out, "\"name\":");
        df__buf_json(out, r->headers[i].name, strlen(r->headers[i].name));
        bytes_member(out, "value", r->headers[i].value);
        df__buf_char(out, '}');
    }
    df__buf_char(out, ']');
}

static void coordinates(df__buf *out, const df_record *r, size_t size)
{
    if (r->partition && r->partition[0])
        member(out, "partition", r->partition);
    if (r->offset >= 0) {
        df__buf_str(out, ",\"offset\":");
        df__buf_u64(out, (unsigned long long)r->offset);
    }
    df__buf_str(out, ",\"size\":");
    df__buf_u64(out, size);
}

/* Routes and the error sink are sinks too; what a manifest calls `sink` has no route. */
static const char *main_kind(const df__flow *f)
{
    for (size_t i = 0; i < f->sink_count; i++)
        if (!f->sinks[i].is_error && f->sinks[i].spec->exit == 0)
            return f->sinks[i].spec->kind;
    return f->sink_count ? f->sinks[0].spec->kind : "";
}

static void error_member(df__flow *f, df__buf *out, const df_record *r, size_t size)
{
    static const df__reject none = {DF_EDATA, "route", "", "invalid_data", "no such route"};
    const df__reject *why = r->reject ? r->reject : &none;
    const char *stage = why->stage ? why->stage : r->rejected_by ? "transform" : "read";
    const char *where = why->where;
    if (r->rejected_by)
        where = f->steps[r->rejected_by - 1].spec->name;
    df__buf_str(out, "{\"error\":{\"message\":");
    df__buf_json(out, why->text ? why->text : "", why->text ? strlen(why->text) : 0);
    timestamp(f, out);
    member(out, "original_sink", main_kind(f));
    member(out, "stage", stage);
    member(out, "where", where ? where : "");
    member(out, "reason", why->reason ? why->reason : "invalid_data");
    coordinates(out, r, size);
    if (r->built)
        df__buf_str(out, ",\"decoded\":true");
}

/* Adds the compact text of an object: most often it is the payload to the byte, and 1. */
static int object_text(df__buf *out, const df_record *r, const df_value *root)
{
    size_t len = r->payload.len, n;
    char *at = df__buf_reserve(out, len);
    if (!at)
        return 0;
    n = df_value_json(root, at, len);
    if (n > len) {
        at = df__buf_reserve(out, n);
        if (!at)
            return 0;
        df_value_json(root, at, n);
    }
    out->len += n;
    return n == len && memcmp(at, r->payload.data, n) == 0;
}

/* Text that is no object goes in as a string; 1: it is the payload to the byte. */
static int other_text(df__buf *out, const df_record *r, const df__tree *tree, df__arena *scratch)
{
    df_bytes text = {r->payload.data ? r->payload.data : "", r->payload.len};
    int exact = 0;
    if (tree && df__tree_write(tree, scratch, &text) == DF_OK)
        exact = text.len == r->payload.len && memcmp(text.data, r->payload.data, text.len) == 0;
    df__buf_str(out, "{\"original_data\":");
    df__buf_json(out, text.data, text.len);
    df__buf_char(out, '}');
    return exact;
}

/* True when what was added gives the payload to the byte. */
static int original(df__buf *out, const df_record *r, df__arena *scratch)
{
    df__tree *tree = NULL;
    df_value root = {0};
    int exact, rc = DF_EDATA;
    df__buf_str(out, ",\"original_message\":");
    if (r->built) /* no bytes came: the value where it was refused stands for them */
        rc = df__record_tree(r, scratch, &tree, NULL, 0);
    else if (r->payload.data)
        rc = df__tree_parse(scratch, r->payload, &tree, NULL, 0);
    if (rc == DF_OK)
        df__tree_root(tree, &root);
    exact =
        root.type == DF_V_OBJECT ? object_text(out, r, &root) : other_text(out, r, tree, scratch);
    if (scratch->total > KEEP_MAX) /* what a large record needed would stay beside the next */
        df__arena_free(scratch);
    df__arena_reset(scratch);
    return exact || r->built;
}

static df__buf *begin(df__flow *f)
{
    df__buf *out = &f->envelope.text;
    out->len = 0;
    if (df__buf_reserve(out, 2 * DF__ADOPT))
        out->len = DF__ADOPT; /* for the head of a chunk */
    return out;
}

/* The text in the arena. A small one is copied and its buffer used again, a large one given away
 * with its buffer, so that there are never two of it. */
static int place(df__flow *f, df__buf *out, df__arena *a, df_bytes *ret)
{
    ret->data = NULL;
    ret->len = out->len - DF__ADOPT;
    if (!out->failed && out->cap <= KEEP_MAX) {
        ret->data = df__arena_bytes(a, out->data + DF__ADOPT, ret->len);
        return ret->data ? DF_OK : DF_ENOMEM;
    }
    if (!out->failed) {
        char *block = df__realloc(f->heap, out->data, out->len);
        block = block ? block : out->data;
        df__arena_adopt(a, block, out->len);
        ret->data = block + DF__ADOPT;
        out->data = NULL;
    }
    df__buf_free(out);
    df__buf_init(out, f->heap);
    return ret->data ? DF_OK : DF_ENOMEM;
}

/* *ret_head: all about the record, without its bytes; the object of its metadata is still open. */
int df__envelope(df__flow *f, const df_record *r, df__arena *a, df_bytes *ret, size_t *ret_head)
{
    df__buf *out = begin(f);
    error_member(f, out, r, df__record_bytes(r) - r->key.len);
    metadata(out, r, ret_head);
    df__buf_char(out, '}');
    if (!original(out, r, &f->envelope.scratch))
        bytes_member(out, "original_base64", r->payload);
    bytes_member(out, "key_base64", r->key);
    headers(out, r);
    df__buf_char(out, '}');
    return place(f, out, a, ret);
}

/* The error sink refused the whole envelope. This one has the first error, why it is cut, and size
 * and checksum of the payload; of a large key, which may be what was refused, size and checksum. */
int df__envelope_minimal(df__flow *f, const df__error_record *first, df__arena *a, df_bytes *ret)
{
    const df_record *r = &first->record;
    df__buf *out = begin(f);
    df__buf_add(out, r->payload.data, first->head);
    df__buf_printf(out, "},\"truncated\":true,\"crc32c\":\"%08x\"", first->crc32c);
    member(out, "truncated_because", r->reject && r->reject->text ? r->reject->text : "");
    if (r->key.len > DF__ERROR_KEY)
        df__buf_printf(out, ",\"key_size\":%zu,\"key_crc32c\":\"%08x\"", r->key.len,
                       df__crc32c(0, r->key.data, r->key.len));
    df__buf_char(out, '}');
    if (r->key.len <= DF__ERROR_KEY)
        bytes_member(out, "key_base64", r->key);
    df__buf_char(out, '}');
    return place(f, out, a, ret);
}
