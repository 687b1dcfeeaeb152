/* SPDX-License-Identifier: Apache-2.0
 * test_option.c: option tables: values of every type, defaults, twins, references, and the tables
 * themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "core/graph/option_types.h"
#include "support/spec_bench.h"

/* Fills a tank from the options in `yaml`. */
static int fill(bench *b, enum df__fill_mode mode, const char *yaml, bench_tank *t)
{
    df_text in = {sizeof in, "o.yaml", yaml, strlen(yaml)};
    df__fill f = {
        .graph = &b->g, .arena = &b->g.arena, .secrets = b->g.secrets, .mode = mode, .field = "o"};
    const df__doc *n = df__doc_parse(&b->g.arena, &in, b->g.problems);
    assert_non_null(n);
    memset(t, 0, sizeof *t);
    return df__options_fill(&f, &bench_tank_options, n, t);
}

static void no_problems(const bench *b)
{
    char text[4096];
    bench_problems(b, text, sizeof text);
    assert_string_equal(text, "");
}

static void done(bench *b, bench_tank *t)
{
    df__options_release(b->g.arena.heap, &bench_tank_options, t);
    bench_close(b);
}

static void test_defaults(void **state)
{
    bench b;
    bench_tank t;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_CHECK, "table: x", &t), DF_OK);
    assert_string_equal(t.table.data, "x");
    assert_int_equal(t.table.len, 1);
    assert_string_equal(t.label.data, "none yet");
    assert_null(t.note.data);
    assert_null(t.password);
    assert_int_equal(t.create, 0);
    assert_int_equal(t.mode, 0);
    assert_int_equal(t.level, -1);
    assert_true(t.batch == DF_UNSET);
    assert_true(t.size == 1 << 20);
    assert_true(t.wait == 5000000);
    assert_true(isnan(t.ratio));
    assert_null(t.key);
    assert_null(t.only);
    assert_int_equal(t.hosts.count, 0);
    assert_null(t.registry);
    assert_null(t.any.data);
    no_problems(&b);
    done(&b, &t);
}

/* Nothing as a choice is none, as for an API that leaves out what is empty. */
static void test_choice_of_nothing(void **state)
{
    bench b;
    bench_tank t;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_CHECK, "{table: x, mode: '', level: \"\"}", &t), DF_OK);
    assert_int_equal(t.mode, 0);
    assert_int_equal(t.level, -1);
    no_problems(&b);
    done(&b, &t);
}

static void test_every_type(void **state)
{
    bench b;
    bench_tank t;
    const df_pair *pairs;
    const bench_column *columns;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(
        fill(&b, DF__FILL_CHECK,
             "table: yes\nlabel: ''\nnote: ${now}\nautoCreate: true\nmode: Plain-Text\nlevel: "
             "UPSERT\n"
             "batchSize: \"42\"\nsize: 1.5Mi\nwait: 1m0.5s\nratio: 0.25\nkey: $.a.b\nonly: $.a == "
             "1\n"
             "hosts: a, b ,,c\nnumbers: [1, \"-2\"]\npaths: [x, y]\n"
             "columns: [{name: id, type: int, path: $.id}, {name: at}]\n"
             "properties: {z: 1.10, a: no, 'n': null}\nany: {a: [1, x]}\nanys: [1, [2], ~x]\n"
             "registry: {url: u, auth: {user: me, password: pw, tls: {ca: c, verify: false}}}\n",
             &t),
        DF_OK);
    no_problems(&b);
    assert_string_equal(t.table.data, "yes");
    assert_string_equal(t.label.data, "");
    assert_string_equal(t.note.data, "${now}");
    assert_int_equal(t.create, 1);
    assert_int_equal(t.mode, 2);
    assert_int_equal(t.level, 1);
    assert_true(t.batch == 42);
    assert_true(t.size == 3 << 19);
    assert_true(t.wait == 60500000);
    assert_true(t.ratio == 0.25);
    assert_non_null(t.key);
    assert_non_null(t.only);
    assert_int_equal(t.hosts.count, 3);
    assert_string_equal(((const df_bytes *)t.hosts.items)[1].data, "b");
    assert_true(((const int64_t *)t.numbers.items)[1] == -2);
    assert_int_equal(t.paths.count, 2);
    assert_int_equal(t.columns.count, 2);
    assert_int_equal(t.columns.item_size, sizeof(bench_column));
    columns = t.columns.items;
    assert_string_equal(columns[0].type.data, "int");
    assert_string_equal(columns[1].type.data, "text");
    assert_null(columns[1].path);
    pairs = t.properties.items;
    assert_int_equal(t.properties.count, 3);
    assert_string_equal(pairs[0].name.data, "z"); /* in the order written */
    assert_string_equal(pairs[0].value.data, "1.10");
    assert_string_equal(pairs[1].value.data, "no");
    assert_string_equal(t.any.data, "{\"a\":[1,\"x\"]}");
    assert_int_equal(t.anys.count, 3);
    assert_string_equal(((const df_bytes *)t.anys.items)[1].data, "[2]");
    assert_string_equal(t.registry->url.data, "u");
    assert_string_equal(t.registry->auth->user.data, "me");
    assert_int_equal(t.registry->auth->tls->verify, 0);
    done(&b, &t);
}

