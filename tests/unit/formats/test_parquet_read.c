/* SPDX-License-Identifier: Apache-2.0
 * test_parquet_read.c: files into rows: columns by id and by name, as wider kinds, rows that are
 * gone to, row groups that are left out, statistics, old shapes of lists, and files that are
 * damaged. */
#include "formats/parquet/rle.h"
#include "formats/parquet/thrift.h"
#include "formats/parquet/type.h"
#include "support/parquet_help.h"

static const df__parquet_column inner[] = {
    {.name = "a", .id = 4, .kind = DF__PARQUET_INT, .required = 1},
    {.name = "b", .id = 5, .kind = DF__PARQUET_STRING}};
static const df__parquet_column texts[] = {
    {.name = "element", .id = 7, .kind = DF__PARQUET_STRING}};
static const df__parquet_column columns[] = {
    {.name = "i", .id = 1, .kind = DF__PARQUET_INT, .required = 1},
    {.name = "f", .id = 2, .kind = DF__PARQUET_FLOAT},
    {.name = "s", .id = 3, .kind = DF__PARQUET_STRUCT, .children = inner, .child_count = 2},
    {.name = "l", .id = 6, .kind = DF__PARQUET_LIST, .children = texts, .child_count = 1},
    {.name = "d", .id = 8, .kind = DF__PARQUET_DECIMAL, .precision = 5, .scale = 1},
    {.name = "t", .id = 9, .kind = DF__PARQUET_DATE},
};
static const df__parquet_options usual = {
    .columns = columns, .column_count = 6, .row_group_bytes = 1500, .page_bytes = 100};
enum { ROWS = 200 };

/* Row i of the file of most tests. */
static void row(char *to, size_t len, int i)
{
    int n = snprintf(to, len, "{\"i\":%d,\"f\":%d.5,\"s\":", i, i % 7);
    n += i % 3 ? snprintf(to + n, len - (size_t)n, "{\"a\":%d,\"b\":\"b%d\"}", i, i % 5)
               : snprintf(to + n, len - (size_t)n, "null");
    n += snprintf(to + n, len - (size_t)n, ",\"l\":[");
    for (int k = 0; k < i % 4; k++)
        n += snprintf(to + n, len - (size_t)n, "%s\"e%d\"", k ? "," : "", k);
    snprintf(to + n, len - (size_t)n, "],\"d\":%d.5,\"t\":\"2024-02-%02d\"}", i, i % 28 + 1);
}

static void rows_from(df__buf *b, int from)
{
    char line[200];
    df__buf_clear(b);
    for (int i = from; i < ROWS; i++) {
        row(line, sizeof line, i);
        df__buf_printf(b, "%s\n", line);
    }
    df__buf_cstr(b);
}

