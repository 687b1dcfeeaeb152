/* SPDX-License-Identifier: Apache-2.0
 * test_manifest.c: manifests and manifest lists: what is written is read again, whatever is cut off
 * or changed is told or read, and never more than that. */
#include "support/support.h"

#include <string.h>

#include "connectors/iceberg/tests/types/meta_help.h"
#include "connectors/iceberg/types/manifest.h"

static const char reply[] =
    "{\"metadata\":{\"format-version\":2,\"table-uuid\":\"u\",\"location\":\"s3://b/t\","
    "\"last-sequence-number\":7,\"current-schema-id\":1,\"schemas\":[{\"schema-id\":0},"
    "{\"type\":\"struct\",\"schema-id\":1,\"fields\":[{\"id\":1,\"name\":\"a\",\"required\":true,"
    "\"type\":\"long\"},{\"id\":2,\"name\":\"d\",\"type\":\"decimal(9, 2)\"},{\"id\":3,\"name\":"
    "\"l\",\"type\":{\"type\":\"list\",\"element-id\":4,\"element\":\"string\"}}]}],"
    "\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,\"fields\":[]}],"
    "\"properties\":{\"p\":\"v\"},\"current-snapshot-id\":11,\"snapshots\":[{\"snapshot-id\":11,"
    "\"parent-snapshot-id\":10,\"sequence-number\":7,\"manifest-list\":\"m\",\"summary\":{"
    "\"operation\":\"append\"}},{\"snapshot-id\":10,\"sequence-number\":6,\"manifest-list\":\"n\"},"
    "{\"snapshot-id\":9,\"sequence-number\":5}]},\"config\":{\"s3.endpoint\":\"http://x\"}}";

static void test_meta(void **state)
{
    df__ice_meta m;
    df__arena arena;
    df__parquet_column *columns;
    size_t count;
    char why[ICE_SHOWN];
    (void)state;
    read_meta(reply, &m);
    assert_true(m.has_snapshot);
    assert_int_equal(m.snapshot.id, 11);
    assert_int_equal(m.sequence, 7);
    assert_string_equal(df__ice_meta_property(&m, "p"), "v");
    assert_false(df__ice_meta_is_lost(&m, 11));
    assert_false(df__ice_meta_is_lost(&m, 10));
    assert_true(df__ice_meta_is_lost(&m, 9));  /* listed, and no ancestor */
    assert_false(df__ice_meta_is_lost(&m, 8)); /* not listed: not known */
    df__arena_init(&arena, &df__heap_libc, 1024);
    assert_int_equal(df__ice_columns(&arena, m.schema, &columns, &count, why), DF_OK);
    assert_int_equal(count, 3);
    assert_int_equal(columns[0].kind, DF__PARQUET_LONG);
    assert_true(columns[0].required);
    assert_int_equal(columns[1].precision, 9);
    assert_int_equal(columns[1].scale, 2);
    assert_int_equal(columns[2].children[0].id, 4);
    df__arena_free(&arena);
    df__ice_meta_free(&m);
}

/* What expired between the current snapshot and an older one proves nothing; a number below does.
 */
static void test_lost(void **state)
{
    static const struct {
        int current, id, lost;
    } rows[] = {{30, 10, 0}, {30, 20, 0}, {20, 10, 0}, {20, 30, 1},
                {10, 20, 1}, {40, 10, 1}, {40, 99, 0}};
    char why[ICE_SHOWN];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__ice_meta m;
        df__ice_answer a = {.status = 200};
        df__buf_init(&a.body, &df__heap_libc);
        df__buf_printf(
            &a.body,
            "{\"metadata\":{\"format-version\":2,\"table-uuid\":\"u\",\"location\":\"l\","
            "\"schema\":{},\"current-snapshot-id\":%d,\"snapshots\":["
            "{\"snapshot-id\":5,\"sequence-number\":1},"
            "{\"snapshot-id\":10,\"sequence-number\":2,\"parent-snapshot-id\":5},"
            "{\"snapshot-id\":20,\"sequence-number\":3,\"parent-snapshot-id\":10},"
            "{\"snapshot-id\":30,\"sequence-number\":6,\"parent-snapshot-id\":29},"
            "{\"snapshot-id\":40,\"sequence-number\":7,\"parent-snapshot-id\":5}]}}",
            rows[i].current);
        assert_int_equal(df__ice_meta_read(&a, &m, why), DF_OK);
        df__buf_free(&a.body);
        if (df__ice_meta_is_lost(&m, rows[i].id) != rows[i].lost)
            fail_msg("current %d, %d: lost is not %d", rows[i].current, rows[i].id, rows[i].lost);
        df__ice_meta_free(&m);
    }
}