static void test_null_is_absent(void **state)
{
    bench b;
    bench_tank t;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_CHECK,
                          "table: t\nlabel:\nbatchSize: ~\nregistry: null\n"
                          "hosts:\nmode:\npasswordSecretRef:\n",
                          &t),
                     DF_OK);
    assert_string_equal(t.label.data, "none yet");
    assert_true(t.batch == DF_UNSET);
    assert_null(t.registry);
    assert_null(t.password);
    no_problems(&b);
    done(&b, &t);
}

static void test_references(void **state)
{
    bench b;
    bench_tank t;
    df_ref ref;
    df_bytes value;
    char err[128];
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_RUN,
                          "table: ${env:T}\nlabel: a${env:B}c${file:/d/e}\nnote: ${env:X}\n"
                          "password: p${env:Q}\nproperties:\n  k: ${env:V}!\n  e: $${env:V}\n",
                          &t),
                     DF_OK);
    assert_string_equal(t.table.data, "T");
    assert_string_equal(t.label.data, "aBc/d/e");
    assert_string_equal(t.note.data, "${env:X}"); /* a literal option */
    assert_string_equal(((const df_pair *)t.properties.items)[0].value.data, "V!");
    assert_string_equal(((const df_pair *)t.properties.items)[1].value.data, "${env:V}");
    assert_int_equal(df__secret_value(t.password, &value, err, sizeof err), DF_OK);
    assert_string_equal(value.data, "pQ");
    assert_int_equal(df__secrets_ref_at(b.g.secrets, 0, &ref), DF_OK);
    assert_string_equal(ref.field, "o.table");
    done(&b, &t);
}

static void test_check_resolves_nothing(void **state)
{
    bench b;
    bench_tank t;
    df_ref ref;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_CHECK,
                          "table: ${env:missing}\nlabel: x${env:missing}\n"
                          "password: ${env:missing}\nhosts: ${env:missing}\n",
                          &t),
                     DF_OK);
    assert_string_equal(t.table.data, "");
    assert_string_equal(t.label.data, "");
    assert_int_equal(t.hosts.count, 0);
    assert_non_null(t.password); /* given, without a value */
    assert_int_equal(df__secrets_ref_at(b.g.secrets, 0, &ref), DF_OK);
    no_problems(&b);
    done(&b, &t);
}

static void test_unresolved(void **state)
{
    bench b;
    bench_tank t;
    char text[512];
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_RUN, "table: ${env:missing}", &t), DF_ENOTFOUND);
    bench_problems(&b, text, sizeof text);
    assert_string_equal(text, "1:8 o.table: ${env:missing}: not found; set this environment "
                              "variable\n");
    done(&b, &t);
}