static void usual_file(df__buf *file)
{
    static char lines[ROWS][200];
    const char *all[ROWS + 1] = {NULL};
    df__parquet_options o = usual;
    for (int i = 0; i < ROWS; i++) {
        row(lines[i], sizeof lines[i], i);
        all[i] = lines[i];
    }
    df__buf_init(file, &df__heap_libc);
    write_lines(&o, all, file);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void rows_are_found(void **state)
{
    df__buf file, want;
    opened in;
    (void)state;
    usual_file(&file);
    df__buf_init(&want, &df__heap_libc);
    open_bytes(&in, &file);
    assert_true(df__parquet_group_count(in.f) > 3);
    assert_int_equal(df__parquet_file_rows(in.f), ROWS);
    rows_from(&want, 0);
    assert_rows(&in, want.data);
    for (int i = ROWS; i >= 0; i--) {
        assert_int_equal(df__parquet_seek(in.f, i, &in.error), DF_OK);
        assert_int_equal(df__parquet_position(in.f), i);
        rows_from(&want, i);
        assert_rows(&in, want.data ? want.data : "");
        assert_int_equal(df__parquet_position(in.f), ROWS);
    }
    assert_int_equal(df__parquet_seek(in.f, ROWS + 1, &in.error), DF_EINVAL);
    assert_int_equal(df__parquet_seek(in.f, -1, &in.error), DF_EINVAL);
    close_bytes(&in);
    df__buf_free(&want);
    df__buf_free(&file);
}

static int second_only(void *user, size_t group)
{
    ++*(int *)user;
    return group == 1;
}

static void groups_are_left_out(void **state)
{
    df__parquet_group g;
    df__buf file;
    opened in;
    df__arena a;
    df_value v;
    int asked = 0, rows = 0;
    (void)state;
    usual_file(&file);
    open_bytes(&in, &file);
    df__parquet_filter(in.f, second_only, &asked);
    assert_int_equal(df__parquet_group_at(in.f, 1, &g), DF_OK);
    assert_int_equal(df__parquet_position(in.f), 0);
    df__arena_init(&a, &df__heap_libc, 1024);
    while (df__parquet_next_object(in.f, &a, &v, &in.error) == DF_OK)
        assert_int_equal(df__parquet_position(in.f), g.first + ++rows);
    assert_int_equal(rows, g.rows);
    assert_int_equal(asked, df__parquet_group_count(in.f));
    assert_int_equal(df__parquet_group_at(in.f, 1000, &g), DF_EINVAL);
    df__arena_free(&a);
    close_bytes(&in);
    df__buf_free(&file);
}

/* ---- columns --------------------------------------------------------------------------------- */

static void columns_are_found_by_id(void **state)
{
    static const df__parquet_column other[] = {{.name = "new", .id = 50, .kind = DF__PARQUET_INT}},
                                    some[] = {{.name = "bb", .id = 5, .kind = DF__PARQUET_BINARY},
                                              {.name = "new", .id = 51, .kind = DF__PARQUET_LONG}};
    static const df__parquet_column wanted[] = {
        {.name = "none", .id = 77, .kind = DF__PARQUET_STRING},
        {.name = "t", .id = 9, .kind = DF__PARQUET_TIMESTAMP},
        {.name = "wide", .id = 1, .kind = DF__PARQUET_LONG},
        {.name = "f", .id = 2, .kind = DF__PARQUET_DOUBLE},
        {.name = "d", .id = 8, .kind = DF__PARQUET_DECIMAL, .precision = 38, .scale = 1},
        {.name = "s", .id = 3, .kind = DF__PARQUET_STRUCT, .children = other, .child_count = 1},
        {.name = "again", .id = 3, .kind = DF__PARQUET_STRUCT, .children = some, .child_count = 2},
        {.name = "l", .id = 6, .kind = DF__PARQUET_ANY}};
    df__buf file;
    opened in;
    df_value values[8];
    df__arena a;
    (void)state;
    usual_file(&file);
    open_bytes(&in, &file);
    if (df__parquet_project(in.f, wanted, 8, 0, &in.error) != DF_OK)
        fail_msg("%s", in.error.text);
    assert_int_equal(df__parquet_seek(in.f, ROWS - 2, &in.error), DF_OK);
    assert_rows(&in,
                "{\"none\":null,\"t\":\"2024-02-03T00:00:00\",\"wide\":198,\"f\":2.5,\"d\":198.5,"
                "\"s\":null,\"again\":null,\"l\":[\"e0\",\"e1\"]}\n"
                "{\"none\":null,\"t\":\"2024-02-04T00:00:00\",\"wide\":199,\"f\":3.5,\"d\":199.5,"
                "\"s\":{\"new\":null},\"again\":{\"bb\":\"YjQ=\",\"new\":null},"
                "\"l\":[\"e0\",\"e1\",\"e2\"]}\n");
    assert_int_equal(df__parquet_seek(in.f, 0, &in.error), DF_OK);
    df__arena_init(&a, &df__heap_libc, 1024);
    assert_int_equal(df__parquet_next(in.f, &a, values, &in.error), DF_OK);
    assert_int_equal(values[0].type, DF_V_ABSENT);
    assert_int_equal(values[5].type, DF_V_NULL);
    df__arena_free(&a);
    close_bytes(&in);
    df__buf_free(&file);
}

static void columns_are_found_by_name(void **state)
{
    static const df__parquet_column wanted[] = {{.name = "d", .id = 1, .kind = DF__PARQUET_ANY},
                                                {.name = "S", .id = 3, .kind = DF__PARQUET_ANY}};
    df__buf file;
    opened in;
    (void)state;
    usual_file(&file);
    open_bytes(&in, &file);
    assert_int_equal(df__parquet_project(in.f, wanted, 2, DF__PARQUET_BY_NAME, &in.error), DF_OK);
    assert_int_equal(df__parquet_seek(in.f, ROWS - 1, &in.error), DF_OK);
    assert_rows(&in, "{\"d\":199.5,\"S\":null}\n");
    assert_int_equal(df__parquet_project(in.f, wanted + 1, 1, DF__PARQUET_BY_NAME, &in.error),
                     DF_OK);
    assert_int_equal(df__parquet_seek(in.f, ROWS - 1, &in.error), DF_OK);
    assert_rows(&in, "{\"S\":null}\n"); /* rows are counted without any column */
    close_bytes(&in);
    df__buf_free(&file);
}

static void narrower_kinds_are_refused(void **state)
{
    static const df__parquet_column cases[] = {
        {.name = "f", .id = 2, .kind = DF__PARQUET_INT},
        {.name = "d", .id = 8, .kind = DF__PARQUET_DECIMAL, .precision = 4, .scale = 1},
        {.name = "d", .id = 8, .kind = DF__PARQUET_DECIMAL, .precision = 9, .scale = 2},
        {.name = "t", .id = 9, .kind = DF__PARQUET_TIMESTAMPTZ},
        {.name = "s", .id = 3, .kind = DF__PARQUET_STRING},
        {.name = "l", .id = 6, .kind = DF__PARQUET_STRUCT, .children = texts, .child_count = 1},
        {.name = "i", .id = 1, .kind = DF__PARQUET_LIST, .children = texts, .child_count = 1}};
    df__buf file;
    opened in;
    (void)state;
    usual_file(&file);
    open_bytes(&in, &file);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(df__parquet_project(in.f, &cases[i], 1, 0, &in.error), DF_EINVAL);
        assert_non_null(strstr(in.error.text, "cannot be read as"));
        assert_non_null(strstr(in.error.text, cases[i].name));
    }
    close_bytes(&in);
    df__buf_free(&file);
}

