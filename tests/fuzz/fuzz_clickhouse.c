/* SPDX-License-Identifier: Apache-2.0
 * What a ClickHouse server sends, and what a manifest says of one: types, rows in RowBinary of such
 * a type, replies of a refusal, tables of TabSeparated, connection strings. Input: a first line, a
 * type or a connection string, and bytes. */
#include <stdlib.h>
#include <string.h>

#include "connectors/clickhouse/client/dsn.h"
#include "connectors/clickhouse/client/fault.h"
#include "connectors/clickhouse/client/ident.h"
#include "connectors/clickhouse/types/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

/* A row that is all there is decoded to its end; whatever is read stays within it. */
static void rows(const df__ch_type *t, df_bytes bytes)
{
    df__ch_reader r = {bytes.data, (const unsigned char *)bytes.data + bytes.len};
    df__buf key;
    df__buf_init(&key, &df__heap_libc);
    for (int i = 0; i < 64 && r.at < r.end; i++) {
        df__ch_reader past = r, at = r;
        if (df__ch_skip(&past, t) != DF_OK)
            break;
        must(past.at <= r.end && past.at >= r.at);
        df__buf_clear(&key);
        if (t->kind != CH_KIND_ARRAY && t->kind != CH_KIND_TUPLE && t->kind != CH_KIND_MAP &&
            t->kind != CH_KIND_OTHER)
            df__ch_key_text(&at, t, &key);
        if (past.at == r.at)
            break;
        r = past;
    }
    df__buf_free(&key);
}

static void types(df_bytes text, df_bytes bytes)
{
    df__arena arena;
    df__ch_type t;
    df_field field = {.size = sizeof field};
    df__arena_init(&arena, &df__heap_libc, 1024);
    if (df__ch_type_read(&arena, text, &t) == DF_OK) {
        df__buf name;
        df__buf_init(&name, &df__heap_libc);
        df__ch_describe(&t, &field);
        df__ch_key_type(&t, &name);
        if (t.kind != CH_KIND_OTHER)
            rows(&t, bytes);
        df__buf_free(&name);
    }
    df__arena_free(&arena);
}

static void strings(df_bytes text)
{
    df__ch_dsn dsn;
    df__ch_table_name name;
    const char *why = NULL;
    int rc = df__ch_dsn_read(text, &dsn, &why);
    must(rc == DF_OK ? dsn.host_count > 0 : why != NULL);
    df__ch_dsn_free(&dsn);
    must(df__ch_name_parse(text, &name, &why) == DF_OK || why != NULL);
}

static void replies(df_bytes bytes)
{
    df__ch_fault fault;
    df_bytes cell;
    int last;
    char *copy = malloc(bytes.len + 1);
    if (!copy)
        return;
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    df__ch_fault_read(500, NULL, (df_bytes){copy, bytes.len}, 0, &fault);
    df__ch_fault_read(200, NULL, (df_bytes){copy, bytes.len}, 1, &fault);
    for (char *at = copy; df__ch_next_field(&at, &cell, &last);)
        must((const char *)cell.data + cell.len <= copy + bytes.len);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t head = end ? (size_t)(end - data) : size;
    df_bytes text = {data, head}, bytes = {data, 0};
    if (end)
        bytes = (df_bytes){end + 1, size - head - 1};
    if (size == 0)
        return 0;
    types(text, bytes);
    strings(text);
    replies(bytes);
    return 0;
}