static void test_twin_wins(void **state)
{
    bench b;
    bench_tank t;
    df_ref ref;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(fill(&b, DF__FILL_RUN,
                          "table: plain\n"
                          "tableSecretRef: {name: from-secret, key: k, namespace: n}\n"
                          "hosts: [a]\nhostsSecretRef: {name: 'h1,h2', key: k}\n",
                          &t),
                     DF_OK);
    assert_string_equal(t.table.data, "from-secret"); /* the bench answers with the name */
    assert_int_equal(t.hosts.count, 2);
    assert_string_equal(((const df_bytes *)t.hosts.items)[1].data, "h2");
    assert_int_equal(df__secrets_ref_at(b.g.secrets, 0, &ref), DF_OK);
    assert_int_equal(ref.kind, DF_REF_SECRET);
    assert_string_equal(ref.field, "o.tableSecretRef");
    assert_string_equal(ref.space, "n");
    assert_string_equal(ref.key, "k");
    done(&b, &t);
}

static void test_transformations_have_no_references(void **state)
{
    bench b;
    bench_tank t;
    df_text in = {sizeof in, "o.yaml", "table: ${env:T}", 15};
    df__fill f = {.graph = &b.g, .mode = DF__FILL_RUN, .literal = 1};
    (void)state;
    bench_open(&b, 0);
    f.arena = &b.g.arena;
    memset(&t, 0, sizeof t);
    assert_int_equal(
        df__options_fill(&f, &bench_tank_options, df__doc_parse(&b.g.arena, &in, b.g.problems), &t),
        DF_OK);
    assert_string_equal(t.table.data, "${env:T}");
    done(&b, &t);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } ints[] = {{"0", 0},
                {"-9223372036854775808", INT64_MIN},
                {"9223372036854775807", INT64_MAX},
                {"+5", 5},
                {"-0", 0}},
      sizes[] = {{"0", 0},           {"5", 5},
                 {"5B", 5},          {"64MiB", 64 << 20},
                 {"64Mi", 64 << 20}, {"10MB", 10000000},
                 {"1k", 1000},       {"1.5Gi", 3ll << 29},
                 {"2 KiB", 2048},    {"1T", 1000000000000}},
      times[] = {{"0", 0},
                 {"30", 30000000},
                 {"0.5", 500000},
                 {"30s", 30000000},
                 {"1m30s", 90000000},
                 {"1h", 3600000000},
                 {"250ms", 250000},
                 {"1us", 1},
                 {"1\xc2\xb5s", 1},
                 {"1500ns", 1},
                 {"1ns", 1},
                 {"-2s", -2000000},
                 {"1.5h", 5400000000},
                 {".5s", 500000}};
    static const char *const bad_ints[] = {"",  "-", "1e3", "01", "1.0", "9223372036854775808",
                                           " 1"};
    static const char *const bad_sizes[] = {"",   "MiB", "5m", "1.5", "1..5k", "9999999999999Ti",
                                            "1 2"};
    static const char *const bad_times[] = {"", "s", "5d", "1m30", "1.s", "99999999999h", "1h-5s"};
    size_t i;
    int64_t v;
    double d;
    (void)state;
#define BYTES(s)                                                                                   \
    (df_bytes)                                                                                     \
    {                                                                                              \
        (s), strlen(s)                                                                             \
    }
    for (i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        assert_true(df__parse_int(BYTES(ints[i].text), &v));
        assert_true(v == ints[i].value);
    }
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(df__parse_size(BYTES(sizes[i].text), &v));
        assert_true(v == sizes[i].value);
    }
    for (i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_true(df__parse_duration(BYTES(times[i].text), &v));
        assert_true(v == times[i].value);
    }
    for (i = 0; i < sizeof bad_ints / sizeof bad_ints[0]; i++)
        assert_false(df__parse_int(BYTES(bad_ints[i]), &v));
    for (i = 0; i < sizeof bad_sizes / sizeof bad_sizes[0]; i++)
        assert_false(df__parse_size(BYTES(bad_sizes[i]), &v));
    for (i = 0; i < sizeof bad_times / sizeof bad_times[0]; i++)
        assert_false(df__parse_duration(BYTES(bad_times[i]), &v));
    assert_true(df__parse_double(BYTES("-1.5e3"), &d) && d == -1500);
    assert_true(df__parse_double(BYTES("+2"), &d) && d == 2);
    assert_false(df__parse_double(BYTES("nan"), &d));
    assert_false(df__parse_double(BYTES("1e999"), &d));
}