static void statistics_are_told(void **state)
{
    df__parquet_bounds b;
    df__parquet_group g;
    df__buf file;
    opened in;
    int32_t low, high;
    (void)state;
    usual_file(&file);
    open_bytes(&in, &file);
    for (size_t i = 0; i < df__parquet_group_count(in.f); i++) {
        assert_int_equal(df__parquet_group_at(in.f, i, &g), DF_OK);
        assert_int_equal(df__parquet_group_bounds(in.f, i, 1, &b), DF_OK);
        assert_int_equal(b.values, g.rows);
        assert_int_equal(b.nulls, 0);
        assert_int_equal(b.lower.len, 4);
        memcpy(&low, b.lower.data, 4);
        memcpy(&high, b.upper.data, 4);
        assert_int_equal(low, g.first);
        assert_int_equal(high, g.first + g.rows - 1);
    }
    assert_int_equal(df__parquet_group_bounds(in.f, 0, 8, &b), DF_OK); /* 0.5: 5, big-endian */
    assert_int_equal(b.lower.len, 1);
    assert_memory_equal(b.lower.data, "\5", 1);
    assert_int_equal(df__parquet_group_bounds(in.f, 0, 99, &b), DF_ENOTFOUND);
    assert_int_equal(df__parquet_group_bounds(in.f, 999, 1, &b), DF_ENOTFOUND);
    close_bytes(&in);
    df__buf_free(&file);
}