/* A walk to the oldest of many snapshots asks for each of them once. */
static void test_many_snapshots(void **state)
{
    enum { COUNT = 100000 };
    char why[ICE_SHOWN];
    df__ice_meta m;
    df__ice_answer a = {.status = 200};
    (void)state;
    df__buf_init(&a.body, &df__heap_libc);
    df__buf_printf(&a.body,
                   "{\"metadata\":{\"format-version\":2,\"table-uuid\":\"u\",\"location\":\"l\","
                   "\"schema\":{},\"current-snapshot-id\":%d,\"snapshots\":[",
                   COUNT);
    for (int i = 1; i <= COUNT; i++)
        df__buf_printf(&a.body, "%s{\"snapshot-id\":%d,\"parent-snapshot-id\":%d}",
                       i > 1 ? "," : "", i, i - 1);
    df__buf_str(&a.body, "]}}");
    assert_int_equal(df__ice_meta_read(&a, &m, why), DF_OK);
    df__buf_free(&a.body);
    assert_false(df__ice_meta_is_lost(&m, 1));
    df__ice_meta_free(&m);
}

static int see(void *user, const df__ice_entry *e)
{
    int64_t *sum = user;
    sum[0]++;
    sum[1] += e->records;
    sum[2] += e->sequence;
    sum[3] += e->snapshot;
    return DF_OK;
}

static void write_manifest(df__buf *out)
{
    static const int64_t splits[] = {4, 400};
    static const df__parquet_metrics metrics[] = {
        {.id = 1, .size = 10, .values = 3, .nans = -1, .lower = {"\1\0\0\0\0\0\0\0", 8}},
        {.id = 2, .size = 10, .values = 3, .nulls = 2, .nans = -1}};
    df__ice_meta m;
    df__ice_data_file files[3];
    memset(files, 0, sizeof files);
    for (size_t i = 0; i < 3; i++) {
        files[i].path = (df_bytes){"s3://b/t/data/x.parquet", 23};
        files[i].summary = (df__parquet_summary){.records = 3 + (int64_t)i,
                                                 .bytes = 1000,
                                                 .splits = splits,
                                                 .split_count = 2,
                                                 .columns = metrics,
                                                 .column_count = 2};
    }
    read_meta(reply, &m);
    df__ice_spec spec = {.id = 0};
    df__ice_manifest_of of = {.meta = &m, .spec = &spec, .snapshot = 12};
    assert_int_equal(df__ice_manifest_write(out, &of, files, 3), DF_OK);
    df__ice_meta_free(&m);
}

static void test_manifest(void **state)
{
    int64_t sum[4] = {0};
    df__buf out;
    df__ice_manifest of = {.sequence = 8, .snapshot = 12};
    df__ice_reading reading = {.heap = &df__heap_libc, .each = see, .user = sum};
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    write_manifest(&out);
    assert_int_equal(df__ice_manifest_read((df_bytes){out.data, out.len}, &of, &reading), DF_OK);
    assert_int_equal(sum[0], 3);
    assert_int_equal(sum[1], 12);
    assert_int_equal(sum[2], 24); /* inherited */
    assert_int_equal(sum[3], 36);
    df__buf_free(&out);
}

