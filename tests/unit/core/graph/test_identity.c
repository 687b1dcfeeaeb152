/* SPDX-License-Identifier: Apache-2.0
 * test_identity.c: positions belong to what a source reads, however its options are written:
 * texts, lists, blocks, references to secrets. Another source is refused instead of going on at a
 * wrong place, and positions that were stored before this was looked at in full stay valid. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataflow_ext.h"

typedef struct fixture {
    support_host host;
    df_env *env;
    char identity[64], position[64]; /* the rows of a store, as text */
} fixture;

/* ---- a source whose identity has every shape ------------------------------------------------ */

typedef struct span {
    df_bytes from, to;
} span;

typedef struct options {
    df_bytes topic, brokers;
    df_list tables;
    df_list names;
    span *span;
    df_secret *key;
    df_partition *part;
} options;

static const df_option span_rows[] = {
    {.name = "from", .type = DF_OPT_TEXT, .offset = offsetof(span, from), .doc = "Begin."},
    {.name = "to", .type = DF_OPT_TEXT, .offset = offsetof(span, to), .doc = "End."},
};
static const df_options span_table = DF_OPTIONS(span_rows, span);

#define AT(member) .flags = DF_OPT_IDENTITY, .offset = offsetof(options, member)
static const df_option rows[] = {
    {.name = "topic", .type = DF_OPT_TEXT, AT(topic), .doc = "Topic."},
    {.name = "brokers",
     .type = DF_OPT_TEXT,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_IDENTITY | DF_OPT_REF,
     .offset = offsetof(options, brokers),
     .doc = "Brokers."},
    {.name = "tables", .type = DF_OPT_LIST, .of = DF_OPT_TEXT, AT(tables), .doc = "Tables."},
    {.name = "names", .type = DF_OPT_MAP, AT(names), .doc = "Names."},
    {.name = "span", .type = DF_OPT_BLOCK, .block = &span_table, AT(span), .doc = "Part."},
    {.name = "key", .type = DF_OPT_SECRET, AT(key), .doc = "Key."},
};
static const df_options table = DF_OPTIONS(rows, options);

static int open_source(void *self, df_stage *st)
{
    options *o = self;
    return df_partition_open(st, "only", &o->part);
}

static int read_source(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    const options *o = self;
    df_input in = {.size = sizeof in, .payload = {"{}", 2}};
    (void)st;
    (void)timeout_ms;
    if (!df_batch_room(into))
        return DF_AGAIN;
    in.partition = df_partition_number(o->part);
    assert_ok(df_batch_add(into, &in, NULL));
    assert_ok(df_batch_mark(into, o->part, (df_bytes){"1", 1}));
    return DF_DONE;
}

static const df_source_ops ops = {.size = sizeof ops, .open = open_source, .read = read_source};
static const df_connector connector = {.size = sizeof(df_connector),
                                       .name = "wide",
                                       .doc = "A source with many options.",
                                       .source_size = sizeof(options),
                                       .source_options = &table,
                                       .source = &ops};

/* ---- a store of two rows -------------------------------------------------------------------- */

static char *row_of(fixture *f, const char *partition)
{
    return strcmp(partition, "only") == 0 ? f->position : f->identity;
}

static int load(void *user, const char *stage, const char *partition, df_answer *answer)
{
    const char *row = row_of(user, partition);
    (void)stage;
    return *row ? df_answer_set(answer, row, strlen(row)) : DF_ENOTFOUND;
}

static int save(void *user, const df_state *states, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        snprintf(row_of(user, states[i].partition), 64, "%.*s", (int)states[i].data.len,
                 (const char *)states[i].data.data);
    return DF_OK;
}

static int resolve(void *user, const df_ref *ref, df_answer *answer)
{
    (void)user;
    (void)ref;
    return df_answer_set(answer, "value", 5);
}