/* ---- old shapes ------------------------------------------------------------------------------ */

enum { GROUP = -1, LIST = 3, MAP_KEY_VALUE = 2 };
typedef struct element {
    const char *name;
    int physical, repetition, children, converted; /* converted -1: none */
} element;
typedef struct old {
    element elements[6];
    size_t count;
    int max_def, max_rep;
    const char *defs, *reps;           /* a digit for each level */
    const char *want;                  /* the rows; values are 1, 2, 3, ... */
    int old_levels;                    /* BIT_PACKED */
    const char *more_defs, *more_reps; /* of a second leaf; NULL: none */
} old;

static void put_elements(df__thrift_out *t, const old *o)
{
    df__thrift_list(t, 2, DF__THRIFT_STRUCT, o->count);
    for (size_t i = 0; i < o->count; i++) {
        const element *e = &o->elements[i];
        df__thrift_begin(t);
        if (e->physical != GROUP)
            df__thrift_i32(t, 1, e->physical);
        df__thrift_i32(t, 3, e->repetition);
        df__thrift_text(t, 4, e->name);
        if (e->children)
            df__thrift_i32(t, 5, e->children);
        if (e->converted >= 0)
            df__thrift_i32(t, 6, e->converted);
        df__thrift_end(t);
    }
}

/* Levels of a page, of up to 3 bits. */
static void put_levels(df__buf *b, const char *levels, int most, int old_levels)
{
    uint32_t values[64], len = 0, acc = 0;
    unsigned bits = df__pq_bits((uint32_t)most), have = 0;
    size_t n = strlen(levels), at = b->len;
    if (!most)
        return;
    for (size_t i = 0; i < n; i++)
        values[i] = (uint32_t)(levels[i] - '0');
    if (!old_levels) {
        df__buf_add(b, &len, 4);
        df__pq_rle_write(b, values, n, bits);
        len = (uint32_t)(b->len - at - 4);
        memcpy(b->data + at, &len, 4);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        acc = acc << bits | values[i];
        have += bits;
        if (have >= 8) {
            have -= 8;
            df__buf_char(b, (char)(acc >> have));
        }
    }
    if (have)
        df__buf_char(b, (char)(acc << (8 - have)));
}

static size_t put_page(df__buf *file, const old *o, const char *defs, const char *reps)
{
    df__thrift_out t = {file, {0}, 0};
    df__buf body;
    size_t before = file->len, n = strlen(defs);
    uint32_t value = 0;
    int encoding = o->old_levels ? DF__PQ_BIT_PACKED : DF__PQ_RLE;
    df__buf_init(&body, &df__heap_libc);
    put_levels(&body, reps, o->max_rep, o->old_levels);
    put_levels(&body, defs, o->max_def, o->old_levels);
    for (size_t i = 0; i < n; i++)
        if (defs[i] - '0' == o->max_def) {
            value++;
            df__buf_add(&body, &value, 4);
        }
    df__thrift_begin(&t);
    df__thrift_i32(&t, 1, DF__PQ_PAGE_DATA);
    df__thrift_i32(&t, 2, (int32_t)body.len);
    df__thrift_i32(&t, 3, (int32_t)body.len);
    df__thrift_struct(&t, 5);
    df__thrift_i32(&t, 1, (int32_t)n);
    df__thrift_i32(&t, 2, DF__PQ_PLAIN);
    df__thrift_i32(&t, 3, encoding);
    df__thrift_i32(&t, 4, encoding);
    df__thrift_end(&t);
    df__thrift_end(&t);
    df__buf_add(file, body.data, body.len);
    df__buf_free(&body);
    return file->len - before;
}

