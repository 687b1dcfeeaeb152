/* SPDX-License-Identifier: Apache-2.0
 * test_parquet_write.c: rows into files: values of every kind, rows that do not fit, bounds, and
 * memory that fails or stays flat. What other readers make of the files is in tests/parquet/judge.
 */
#include "formats/parquet/thrift.h"
#include "support/parquet_help.h"

#define LEAF(kind_, ...)                                                                           \
    {                                                                                              \
        .name = "v", .id = 1, .kind = DF__PARQUET_##kind_, __VA_ARGS__                             \
    }

typedef struct trip {
    df__parquet_column column;
    const char *in, *out; /* values of JSON; out "!text": refused with that */
} trip;

static void assert_trip(const trip *t)
{
    df__parquet_options o = {.columns = &t->column, .column_count = 1};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__parquet_summary s;
    df__buf file;
    opened in;
    char line[600], want[600];
    int rc;
    df__buf_init(&file, &df__heap_libc);
    o.write = put_bytes;
    o.user = &file;
    assert_int_equal(df__parquet_writer_new(&df__heap_libc, &o, &w, &error), DF_OK);
    snprintf(line, sizeof line, "{\"v\":%s}", t->in);
    rc = append_json(w, &o, line, &error);
    assert_int_equal(rc, t->out[0] == '!' ? DF_EDATA : DF_OK);
    if (rc == DF_EDATA && !strstr(error.text, t->out + 1))
        fail_msg("%s\ngot  %s\nwant %s", t->in, error.text, t->out + 1);
    assert_int_equal(df__parquet_finish(w, &s, &error), DF_OK);
    assert_int_equal(s.records, rc == DF_OK);
    open_bytes(&in, &file);
    want[0] = '\0';
    if (rc == DF_OK)
        snprintf(want, sizeof want, "{\"v\":%s}\n", t->out);
    assert_rows(&in, want);
    close_bytes(&in);
    df__parquet_writer_free(w);
    df__buf_free(&file);
}