static void test_text_or_list(void **state)
{
    static const struct {
        const char *yaml, *value;
    } rows[] = {
        {"table: t\nbrokers: a:1,b:2", "a:1,b:2"},
        {"table: t\nbrokers: [\"a:1\", \"b:2\"]", "a:1,b:2"},
        {"table: t\nbrokers:\n  - ${env:A}\n  - b", "A,b"},
        {"table: t\nbrokers: []", ""},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench b;
        bench_tank t;
        bench_open(&b, 0);
        assert_int_equal(fill(&b, DF__FILL_RUN, rows[i].yaml, &t), DF_OK);
        assert_string_equal(t.brokers.data, rows[i].value);
        done(&b, &t);
    }
}

static void test_every_allocation_fails(void **state)
{
    static const char yaml[] =
        "table: ${env:T}\nlabel: a${env:B}c$${x}\npassword: p${file:/q}\nhosts: [a, '${env:H}']\n"
        "brokers: [a, b]\nkey: $.a[0].b\nonly: $.a == 'x' && !b\npaths: [a, b]\nnumbers: [1]\n"
        "secrets: [x, '${env:Y}']\ncolumns: [{name: n, path: p}]\nproperties: {a: b}\nany: [1]\n"
        "registry: {url: u, auth: {userSecretRef: {name: n, key: k}, password: literal}}\n";
    enum df__fill_mode mode;
    int rc;
    (void)state;
    for (mode = DF__FILL_CHECK; mode <= DF__FILL_RUN; mode++) {
        long i = 0;
        do {
            df_text in = {sizeof in, "o.yaml", yaml, sizeof yaml - 1};
            const df__doc *n;
            bench b;
            bench_tank t;
            df__fill f = {.graph = &b.g, .mode = mode, .field = "o"};
            bench_open(&b, ++i);
            memset(&t, 0, sizeof t);
            n = df__doc_parse(&b.g.arena, &in, b.g.problems);
            f.arena = &b.g.arena;
            f.secrets = b.g.secrets;
            rc = n ? df__options_fill(&f, &bench_tank_options, n, &t) : DF_ENOMEM;
            assert_true(rc == DF_OK || rc == DF_ENOMEM);
            no_problems(&b);
            done(&b, &t);
        } while (rc != DF_OK);
        assert_true(i > 12); /* what it takes: a table, arenas, secrets */
    }
}

/* ---- tables -------------------------------------------------------------------------------- */

typedef struct small {
    df_bytes text;
    int64_t number;
    df_list list;
} small;

static const char *validate(df_option row)
{
    df_options table = {sizeof table, sizeof row, 1, &row, sizeof(small)};
    return df__options_validate(&table, sizeof(small));
}

static void test_validate(void **state)
{
    static const char *const choices[] = {"a", "b", NULL}, *const none[] = {NULL};
    const df_option good = {"x",  DF_OPT_INT, 0, 0,   offsetof(small, number), "5", "Doc.",
                            NULL, 0,          0, NULL};
    df_option row = good;
    df_option two[2] = {good, good};
    df_options table = {sizeof(df_options), sizeof(df_option), 2, two, sizeof(small)};
    (void)state;
    assert_null(validate(good));
    assert_null(df__options_validate(NULL, 0));
    assert_null(df__options_validate(&bench_tank_options, sizeof(bench_tank)));
#define WRONG(change, word)                                                                        \
    do {                                                                                           \
        row = good;                                                                                \
        change;                                                                                    \
        assert_non_null(validate(row));                                                            \
        assert_non_null(strstr(validate(row), word));                                              \
    } while (0)
    WRONG(row.name = NULL, "name");
    WRONG(row.name = "a b", "name");
    WRONG(row.type = 99, "type");
    WRONG(row.type = 0, "type");
    WRONG(row.doc = NULL, "doc");
    WRONG(row.def = "x", "default");
    WRONG(row.flags = DF_OPT_REQUIRED, "required");
    WRONG(row.flags = 1024, "flags");
    WRONG((row.flags = DF_OPT_REF, row.def = NULL), "SecretRef");
    WRONG(row.offset = sizeof(small), "outside");
    WRONG(row.offset = 4, "aligned");
    WRONG(row.offset = SIZE_MAX, "outside");
    WRONG(row.type = DF_OPT_ENUM, "choices");
    WRONG((row.type = DF_OPT_ENUM, row.choices = none), "choices");
    WRONG((row.type = DF_OPT_ENUM, row.choices = choices, row.def = "c"), "default");
    WRONG((row.type = DF_OPT_BLOCK, row.def = NULL), "block");
    WRONG((row.type = DF_OPT_LIST, row.of = DF_OPT_BOOL, row.def = NULL,
           row.offset = offsetof(small, list)),
          "list");
    assert_non_null(strstr(df__options_validate(&table, sizeof(small)), "twice"));
    two[1].name = "y";
    assert_null(df__options_validate(&table, sizeof(small)));
    assert_non_null(df__options_validate(&table, sizeof(small) - 1));
    table.row_size = 8;
    assert_non_null(df__options_validate(&table, sizeof(small)));
}