static void put_chunk(df__thrift_out *t, const char *defs, size_t begin, size_t len)
{
    df__thrift_begin(t);
    df__thrift_struct(t, 3);
    df__thrift_i32(t, 4, 0);
    df__thrift_i64(t, 5, (int64_t)strlen(defs));
    df__thrift_i64(t, 7, (int64_t)len);
    df__thrift_i64(t, 9, (int64_t)begin);
    df__thrift_end(t);
    df__thrift_end(t);
}

static void old_file(df__buf *file, const old *o)
{
    df__thrift_out t = {file, {0}, 0};
    size_t at, len, second = 0;
    uint32_t footer;
    int64_t rows = 0;
    for (const char *p = o->reps; *p; p++)
        rows += *p == '0';
    df__buf_init(file, &df__heap_libc);
    df__buf_add(file, "PAR1", 4);
    len = put_page(file, o, o->defs, o->reps);
    if (o->more_defs)
        second = put_page(file, o, o->more_defs, o->more_reps);
    at = file->len;
    df__thrift_begin(&t);
    put_elements(&t, o);
    df__thrift_list(&t, 4, DF__THRIFT_STRUCT, 1);
    df__thrift_begin(&t);
    df__thrift_list(&t, 1, DF__THRIFT_STRUCT, second ? 2 : 1);
    put_chunk(&t, o->defs, 4, len);
    if (second)
        put_chunk(&t, o->more_defs, 4 + len, second);
    df__thrift_i64(&t, 3, rows);
    df__thrift_end(&t);
    df__thrift_end(&t);
    footer = (uint32_t)(file->len - at);
    df__buf_add(file, &footer, 4);
    df__buf_add(file, "PAR1", 4);
}

static const old old_cases[] = {
    /* a repeated leaf in a LIST: two levels */
    {{{"root", GROUP, 0, 1, -1}, {"l", GROUP, 1, 1, LIST}, {"e", 1, 2, 0, -1}},
     3,
     2,
     1,
     "22012",
     "01000",
     "{\"l\":[1,2]}\n{\"l\":null}\n{\"l\":[]}\n{\"l\":[3]}\n",
     0,
     NULL,
     NULL},
    /* a repeated group that is called array: its struct is the element */
    {{{"root", GROUP, 0, 1, -1},
      {"l", GROUP, 1, 1, LIST},
      {"array", GROUP, 2, 1, -1},
      {"x", 1, 0, 0, -1}},
     4,
     2,
     1,
     "22",
     "01",
     "{\"l\":[{\"x\":1},{\"x\":2}]}\n",
     0,
     NULL,
     NULL},
    /* or as its list, with _tuple */
    {{{"root", GROUP, 0, 1, -1},
      {"l", GROUP, 1, 1, LIST},
      {"l_tuple", GROUP, 2, 1, -1},
      {"x", 1, 1, 0, -1}},
     4,
     3,
     1,
     "32",
     "01",
     "{\"l\":[{\"x\":1},{\"x\":null}]}\n",
     0,
     NULL,
     NULL},
    /* three levels under any other name */
    {{{"root", GROUP, 0, 1, -1},
      {"l", GROUP, 1, 1, LIST},
      {"bag", GROUP, 2, 1, -1},
      {"array_element", 1, 1, 0, -1}},
     4,
     3,
     1,
     "3201",
     "0100",
     "{\"l\":[1,null]}\n{\"l\":null}\n{\"l\":[]}\n",
     0,
     NULL,
     NULL},
    /* a repeated leaf and no LIST at all */
    {{{"root", GROUP, 0, 1, -1}, {"r", 1, 2, 0, -1}},
     2,
     1,
     1,
     "1101",
     "0100",
     "{\"r\":[1,2]}\n{\"r\":[]}\n{\"r\":[3]}\n",
     0,
     NULL,
     NULL},
    /* a map of keys alone */
    {{{"root", GROUP, 0, 1, -1},
      {"m", GROUP, 1, 1, 1},
      {"map", GROUP, 2, 1, MAP_KEY_VALUE},
      {"key", 1, 0, 0, -1}},
     4,
     2,
     1,
     "22",
     "01",
     "{\"m\":[{\"key\":1},{\"key\":2}]}\n",
     0,
     NULL,
     NULL},
    /* levels of the oldest writers */
    {{{"root", GROUP, 0, 1, -1},
      {"l", GROUP, 1, 1, LIST},
      {"bag", GROUP, 2, 1, -1},
      {"array_element", 1, 1, 0, -1}},
     4,
     3,
     1,
     "320133333",
     "010000001",
     "{\"l\":[1,null]}\n{\"l\":null}\n{\"l\":[]}\n{\"l\":[2]}\n{\"l\":[3]}\n{\"l\":[4]}\n"
     "{\"l\":[5,6]}\n",
     1,
     NULL,
     NULL},
};