static int run(fixture *f, const char *config)
{
    char yaml[1024];
    df_store store = {.size = sizeof store, .user = f, .load = load, .save = save};
    df_pipeline_options with = {.size = sizeof with, .store = &store, .resolve = resolve};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    df_text text = {sizeof text, "t.yaml", yaml, 0};
    df_pipeline *p = df_pipeline_new(f->env, &with);
    int rc;
    assert_non_null(p);
    text.len = (size_t)snprintf(yaml, sizeof yaml,
                                "source: {type: wide, config: {%s}}\n"
                                "sink: {type: 'null'}\n",
                                config);
    assert_ok(df_pipeline_load(p, &text));
    rc = df_pipeline_run(p, &how);
    df_pipeline_free(p);
    return rc;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->env = support_env(&f->host);
    assert_ok(df_connector_register(f->env, &connector));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    support_env_free(f->env, &f->host);
    free(f);
    return 0;
}

#define REF(name, key) "{name: " name ", key: " key "}"

static void test_another_source_is_refused(void **state)
{
    static const char *const pairs[][2] = {
        {"topic: a", "topic: b"},
        {"topic: a", ""},
        {"tables: [a, b]", "tables: [a, c]"},
        {"tables: [a, b]", "tables: [b, a]"},
        {"tables: [a, b]", "tables: [a]"},
        {"tables: [a, b]", "tables: ['a,b']"},
        {"tables: [a, b]", ""},
        {"", "tables: [a, b]"},
        {"brokers: [a, b]", "brokers: [a, c]"},
        {"brokersSecretRef: " REF("s", "k"), "brokersSecretRef: " REF("s", "other")},
        {"brokersSecretRef: " REF("s", "k"), "brokersSecretRef: " REF("other", "k")},
        {"brokersSecretRef: " REF("s", "k"), "brokers: a"},
        {"brokers: a", "brokersSecretRef: " REF("s", "k")},
        {"brokers: a, brokersSecretRef: " REF("s", "k"),
         "brokers: a, brokersSecretRef: " REF("s", "other")},
        {"keySecretRef: " REF("s", "k"), "keySecretRef: " REF("s", "other")},
        {"span: {from: a, to: b}", "span: {from: a, to: c}"},
        {"span: {from: a}", "span: {to: a}"},
        {"names: {a: b}", "names: {b: a}"},
    };
    fixture *f = *state;
    size_t i;
    for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        print_message("%s, then %s\n", pairs[i][0], pairs[i][1]);
        *f->identity = *f->position = '\0';
        assert_ok(run(f, pairs[i][0]));
        assert_string_equal(f->position, "1");
        assert_ok(run(f, pairs[i][0]));
        assert_status(run(f, pairs[i][1]), DF_ESTATE);
    }
}

static void test_the_same_source_written_otherwise(void **state)
{
    static const char *const pairs[][2] = {
        {"brokers: 'a,b'", "brokers: [a, b]"},
        {"span: {from: a, to: b}", "span: {to: 'b', from: \"a\"}"},
        {"names: {a: b, c: d}", "names: {c: d, a: b}"},
        {"tables: [a, b]", "tables: ['a', \"b\"]"},
        {"topic: a, tables: [b]", "tables: [b], topic: a"},
        {"brokersSecretRef: " REF("s", "k"), "brokersSecretRef: {key: k, name: s}"},
    };
    fixture *f = *state;
    size_t i;
    for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        print_message("%s, then %s\n", pairs[i][0], pairs[i][1]);
        *f->identity = *f->position = '\0';
        assert_ok(run(f, pairs[i][0]));
        assert_ok(run(f, pairs[i][1]));
    }
}

/* As version 0.1 stored them: a hash of texts alone. */
static void test_stored_identities_stay_valid(void **state)
{
    static const struct {
        const char *config, *stored;
    } old[] = {
        {"", "da6430d6d0afae00"},
        {"topic: a", "b8637626a21be050"},
        {"topic: \"a b\", brokers: 'x:1,y:2'", "b6ca4329f449eb71"},
    };
    fixture *f = *state;
    size_t i;
    for (i = 0; i < sizeof old / sizeof *old; i++) {
        *f->position = '\0';
        snprintf(f->identity, sizeof f->identity, "%s", old[i].stored);
        assert_ok(run(f, old[i].config));
        assert_string_equal(f->identity, old[i].stored);
    }
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_another_source_is_refused),
        UNIT(test_the_same_source_written_otherwise),
        UNIT(test_stored_identities_stay_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
