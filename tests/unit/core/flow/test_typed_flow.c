/* SPDX-License-Identifier: Apache-2.0
 * test_typed_flow.c: a source that knows types gives records as trees; they pass transforms and
 * reach a sink that knows columns as they were, and stdio and the error sink as JSON. Their trees
 * count as payload does. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataflow_ext.h"

typedef support_fixture fixture;

/* ---- a table in memory, as a source and as a sink -------------------------------------------- */

enum { ROWS = 3000 };
static const char *const names[] = {"id", "raw", "at", "day", "ratio", "doc", "list"};
enum { ID, RAW, AT, DAY, RATIO, DOC, LIST, COLUMNS };

static struct {
    size_t rows;                  /* to give */
    size_t given, largest, reads; /* rows; most in one read; reads that gave any */
    size_t big;                   /* bytes of `raw`; 0: the row's number */
    size_t seen, wrong;
    int unchanged; /* rows without doc */
} table;

typedef struct rows {
    df_partition *part;
    df_columns *columns;
} rows;

static df_value scalar(int type, int64_t i)
{
    return (df_value){.type = type, .u.i = i};
}

static int put(df_record *r, df_value *object, int column, df_value v)
{
    return df_value_put(r, object, (df_bytes){names[column], strlen(names[column])}, &v);
}

static int row(df_record *r, size_t n)
{
    static char bytes[400000];
    df_value empty = {.type = DF_V_OBJECT}, none = {.type = DF_V_ARRAY}, root, list;
    df_value at = {.type = DF_V_TIMESTAMP, .zone = 120, .u.i = 1700000000000000 + (int64_t)n};
    df_value ratio = {.type = DF_V_DOUBLE, .u.d = n % 3 ? (double)n / 7 : NAN};
    df_value raw = {.type = DF_V_BYTES, .text = bytes, .len = table.big ? table.big : 3};
    assert_ok(df_value_new(r, &empty, &root));
    assert_ok(df_value_new(r, &none, &list));
    bytes[0] = (char)n;
    bytes[1] = (char)0xff;
    assert_ok(put(r, &root, ID, scalar(DF_V_INT, (int64_t)n)));
    assert_ok(put(r, &root, RAW, raw));
    assert_ok(put(r, &root, AT, at));
    assert_ok(put(r, &root, DAY, scalar(DF_V_DATE, (int64_t)n - 1000)));
    assert_ok(put(r, &root, RATIO, ratio));
    assert_ok(put(r, &root, DOC, scalar(n % 5 ? DF_V_NULL : DF_V_UNCHANGED, 0)));
    assert_ok(df_value_put(r, &list, (df_bytes){NULL, 0}, &raw));
    assert_ok(put(r, &root, LIST, list));
    return df_record_set_root(r, &root);
}

static int source_open(void *self, df_stage *st)
{
    rows *s = self;
    return df_partition_open(st, "table", &s->part);
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    rows *s = self;
    size_t before = table.given;
    char text[24];
    if (table.given == table.rows)
        return DF_DONE;
    if (!df_batch_room(into))
        return df_stage_wait(st, -1, 0, timeout_ms);
    while (table.given < table.rows && df_batch_room(into)) {
        df_input in = {.size = sizeof in, .partition = df_partition_number(s->part)};
        df_record *r;
        in.offset = (int64_t)table.given;
        assert_ok(df_batch_add(into, &in, &r));
        assert_ok(row(r, table.given++));
    }
    table.reads++;
    if (table.given - before > table.largest)
        table.largest = table.given - before;
    snprintf(text, sizeof text, "%zu", table.given);
    return df_batch_mark(into, s->part, (df_bytes){text, strlen(text)});
}

static int sink_open(void *self, df_stage *st)
{
    rows *s = self;
    s->columns = df_columns_new(st, names, COLUMNS);
    return s->columns ? DF_OK : DF_ENOMEM;
}

static int as_it_was(const df_value *v, size_t n)
{
    df_walk walk = {0};
    int ok = v[ID].type == DF_V_INT && v[ID].u.i == (int64_t)n;
    ok &= v[RAW].type == DF_V_BYTES && v[RAW].len == 3 && v[RAW].text[0] == (char)n;
    ok &= v[AT].type == DF_V_TIMESTAMP && v[AT].zone == 120 &&
          v[AT].u.i == 1700000000000000 + (int64_t)n;
    ok &= v[DAY].type == DF_V_DATE && v[DAY].u.i == (int64_t)n - 1000;
    ok &= v[RATIO].type == DF_V_DOUBLE &&
          (n % 3 ? v[RATIO].u.d == (double)n / 7 : isnan(v[RATIO].u.d) != 0);
    ok &= v[DOC].type == (n % 5 ? DF_V_NULL : DF_V_UNCHANGED);
    ok &= v[LIST].type == DF_V_ARRAY && df_value_walk(&v[LIST], &walk) == DF_OK &&
          walk.value.type == DF_V_BYTES && walk.value.text[1] == (char)0xff;
    return ok;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    rows *s = self;
    (void)st;
    for (size_t i = 0; i < df_parcel_count(parcel); i++) {
        df_value v[COLUMNS];
        size_t unknown;
        assert_ok(df_parcel_row(parcel, i, s->columns, v, &unknown));
        table.wrong += !as_it_was(v, table.seen);
        table.unchanged += v[DOC].type == DF_V_UNCHANGED;
        table.seen++;
    }
    return DF_OK;
}