static void old_shapes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof old_cases / sizeof old_cases[0]; i++) {
        df__buf file;
        opened in;
        old_file(&file, &old_cases[i]);
        open_bytes(&in, &file);
        assert_rows(&in, old_cases[i].want);
        close_bytes(&in);
        df__buf_free(&file);
    }
}

static void columns_of_one_name_are_two(void **state)
{
    static const old o = {{{"root", GROUP, 0, 2, -1}, {"x", 1, 0, 0, -1}, {"x", 1, 1, 0, -1}},
                          3,
                          0,
                          0,
                          "00",
                          "00",
                          NULL,
                          0,
                          "00",
                          "00"};
    df__buf file;
    opened in;
    (void)state;
    old_file(&file, &o);
    open_bytes(&in, &file);
    assert_int_equal(read_lines(in.f, &in.out, &in.error), DF_EDATA);
    assert_non_null(strstr(in.error.text, "column x has")); /* the second one has no levels */
    close_bytes(&in);
    df__buf_free(&file);
}

/* A list of structs whose columns have lists of other lengths is no list. */
static void columns_that_disagree_are_refused(void **state)
{
    static const char *const levels[][4] = {
        {"222", "011", "22", "01"}, /* the second one is shorter, the first row is the last */
        {"22", "01", "222", "011"}, /* longer */
        {"2222", "0101", "2222", "0110"},
        {"22", "00", "2", "0"}, /* fewer rows */
    };
    (void)state;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        old o = {{{"root", GROUP, 0, 1, -1},
                  {"l", GROUP, 1, 1, LIST},
                  {"array", GROUP, 2, 2, -1},
                  {"x", 1, 0, 0, -1},
                  {"y", 1, 0, 0, -1}},
                 5,
                 2,
                 1,
                 levels[i][0],
                 levels[i][1],
                 NULL,
                 0,
                 levels[i][2],
                 levels[i][3]};
        df__buf file;
        opened in;
        old_file(&file, &o);
        open_bytes(&in, &file);
        assert_int_equal(read_lines(in.f, &in.out, &in.error), DF_EDATA);
        assert_non_null(strstr(in.error.text, "column y has"));
        close_bytes(&in);
        df__buf_free(&file);
    }
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Reads all; 1: no fault was found. */
static int reads(df_bytes bytes)
{
    df__parquet_input input = {get_bytes, &bytes, (int64_t)bytes.len, 0, 0};
    df__parquet_error error = {""};
    df__parquet_file *f;
    df__buf out;
    int rc = df__parquet_open(&df__heap_libc, &input, &f, &error);
    df__buf_init(&out, &df__heap_libc);
    if (rc == DF_OK)
        rc = read_lines(f, &out, &error);
    assert_true(rc == DF_DONE || ((rc == DF_EDATA || rc == DF_ENOTSUP) && error.text[0]));
    df__parquet_free(f);
    df__buf_free(&out);
    return rc == DF_DONE;
}

