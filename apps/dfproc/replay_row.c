/* SPDX-License-Identifier: Apache-2.0
 * replay_row.c: from the envelope of an error record (docs/errors.md) back to the record that was
 * refused: bytes, key, headers, time, and what is known of it. See replay.h. */
#include <stdlib.h>
#include <string.h>

#include "dfproc/replay.h"
#include "util/codec.h"
#include "util/rfc3339.h"
#include "util/sha256.h"

static const struct {
    const char *path;
    size_t offset;
} path_rows[] = {{"$.error", offsetof(dfproc_replay_paths, error)},
                 {"$.original_message", offsetof(dfproc_replay_paths, message)},
                 {"$.original_base64", offsetof(dfproc_replay_paths, base64)},
                 {"$.key_base64", offsetof(dfproc_replay_paths, key)},
                 {"$.headers_base64", offsetof(dfproc_replay_paths, headers)},
                 {"$.original_message_type", offsetof(dfproc_replay_paths, type)}};
enum { PATHS = sizeof path_rows / sizeof path_rows[0] };

static df_path **path_at(dfproc_replay_paths *paths, size_t i)
{
    return (df_path **)(void *)((char *)paths + path_rows[i].offset);
}

int dfproc_replay_paths_make(dfproc_replay_paths *paths, df_env *env)
{
    for (size_t i = 0; i < PATHS; i++)
        if (!(*path_at(paths, i) = df_path_new(env, path_rows[i].path)))
            return dfproc_fail("%s", df_env_errmsg(env));
    return EXIT_DONE;
}

void dfproc_replay_paths_free(dfproc_replay_paths *paths)
{
    for (size_t i = 0; i < PATHS; i++)
        df_path_free(*path_at(paths, i));
}

/* ---- members -------------------------------------------------------------------------------- */

static df_value member(const df_value *object, const char *name)
{
    df_value v = {.type = DF_V_ABSENT};
    df_value_member(object, (df_bytes){name, strlen(name)}, &v);
    return v;
}

static void copy_text(const df_value *object, const char *name, char *buf, size_t len)
{
    df_value v = member(object, name);
    df__text_set(buf, len, v.type == DF_V_STRING ? v.text : "", v.type == DF_V_STRING ? v.len : 0);
}

static int64_t number(const df_value *object, const char *name, int64_t otherwise)
{
    df_value v = member(object, name);
    int64_t n = otherwise;
    return v.type == DF_V_ABSENT || df_value_int(&v, &n) != DF_OK ? otherwise : n;
}

/* -1: there is none, or it is no moment. */
static int64_t moment(const df_value *object, const char *name)
{
    df_value v = member(object, name);
    df__stamp s;
    if (v.type == DF_V_TIMESTAMP)
        return v.u.i;
    if (v.type != DF_V_STRING || df__stamp_parse((df_bytes){v.text, v.len}, &s) != DF_OK ||
        !s.has_zone)
        return -1;
    return (s.local - s.offset) * 1000000 + s.nsec / 1000;
}