static void values_of_every_kind(void **state)
{
    static const trip trips[] = {
        {LEAF(BOOLEAN), "true", "true"},
        {LEAF(BOOLEAN), "1", "!column v (boolean) takes true and false"},
        {LEAF(INT), "2147483647", "2147483647"},
        {LEAF(INT), "2147483648", "!takes whole numbers of 32 bits"},
        {LEAF(INT), "1e3", "1000"},
        {LEAF(INT), "\"1\"", "!takes whole numbers"},
        {LEAF(LONG), "-9223372036854775808", "-9223372036854775808"},
        {LEAF(LONG), "9223372036854775808", "!takes whole numbers of 64 bits"},
        {LEAF(LONG), "1.5", "!takes whole numbers"},
        {LEAF(FLOAT), "1.5", "1.5"},
        {LEAF(FLOAT), "1e39", "!no number that large"},
        {LEAF(FLOAT), "\"NaN\"", "\"NaN\""},
        {LEAF(DOUBLE), "\"-Infinity\"", "\"-Infinity\""},
        {LEAF(DOUBLE), "0.1", "0.1"},
        {LEAF(DOUBLE), "1e400", "!no number that large"},
        {LEAF(DOUBLE), "\"x\"", "!takes numbers"},
        {LEAF(DECIMAL, .precision = 4, .scale = 2), "-99.99", "-99.99"},
        {LEAF(DECIMAL, .precision = 4, .scale = 2), "100", "!has fewer digits than the number"},
        {LEAF(DECIMAL, .precision = 4, .scale = 2), "0.001", "!fewer digits after the point"},
        {LEAF(DECIMAL, .precision = 4, .scale = 2), "5e-2", "0.05"},
        {LEAF(DECIMAL, .precision = 18, .scale = 18), "-0.999999999999999999",
         "-0.999999999999999999"},
        {LEAF(DECIMAL, .precision = 38, .scale = 0), "-99999999999999999999999999999999999999",
         "-99999999999999999999999999999999999999"},
        {LEAF(DECIMAL, .precision = 38, .scale = 0), "100000000000000000000000000000000000000",
         "!has fewer digits"},
        {LEAF(DATE), "\"1969-12-31\"", "\"1969-12-31\""},
        {LEAF(DATE), "\"1969-12-31T00:00:00\"", "!takes days"},
        {LEAF(TIME), "\"23:59:59.999999\"", "\"23:59:59.999999\""},
        {LEAF(TIME), "\"23:59:59.9999999\"", "!down to microseconds"},
        {LEAF(TIMESTAMP), "\"1969-12-31T23:59:59.5\"", "\"1969-12-31T23:59:59.5\""},
        {LEAF(TIMESTAMP), "\"2024-01-01T00:00:00Z\"", "!times without a zone"},
        {LEAF(TIMESTAMPTZ), "\"2024-01-01T00:00:00+02:00\"", "\"2023-12-31T22:00:00Z\""},
        {LEAF(TIMESTAMPTZ), "\"2024-01-01T00:00:00\"", "!times with a zone"},
        {LEAF(TIMESTAMPTZ), "\"2024-01-01T00:00:00.0000001Z\"", "!down to microseconds"},
        {LEAF(TIMESTAMP_NS), "\"2024-01-01T00:00:00.000000001\"",
         "\"2024-01-01T00:00:00.000000001\""},
        {LEAF(TIMESTAMPTZ_NS), "\"1969-12-31T23:59:59.123456Z\"",
         "\"1969-12-31T23:59:59.123456Z\""},
        {LEAF(TIMESTAMP_NS), "\"9999-01-01T00:00:00\"", "!no time that far off"},
        {LEAF(STRING), "\"\"", "\"\""},
        {LEAF(STRING), "1.50", "\"1.50\""},
        {LEAF(STRING), "{\"a\":[1,null]}", "\"{\\\"a\\\":[1,null]}\""},
        {LEAF(UUID), "\"00112233-4455-6677-8899-AABBCCDDEEFF\"",
         "\"00112233-4455-6677-8899-aabbccddeeff\""},
        {LEAF(UUID), "\"00112233-4455-6677-8899-AABBCCDDEEF\"", "!takes UUIDs"},
        {LEAF(UUID), "\"00112233x4455-6677-8899-AABBCCDDEEFF\"", "!takes UUIDs"},
        {LEAF(FIXED, .length = 2), "\"AAE=\"", "\"AAE=\""},
        {LEAF(FIXED, .length = 2), "\"AAEC\"", "!another length"},
        {LEAF(BINARY), "\"\"", "\"\""},
        {LEAF(BINARY), "\"a\"", "!as base64"},
        {LEAF(LONG), "null", "null"},
        {LEAF(LONG, .required = 1), "null", "!is required and gets no value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof trips / sizeof trips[0]; i++)
        assert_trip(&trips[i]);
}

/* ---- nested ---------------------------------------------------------------------------------- */

static const df__parquet_column pair[] = {
    {.name = "x", .id = 3, .kind = DF__PARQUET_INT, .required = 1},
    {.name = "y", .id = 4, .kind = DF__PARQUET_STRING},
};
static const df__parquet_column pairs[] = {
    {.name = "element", .id = 2, .kind = DF__PARQUET_STRUCT, .children = pair, .child_count = 2}};
static const df__parquet_column entry[] = {
    {.name = "key", .id = 6, .kind = DF__PARQUET_STRING, .required = 1},
    {.name = "value", .id = 7, .kind = DF__PARQUET_LIST, .children = pairs, .child_count = 1}};
static const df__parquet_column by_day[] = {
    {.name = "key", .id = 9, .kind = DF__PARQUET_DATE, .required = 1},
    {.name = "value", .id = 10, .kind = DF__PARQUET_LONG}};
static const df__parquet_column nested[] = {
    {.name = "id", .id = 11, .kind = DF__PARQUET_LONG, .required = 1},
    {.name = "l", .id = 1, .kind = DF__PARQUET_LIST, .children = pairs, .child_count = 1},
    {.name = "m", .id = 5, .kind = DF__PARQUET_MAP, .children = entry, .child_count = 2},
    {.name = "d", .id = 8, .kind = DF__PARQUET_MAP, .children = by_day, .child_count = 2},
};
static const char *const nested_rows[] = {
    "{\"id\":1,\"l\":null,\"m\":null,\"d\":null}", "{\"id\":2,\"l\":[],\"m\":{},\"d\":[]}",
    "{\"id\":3,\"l\":[null,{\"x\":1,\"y\":null}],\"m\":{\"a\":null,\"b\":[],\"c\":[{\"x\":2,\"y\":"
    "\"z\"},null]},\"d\":[{\"key\":\"2024-02-29\",\"value\":null}]}",
    "{\"id\":4,\"l\":[{\"x\":5,\"y\":\"five\"}],\"m\":{\"\":[null]},\"d\":null}", NULL};

static void add_all(df__buf *b, const char *const *lines)
{
    for (; *lines; lines++)
        df__buf_printf(b, "%s\n", *lines);
}

static void nested_rows_come_back(void **state)
{
    df__parquet_options o = {.columns = nested, .column_count = 4};
    df__buf file, want;
    opened in;
    (void)state;
    df__buf_init(&file, &df__heap_libc);
    df__buf_init(&want, &df__heap_libc);
    write_lines(&o, nested_rows, &file);
    add_all(&want, nested_rows);
    open_bytes(&in, &file);
    assert_rows(&in, df__buf_cstr(&want));
    close_bytes(&in);
    df__buf_free(&want);
    df__buf_free(&file);
}

/* In any order, with members that are missing, and one name twice: the last one counts. */
static void members_may_come_in_any_order(void **state)
{
    static const char *const lines[] = {
        "{\"id\":1,\"l\":[{\"x\":1,\"y\":\"a\"},{\"y\":\"b\",\"x\":2},{\"x\":3},"
        "{\"x\":9,\"x\":4},{\"x\":9,\"y\":\"c\",\"x\":5}]}",
        NULL};
    df__parquet_options o = {.columns = nested, .column_count = 2};
    df__buf file;
    opened in;
    (void)state;
    df__buf_init(&file, &df__heap_libc);
    write_lines(&o, lines, &file);
    open_bytes(&in, &file);
    assert_rows(&in, "{\"id\":1,\"l\":[{\"x\":1,\"y\":\"a\"},{\"x\":2,\"y\":\"b\"},"
                     "{\"x\":3,\"y\":null},{\"x\":4,\"y\":null},{\"x\":5,\"y\":\"c\"}]}\n");
    close_bytes(&in);
    df__buf_free(&file);
}

/* A row that fails in its last column leaves nothing in those before it, nor in the metrics. */
static void a_refused_row_leaves_nothing(void **state)
{
    static const char *const bad[] = {
        "{\"id\":900,\"l\":[{\"x\":9,\"y\":\"zzz\"}],\"m\":{\"a\":[{\"y\":\"no x\"}]}}",
        "{\"id\":901,\"l\":[{\"x\":9}],\"m\":{\"k\":[{\"x\":1,\"other\":1}]}}",
        "{\"id\":902,\"l\":[{\"x\":9}],\"d\":{\"2024-02-29\":1}}",
        "{\"id\":903,\"l\":[{\"x\":9}],\"d\":[{\"key\":\"2024-02-29\",\"value\":1,\"more\":1}]}",
        "{\"id\":904,\"l\":[{\"x\":9}],\"d\":[{\"value\":1}]}",
        "{\"id\":905,\"l\":{\"x\":9}}",
        "{\"l\":[]}"};
    static const char *const why[] = {"column m.value.element.x (int) is required",
                                      "column m.value.element (struct) has no child",
                                      "column d (map) takes arrays",
                                      "column d (map) takes entries",
                                      "column d.key (date) is required",
                                      "column l (list) takes arrays",
                                      "column id (long) is required"};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__parquet_summary s;
    df__buf file, want;
    opened in;
    df__parquet_options o = {
        .columns = nested, .column_count = 4, .write = put_bytes, .user = &file};
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        df__buf_init(&file, &df__heap_libc);
        df__buf_init(&want, &df__heap_libc);
        o.no_dictionary = plain;
        assert_int_equal(df__parquet_writer_new(&df__heap_libc, &o, &w, &error), DF_OK);
        for (size_t i = 0; i < 7; i++) {
            assert_int_equal(append_json(w, &o, bad[i], &error), DF_EDATA);
            if (!strstr(error.text, why[i]))
                fail_msg("got  %s\nwant %s", error.text, why[i]);
            if (i < 4)
                assert_int_equal(append_json(w, &o, nested_rows[i], &error), DF_OK);
        }
        assert_int_equal(df__parquet_finish(w, &s, &error), DF_OK);
        assert_int_equal(s.records, 4);
        assert_int_equal(s.columns[0].values, 4);
        assert_memory_equal(s.columns[0].upper.data, "\4\0\0\0\0\0\0\0", 8);
        add_all(&want, nested_rows);
        open_bytes(&in, &file);
        assert_rows(&in, df__buf_cstr(&want));
        close_bytes(&in);
        df__parquet_writer_free(w);
        df__buf_free(&want);
        df__buf_free(&file);
    }
}

/* ---- the index of pages ---------------------------------------------------------------------- */

enum { PAGES = 64 };
typedef struct page_index {
    size_t count;
    int64_t offsets[PAGES], rows[PAGES], nulls[PAGES];
    int32_t sizes[PAGES];
    int only_nulls[PAGES], order;
    df_bytes low[PAGES], high[PAGES];
    int64_t where[8]; /* fields 4 to 7 of the chunk: offset and length of both indexes */
} page_index;

/* Enters list `field` of the struct; how many elements. */
static size_t enter_list(df__thrift_in *t, int field)
{
    int id;
    while ((id = df__thrift_next(t)) >= 0 && id != field)
        df__thrift_skip(t);
    assert_int_equal(id, field);
    return df__thrift_read_list(t);
}

/* Where chunk `leaf` of the first row group says that its indexes are. */
static void find_index(const df__buf *file, size_t leaf, page_index *p)
{
    df__thrift_in t;
    uint32_t len;
    int id;
    memset(p, 0, sizeof *p);
    memcpy(&len, file->data + file->len - 8, 4);
    df__thrift_open(&t, (df_bytes){file->data + file->len - 8 - len, len});
    enter_list(&t, 4);
    df__thrift_enter(&t);
    enter_list(&t, 1);
    for (size_t i = 0; i <= leaf; i++) {
        t.type = DF__THRIFT_STRUCT;
        memset(p->where, 0, sizeof p->where);
        df__thrift_enter(&t);
        while ((id = df__thrift_next(&t)) >= 0)
            if (id >= 4 && id <= 7)
                p->where[id] = df__thrift_read_int(&t);
            else
                df__thrift_skip(&t);
    }
    assert_false(t.bad);
}

static void read_offsets(const df__buf *file, page_index *p)
{
    df__thrift_in t;
    df__thrift_open(&t, (df_bytes){file->data + p->where[4], (size_t)p->where[5]});
    p->count = enter_list(&t, 1);
    assert_in_range(p->count, 2, PAGES);
    for (size_t i = 0; i < p->count; i++) {
        t.type = DF__THRIFT_STRUCT;
        df__thrift_enter(&t);
        assert_int_equal(df__thrift_next(&t), 1);
        p->offsets[i] = df__thrift_read_int(&t);
        assert_int_equal(df__thrift_next(&t), 2);
        p->sizes[i] = df__thrift_read_i32(&t);
        assert_int_equal(df__thrift_next(&t), 3);
        p->rows[i] = df__thrift_read_int(&t);
        assert_int_equal(df__thrift_next(&t), -1);
        if (i)
            assert_int_equal(p->offsets[i], p->offsets[i - 1] + p->sizes[i - 1]);
    }
    assert_false(t.bad);
}

static void read_bounds(const df__buf *file, page_index *p)
{
    df__thrift_in t;
    df__thrift_open(&t, (df_bytes){file->data + p->where[6], (size_t)p->where[7]});
    assert_int_equal(enter_list(&t, 1), p->count);
    for (size_t i = 0; i < p->count; i++)
        p->only_nulls[i] = *t.p++ == DF__THRIFT_TRUE;
    assert_int_equal(enter_list(&t, 2), p->count);
    for (size_t i = 0; i < p->count; i++)
        p->low[i] = df__thrift_read_bytes(&t);
    assert_int_equal(enter_list(&t, 3), p->count);
    for (size_t i = 0; i < p->count; i++)
        p->high[i] = df__thrift_read_bytes(&t);
    assert_int_equal(df__thrift_next(&t), 4);
    p->order = df__thrift_read_i32(&t);
    assert_int_equal(enter_list(&t, 5), p->count);
    for (size_t i = 0; i < p->count; i++)
        p->nulls[i] = df__thrift_read_int(&t);
    assert_int_equal(df__thrift_next(&t), -1);
    assert_false(t.bad);
}

enum { INDEXED = 300 };

/* Row i: a number that rises, one that falls, a text that is null in the middle, NaN. */
static void indexed_file(df__buf *file)
{
    static const df__parquet_column columns[] = {
        {.name = "up", .id = 1, .kind = DF__PARQUET_INT, .required = 1},
        {.name = "down", .id = 2, .kind = DF__PARQUET_LONG},
        {.name = "text", .id = 3, .kind = DF__PARQUET_STRING},
        {.name = "nan", .id = 4, .kind = DF__PARQUET_DOUBLE}};
    static char lines[INDEXED][200];
    const char *all[INDEXED + 1] = {NULL};
    df__parquet_options o = {
        .columns = columns, .column_count = 4, .page_bytes = 100, .no_dictionary = 1};
    for (int i = 0; i < INDEXED; i++) {
        int n =
            snprintf(lines[i], sizeof lines[i], "{\"up\":%d,\"down\":%d,\"nan\":\"NaN\"", i, -i);
        snprintf(lines[i] + n, sizeof lines[i] - (size_t)n,
                 i >= 60 && i < 260 ? "}" : ",\"text\":\"%04d\"}", i);
        all[i] = lines[i];
    }
    df__buf_init(file, &df__heap_libc);
    write_lines(&o, all, file);
}

static void pages_are_indexed(void **state)
{
    df__buf file;
    page_index p;
    int only_nulls = 0;
    (void)state;
    indexed_file(&file);
    for (size_t leaf = 0; leaf < 3; leaf++) {
        find_index(&file, leaf, &p);
        read_offsets(&file, &p);
        read_bounds(&file, &p);
        assert_int_equal(p.rows[0], 0);
        assert_int_equal(p.order, leaf == 1 ? 2 : 1);
        for (size_t i = 0; i < p.count; i++) {
            int64_t first = p.rows[i], last = (i + 1 < p.count ? p.rows[i + 1] : INDEXED) - 1;
            int32_t up;
            int64_t down;
            assert_true(first <= last);
            if (leaf == 0) {
                memcpy(&up, p.low[i].data, 4);
                assert_int_equal(up, first);
                memcpy(&up, p.high[i].data, 4);
                assert_int_equal(up, last);
            } else if (leaf == 1) {
                memcpy(&down, p.low[i].data, 8);
                assert_int_equal(down, -last);
                memcpy(&down, p.high[i].data, 8);
                assert_int_equal(down, -first);
            } else {
                int64_t nulls = (last < 259 ? last : 259) - (first > 60 ? first : 60) + 1;
                nulls = nulls > 0 ? nulls : 0;
                assert_int_equal(p.nulls[i], nulls);
                assert_int_equal(p.only_nulls[i], nulls == last - first + 1);
                assert_int_equal(p.low[i].len, p.only_nulls[i] ? 0 : 4);
                only_nulls += p.only_nulls[i];
            }
        }
    }
    assert_true(only_nulls > 0);
    find_index(&file, 3, &p); /* NaN bounds nothing: no page may be left out by it */
    read_offsets(&file, &p);
    assert_int_equal(p.where[6], 0);
    df__buf_free(&file);
}

/* ---- options --------------------------------------------------------------------------------- */

static void wrong_columns_are_told(void **state)
{
    static const df__parquet_column optional_key[] = {
        {.name = "key", .id = 1, .kind = DF__PARQUET_STRING},
        {.name = "value", .id = 2, .kind = DF__PARQUET_LONG}};
    static const struct {
        df__parquet_column column;
        const char *why;
    } cases[] = {
        {LEAF(ANY), "column v has no kind"},
        {LEAF(UNKNOWN), "unknown is not written"},
        {LEAF(DECIMAL, .precision = 39), "precision or scale"},
        {LEAF(DECIMAL, .precision = 3, .scale = 4), "precision or scale"},
        {LEAF(FIXED, .length = 0), "length"},
        {LEAF(LIST, .children = pair, .child_count = 2), "number of children"},
        {LEAF(STRUCT, .child_count = 0), "number of children"},
        {LEAF(LONG, .children = pair, .child_count = 1), "no nested kind"},
        {LEAF(MAP, .children = optional_key, .child_count = 2), "key must be required"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df__parquet_options o = {.columns = &cases[i].column, .column_count = 1};
        df__parquet_error error = {""};
        df__parquet_writer *w;
        assert_int_equal(df__parquet_writer_new(&df__heap_libc, &o, &w, &error), DF_EINVAL);
        assert_null(w);
        if (!strstr(error.text, cases[i].why))
            fail_msg("got  %s\nwant %s", error.text, cases[i].why);
    }
    assert_int_equal(df__parquet_codec("gzip"), DF__PARQUET_GZIP);
    assert_int_equal(df__parquet_codec("lzo"), -1);
}

static int refuses(void *user, const void *data, size_t len)
{
    (void)data;
    *(size_t *)user += len;
    return *(size_t *)user > 100 ? DF_EIO : DF_OK;
}

static void what_the_callback_answers_is_final(void **state)
{
    size_t written = 0;
    df__parquet_options o = {
        .columns = nested, .column_count = 4, .write = refuses, .user = &written};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__parquet_summary s;
    (void)state;
    assert_int_equal(df__parquet_writer_new(&df__heap_libc, &o, &w, &error), DF_OK);
    assert_int_equal(append_json(w, &o, nested_rows[2], &error), DF_OK);
    assert_int_equal(df__parquet_finish(w, &s, &error), DF_EIO);
    assert_int_equal(df__parquet_finish(w, &s, &error), DF_EIO);
    assert_int_equal(append_json(w, &o, nested_rows[2], &error), DF_EIO);
    df__parquet_writer_free(w);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int write_with(const df__heap *heap)
{
    df__buf file;
    df__parquet_options o = {.columns = nested,
                             .column_count = 4,
                             .codec = DF__PARQUET_GZIP,
                             .row_group_bytes = 300,
                             .page_bytes = 100,
                             .write = put_bytes,
                             .user = &file};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__parquet_summary s;
    int rc;
    df__buf_init(&file, &df__heap_libc);
    rc = df__parquet_writer_new(heap, &o, &w, &error);
    for (int i = 0; i < 12 && rc == DF_OK; i++)
        rc = append_json(w, &o, nested_rows[i % 4], &error);
    if (rc == DF_OK)
        rc = df__parquet_finish(w, &s, &error);
    df__parquet_writer_free(w);
    df__buf_free(&file);
    return rc;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    each_failure(write_with);
}

/* A row whose memory failed is not in the file, and the writer goes on. */
static void a_row_without_memory_is_not_added(void **state)
{
    counting c;
    df__buf file;
    df__parquet_options o = {
        .columns = nested, .column_count = 4, .write = put_bytes, .user = &file};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__parquet_summary s;
    int added = 0;
    (void)state;
    df__buf_init(&file, &df__heap_libc);
    counting_init(&c, 0);
    assert_int_equal(df__parquet_writer_new(&c.heap, &o, &w, &error), DF_OK);
    for (int i = 0; i < 40; i++) {
        c.calls = 0;
        c.fail_at = i < 20 ? i + 1 : 0;
        added += append_json(w, &o, nested_rows[2], &error) == DF_OK;
    }
    c.fail_at = 0;
    assert_true(added >= 20 && added < 40);
    assert_int_equal(df__parquet_finish(w, &s, &error), DF_OK);
    assert_int_equal(s.records, added);
    df__parquet_writer_free(w);
    assert_int_equal(c.live, 0);
    df__buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind),
        cmocka_unit_test(nested_rows_come_back),
        cmocka_unit_test(members_may_come_in_any_order),
        cmocka_unit_test(a_refused_row_leaves_nothing),
        cmocka_unit_test(pages_are_indexed),
        cmocka_unit_test(wrong_columns_are_told),
        cmocka_unit_test(what_the_callback_answers_is_final),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_row_without_memory_is_not_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
