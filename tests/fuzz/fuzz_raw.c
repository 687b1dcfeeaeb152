/* SPDX-License-Identifier: Apache-2.0
 * rawMode over hostile bodies and metadata: the whole record is in the column data, no metadata
 * reaches a column of the table's own, _metadata is an object, and the statement that makes the
 * table has no name that ends before its quote does. Byte 1 says the options; then a key, the name
 * and value of a piece of metadata, each behind its length; the rest is the body. */
#include <stdlib.h>
#include <string.h>

#include "connectors/postgresql/sink/guess.h"
#include "connectors/postgresql/sink/sink.h"
#include "core/flow/parcel.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 8 };
static const char *const names[COLUMNS] = {"id",    "data",    "_metadata",  "created_at",
                                           "m_key", "m_topic", "updated_at", "deleted_at"};

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static df_bytes field(const uint8_t **at, const uint8_t *end)
{
    size_t len = *at < end ? *(*at)++ : 0, left = (size_t)(end - *at);
    df_bytes out = {*at, len < left ? len : left};
    *at += out.len;
    return out;
}

/* With flattened metadata the table has no column _metadata. */
static void make_sink(df__pg_sink *s, df__pg_column *columns, df_value *values, unsigned options)
{
    size_t n = 0;
    memset(s, 0, sizeof *s);
    s->opt.raw = 1;
    s->opt.flatten = options & 1;
    if (options & 2)
        s->opt.flatten_prefix = (df_bytes){"m_", 2};
    for (size_t i = 0; i < COLUMNS; i++) {
        if (s->opt.flatten && strcmp(names[i], "_metadata") == 0)
            continue;
        int is_json = names[i][0] == 'd' || names[i][0] == '_';
        columns[n] = (df__pg_column){.name = {names[i], strlen(names[i])}, .quoted = "\"c\""};
        columns[n].type.kind = is_json ? PG_KIND_JSONB : PG_KIND_TEXT;
        columns[n].type.name = columns[n].type.cast = "type";
        columns[n++].bit = -1;
    }
    s->catalog.table.columns = columns;
    s->catalog.table.count = n;
    s->encoder.values = values;
    df__buf_init(&s->raw.text, &df__heap_libc);
    memcpy(s->catalog.name.table, "t", 2);
}

/* {"value": ..., "_metadata": {...}} and nothing else. */
static int is_taken_apart(const df_value *root, df_value *ret_data)
{
    df_value meta = {0}, value = {0};
    df_bytes meta_name = {"_metadata", 9}, value_name = {"value", 5};
    *ret_data = *root;
    if (root->type != DF_V_OBJECT || root->len != 2)
        return 0;
    (void)df_value_member(root, meta_name, &meta);
    (void)df_value_member(root, value_name, &value);
    if (meta.type != DF_V_OBJECT || value.type == DF_V_ABSENT)
        return 0;
    *ret_data = value;
    return 1;
}

static int same_json(const df_value *a, const df_value *b)
{
    static char texts[2][1 << 20];
    size_t len = df_value_json(a, texts[0], sizeof texts[0]);
    return len == df_value_json(b, texts[1], sizeof texts[1]) &&
           memcmp(texts[0], texts[1], len) == 0;
}

static void check_metadata(const df_value *v, df__arena *a)
{
    df__tree *tree;
    df_value root;
    must(v->text != NULL &&
         df__tree_parse(a, (df_bytes){v->text, v->len}, &tree, NULL, 0) == DF_OK);
    df__tree_root(tree, &root);
    must(root.type == DF_V_OBJECT);
}

static void check_row(df__pg_sink *s, const df__pg_work *w, df__arena *a)
{
    df__tree *tree;
    df_value root, data;
    int rc = df__pg_raw_row(s, w);
    must(rc == DF_OK || rc == DF_EDATA);
    if (rc != DF_OK)
        return;
    must(df__record_tree(w->parcel->records[0], a, &tree, NULL, 0) == DF_OK);
    df__tree_root(tree, &root);
    (void)is_taken_apart(&root, &data);
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const char *name = s->catalog.table.columns[i].name.data;
        if (strcmp(name, "data") == 0)
            must(same_json(&s->encoder.values[i], &data));
        else if (strcmp(name, "_metadata") == 0)
            check_metadata(&s->encoder.values[i], a);
        else if (strncmp(name, "m_", 2) != 0)
            must(s->encoder.values[i].type == DF_V_ABSENT);
    }
}

/* Outside of quotes there is nothing but the statement's own letters. */
static void check_statement(const df__pg_sink *s, const df__pg_guesses *g)
{
    df__buf sql;
    int quoted = 0;
    df__buf_init(&sql, &df__heap_libc);
    df__pg_raw_create_sql(s, g, &sql);
    must(!sql.failed && memchr(sql.data, 0, sql.len) == NULL);
    must(df__pg_utf8_valid(sql.data, sql.len));
    for (size_t i = 0; i < sql.len; i++) {
        quoted ^= sql.data[i] == '"';
        must(quoted || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ(),; \"",
                              sql.data[i]) != NULL);
    }
    must(!quoted);
    df__buf_free(&sql);
}

static void run(df__pg_sink *s, df_record *r, df__arena *a)
{
    unsigned char skip = 0;
    df__pg_guesses g;
    df__pg_work w;
    memset(&w, 0, sizeof w);
    w.parcel = df__parcel_new(&df__heap_libc, NULL);
    w.skip = &skip;
    must(w.parcel != NULL && df__parcel_add(w.parcel, r, NULL) == DF_OK);
    check_row(s, &w, a);
    df__pg_guesses_init(&g, &df__heap_libc);
    int rc = df__pg_raw_gather(s, w.parcel, 0, &g);
    must(rc == DF_OK || rc == DF_EDATA);
    check_statement(s, &g);
    df__pg_guesses_free(&g);
    df__parcel_free(w.parcel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data + 1, *end = data + size;
    df__pg_column columns[COLUMNS];
    df_value values[COLUMNS + 1], meta = {.type = DF_V_STRING};
    df__pg_sink s;
    df__arena a;
    df_record r;
    char name[256];
    if (size < 1)
        return 0;
    memset(&r, 0, sizeof r);
    make_sink(&s, columns, values, data[0]);
    df__arena_init(&a, &df__heap_libc, 4096);
    r.arena = &a;
    r.partition = "p";
    r.key = field(&at, end);
    df_bytes given = field(&at, end), text = field(&at, end);
    memcpy(name, given.data, given.len);
    name[given.len] = 0;
    meta.text = text.data;
    meta.len = text.len;
    meta.type = data[0] & 4 ? DF_V_BYTES : DF_V_STRING;
    (void)df_record_set_meta(&r, name, &meta);
    r.payload = (df_bytes){at, (size_t)(end - at)};
    run(&s, &r, &a);
    df__buf_free(&s.raw.text);
    df__arena_free(&a);
    return 0;
}