static void test_block_inside_itself(void **state)
{
    static df_options loop;
    static df_option row = {"again", DF_OPT_BLOCK, 0, 0, 0, NULL, "Doc.", NULL, 0, 0, &loop};
    (void)state;
    loop.size = sizeof loop;
    loop.row_size = sizeof row;
    loop.count = 1;
    loop.rows = &row;
    loop.struct_size = sizeof(void *);
    assert_non_null(strstr(df__options_validate(&loop, sizeof(void *)), "inside itself"));
}

/* Rows of a later version are longer; the copy has ours. */
static void test_copy(void **state)
{
    struct long_row {
        df_option row;
        int more[4];
    } rows[2];
    df_options table = {sizeof table, sizeof rows[0], 2, &rows[0].row, sizeof(small)};
    const df_options *copy;
    char name[] = "first", choice[] = "one";
    const char *choices[] = {choice, NULL};
    df__arena a;
    (void)state;
    memset(rows, 0, sizeof rows);
    rows[0].row = (df_option){name, DF_OPT_ENUM, 0, 0, 0, "one", "Doc.", choices, 0, 0, NULL};
    rows[1].row =
        (df_option){"second", DF_OPT_BLOCK, 0, 0, 0, NULL, "Doc.", NULL, 0, 0, &bench_tank_options};
    df__arena_init(&a, &df__heap_libc, 256);
    copy = df__options_copy(&a, &table);
    assert_non_null(copy);
    name[0] = choice[0] = 'X';
    assert_int_equal(copy->row_size, sizeof(df_option));
    assert_string_equal(df__option_at(copy, 0)->name, "first");
    assert_string_equal(df__option_at(copy, 0)->choices[0], "one");
    assert_string_equal(df__option_at(copy, 1)->name, "second");
    assert_ptr_not_equal(df__option_at(copy, 1)->block, &bench_tank_options);
    assert_int_equal(df__option_at(copy, 1)->block->count, bench_tank_options.count);
    df__arena_free(&a);
}

static void test_described(void **state)
{
    df__buf b;
    const char *text;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__options_json(&bench_tank_options, &b);
    text = df__buf_cstr(&b);
    assert_non_null(strstr(text, "{\"name\":\"table\",\"type\":\"text\",\"required\":true,"
                                 "\"secretRef\":true,\"doc\":\"doc of table\"}"));
    assert_non_null(strstr(text, "\"choices\":[\"append\",\"upsert\",\"PLAIN_TEXT\"]"));
    assert_non_null(strstr(text, "\"type\":\"list\",\"of\":\"block\""));
    assert_non_null(strstr(text, "\"min\":1,\"max\":10000"));
    df__buf_clear(&b);
    df__options_json(NULL, &b);
    assert_string_equal(df__buf_cstr(&b), "[]");
    df__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_choice_of_nothing),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_null_is_absent),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_check_resolves_nothing),
        cmocka_unit_test(test_unresolved),
        cmocka_unit_test(test_twin_wins),
        cmocka_unit_test(test_transformations_have_no_references),
        cmocka_unit_test(test_text_or_list),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_validate),
        cmocka_unit_test(test_block_inside_itself),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