static const df_source_ops source_ops = {
    .size = sizeof source_ops, .open = source_open, .read = source_read};
static const df_sink_ops sink_ops = {
    .size = sizeof sink_ops, .open = sink_open, .write = sink_write};
static const df_connector connector = {.size = sizeof(df_connector),
                                       .name = "table",
                                       .doc = "A table in memory.",
                                       .source_size = sizeof(rows),
                                       .sink_size = sizeof(rows),
                                       .source_flags = DF_IS_LINE,
                                       .source = &source_ops,
                                       .sink = &sink_ops};

/* ---- flows ----------------------------------------------------------------------------------- */

static int setup(void **state)
{
    support_setup(state);
    memset(&table, 0, sizeof table);
    table.rows = ROWS;
    assert_ok(df_connector_register(((fixture *)*state)->env, &connector));
    return 0;
}

static void run(fixture *f, const char *yaml)
{
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    int rc;
    f->p = support_load(f->env, yaml);
    rc = df_pipeline_run(f->p, &how);
    if (rc != DF_OK)
        fail_msg("%s", df_pipeline_errmsg(f->p));
    support_assert_conserved(f->p);
}

static void test_types_arrive(void **state)
{
    run(*state, "source: {type: table}\nsink: {type: table}\n");
    assert_int_equal(table.seen, ROWS);
    assert_int_equal(table.wrong, 0);
    assert_int_equal(table.unchanged, ROWS / 5);
}

/* Transforms that have nothing to do with a column leave it what it is. */
static void test_types_pass_transforms(void **state)
{
    run(*state, "source: {type: table}\nsink: {type: table}\ntransformations:\n"
                "  - {type: filter, config: {condition: '$.id >= 0'}}\n"
                "  - {type: insertField, config: {fields: {extra: x}}}\n"
                "  - {type: mask, config: {fields: [$.nothing]}}\n"
                "  - {type: remove, config: {fields: [$.extra]}}\n");
    assert_int_equal(table.seen, ROWS);
    assert_int_equal(table.wrong, 0);
}

/* Nobody knows an unchanged value here, so there is nothing to mask: it stays unchanged. */
static void test_unchanged_is_not_masked(void **state)
{
    run(*state, "source: {type: table}\nsink: {type: table}\ntransformations:\n"
                "  - {type: mask, config: {fields: [$.doc]}}\n");
    assert_int_equal(table.seen, ROWS);
    assert_int_equal(table.unchanged, ROWS / 5);
}

static void test_json_of_them(void **state)
{
    fixture *f = *state;
    char yaml[700], path[512], *text, *end;
    snprintf(yaml, sizeof yaml, "source: {type: table}\nsink: {type: stdio, config: {path: %s}}\n",
             support_path(path, f->dir, "out.jsonl"));
    run(f, yaml);
    text = support_read_file(path);
    end = strchr(text, '\n');
    assert_non_null(end);
    *end = '\0';
    assert_string_equal(text, "{\"id\":0,\"raw\":\"AP8A\",\"at\":\"2023-11-15T00:13:20+02:00\","
                              "\"day\":\"1967-04-07\",\"ratio\":\"NaN\",\"list\":[\"AP8A\"]}");
    free(text);
}

/* What is refused has its value in the error sink, since there are no bytes of it. */
static void test_refused_ones_are_told(void **state)
{
    fixture *f = *state;
    char yaml[1024], path[512], *text;
    snprintf(yaml, sizeof yaml,
             "source: {type: table}\nsink: {type: table}\ntransformations:\n"
             "  - {type: cast, config: {spec: {id: bool}}}\n"
             "errors: {type: stdio, config: {path: %s}}\n",
             support_path(path, f->dir, "errors.jsonl"));
    run(f, yaml);
    text = support_read_file(path);
    assert_non_null(strstr(text, "\"original_message\":{\"id\":2,\"raw\":\"Av8A\",\"at\":"));
    assert_null(strstr(text, "original_base64"));
    free(text);
}

/* A batch ends when the trees fill it, and a row over the limit is refused. */
static void test_trees_count(void **state)
{
    fixture *f = *state;
    df_stats s = {.size = sizeof s};
    table.rows = 300;
    table.big = 20000;
    run(f, "source: {type: table}\nsink: {type: 'null'}\nmemoryLimit: 8MiB\n");
    assert_true(table.largest < 100);
    assert_true(table.reads > 3);
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.sent, 300);
    df_pipeline_free(f->p);
    memset(&table, 0, sizeof table);
    table.rows = 20;
    table.big = 400000;
    run(f, "source: {type: table}\nsink: {type: 'null'}\nmemoryLimit: 1MiB\n"
           "errors: {type: 'null'}\n");
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.sent, 0);
    assert_int_equal(s.errored, 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_types_arrive),
        TEST(test_types_pass_transforms),
        TEST(test_unchanged_is_not_masked),
        TEST(test_json_of_them),
        TEST(test_refused_ones_are_told),
        TEST(test_trees_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