static uint32_t operation(const df_value *metadata)
{
    static const char *const words[] = {"", "insert", "update", "delete", "truncate"};
    char word[16];
    copy_text(metadata, "operation", word, sizeof word);
    for (uint32_t i = DF_OP_INSERT; i <= DF_OP_TRUNCATE; i++)
        if (!strcmp(word, words[i]))
            return i;
    return DF_OP_NONE;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* What is added stays where it is: row->bytes is made large enough before. */
static int add_base64(dfproc_replay_row *row, const df_value *v, df_bytes *ret)
{
    size_t before = row->bytes.len;
    ret->data = NULL;
    ret->len = 0;
    if (v->type != DF_V_STRING)
        return DF_OK;
    if (df__base64_read(&row->bytes, v->text, v->len) < 0)
        return DF_EDATA;
    ret->data = row->bytes.data + before;
    ret->len = row->bytes.len - before;
    return DF_OK;
}

static void add_json(dfproc_replay_row *row, const df_value *v, df_bytes *ret)
{
    size_t n = df_value_json(v, NULL, 0);
    char *at = df__buf_reserve(&row->bytes, n);
    if (!at)
        return;
    df_value_json(v, at, n);
    row->bytes.len += n;
    *ret = (df_bytes){at, n};
}

/* A payload that is no object stands as {"original_data": its text}; an object of that very form,
 * as itself: the size tells them apart. */
static void add_message(dfproc_replay_row *row, const df_value *message, int64_t size)
{
    df_value text = member(message, "original_data");
    if (message->len != 1 || text.type != DF_V_STRING ||
        (size != (int64_t)text.len && size == (int64_t)df_value_json(message, NULL, 0))) {
        add_json(row, message, &row->payload);
        return;
    }
    row->payload = text.len ? (df_bytes){text.text, text.len} : (df_bytes){NULL, 0};
}

static int add_headers(dfproc_replay_row *row, const df_value *list, int64_t *io_size)
{
    df_walk walk = {.index = 0};
    while (df_value_walk(list, &walk) == DF_OK) {
        df_value name = member(&walk.value, "name"), value = member(&walk.value, "value");
        df_header *h;
        char *copy;
        if (name.type != DF_V_STRING)
            return DF_EDATA;
        if (df__grow(&df__heap_libc, &row->headers, &row->header_cap, row->header_count,
                     sizeof *row->headers) != DF_OK ||
            !(copy = df__buf_reserve(&row->bytes, name.len + 1)))
            return DF_ENOMEM;
        memcpy(copy, name.text, name.len);
        copy[name.len] = 0;
        row->bytes.len += name.len + 1;
        h = &row->headers[row->header_count++];
        h->name = copy;
        if (add_base64(row, &value, &h->value) != DF_OK)
            return DF_EDATA;
        *io_size -= (int64_t)(name.len + h->value.len);
    }
    return DF_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

typedef struct parts {
    df_value message, base64, key, headers, type;
} parts;

static int read_parts(const dfproc_replay_paths *paths, df_parcel *parcel, size_t index,
                      df_value *error, parts *p)
{
    int rc = df_parcel_get(parcel, index, paths->error, error);
    if (rc == DF_OK)
        rc = df_parcel_get(parcel, index, paths->message, &p->message);
    if (rc == DF_OK)
        rc = df_parcel_get(parcel, index, paths->base64, &p->base64);
    if (rc == DF_OK)
        rc = df_parcel_get(parcel, index, paths->key, &p->key);
    if (rc == DF_OK)
        rc = df_parcel_get(parcel, index, paths->headers, &p->headers);
    if (rc == DF_OK)
        rc = df_parcel_get(parcel, index, paths->type, &p->type);
    return rc;
}

static int read_bytes(dfproc_replay_row *row, const parts *p, size_t room)
{
    int64_t size = number(&row->error, "size", -1);
    int rc;
    df__buf_clear(&row->bytes);
    if (!df__buf_reserve(&row->bytes, room)) /* so that nothing moves */
        return DF_ENOMEM;
    rc = add_base64(row, &p->key, &row->key);
    if (rc == DF_OK)
        rc = add_headers(row, &p->headers, &size);
    if (rc != DF_OK)
        return rc;
    if (p->base64.type == DF_V_STRING)
        return add_base64(row, &p->base64, &row->payload);
    if (p->message.type == DF_V_OBJECT)
        add_message(row, &p->message, size);
    row->reordered = p->type.type == DF_V_STRING && p->type.len == 5 &&
                     !memcmp(p->type.text, "jsonb", 5) && p->message.len > 1;
    return row->bytes.failed ? DF_ENOMEM : DF_OK;
}

static void read_error(dfproc_replay_row *row)
{
    static const char replayed[] = "replay/";
    char *at = row->partition;
    copy_text(&row->error, "stage", row->stage, sizeof row->stage);
    copy_text(&row->error, "where", row->where, sizeof row->where);
    copy_text(&row->error, "reason", row->reason, sizeof row->reason);
    copy_text(&row->error, "partition", at, sizeof row->partition);
    if (!strncmp(at, replayed, sizeof replayed - 1))
        memmove(at, at + sizeof replayed - 1, strlen(at) + 1 - (sizeof replayed - 1));
    row->decoded = member(&row->error, "decoded").type == DF_V_BOOL;
    row->offset = number(&row->error, "offset", -1);
    row->refused_us = moment(&row->error, "timestamp");
    row->metadata = member(&row->error, "metadata");
    row->time_us = moment(&row->metadata, "timestamp");
    row->time_us = row->time_us > 0 ? row->time_us : 0;
    row->op = operation(&row->metadata);
    row->replays = number(&row->metadata, "replays", 0);
}

static uint64_t hash_of(df_bytes text)
{
    char hex[DF__SHA256_HEX];
    df__sha256_hex(text.data, text.len, hex);
    hex[16] = 0;
    return strtoull(hex, NULL, 16);
}

int dfproc_replay_row_read(dfproc_replay_row *row, const dfproc_replay_paths *paths,
                           df_parcel *parcel, size_t index)
{
    parts p = {.type = {.type = DF_V_ABSENT}};
    df_bytes text = {NULL, 0};
    int rc = df_parcel_payload(parcel, index, &text);
    if (rc < 0)
        return rc;
    row->header_count = 0;
    row->payload = row->key = (df_bytes){NULL, 0};
    row->reordered = 0;
    row->id = hash_of(text);
    row->fate = DFPROC_NO_ENVELOPE;
    rc = text.data ? read_parts(paths, parcel, index, &row->error, &p) : DF_EDATA;
    if (rc == DF_ENOMEM || rc == DF_EDATA || row->error.type != DF_V_OBJECT)
        return rc == DF_ENOMEM ? rc : DF_OK;
    read_error(row);
    rc = read_bytes(row, &p, 2 * text.len + 64); /* more than all parts decoded */
    if (rc == DF_OK)
        row->fate = member(&row->error, "truncated").type == DF_V_BOOL ? DFPROC_WITHOUT_BYTES
                                                                       : DFPROC_REPLAYS;
    return rc == DF_ENOMEM ? rc : DF_OK;
}

void dfproc_replay_row_free(dfproc_replay_row *row)
{
    free(row->headers);
    df__buf_free(&row->bytes);
}