static void damaged_files_are_refused(void **state)
{
    df__buf file;
    char *copy;
    (void)state;
    usual_file(&file);
    copy = malloc(file.len);
    assert_non_null(copy);
    for (size_t len = 0; len < file.len; len += 1 + len / 50) {
        memcpy(copy, file.data, len); /* of its own length: reading past it is seen */
        assert_false(reads((df_bytes){copy, len}));
    }
    for (size_t i = 0; i < file.len; i++) { /* a page has a checksum, a footer has none */
        memcpy(copy, file.data, file.len);
        copy[i] = (char)~copy[i];
        (void)reads((df_bytes){copy, file.len});
    }
    memcpy(copy, file.data, file.len);
    copy[200] ^= 1;
    assert_false(reads((df_bytes){copy, file.len}));
    free(copy);
    df__buf_free(&file);
}

static void limits_are_kept(void **state)
{
    df__buf file;
    df_bytes bytes;
    df__parquet_error error = {""};
    df__parquet_file *f;
    df__parquet_input input = {get_bytes, &bytes, 0, 10, 0};
    df__buf out;
    (void)state;
    usual_file(&file);
    df__buf_init(&out, &df__heap_libc);
    bytes = (df_bytes){file.data, file.len};
    input.size = (int64_t)file.len;
    assert_int_equal(df__parquet_open(&df__heap_libc, &input, &f, &error), DF_OK);
    assert_int_equal(read_lines(f, &out, &error), DF_EDATA);
    assert_non_null(strstr(error.text, "larger than the limit"));
    assert_int_equal(read_lines(f, &out, &error), DF_EDATA); /* and again, not the rows after it */
    df__parquet_free(f);
    input.metadata_limit = 10;
    assert_int_equal(df__parquet_open(&df__heap_libc, &input, &f, &error), DF_EDATA);
    assert_non_null(strstr(error.text, "longer than the limit"));
    assert_null(f);
    df__buf_free(&out);
    df__buf_free(&file);
}

static void *largest_realloc(void *user, void *from, size_t len)
{
    size_t *largest = user;
    *largest = len > *largest ? len : *largest;
    return df__heap_libc.realloc(NULL, from, len);
}