static void write_list(df__buf *out)
{
    df__ice_list_of of = {.snapshot = 12, .parent = ICE_NO_SNAPSHOT, .sequence = 8};
    df__ice_manifest rows[] = {{.path = {"s3://b/m0", 9},
                                .length = 100,
                                .content = 1,
                                .sequence = 8,
                                .min_sequence = 7,
                                .snapshot = 12,
                                .files = {1, -1, 0},
                                .rows = {3, 0, -1},
                                .partitions = {"\2\0", 2}},
                               {.path = {"s3://b/m1", 9}, .key = {"k", 1}}};
    assert_int_equal(df__ice_list_write(out, &of, rows, 2), DF_OK);
}

static void test_list(void **state)
{
    const char *why;
    df__ice_manifest *rows;
    df__arena arena;
    df__buf out, again;
    size_t count;
    df__ice_list_of of = {.snapshot = 12, .parent = ICE_NO_SNAPSHOT, .sequence = 8};
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__buf_init(&again, &df__heap_libc);
    df__arena_init(&arena, &df__heap_libc, 1024);
    write_list(&out);
    assert_int_equal(df__ice_list_read(&arena, (df_bytes){out.data, out.len}, &rows, &count, &why),
                     DF_OK);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].content, 1);
    assert_int_equal(rows[0].min_sequence, 7);
    assert_int_equal(rows[0].files[1], 1); /* not known: never written as none */
    assert_int_equal(rows[0].rows[2], 1);
    assert_int_equal(rows[1].files[0], 0);
    assert_memory_equal(rows[1].key.data, "k", 1);
    assert_int_equal(df__ice_list_write(&again, &of, rows, count), DF_OK); /* carried over */
    assert_int_equal(out.len, again.len);
    assert_memory_equal(out.data, again.data, out.len);
    df__arena_free(&arena);
    df__buf_free(&out);
    df__buf_free(&again);
}

/* Each byte changed, each length cut: told or read, by the sanitizers nothing else. */
static void test_damaged(void **state)
{
    int64_t sum[4];
    const char *why;
    df__buf out;
    df__ice_manifest of = {.sequence = 8}, *rows;
    df__ice_reading reading = {.heap = &df__heap_libc, .each = see, .user = sum};
    size_t count;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    for (int list = 0; list < 2; list++) {
        df__buf_clear(&out);
        list ? write_list(&out) : write_manifest(&out);
        for (size_t i = 0; i < 2 * out.len; i++) {
            size_t len = i < out.len ? i : out.len, at = i % out.len;
            df__arena arena;
            df__arena_init(&arena, &df__heap_libc, 1024);
            out.data[at] = (char)(out.data[at] ^ (i < out.len ? 0 : 0x85));
            int rc = list
                         ? df__ice_list_read(&arena, (df_bytes){out.data, len}, &rows, &count, &why)
                         : df__ice_manifest_read((df_bytes){out.data, len}, &of, &reading);
            assert_true(rc == DF_OK || rc == DF_EDATA || rc == DF_ENOMEM);
            out.data[at] = (char)(out.data[at] ^ (i < out.len ? 0 : 0x85));
            df__arena_free(&arena);
        }
    }
    df__buf_free(&out);
}

/* A type in itself, and values of no bytes: files that would need a stack or a memory without end.
 */
static void test_endless(void **state)
{
    static const struct {
        const char *schema;
        int64_t count;
    } cases[] = {
        {"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\",\"field-id\":500,"
         "\"type\":\"a\"}]}",
         1},
        {"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"p\",\"field-id\":500,"
         "\"type\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":0}}]}",
         INT64_C(1) << 40},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why;
        df__ice_manifest *rows;
        df__arena arena;
        df__buf out;
        size_t count;
        df__ice_avro_parts parts = {
            .schema = cases[i].schema, .values = {"\0", 1}, .count = cases[i].count};
        df__buf_init(&out, &df__heap_libc);
        df__arena_init(&arena, &df__heap_libc, 1024);
        assert_int_equal(df__ice_avro_write(&out, &parts), DF_OK);
        assert_int_equal(
            df__ice_list_read(&arena, (df_bytes){out.data, out.len}, &rows, &count, &why),
            DF_EDATA);
        df__arena_free(&arena);
        df__buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meta),           cmocka_unit_test(test_lost),
        cmocka_unit_test(test_many_snapshots), cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_list),           cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