/* A footer of one list, which says a million elements of one byte each. */
static void counts_take_no_memory(void **state)
{
    enum { COUNT = 1000000 };
    static const unsigned char list[] = {0x29, 0xfc, 0xc0, 0x84, 0x3d};
    size_t largest = 0;
    const df__heap heap = {largest_realloc, &largest};
    df__parquet_error error = {""};
    df__parquet_file *f;
    df__buf file;
    uint32_t len = sizeof list + COUNT;
    (void)state;
    df__buf_init(&file, &df__heap_libc);
    df__buf_str(&file, "PAR1");
    df__buf_add(&file, list, sizeof list);
    memset(df__buf_reserve(&file, COUNT), 0, COUNT);
    file.len += COUNT;
    df__buf_add(&file, &len, sizeof len);
    df__buf_str(&file, "PAR1");
    df_bytes bytes = {file.data, file.len};
    df__parquet_input input = {get_bytes, &bytes, (int64_t)file.len, 0, 0};
    assert_int_equal(df__parquet_open(&heap, &input, &f, &error), DF_EDATA);
    assert_non_null(strstr(error.text, "a list of the footer says more"));
    assert_true(largest < 20 * COUNT);
    df__buf_free(&file);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static df__buf shared_file;

static int read_with(const df__heap *heap)
{
    df_bytes bytes = {shared_file.data, shared_file.len};
    df__parquet_input input = {get_bytes, &bytes, (int64_t)bytes.len, 0, 0};
    df__parquet_error error = {""};
    df__parquet_file *f;
    df__arena a;
    df_value v;
    int rc = df__parquet_open(heap, &input, &f, &error);
    df__arena_init(&a, heap, 1024);
    while (rc == DF_OK && (rc = df__parquet_next_object(f, &a, &v, &error)) == DF_OK)
        df__arena_reset(&a);
    df__arena_free(&a);
    df__parquet_free(f);
    return rc == DF_DONE ? DF_OK : rc;
}

static void any_allocation_may_fail(void **state)
{
    static const char *const lines[] = {
        "{\"i\":1,\"f\":1.5,\"s\":{\"a\":1},\"l\":[\"a\",\"b\"],\"d\":1.5,\"t\":\"2024-01-01\"}",
        "{\"i\":2}", "{\"i\":3,\"l\":[]}", NULL};
    df__parquet_options o = usual;
    (void)state;
    o.codec = DF__PARQUET_GZIP;
    df__buf_init(&shared_file, &df__heap_libc);
    write_lines(&o, lines, &shared_file);
    each_failure(read_with);
    df__buf_free(&shared_file);
}

/* ---- memory that is measured ----------------------------------------------------------------- */

typedef struct measured {
    df__heap heap;
    size_t now, peak;
} measured;

static void *measured_realloc(void *user, void *block, size_t len)
{
    measured *m = user;
    size_t *p = block ? (size_t *)block - 2 : NULL; /* the length, and room to stay aligned */
    if (p)
        m->now -= *p;
    if (!len) {
        free(p);
        return NULL;
    }
    p = realloc(p, len + 2 * sizeof *p);
    assert_non_null(p);
    *p = len;
    m->now += len;
    m->peak = m->now > m->peak ? m->now : m->peak;
    return p + 2;
}

static void put_many(df__parquet_writer *w, int rows)
{
    static const char pad[] = "a text that is long enough to fill a group before the rows end";
    char text[120];
    df__parquet_error error;
    for (int i = 0; i < rows; i++) {
        df_value v[2] = {{DF_V_INT, 0, {i}, NULL, 0}, {DF_V_STRING, 0, {0}, text, 0}};
        v[1].len = (size_t)snprintf(text, sizeof text, "%d %s %d", i * 7919, pad, i);
        if (df__parquet_append(w, v, &error) != DF_OK)
            fail_msg("%s", error.text);
    }
}

/* Twenty groups take the memory of one, when they are written and when they are read. */
static void memory_follows_the_options(void **state)
{
    static const df__parquet_column two[] = {{.name = "i", .id = 1, .kind = DF__PARQUET_LONG},
                                             {.name = "s", .id = 2, .kind = DF__PARQUET_STRING}};
    enum { GROUP_BYTES = 1 << 20, MANY = 250000 };
    measured writing = {.heap = {measured_realloc, &writing}};
    measured reading = {.heap = {measured_realloc, &reading}};
    df__buf file;
    df__parquet_options o = {.columns = two,
                             .column_count = 2,
                             .row_group_bytes = GROUP_BYTES,
                             .page_bytes = 65536,
                             .write = put_bytes,
                             .user = &file};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__parquet_summary s;
    (void)state;
    df__buf_init(&file, &df__heap_libc);
    assert_int_equal(df__parquet_writer_new(&writing.heap, &o, &w, &error), DF_OK);
    put_many(w, MANY);
    assert_int_equal(df__parquet_finish(w, &s, &error), DF_OK);
    assert_in_range(s.split_count, 10, 1000);
    df__parquet_writer_free(w);
    assert_int_equal(writing.now, 0);
    assert_in_range(writing.peak, GROUP_BYTES / 2, 4 * GROUP_BYTES);
    shared_file = file;
    assert_int_equal(read_with(&reading.heap), DF_OK);
    assert_int_equal(reading.now, 0);
    assert_in_range(reading.peak, 65536, GROUP_BYTES);
    df__buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found),
        cmocka_unit_test(groups_are_left_out),
        cmocka_unit_test(columns_are_found_by_id),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(narrower_kinds_are_refused),
        cmocka_unit_test(statistics_are_told),
        cmocka_unit_test(old_shapes_are_read),
        cmocka_unit_test(columns_of_one_name_are_two),
        cmocka_unit_test(columns_that_disagree_are_refused),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(counts_take_no_memory),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(memory_follows_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
